"""Boxes that are there twice."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.boxes.family import BOXES
from ssdlossdbg.checks.boxes.pairs import overlapping_pairs
from ssdlossdbg.checks.cases import TableCases, of_rows
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import Case, Objects, Severity

# Annotators who draw an object twice are not exact; a label copied to another class keeps the box as it is.
SAME_OBJECT, SAME_BOX = 0.9, 0.99


@BOXES.check(10, "object annotated twice", Severity.WARNING, Objects, ("BOX004", "BOX006", "BOX011"))
def annotated_twice(objects: Objects) -> TableCases:
    """One object is annotated twice.

    What it means:
        Two boxes of the same class in the same place: the object was drawn twice, or two annotation files were merged.

    Why it matters:
        Both compete for the same priors. Where they share their best prior, one of them takes it, and the other may be
        left without any. Every evaluation counts the second one as missed, since detections of it are suppressed.

    How to tell:
        The IoU of two boxes of one class is 0.9 or more. Two real objects hardly ever lie so.

    How to fix:
        Delete one of the two.

    Where people met it:
        amdegroot/ssd.pytorch#396.
    """
    return _doubles(objects, SAME_OBJECT, same_class=True)


@BOXES.check(11, "one box, two classes", Severity.WARNING, Objects, ("BOX004", "BOX006"))
def two_classes(objects: Objects) -> TableCases:
    """Two objects of different classes have the same box.

    What it means:
        The same object is annotated under two classes, or a label was copied to the wrong box.

    Why it matters:
        A prior can learn one class only. Which of the two it learns depends on the order in the file, so the other
        class is trained as a mistake.

    How to tell:
        The IoU of two boxes of different classes is 0.99 or more.

    How to fix:
        Keep the one that is right. SSD's softmax cannot learn two classes for one box.

    Where people met it:
        amdegroot/ssd.pytorch#396.
    """
    return _doubles(objects, SAME_BOX, same_class=False)


def _doubles(objects: Objects, least: float, same_class: bool) -> TableCases:
    """Objects whose box has an IoU of `least` or more with another of the image, each told of once.

    Args:
        objects: the table.
        least: the IoU.
        same_class: whether the two are of one class, or of two.
    """
    first, second, overlap = overlapping_pairs(objects, least, same_class)

    def describe(pair: int) -> Case:
        one, other, share = int(first[pair]), int(second[pair]), float(overlap[pair])
        if placed[pair] == one:
            one, other = other, one
        label = "" if same_class else f" ({objects.labels[one]})"
        message = f"nearly the same box as object {int(objects.index[one])}{label}: IoU {share:.3f}"
        if share == 1:
            message = f"the very box of object {int(objects.index[one])}{label}"
        message += _who_wins(objects, one, other)
        fix = "Delete one of the two." if same_class else "Keep the class that is right."
        return Case(objects.where(int(placed[pair])), message, share, least, fix)

    # Told of the one that loses its prior to the other, so that this explains why it has none (MAT002).
    placed = np.where((objects.positives[first] == 0) & (objects.lost_to[first] == second), first, second)
    nearest = lowest_first(np.ones_like(overlap, dtype=np.bool_), -overlap)
    pairs = nearest[np.sort(np.unique(placed[nearest], return_index=True)[1])]
    return of_rows(objects, placed[pairs], describe, keys=pairs)


def _who_wins(objects: Objects, one: int, other: int) -> str:
    for loser, winner in ((one, other), (other, one)):
        if objects.positives[loser] == 0 and objects.lost_to[loser] == winner:
            return f"; object {int(objects.index[loser])} gets no prior, object {int(objects.index[winner])} takes them"
    return "; both compete for the same priors"
