"""Which object of B is which of A, image by image; and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ssdlossdbg.analysis.diff.transforms import Kind, step_between
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.results.common import BoolArray, FloatArray, IntArray
from ssdlossdbg.results.diff import ADDED, MOVED, RELABELLED, REMOVED, REORDERED

# Overlap from which boxes of one class, or of two, are the same object moved.
SAME, SAME_OF_ANOTHER = 0.3, 0.5


@dataclass(frozen=True, eq=False)
class Annotated:
    """The objects of an image: boxes `[n, 4]` float64 xyxy, labels `[n]`, marks `[n]` that a loader goes by."""

    boxes: FloatArray
    labels: IntArray
    marks: BoolArray | None = None


@dataclass(frozen=True)
class Pair:
    """An object on both sides, or on one.

    Attributes:
        image: its place among the images.
        first, second: its place in its image's list in A and B; None where it is not there.
        became: words of `results.diff`, and "mark changed".
    """

    image: int
    first: int | None
    second: int | None
    became: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What became of it."""
        return ", ".join(self.became)


def paired(first: Sequence[Annotated], second: Sequence[Annotated]) -> list[Pair]:
    """Every object of both sides, those of an image together, in the order of A and then of B.

    Args:
        first: of each image, as many.
        second: likewise, of B.
    """
    all_alike = _moved_as_one(first, second)
    pairs: list[Pair] = []
    for image, (one, two) in enumerate(zip(first, second, strict=True)):
        same = _equal(one, two)
        found = list(zip(range(len(one.boxes)), range(len(two.boxes)), strict=False)) if same or all_alike else None
        pairs += _of_image(image, one, two, _matched(one, two) if found is None else found)
    return pairs


def _equal(one: Annotated, two: Annotated) -> bool:
    return (
        np.array_equal(one.boxes, two.boxes, equal_nan=True)
        and np.array_equal(one.labels, two.labels)
        and (one.marks is None or two.marks is None or np.array_equal(one.marks, two.marks))
    )


def _moved_as_one(first: Sequence[Annotated], second: Sequence[Annotated]) -> bool:
    """Whether all boxes were made others by one step, so that the order says which is which."""
    if any(len(one.boxes) != len(two.boxes) for one, two in zip(first, second, strict=True)) or not first:
        return False
    here, there = (np.concatenate([each.boxes for each in side]) for side in (first, second))
    apart = ~((here == there) | (np.isnan(here) & np.isnan(there))).all(1)
    # An object or two fit any step: those are looked for one by one.
    return apart.sum() >= max(2, 0.5 * len(here)) and step_between(here[apart], there[apart], Kind.CORNERS) is not None


def _matched(one: Annotated, two: Annotated) -> list[tuple[int | None, int | None]]:
    """(place in A, place in B) of each object; None where there is none."""
    left, right = set(range(len(one.boxes))), set(range(len(two.boxes)))
    found: dict[int, int] = {}
    for wanted in (_exactly(one, two), _same_box(one, two), _overlapping(one, two)):
        for here, there in wanted:
            if here in left and there in right:
                found[here] = there
                left.discard(here)
                right.discard(there)
    if len(one.boxes) == len(two.boxes):  # those that nothing else tells apart, in their order
        for label in np.unique(one.labels):
            mine = [each for each in sorted(left) if one.labels[each] == label]
            other = [each for each in sorted(right) if two.labels[each] == label]
            for here, there in zip(mine, other, strict=False):
                found[here] = there
                left.discard(here)
                right.discard(there)
    pairs: list[tuple[int | None, int | None]] = [(here, found.get(here)) for here in range(len(one.boxes))]
    return [*pairs, *((None, there) for there in sorted(right))]


def _exactly(one: Annotated, two: Annotated) -> Iterator[tuple[int, int]]:
    return _by_key(
        [(*box, int(label)) for box, label in zip(one.boxes.tolist(), one.labels, strict=True)],
        [(*box, int(label)) for box, label in zip(two.boxes.tolist(), two.labels, strict=True)],
    )


def _same_box(one: Annotated, two: Annotated) -> Iterator[tuple[int, int]]:
    return _by_key([tuple(box) for box in one.boxes.tolist()], [tuple(box) for box in two.boxes.tolist()])


def _by_key(first: Sequence[tuple[float, ...]], second: Sequence[tuple[float, ...]]) -> Iterator[tuple[int, int]]:
    """Pairs of equal keys, those at the same place first."""
    places: dict[tuple[float, ...], list[int]] = {}
    for place, key in enumerate(second):
        places.setdefault(key, []).append(place)
    yield from ((place, place) for place, (a, b) in enumerate(zip(first, second, strict=False)) if a == b)
    for place, key in enumerate(first):
        yield from ((place, other) for other in places.get(key, ()))


def _overlapping(one: Annotated, two: Annotated) -> Iterator[tuple[int, int]]:
    """Pairs of boxes that overlap enough, those that do most first, of one class before those of two."""
    if not len(one.boxes) or not len(two.boxes):
        return
    overlap = iou(torch.from_numpy(one.boxes)[:, None], torch.from_numpy(two.boxes)[None]).nan_to_num(0.0).numpy()
    same = one.labels[:, None] == two.labels[None]
    for wanted, least in ((same, SAME), (~same, SAME_OF_ANOTHER)):
        here, there = np.nonzero(wanted & (overlap >= least))
        order = np.argsort(-overlap[here, there], kind="stable")
        yield from zip(here[order].tolist(), there[order].tolist(), strict=True)


def _of_image(
    image: int, one: Annotated, two: Annotated, found: Sequence[tuple[int | None, int | None]]
) -> Iterator[Pair]:
    both = [(here, there) for here, there in found if here is not None and there is not None]
    # Places among those on both sides: one that is gone moves nothing that came after it.
    rank = {there: place for place, there in enumerate(sorted(there for _, there in both))}
    elsewhere = {here for place, (here, there) in enumerate(sorted(both)) if rank[there] != place}
    for here, there in found:
        if here is None or there is None:
            yield Pair(image, here, there, (ADDED if here is None else REMOVED,))
            continue
        became = []
        if one.labels[here] != two.labels[there]:
            became.append(RELABELLED)
        if not np.array_equal(one.boxes[here], two.boxes[there], equal_nan=True):
            became.append(MOVED)
        if one.marks is not None and two.marks is not None and one.marks[here] != two.marks[there]:
            became.append(MARKED if two.marks[there] else UNMARKED)
        if here in elsewhere:
            became.append(REORDERED)
        yield Pair(image, here, there, tuple(became))


MARKED, UNMARKED = "marked difficult", "no longer marked difficult"
