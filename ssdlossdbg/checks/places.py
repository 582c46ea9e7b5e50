"""Where cases are, as numbers, so that hundreds of thousands can be held against each other without a loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count, product

import numpy as np

from ssdlossdbg.checks.cases import EVERYTHING, Cases, TableCases
from ssdlossdbg.results import BoolArray, IntArray, Objects


class Numbering:
    """Numbers files and images alike for cases of all tables and results.

    Args:
        whatever_file: leave the files out of it.
    """

    def __init__(self, whatever_file: bool) -> None:
        self._whatever_file = whatever_file
        self._files, self._images = _Numbers(), _Numbers()
        self._tables: dict[int, tuple[IntArray, IntArray]] = {}

    def places(self, cases: Cases) -> IntArray:
        """`[K, 3]` the file, the image and the object that each case is about, or `EVERYTHING`."""
        if isinstance(cases, TableCases):
            files, images = self._of_table(cases.objects)
            file, image, index = cases.places.T
            places = np.stack((files[file], images[image], index), axis=1)
        else:
            wheres = [case.where for case in cases]
            objects = [EVERYTHING if where.object is None else where.object for where in wheres]
            files = self._files.of(where.file for where in wheres)
            images = self._images.of(where.image for where in wheres)
            places = np.stack((files, images, np.asarray(objects, dtype=np.int64)), axis=1)
        if self._whatever_file:
            places[:, 0] = EVERYTHING
        return places

    def _of_table(self, objects: Objects) -> tuple[IntArray, IntArray]:
        """The numbers of a table's files and of its images, each with `EVERYTHING` last, where index -1 finds it."""
        if id(objects) not in self._tables:
            self._tables[id(objects)] = (
                np.append(self._files.of(objects.files), EVERYTHING),
                np.append(self._images.of([image.name for image in objects.images]), EVERYTHING),
            )
        return self._tables[id(objects)]


def meeting(places: IntArray, others: IntArray) -> BoolArray:
    """`[K]` which places, `[K, 3]`, meet any of the others, `[M, 3]`: where one is the other, or lies in it."""
    met = np.zeros(len(places), dtype=bool)
    for (given, own), (also_given, theirs) in product(_by_what_is_given(places), _by_what_is_given(others)):
        columns = given & also_given
        met[own] |= _among(places[own][:, columns], others[theirs][:, columns])
    return met


def _by_what_is_given(places: IntArray) -> Iterator[tuple[BoolArray, IntArray]]:
    """The rows of places that name the same columns, `[3]`: a file alone, say, or a file, an image and an object."""
    given = places != EVERYTHING
    kind = given @ (4, 2, 1)
    for number in np.flatnonzero(np.bincount(kind)):
        rows = np.flatnonzero(kind == number)
        yield given[rows[0]], rows


def _among(rows: IntArray, others: IntArray) -> BoolArray:
    """`[K]` which rows, `[K, C]`, are equal to any of the others, `[M, C]` and M > 0; of no columns, all are."""
    keys, known = np.zeros(len(rows), dtype=np.int64), np.zeros(len(others), dtype=np.int64)
    for mine, theirs in zip(rows.T, others.T, strict=True):
        spread = 1 + max(mine.max(), theirs.max())
        keys, known = keys * spread + mine, known * spread + theirs
    # As np.isin, which takes many times as long where the numbers are dense.
    known.sort()
    nearest = known[np.searchsorted(known, keys).clip(max=len(known) - 1)]
    return np.asarray(nearest == keys)


class _Numbers:
    """A number for each name, from 0 on in the order in which they come up; None stands for everything."""

    def __init__(self) -> None:
        self._numbers: defaultdict[int | str | None, int] = defaultdict(count().__next__, {None: EVERYTHING})

    def of(self, names: Iterable[int | str | None]) -> IntArray:
        return np.fromiter(map(self._numbers.__getitem__, names), dtype=np.int64)
