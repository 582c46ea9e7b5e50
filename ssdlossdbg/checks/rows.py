"""Rows of a table: chosen, put in order, and counted by the group that each is in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ssdlossdbg.results import BoolArray, FloatArray, IntArray, Objects


def lowest_first(chosen: BoolArray, measure: FloatArray | IntArray) -> IntArray:
    """The rows that `chosen`, `[N]`, is true of, those of the lowest `measure`, `[N]`, first; else in their order."""
    found = np.flatnonzero(chosen)
    ordered: IntArray = found[np.argsort(measure[found], kind="stable")]
    return ordered


@dataclass(frozen=True)
class Groups:
    """The N rows of a table in G groups, however many: nothing here looks at the groups one by one.

    Attributes:
        number: `[N]` the group of each row.
        total: G.
    """

    number: IntArray
    total: int

    def count(self, chosen: BoolArray) -> IntArray:
        """`[G]` how many of the chosen rows, `[N]`, are in each group."""
        counts: IntArray = np.bincount(self.number[chosen], minlength=self.total)
        return counts

    @cached_property
    def sizes(self) -> IntArray:
        """`[G]` how many rows are in each group."""
        sizes: IntArray = np.bincount(self.number, minlength=self.total)
        return sizes

    def rows(self, group: int) -> IntArray:
        """The rows of a group, in their order."""
        order, ends = self._sorted
        return order[ends[group] : ends[group + 1]]

    @cached_property
    def _sorted(self) -> tuple[IntArray, IntArray]:
        """The rows group by group, and `[G + 1]` where each group begins and ends among them."""
        return np.argsort(self.number, kind="stable"), np.concatenate(([0], np.cumsum(self.sizes)))


def with_objects(objects: Objects) -> IntArray:
    """`[K]` the images that have objects, in their order."""
    # Not np.unique, which imports half of NumPy at its first call.
    images: IntArray = np.flatnonzero(np.bincount(objects.image, minlength=len(objects.images)))
    return images


def by_file(objects: Objects) -> Groups:
    """The objects of each file, numbered as `Objects.files`."""
    return Groups(objects.file[objects.image], len(objects.files))


def by_class(objects: Objects) -> Groups:
    """The objects of each class, numbered by class id."""
    return Groups(objects.class_id, int(objects.class_id.max(initial=0)) + 1)
