"""What a check returns: cases that can be counted, left out and listed, whether or not they have been described."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np

from ssdlossdbg.results import BoolArray, Case, IntArray, Objects, Where

# In a column of places: the case is about all there is, not about one file, image or object.
EVERYTHING = -1
MOST_NAMED = 3
Describe = Callable[[int], Case]


@dataclass(frozen=True)
class ListedCases:
    """Cases that a check has described one by one.

    Attributes:
        cases: the worst first.
    """

    cases: tuple[Case, ...]

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def without(self, explained: BoolArray) -> ListedCases:
        """Those for which `explained`, `[K]`, is false, and those that are firm."""
        told = zip(self.cases, explained.tolist(), strict=True)
        return ListedCases(tuple(case for case, met in told if case.firm or not met))


@dataclass(frozen=True)
class TableCases:
    """Cases of a table of objects, each described only when it is asked for: there may be a million.

    Attributes:
        objects: the table.
        keys: `[K]` what each case is about, as `describe` wants it, the worst first.
        describe: a key in words.
        places: `[M, 3]` indices into `Objects.files` and `Objects.images`, and the object's index in its image;
            `EVERYTHING` where a case is about a whole file or image.
        case: `[M]` the case that each place belongs to, counted from 0, where cases are about several places; None
            where each has its own, which is then the place that it names.
    """

    objects: Objects
    keys: IntArray
    describe: Describe
    places: IntArray
    case: IntArray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Case]:
        return (self.describe(int(key)) for key in self.keys)

    def without(self, explained: BoolArray) -> TableCases:
        """Those of whose places fewer than half are explained, `[M]`."""
        if self.case is None:
            return replace(self, keys=self.keys[~explained], places=self.places[~explained])
        of, met = (np.bincount(self.case[chosen], minlength=len(self.keys)) for chosen in (..., explained))
        kept = 2 * met < of
        stays, number = kept[self.case], np.cumsum(kept) - 1
        return replace(self, keys=self.keys[kept], places=self.places[stays], case=number[self.case[stays]])


Cases = ListedCases | TableCases


def of_rows(objects: Objects, rows: IntArray, describe: Describe, keys: IntArray | None = None) -> TableCases:
    """A case for each of some rows, `[K]`.

    Args:
        objects: the table.
        rows: the worst first.
        describe: the case of a row, or of a key.
        keys: `[K]` what `describe` is to be given, where that is not the row.
    """
    return TableCases(objects, rows if keys is None else keys, describe, _places(objects, rows))


def of_groups(objects: Objects, rows: Sequence[IntArray], describe: Describe) -> TableCases:
    """A case for each of some groups of rows, the worst first, each about all rows of its group: a class, say.

    Args:
        objects: the table.
        rows: of each group.
        describe: the case of a group, by its place in `rows`.
    """
    case = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
    every = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    return TableCases(objects, np.arange(len(rows)), describe, _places(objects, every), case)


def _places(objects: Objects, rows: IntArray) -> IntArray:
    image = objects.image[rows]
    return np.stack((objects.file[image], image, objects.index[rows]), axis=1)


def of_images(objects: Objects, images: IntArray, describe: Describe) -> TableCases:
    """A case for each of some images, `[K]`, the worst first."""
    places = np.stack((objects.file[images], images, np.full_like(images, EVERYTHING)), axis=1)
    return TableCases(objects, images, describe, places)


def of_sets(objects: Objects, sets: Sequence[IntArray], describe: Describe) -> TableCases:
    """A case for each of some sets of images, each about all images of its set.

    Args:
        objects: the table.
        sets: the images of each, the worst first.
        describe: the case of a set, given its number.
    """
    case = np.repeat(np.arange(len(sets)), [len(images) for images in sets])
    every = np.concatenate([np.zeros(0, dtype=np.int64), *sets])
    places = np.stack((objects.file[every], every, np.full_like(every, EVERYTHING)), axis=1)
    return TableCases(objects, np.arange(len(sets)), describe, places, case)


def common_place(files: Sequence[str]) -> str:
    """The file, or the folder that holds all of some files; the first of them where there is no such folder."""
    if len(set(files)) == 1:
        return files[0]
    try:
        return os.path.commonpath((min(files), max(files))) or os.curdir  # what these share, all between them share
    except ValueError:  # some are named from the root and some from here
        return files[0]


def of_files(objects: Objects, files: IntArray, describe: Describe) -> TableCases:
    """A case for each of some files, `[K]` indices into `Objects.files`, the worst first."""
    everything = np.full_like(files, EVERYTHING)
    return TableCases(objects, files, describe, np.stack((files, everything, everything), axis=1))


def some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def alike(cases: TableCases, of: int, what: str, kinds: IntArray | None = None, fix: str = "") -> TableCases:
    """Cases of files or of images that are written in one way: each for itself if they are few, else told as one.

    Args:
        cases: one for each of K files, or for each of K images.
        of: how many there are that might be so written.
        what: they are, in the plural, as in "files".
        kinds: `[K]` which cases are alike; all if None.
        fix: what helps them all, where that is not what helps the first.
    """
    kinds = np.zeros(len(cases), dtype=np.int64) if kinds is None else kinds
    often = np.bincount(kinds)[kinds] > MOST_NAMED if len(kinds) else kinds > 0
    if not often.any():
        return cases
    groups = [np.flatnonzero(kinds == kind) for kind in dict.fromkeys(kinds[often].tolist())]
    groups += [np.array([place]) for place in np.flatnonzero(~often).tolist()]
    objects, by_file = cases.objects, bool((cases.places[:, 1] == EVERYTHING).all())

    def describe(group: int) -> Case:
        chosen = groups[group]
        first = cases.describe(int(cases.keys[chosen[0]]))
        if len(chosen) == 1:
            return first
        places = [
            Where(objects.files[file]) if by_file else objects.place(image)
            for file, image, _ in cases.places[chosen].tolist()
        ]
        message = (
            f"{len(chosen):,} of {of:,} {what}; in {_called(first.where)}: {first.message}; likewise "
            f"{some([_called(place) for place in places[1:]])}"
        )
        where = Where(common_place([place.file for place in places]))
        return Case(where, message, first.value, first.bound, fix or first.fix)

    column = 0 if by_file else 1
    own = [cases.places[chosen, column] for chosen in groups]
    images = [np.flatnonzero(np.isin(objects.file, files)) for files in own] if by_file else own
    return of_sets(objects, images, describe)


def _called(where: Where) -> str:
    """A place by the name of its file, or of the image in a file of many."""
    return where.place if isinstance(where.image, int) else where.image or PurePath(where.file).name
