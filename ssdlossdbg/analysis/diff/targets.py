"""What is another in the targets of two batches: objects, or what was encoded of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.diff.given import Changes, Given, equal
from ssdlossdbg.analysis.diff.objects import Pair
from ssdlossdbg.analysis.diff.orders import is_identity, order_of, order_words
from ssdlossdbg.analysis.diff.tensors import Axes, tensor_difference
from ssdlossdbg.analysis.diff.transforms import Kind, Step, labels_step, step_between
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results.common import FloatArray, IntArray
from ssdlossdbg.results.diff import ADDED, MOVED, RELABELLED, REMOVED, REORDERED, Difference
from ssdlossdbg.rules import Units

MOST_PLACES = 12


def object_differences(
    first: Given, second: Given, pairs: Sequence[Pair], names: Sequence[str], images: Sequence[str]
) -> Changes:
    """Objects that were added or left out, boxes and labels that are others, and the order of objects.

    Args:
        first: with objects as targets, of as many images.
        second: likewise, of B.
        pairs: which is which.
        names: of the classes, background first.
        images: what the images are called.
    """
    one, two = first.objects(), second.objects()
    number = max(1, sum(map(len, one[0])))
    words = _Words(names, images, first.named.priors.image_size)
    swapped = _images_exchanged(one, two)
    if swapped is not None:
        what = f"B's targets are those of A's images {order_words(swapped)}, and the predictions stay where they were"
        difference = Difference("targets", what, f"those of A's images {order_words(swapped)}")
        yield difference, lambda into, of: replace(into, targets=of.targets)
        return
    count = Counter(word for pair in pairs for word in pair.became)
    if count[ADDED] or count[REMOVED]:
        changed = [pair for pair in pairs if {ADDED, REMOVED} & set(pair.became)]
        said = [f"{count[word]} {word}" for word in (REMOVED, ADDED) if count[word]]
        what = f"{number if sum(map(len, one[0])) else 0} objects in A: {' and '.join(said)}"
        places = tuple(words.of(pair, one, two) for pair in changed[:MOST_PLACES])
        yield Difference("objects", what, "", None, len(changed), number, places), None
    moved = [pair for pair in pairs if MOVED in pair.became]
    if moved:
        here, there = _boxes(moved, one[0], "first"), _boxes(moved, two[0], "second")
        step = _box_step(here, there, first)
        largest = float(np.abs(there - here).max(initial=0.0)) * max(first.named.priors.image_size)
        size = f", by up to {largest:.3g} px of input" if np.isfinite(largest) else ""
        step = _as_saved(first, second, "units") or step
        what = f"{len(moved)} of {number} objects{size}"
        places = tuple(words.of(pair, one, two) for pair in moved[:MOST_PLACES])
        yield Difference("boxes", what, *_said(step), len(moved), number, places), None
    renamed = [pair for pair in pairs if RELABELLED in pair.became]
    if renamed:
        labels = [(int(one[1][p.image][p.first]), int(two[1][p.image][p.second])) for p in renamed]
        step = labels_step([was for was, _ in labels], [now for _, now in labels], words.label)
        places = tuple(words.of(pair, one, two) for pair in renamed[:MOST_PLACES])
        step = _as_saved(first, second, "label_offset") or step
        what = f"{len(renamed)} of {number} objects"
        yield Difference("labels", what, *_said(step), len(renamed), number, places), None
    if count[REORDERED]:
        of = {pair.image for pair in pairs if REORDERED in pair.became}
        places = tuple(words.image(image) for image in sorted(of)[:MOST_PLACES])
        what = f"{count[REORDERED]} objects stand in another place, in {len(of)} of {len(one[0])} images"
        difference = Difference("order of objects", what, "", None, count[REORDERED], number, places)
        yield difference, None
    if not _equal_points(first.targets, second.targets, pairs):
        yield Difference("landmarks", "other points of objects"), None


def _equal_points(first: Targets | EncodedTargets, second: Targets | EncodedTargets, pairs: Sequence[Pair]) -> bool:
    """Whether the landmarks of objects that both have are the same."""
    one, two = (targets.landmarks if isinstance(targets, Targets) else None for targets in (first, second))
    if one is None or two is None:
        return one is two
    return all(
        equal(here[pair.first], there[pair.second])
        for pair in pairs
        if pair.first is not None and pair.second is not None
        for here, there in zip(one[pair.image], two[pair.image], strict=True)
    )


def _said(step: Step | None) -> tuple[str, float | None]:
    return (step.words, step.figure) if step else ("", None)


def _as_saved(first: Given, second: Given, field: str) -> Step | None:
    """What is said of numbers that are the same as saved, and only read in another way, as the rules have it."""
    one, two = first.targets, second.targets
    assert isinstance(one, Targets)
    assert isinstance(two, Targets)
    read = [getattr(one, field), getattr(two, field)]
    if read[0] == read[1]:
        return None
    if field == "units":
        same = all(map(equal, one.boxes, two.boxes))
        return Step(f"the same numbers as saved, read as {read[0]} in A, as {read[1]} in B") if same else None
    own = [[ids - offset for ids in targets.labels] for targets, offset in zip((one, two), read, strict=True)]
    if not all(map(equal, *own)):
        return None
    return Step(f"the same numbers as saved, counted from {1 - read[0]} in A, from {1 - read[1]} in B")


def _box_step(here: FloatArray, there: FloatArray, given: Given) -> Step | None:
    """The step between boxes, in pixels of the input where it is a way and not a factor."""
    found = step_between(here, there, Kind.CORNERS)
    width, height = given.named.priors.image_size
    if found is None or not found.words.startswith(("each ", "moved by")):
        return found
    size = np.array((width, height, width, height), np.float64)
    in_pixels = step_between(here * size, there * size, Kind.CORNERS)
    if in_pixels is None:
        return found
    words = in_pixels.words.replace("each ", "each coordinate ", 1)
    return Step(f"{words}, in px of input", in_pixels.figure)


class _Words:
    """What objects are called.

    Args:
        names: of the classes, background first.
        images: of the images.
        size: (width, height) of the network's input in pixels.
    """

    def __init__(self, names: Sequence[str], images: Sequence[str], size: tuple[int, int]) -> None:
        self.names, self.images, self.size = names, images, size

    def label(self, label: int) -> str:
        """A class by its name, or its number."""
        return self.names[label] if 0 <= label < len(self.names) else f"class {label}"

    def image(self, image: int) -> str:
        """An image by its name, or its number."""
        return (self.images[image] if image < len(self.images) else "") or f"image {image}"

    def of(self, pair: Pair, one: tuple[Sequence[Tensor], ...], two: tuple[Sequence[Tensor], ...]) -> str:
        """An object, and what became of it."""
        side, index = (one, pair.first) if pair.first is not None else (two, pair.second)
        label = self.label(int(side[1][pair.image][index]))
        new = "" if pair.first is None or pair.second is None else self.label(int(two[1][pair.image][pair.second]))
        words = f"{label} -> {new}" if new and new != label else label
        way = ""
        if MOVED in pair.became and pair.first is not None and pair.second is not None:
            boxes = one[0][pair.image][pair.first], two[0][pair.image][pair.second]
            way = f" ({' -> '.join(map(self.box, boxes))} px of input)"
        return f"{self.image(pair.image)}, object {index} ({words}): {pair.words}{way}"

    def box(self, box: Tensor) -> str:
        """A box in pixels of the input."""
        return ",".join(f"{side * of:.4g}" for side, of in zip(box.tolist(), self.size * 2, strict=True))


def _boxes(pairs: Sequence[Pair], boxes: Sequence[Tensor], side: str) -> FloatArray:
    rows = [boxes[pair.image][getattr(pair, side)] for pair in pairs]
    found: FloatArray = torch.stack(rows).double().numpy()
    return found


def _images_exchanged(one: tuple[Sequence[Tensor], ...], two: tuple[Sequence[Tensor], ...]) -> IntArray | None:
    """The order in which B's targets are those of A's images; None where they are others."""
    keys = [[_key(*each) for each in zip(*side, strict=True)] for side in (one, two)]
    if len(set(keys[0])) < 2 or sorted(keys[0]) != sorted(keys[1]) or keys[0] == keys[1]:
        return None
    numbers = {key: place for place, key in enumerate(sorted(set(keys[0])))}
    order = order_of(*(np.array([[numbers[key]] for key in side]) for side in keys))
    return None if order is None or is_identity(order) else order


def _key(boxes: Tensor, labels: Tensor) -> tuple[bytes, ...]:
    return tuple(
        sorted(box.numpy().tobytes() + label.numpy().tobytes() for box, label in zip(boxes, labels, strict=True))
    )


# --- taking parts over ------------------------------------------------------------------------------------------------

# Parts of objects, which are put together anew from whichever of them are B's.
OBJECT_PARTS = ("objects", "boxes", "labels", "order of objects", "landmarks")


def mixed(first: Given, second: Given, pairs: Sequence[Pair], parts: Collection[str]) -> Given:
    """A with those parts of B's objects.

    Args:
        first: with objects as targets, of as many images.
        second: likewise, of B.
        pairs: which is which.
        parts: of `OBJECT_PARTS`.
    """
    sides = [_columns(first, first), _columns(second, first)]

    def place(pair: Pair) -> tuple[float, ...]:
        places = [float("inf") if each is None else each for each in (pair.first, pair.second)]
        return tuple(places[::-1] if "order of objects" in parts else places)

    def value(pair: Pair, column: int, part: str) -> Tensor:
        theirs = pair.first is None or (pair.second is not None and part in parts)
        index = pair.second if theirs else pair.first
        found: Tensor = sides[theirs][column][pair.image][index]
        return found

    rows: list[list[list[Tensor]]] = [[[] for _ in first.targets.labels] for _ in sides[0]]
    for pair in sorted(pairs, key=place):
        there = pair.second if "objects" in parts else pair.first
        if there is not None:
            for column, part in enumerate(COLUMNS[: len(rows)]):
                rows[column][pair.image].append(value(pair, column, part))
    made = [
        tuple(torch.stack(own) if own else of[image][:0] for image, own in enumerate(column))
        for column, of in zip(rows, sides[0], strict=True)
    ]
    points = tuple(zip(made[2], made[3], strict=True)) if len(made) > 2 else None
    return first.with_targets(boxes=made[0], labels=made[1], landmarks=points)


# Whose side each column of objects is on: landmarks and whether they are known are one part.
COLUMNS = ("boxes", "labels", "landmarks", "landmarks")


def _columns(given: Given, like: Given) -> list[Sequence[Tensor]]:
    """Boxes, labels and landmarks of each image, boxes in another's units."""
    own, wanted = given.targets, like.targets
    assert isinstance(own, Targets)
    assert isinstance(wanted, Targets)
    boxes: Sequence[Tensor] = own.boxes
    if own.units is not wanted.units:
        width, height = like.named.priors.image_size
        size = torch.tensor((width, height, width, height), dtype=torch.float64)
        boxes = [(each / size if own.units is Units.PIXELS else each * size).to(each) for each in own.boxes]
    both = own.landmarks is not None and wanted.landmarks is not None
    points = list(zip(*(own.landmarks or ()), strict=True)) if both else []
    return [boxes, own.labels, *points]


