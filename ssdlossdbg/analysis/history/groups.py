"""Levels, classes and sizes over the sampled batches: what they learn, and when they went."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ssdlossdbg.results.common import FloatArray, IntArray
from ssdlossdbg.results.history import BY_CLASS, BY_LEVEL, BY_SIZE, GroupHistory
from ssdlossdbg.results.history_rows import CLASS, LEVEL, SIDES, SIZE, WHOLE, Rows

KINDS = {LEVEL: BY_LEVEL, CLASS: BY_CLASS, SIZE: BY_SIZE}
# So improbable it must be that a class is merely not drawn in so many samples.
NO_CHANCE = 1e-4
# Right in so large a share of a part it was learnt, and in so small a one later it is not any more.
LEARNT, GONE = 0.5, 0.1
# Images of a class that is gone that are named.
MOST_NAMED = 10
# Objects in a part from which a share of them says anything.
ENOUGH = 8


def group_histories(groups: Rows, starts: IntArray, classes: Sequence[str]) -> Iterator[GroupHistory]:
    """What became of every level, class and size; background, which is no class of objects, left out.

    Args:
        groups: rows of `GROUPS`, in the order of steps.
        starts: the first step of each part of the run.
        classes: names of the classes from 1; numbers stand in for those that are missing.
    """
    whole = groups[groups["kind"] == WHOLE]
    sampled = np.unique(whole["step"][whole["objects"] > 0])
    for kind, by in KINDS.items():
        rows = groups[groups["kind"] == kind]
        for key in np.unique(rows["key"]):
            if kind != CLASS or key:
                own = rows[(rows["key"] == key) & (rows["objects"] > 0)]
                if len(own) or kind != CLASS:
                    yield _history(by, int(key), _name(kind, int(key), classes), own, starts, sampled)


def right_of_all(groups: Rows, starts: IntArray) -> tuple[float, ...]:
    """Of all objects, the share that is right, in each part of the run."""
    return _shares(groups[groups["kind"] == WHOLE], starts)


def with_images(group: GroupHistory, objects: Rows, names: Mapping[int, str]) -> GroupHistory:
    """A group; of a class that is gone, with the images that held one, and which of them are shown after that.

    Args:
        group: it.
        objects: rows of `OBJECTS`, in the order of steps.
        names: of images, by their numbers.
    """
    if group.lost_at is None:
        return group
    known = objects[objects["image"] >= 0]
    held = np.unique(known["image"][known["label"] == group.key])
    after = known["image"][known["step"] >= group.lost_at]
    again = held[np.isin(held, after)]
    called = tuple(filter(None, (names.get(int(image), "") for image in again[:MOST_NAMED])))
    return replace(group, images=len(held), again=len(again), shown_again=called)


def class_name(key: int, classes: Sequence[str]) -> str:
    """What a class is called: 0 is background."""
    if not key:
        return "background"
    return classes[key - 1] if key <= len(classes) else f"class {key}"


def _name(kind: int, key: int, classes: Sequence[str]) -> str:
    if kind == CLASS:
        return class_name(key, classes)
    if kind == LEVEL:
        return f"level {key}"
    if not key:
        return f"up to {SIDES[0]} px"
    return f"above {SIDES[-1]} px" if key == len(SIDES) else f"{SIDES[key - 1]} to {SIDES[key]} px"


def _history(by: str, key: int, name: str, rows: Rows, starts: IntArray, sampled: IntArray) -> GroupHistory:
    objects = int(rows["objects"].sum())
    right = _shares(rows, starts)
    return GroupHistory(
        by=by,
        key=key,
        name=name,
        objects=objects,
        unmatched=float(rows["unmatched"].sum() / objects) if objects else math.nan,
        forced_only=float(rows["forced_only"].sum() / objects) if objects else math.nan,
        right=right,
        cost=_costs(rows, starts),
        last_step=int(rows["step"].max()) if len(rows) else None,
        lost_at=_lost(rows, sampled) if by == BY_CLASS else None,
        forgotten_at=_forgotten(rows, right, starts),
        positives=_per_batch(rows, sampled, starts),
    )


def _shares(rows: Rows, starts: IntArray) -> tuple[float, ...]:
    objects, right = _sums(rows, "objects", starts), _sums(rows, "right", starts)
    return tuple(np.divide(right, objects, out=np.full(len(starts), np.nan), where=objects > 0).tolist())


def _costs(rows: Rows, starts: IntArray) -> tuple[float, ...]:
    """Loss of positives per positive, as the parts of one batch's normalised total."""
    positives = _sums(rows, "positives", starts)
    cost = _sums(rows, "localization", starts) + _sums(rows, "positive", starts)
    return tuple(np.divide(cost, positives, out=np.full(len(starts), np.nan), where=positives > 0).tolist())


def _per_batch(rows: Rows, sampled: IntArray, starts: IntArray) -> tuple[float, ...]:
    """Positives per sampled batch that has objects."""
    batches = np.bincount(_parts(sampled, starts), minlength=len(starts))
    positives = _sums(rows, "positives", starts)
    return tuple(np.divide(positives, batches, out=np.full(len(starts), np.nan), where=batches > 0).tolist())


def _parts(steps: IntArray, starts: IntArray) -> IntArray:
    """The part of the run that each step is in; a step whose row is torn, too."""
    parts: IntArray = (np.searchsorted(starts, steps, side="right") - 1).clip(min=0)
    return parts


def _sums(rows: Rows, field: str, starts: IntArray) -> FloatArray:
    sums: FloatArray = np.bincount(_parts(rows["step"], starts), rows[field].astype(np.float64), len(starts)).astype(
        np.float64
    )
    return sums


def _lost(rows: Rows, sampled: IntArray) -> int | None:
    """The first sampled step without it, where all from there on have none and that is no chance."""
    last = int(rows["step"].max())
    before, after = sampled[sampled <= last], sampled[sampled > last]
    # Of batches drawn at random the share with an object of the class stays what it was.
    share = len(np.unique(rows["step"])) / len(before)
    if not len(after) or len(before) < 2 or (1 - min(share, 0.99)) ** len(after) > NO_CHANCE:
        return None
    return int(after[0])


def _forgotten(rows: Rows, right: tuple[float, ...], starts: IntArray) -> int | None:
    objects = _sums(rows, "objects", starts)
    told = [place for place, number in enumerate(objects) if number >= ENOUGH]
    if len(told) < 2 or right[told[-1]] > GONE:
        return None
    learnt = [place for place in told if right[place] >= LEARNT]
    return int(starts[next(place for place in told if place > learnt[-1])]) if learnt else None
