"""What changed from one training to another: where they part, what was another there, and how they end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssdlossdbg.analysis.diff.substitution import is_same
from ssdlossdbg.analysis.history.curve import Curve, curves
from ssdlossdbg.readers.history import RunHistory
from ssdlossdbg.results import HistoryResult
from ssdlossdbg.results.diff import BY_PART, RUNS, Difference, DiffResult, GroupDifference, ObjectDifference, Side
from ssdlossdbg.results.history import LEARNT, GroupHistory, ObjectHistory
from ssdlossdbg.results.history_rows import PARTS_KNOWN, VALIDATION, Rows

LOSS_AT_THE_END = "loss at the end"
LEARNT_OBJECTS, COST = "share learnt", "cost per positive"
# Of a row's float32 losses, what rounding leaves.
ROUNDING = 1e-5
# Steps at the end whose median is the loss there.
LAST = 20


@dataclass(frozen=True, eq=False)
class Training:
    """One of two runs.

    Attributes:
        kept: what a capture kept of it.
        told: what `history` makes of that.
    """

    kept: RunHistory
    told: HistoryResult


def diff_runs(first: Training, second: Training) -> DiffResult:
    """Say at which step two runs part, what was another there, and what is another at their ends.

    Args:
        first: A.
        second: likewise, of B.
    """
    one, two = (curves(each.kept)[0] for each in (first, second))
    shared, here, there = np.intersect1d(one.step, two.step, return_indices=True)
    parted = _parted(one, two, here, there)
    step = None if parted is None else int(shared[parted])
    differences = list(_differences(first, second, one, two, shared, parted, here, there))
    ends = [_end(curve) for curve in (one, two)]
    same = not differences
    sides = [
        Side(
            str(each.kept.folder),
            f"steps {each.told.first_step} to {each.told.last_step}, {each.told.dialect or each.told.criterion}",
            end,
        )
        for each, end in zip((first, second), ends, strict=True)
    ]
    groups = () if same else tuple(_groups(first, second))
    objects = () if same else tuple(_objects(first.told.all_objects, second.told.all_objects))
    return DiffResult(
        compared=RUNS,
        same=same,
        summary=_summary(step, shared, differences, ends, objects, _same_batch(first, second, step)),
        measure=LOSS_AT_THE_END,
        first=sides[0],
        second=sides[1],
        parted_at=step,
        differences=tuple(differences),
        groups=groups,
        objects=objects,
    )


def _end(curve: Curve) -> float | None:
    known = curve.loss[curve.known][-LAST:]
    finite = known[np.isfinite(known)]
    if len(known) and not len(finite):
        return float(known[-1])
    return float(np.median(finite)) if len(finite) else None


def _parted(one: Curve, two: Curve, here: Any, there: Any) -> int | None:
    """The place among the shared steps of the first whose loss is another."""
    apart = _apart(one.loss[here], two.loss[there])
    return int(np.flatnonzero(apart)[0]) if apart.any() else None


def _apart(one: Any, two: Any) -> Any:
    with np.errstate(invalid="ignore"):
        near = np.abs(one - two) <= ROUNDING * np.maximum(np.abs(one), np.abs(two))
    return ~(near | (one == two) | (np.isnan(one) & np.isnan(two)))


def _differences(
    first: Training, second: Training, one: Curve, two: Curve, shared: Any, parted: int | None, here: Any, there: Any
) -> Iterator[Difference]:
    """What was another before or where they part, and then what else is."""
    until = len(shared) if parted is None else parted + 1
    yield from _about(first, second)
    rates = _apart(one.rate[here], two.rate[there])
    if rates.any():
        place = int(np.flatnonzero(rates)[0])
        pairs = one.rate[here][rates], two.rate[there][rates]
        known = np.isfinite(pairs[0]) & np.isfinite(pairs[1]) & (pairs[0] > 0)
        ratio = pairs[1][known] / pairs[0][known]
        how, figure = "", None
        if len(ratio) and np.ptp(ratio) <= 1e-4 * abs(ratio[0]):
            figure = float(f"{ratio[0]:.4g}")
            how = f"times {figure:g}"
        what = f"from step {shared[place]}: {one.rate[here][place]:.4g} in A, {two.rate[there][place]:.4g} in B"
        early = "" if place < until else "; only after the losses had parted"
        yield Difference(
            "learning rate", what + early, how, figure, int(rates.sum()), len(shared), measured=place < until
        )
    yield from _batches(first, second, shared, until)
    if parted is not None:
        yield from _at_parting(first, second, one, two, int(shared[parted]), (int(here[parted]), int(there[parted])))
    events = [[f"{event.kind} at step {event.step}" for event in each.told.events] for each in (first, second)]
    if events[0] != events[1]:
        told = [_and_more(each) for each in events]
        yield Difference("events", f"{told[0]} in A; {told[1]} in B", measured=False)
    if not len(shared):
        yield Difference("steps", "no step is in both", measured=False)
    elif len(one.step) != len(two.step):
        ends = f"A ends at step {one.step[-1]}, B at step {two.step[-1]}"
        begins = "" if one.step[0] == two.step[0] else f"; A begins at {one.step[0]}, B at {two.step[0]}"
        yield Difference("steps", f"{len(one.step):,} in A, {len(two.step):,} in B: {ends}{begins}", measured=False)


def _and_more(events: Sequence[str]) -> str:
    return (", ".join(events[:3]) + (f" and {len(events) - 3} more" if len(events) > 3 else "")) or "none"


def _about(first: Training, second: Training) -> Iterator[Difference]:
    """What the heads of the files say: criterion, dialect."""
    for key in sorted({*first.kept.about, *second.kept.about} & {"criterion", "dialect", "classes", "priors", "rules"}):
        here, there = (str(each.kept.about.get(key, "")) or "not known" for each in (first, second))
        if here != there:
            yield Difference(key, f"{here[:80]} in A, {there[:80]} in B")
    one, two = ({batch.captured.dialect: batch.captured for batch in each.kept.batches} for each in (first, second))
    for name in one.keys() & two.keys():
        a, b = one[name], two[name]
        for field, words in (("threshold", "threshold"), ("neg_pos", "mining quota"), ("alpha", "localisation loss")):
            here, there = getattr(a, field), getattr(b, field)
            if here != there:
                yield Difference(words, f"{here} in A, {there} in B")


def _batches(first: Training, second: Training, shared: Any, until: int) -> Iterator[Difference]:
    """Whether the batches of a step were the same images, as far as samples and captured files tell."""
    told = []
    for training in (first, second):
        of_step: dict[int, tuple[int, ...]] = {}
        rows = training.kept.objects
        for step in np.unique(rows["step"]).tolist():
            numbers = np.unique(rows["image"][rows["step"] == step])
            of_step[step] = tuple(numbers[numbers >= 0].tolist())
        told.append(of_step)
    both = sorted(step for step in told[0].keys() & told[1].keys() if told[0][step] and told[1][step])
    other = [step for step in both if set(told[0][step]) != set(told[1][step])]
    if other:
        step = other[0]
        names = [_images(training.kept, told[side][step]) for side, training in enumerate((first, second))]
        before = bool(until) and (until == len(shared) or step <= int(shared[until - 1]))
        first_seen = f"first at step {step}: {names[0]} in A, {names[1]} in B"
        what = f"other images in {len(other)} of {len(both)} sampled steps, {first_seen}"
        yield Difference("images of batches", what, "", None, len(other), len(both), measured=before)
        return
    sampled = np.intersect1d(first.kept.objects["step"], second.kept.objects["step"]).tolist()
    boxes = [step for step in sampled if _boxes(first.kept.objects, step) != _boxes(second.kept.objects, step)]
    if boxes:
        step = boxes[0]
        before = bool(until) and (until == len(shared) or step <= int(shared[until - 1]))
        what = f"others in {len(boxes)} of {len(sampled)} sampled steps, first at step {step}"
        how = _box_change(first, second, step)
        yield Difference("objects of batches", what, how, None, len(boxes), len(sampled), measured=before)


def _same_batch(first: Training, second: Training, step: int | None) -> bool:
    """Whether the batch of a step is known to hold the same objects in both."""
    kept = [each.kept.objects for each in (first, second)]
    known = step is not None and all((rows["step"] == step).any() for rows in kept)
    return known and step is not None and _boxes(kept[0], step) == _boxes(kept[1], step)


def _images(kept: RunHistory, numbers: Sequence[int]) -> str:
    named = [kept.names.get(number, f"image {number}") for number in numbers[:4]]
    return ", ".join(named) + (" ..." if len(numbers) > 4 else "")


def _boxes(rows: Rows, step: int) -> bytes:
    own = rows[rows["step"] == step]
    order = np.lexsort((own["label"], *own["box"].T, own["image"]))
    found: bytes = own["box"][order].tobytes() + own["label"][order].tobytes()
    return found


def _box_change(first: Training, second: Training, step: int) -> str:
    """Whether it is labels, boxes or how many."""
    one, two = (each.kept.objects[each.kept.objects["step"] == step] for each in (first, second))
    if len(one) != len(two):
        return f"{len(one)} objects in A, {len(two)} in B"
    boxes = sorted(map(bytes, one["box"])) == sorted(map(bytes, two["box"]))
    return "other labels, the same boxes" if boxes else "other boxes"


def _at_parting(
    first: Training, second: Training, one: Curve, two: Curve, step: int, at: tuple[int, int]
) -> Iterator[Difference]:
    """What is another at the first step whose loss is."""
    losses = one.loss[at[0]], two.loss[at[1]]
    words = [f"{losses[0]:.7g} in A, {losses[1]:.7g} in B"]
    rows = [_row(each.kept, step) for each in (first, second)]
    if all(row is not None and row["marks"] & PARTS_KNOWN for row in rows):
        for part in ("localization", "confidence"):
            here, there = (float(row[part]) for row in rows)
            words.append(f"{part} {'the same' if not _apart(here, there) else f'{here:.6g} and {there:.6g}'}")
    grad = one.norm[at[0]], two.norm[at[1]]
    if np.isfinite(grad).all() and _apart(*grad):
        words.append(f"|g| {grad[0]:.4g} and {grad[1]:.4g}")
    yield Difference("loss", f"from step {step}: {'; '.join(words)}", measured=False)


def _row(kept: RunHistory, step: int) -> Any:
    found = kept.steps[(kept.steps["step"] == step) & ((kept.steps["marks"] & np.uint32(VALIDATION)) == 0)]
    return found[0] if len(found) else None


def _groups(first: Training, second: Training) -> Iterator[GroupDifference]:
    """What the parts of the loss are at the end, and what levels, classes and sizes learnt until then."""
    for part in ("localization", "confidence"):
        ends = [_last_part(each.kept, part) for each in (first, second)]
        if None not in ends:
            yield GroupDifference(BY_PART, part, LOSS_AT_THE_END, ends[0], ends[1])
    one, two = ({(each.by, each.key): each for each in training.told.groups} for training in (first, second))
    for key in dict.fromkeys([*one, *two]):
        here, there = one.get(key), two.get(key)
        some = here or there
        assert some is not None
        for of, values in (
            (LEARNT_OBJECTS, (_last_right(here), _last_right(there))),
            (COST, (_last_cost(here), _last_cost(there))),
        ):
            if values[0] != values[1]:
                yield GroupDifference(some.by, some.name, of, *values)


def _last_part(kept: RunHistory, part: str) -> float | None:
    rows = kept.steps[(kept.steps["marks"] & np.uint32(PARTS_KNOWN)) > 0][-LAST:]
    finite = rows[part][np.isfinite(rows[part])]
    return float(np.median(finite)) if len(finite) else None


def _last_right(group: GroupHistory | None) -> float | None:
    return _last(group.right) if group else None


def _last_cost(group: GroupHistory | None) -> float | None:
    return _last(group.cost) if group else None


def _last(values: Sequence[float]) -> float | None:
    return next((value for value in reversed(values) if not math.isnan(value)), None)


def _objects(one: Sequence[ObjectHistory], two: Sequence[ObjectHistory]) -> Iterator[ObjectDifference]:
    """The objects that one run learnt and the other did not, the dearest first."""
    there = {_key(each): each for each in two}
    found = [(each, there[_key(each)]) for each in one if _key(each) in there]
    apart = [(a, b) for a, b in found if (a.state == LEARNT) != (b.state == LEARNT)]
    for a, b in sorted(apart, key=lambda pair: (pair[0].state != LEARNT, -max(pair[0].cost, pair[1].cost))):
        yield ObjectDifference(
            image=a.name or f"image {a.image}",
            index=None,
            other=None,
            label=a.label_name,
            new_label=b.label_name,
            box=a.box,
            new_box=b.box,
            became="",
            first=a.cost,
            second=b.cost,
            positives=(round(a.positives), round(b.positives)),
            found=(a.state, b.state),
        )


def _key(each: ObjectHistory) -> tuple[Any, ...]:
    """What an object goes by in two runs: its image, its class and its place."""
    return each.name or each.image, each.label, tuple(round(side, 3) for side in each.box)


def _summary(
    step: int | None,
    shared: Any,
    differences: Sequence[Difference],
    ends: Sequence[float | None],
    objects: Sequence[ObjectDifference],
    same_batch: bool,
) -> str:
    """Where they part and why, in a sentence or two."""
    if not differences:
        return (
            f"A and B are the same run as far as their histories tell: the loss of all {len(shared):,} steps is equal."
        )
    causes = [each for each in differences if each.measured]
    words = {each.name: f"{each.name}{', ' + each.how if each.how else ''} ({each.what})" for each in causes}
    if not len(shared):
        said = "A and B have no step in common"
    elif step is None:
        said = f"The losses of all {len(shared):,} steps that both have are the same"
    else:
        said = f"The losses part at step {step}"
        if words:
            said += ": before or there, " + " and ".join(list(words.values())[:3])
            said += "; nothing else that was kept is another by then" if len(words) == 1 else ""
        elif step == int(shared[0]):
            batch = ", with the same objects in its batch" if same_batch else ""
            other = "weights or other photos" if same_batch else "weights, other batches or other photos"
            said += f", their first{batch}: they begin with other {other}"
        else:
            said += ", and nothing that was kept says why: not the learning rate, nor the images of sampled batches"
    if step is None:
        said += "".join(f"; {each.name}: {each.what}" for each in differences[:3])
    more = []
    if None not in ends and not is_same(ends[0], ends[1]):
        more.append(f"At the end the loss is {ends[0]:.4g} in A, {ends[1]:.4g} in B")
    lost, won = (sum(each.found[side] == LEARNT for each in objects) for side in (0, 1))
    if objects:
        more.append(f"{lost} objects are learnt in A alone, {won} in B alone")
    return ". ".join([said, *more]) + "."