def encoded_differences(first: EncodedTargets, second: EncodedTargets, axes: Axes) -> Changes:
    """Labels and offsets of priors that are others; offsets where both have a positive.

    Args:
        first: `[B, P]` of the same priors.
        second: likewise, of B.
        axes: what images, priors and coordinates are called.
    """
    labels, others = first.labels, second.labels
    if not equal(labels, others):
        apart = labels != others
        was, now = int((labels > 0).sum()), int((others > 0).sum())
        step = labels_step(labels[apart].tolist(), others[apart].tolist())
        order = _order_of_labels(labels, others)
        what = f"{int(apart.sum()):,} of {apart.numel():,} priors; {was:,} positives in A, {now:,} in B"
        places = tuple(axes.image(image) for image in apart.any(1).nonzero().flatten().tolist()[:MOST_PLACES])
        told = (order, None) if order else _said(step)
        yield (
            Difference("labels", what, *told, int(apart.sum()), apart.numel(), places),
            lambda into, of: into.with_targets(labels=_encoded(of).labels),
        )
    positive = ((labels > 0) | (others > 0))[..., None]
    one, two = (torch.where(positive, targets.offsets, 0.0) for targets in (first, second))
    if not equal(one, two):
        yield (
            tensor_difference("locations", one, two, Kind.OFFSETS, axes),
            lambda into, of: into.with_targets(offsets=_encoded(of).offsets),
        )


def _order_of_labels(first: Tensor, second: Tensor) -> str:
    found = order_of(first.numpy(), second.numpy()) if len(first) > 1 else None
    return "" if found is None or is_identity(found) else f"those of A's images {order_words(found)}"


def _encoded(given: Given) -> EncodedTargets:
    assert isinstance(given.targets, EncodedTargets)
    return given.targets
