"""What the checks see of a list of classes and of what the objects of a dataset make of it."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.common import IntArray


@dataclass(frozen=True)
class ClassUse:
    """The classes of a dataset, and how many objects have each of them.

    Attributes:
        file: the dataset.
        names: C classes in the order of their ids, background left out.
        given: whether the user gave them.
        listed: whether the dataset itself lists them; where neither is so, they are what its labels suggest.
        counts: `[C]` objects of each.
        unlisted: labels that are none of them, each with the number of its objects.
        left_out: those of them that the user's list leaves out rather than misspells.
        counted_from_1: whether the classes have numbers, and these count from 1 where the names count from 0.
        images: how many there are.
        emptied: the names of those that have objects, all of which are of labels that are left out.
    """

    file: str
    names: tuple[str, ...]
    given: bool
    listed: bool
    counts: IntArray
    unlisted: dict[str, int]
    left_out: tuple[str, ...]
    counted_from_1: bool
    images: int
    emptied: tuple[str, ...]
