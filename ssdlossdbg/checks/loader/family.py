"""What the checks of loaders share."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np

from ssdlossdbg.checks.cases import EVERYTHING, MOST_NAMED, TableCases, common_place, of_sets
from ssdlossdbg.checks.cases import some as first_of
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import BoolArray, Case, IntArray, Objects, Where

LOADER = Family("LDR", "loader")
VOC, COCO = "voc", "coco"


def written(objects: Objects, trait: int) -> BoolArray:
    """`[N]` whether an object is written with any of some traits, flags of `Trait`."""
    if objects.traits is None:
        return np.zeros(len(objects.image), dtype=np.bool_)
    return np.asarray(objects.traits & trait > 0)


def some(number: int, of: int, what: str) -> str:
    """As in "3 of 4 objects"; "the object" where there is but one."""
    return f"the {what}" if of == 1 else f"{number:,} of {of:,} {what}s"


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
            f"{len(chosen):,} of {of:,} {what}; in {_called(first.where)}: {first.message}; the same in "
            f"{first_of([_called(place) for place in places[1:]])}"
        )
        where = Where(common_place([place.file for place in places]))
        return Case(where, message, first.value, first.bound, fix or first.fix)

    column = 0 if by_file else 1
    own = [cases.places[chosen, column] for chosen in groups]
    images = [np.flatnonzero(np.isin(objects.file, files)) for files in own] if by_file else own
    return of_sets(objects, images, describe)


def _called(where: Where) -> str:
    """A place by the name of its file, or of the image in a file of many."""
    return PurePath(where.file).name if where.image is None else str(where.image)
