"""Two versions of a data set, and which image and object of one is which of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PureWindowsPath

import numpy as np

from ssdlossdbg.analysis.diff.objects import Annotated, Pair, paired
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.results import AuditResult
from ssdlossdbg.results.common import FloatArray, IntArray

# Pixels by which boxes of two formats differ for the rounding of one of them.
ROUNDING = 0.51


@dataclass(frozen=True, eq=False)
class Version:
    """One of two versions of a data set, of one format.

    Attributes:
        data: as it was read.
        audit: of it; None where that cannot be.
    """

    data: Dataset
    audit: AuditResult | None

    @cached_property
    def keys(self) -> list[str]:
        """What each image goes by: its name, or the name of its file where two have one name."""
        names = self.data.names
        return (
            list(names)
            if len(set(names)) == len(names)
            else [f"{a} in {b}" for a, b in zip(names, self.data.files, strict=True)]
        )

    @cached_property
    def bounds(self) -> IntArray:
        """`[B + 1]` where the objects of each image begin."""
        counts = np.bincount(self.data.image, minlength=len(self.data.names))
        return np.concatenate(([0], np.cumsum(counts)))

    def label(self, row: int) -> str:
        """What an object is called."""
        return self.data.labels[int(self.data.label[row])]

    def rows(self, image: int) -> slice:
        """The objects of an image."""
        return slice(int(self.bounds[image]), int(self.bounds[image + 1]))

    def objects(self, image: int, number: dict[str, int], size: FloatArray | None) -> Annotated:
        """Those, with numbers for labels that both versions share; in photo pixels where a size is given."""
        rows = self.rows(image)
        boxes = self.data.boxes[rows]
        if size is not None and self.data.format.fractions:
            boxes = boxes * size
        own = [number[self.data.labels[place]] for place in self.data.label[rows].tolist()]
        return Annotated(boxes, np.array(own, np.int64), self.data.difficult[rows])


class Both:
    """Two versions, and which image and object is which.

    Args:
        one, two: A and B.
    """

    def __init__(self, one: Version, two: Version) -> None:
        self.one, self.two = one, two
        self.alike = one.data.format.name == two.data.format.name
        keys = [side.keys if self.alike else [_stem(key) for key in side.keys] for side in (one, two)]
        places = {key: place for place, key in enumerate(keys[1])}
        self.images = [(place, places[key]) for place, key in enumerate(keys[0]) if key in places]
        self.gone = sorted(set(range(len(keys[0]))) - {here for here, _ in self.images})
        self.new = sorted(set(range(len(keys[1]))) - {there for _, there in self.images})
        self.number = {label: place for place, label in enumerate(dict.fromkeys([*one.data.labels, *two.data.labels]))}
        self.renamed = self._renamed()
        self.images = sorted([*self.images, *self.renamed])
        self.gone = [each for each in self.gone if each not in {here for here, _ in self.renamed}]
        self.new = [each for each in self.new if each not in {there for _, there in self.renamed}]
        objects = [self._objects(here, there) for here, there in self.images]
        self.pairs = paired([a for a, _ in objects], [b for _, b in objects])

    def _objects(self, here: int, there: int) -> tuple[Annotated, Annotated]:
        if self.alike:
            return self.one.objects(here, self.number, None), self.two.objects(there, self.number, None)
        sizes = [side.data.sizes[place].astype(float) for side, place in ((self.one, here), (self.two, there))]
        size = np.tile(next((each for each in sizes if each.all()), np.ones(2)), 2)
        first, second = self.one.objects(here, self.number, size), self.two.objects(there, self.number, size)
        if first.boxes.shape == second.boxes.shape and (np.abs(first.boxes - second.boxes) <= ROUNDING).all():
            second = replace(second, boxes=first.boxes)
        return replace(first, marks=None), replace(second, marks=None)

    def _renamed(self) -> list[tuple[int, int]]:
        """Images of another name with the very objects of one that is gone."""
        known: dict[bytes, list[int]] = {}
        for there in self.new:
            known.setdefault(self._print(self.two, there), []).append(there)
        found = []
        for here in self.gone:
            alike = known.get(self._print(self.one, here), [])
            if len(alike) == 1 and self.one.bounds[here] < self.one.bounds[here + 1]:
                found.append((here, alike.pop()))
        return found

    def _print(self, side: Version, image: int) -> bytes:
        own = side.objects(image, self.number, None)
        parts: tuple[FloatArray | IntArray, ...] = (own.boxes, own.labels, side.data.sizes[image])
        return b"".join(part.tobytes() for part in parts)

    def place(self, pair: Pair) -> str:
        """Where an object is, and what became of it."""
        here, there = self.images[pair.image]
        side, index = (self.one, pair.first) if pair.first is not None else (self.two, pair.second)
        image = here if pair.first is not None else there
        label = side.label(int(side.bounds[image]) + int(index or 0))
        new = "" if pair.second is None else self.two.label(int(self.two.bounds[there]) + pair.second)
        words = f"{label} -> {new}" if new and new != label else label
        return f"{side.data.names[image]}, object {index} ({words}): {pair.words}"

    def rows(self, pairs: Sequence[Pair]) -> tuple[IntArray, IntArray]:
        """The rows in A and B of objects on both sides."""
        one = [int(self.one.bounds[self.images[pair.image][0]]) + int(pair.first or 0) for pair in pairs]
        two = [int(self.two.bounds[self.images[pair.image][1]]) + int(pair.second or 0) for pair in pairs]
        return np.array(one, np.int64), np.array(two, np.int64)


def _stem(name: str) -> str:
    return PureWindowsPath(name).stem
