"""What the logits say of the labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssdlossdbg.checks.predictions.family import (
    FEWEST_POSITIVES,
    MISREAD,
    NEARLY_ALL,
    PREDICTIONS,
    SURELY,
    WRONG_INPUTS,
)
from ssdlossdbg.results import Case, FloatArray, IntArray, Predicted, Severity
from ssdlossdbg.results.hypotheses import Heard

# The positives of a class agree on another one; fewer of them tell nothing, one class alone less than several together.
AGREED, FEWEST_OF_CLASS, FEWEST_ALONE = 0.9, 2, 5
# Of the positives that are surely taken for something, a share this large is taken for something else.
MANY = 0.25
# Of the objects with a wrong label, those that have a label of their image between them.
EXCHANGED = 2 / 3
# Fewer objects that are each taken for their neighbour in the list may be so by chance.
FEWEST_SHIFTED = 3
MOST_NAMED = 4
TOGETHER = "Filter, sort and shuffle boxes and labels with the same index."
Said = tuple[str, str] | None
ELSEWHERE = (*WRONG_INPUTS, "PRE001", "PRE010", "PRE011", "PRE013", "PRE015")


@PREDICTIONS.check(9, "labels other than were learnt", Severity.ERROR, Predicted, (*MISREAD, *ELSEWHERE))
def other_labels(predicted: Predicted) -> Iterator[Case]:
    """The network surely and consistently calls objects by other classes than the targets do.

    What it means:
        The classes of the targets are those of the network under other numbers: one off, in another order (sorted by
        name, say), or all of one class. Or labels and boxes of an image are in different orders.

    Why it matters:
        The confidence loss teaches the network what it knows to be wrong. If the targets are right and the network
        learnt from wrong ones, every detection has the wrong name.

    How to tell:
        Of the positives that are surely (above 0.5) taken for an object, at least 20, the classes are counted. At least
        a quarter are taken for another class, and nearly all positives (90%) of at least two classes for one other
        class each, no two for the same; or all labels are one class, and most positives are surely taken for several
        others. Or at least 5 objects are taken for another class, and for two thirds of them the class predicted is a
        label of another one of them in the same image; or all of at least 3 for the label of the next in the list, or
        of the one before. A network that has learnt little is sure of little.

    How to fix:
        Compare the class list that the network was trained with, and what its ids count from, with those of the
        targets: --label-offset shifts all by one. Filter boxes and labels alike.

    Where people met it:
        lufficc/SSD#46.
    """
    heard = predicted.heard
    if heard is None or len(heard.target) < FEWEST_POSITIVES or _says_one_class(heard):
        return
    wrong = heard.target != heard.predicted
    said = None
    if wrong.mean() >= MANY:
        said = _all_one(predicted, heard) or _one_off(predicted, heard) or _renamed(predicted, heard)
    said = said or _reordered(heard)
    if said:
        message, fix = said
        yield Case(predicted.where(), message, float(wrong.mean()), MANY, fix)


@PREDICTIONS.check(16, "class that is called another", Severity.WARNING, Predicted, (*MISREAD, *ELSEWHERE, "PRE009"))
def called_another(predicted: Predicted) -> Iterator[Case]:
    """The network surely takes nearly all positives of one class for one other class.

    What it means:
        Either that class carries another's label, here or in what the network learnt from; or the network has not
        learnt to tell the two apart.

    Why it matters:
        A wrong label teaches the network what it knows to be wrong. A class that is drowned by another is never found.

    How to tell:
        At least 5 positives of the class, and 90% of those that are surely taken for an object, are taken for the same
        other class, which has no more positives of its own: a frequent class swallows a rare one in any network that is
        not yet done, and nothing is said of that. With several such classes it is PRE009. Or at least 5 objects of the
        class, by 90% of their positives, are taken for one that no label of the batch names.

    How to fix:
        Look at some of these objects. If their label is wrong, correct it; else give the class more weight or examples.

    Where people met it:
        No thread: follows from the counts of what is taken for what.
    """
    heard = predicted.heard
    if heard is None or len(heard.target) < FEWEST_POSITIVES or _says_one_class(heard):
        return
    table, fix = (
        _Called.of(heard),
        "Look at these objects: correct the label if it is wrong, else give the class more examples.",
    )
    told = set()
    for target, column, count in table.moved:
        if count < max(FEWEST_ALONE, int(((heard.target == column) & (heard.predicted == column)).sum())):
            continue  # a frequent class swallows a rare one in any network that is not yet done
        told.add((target, column))
        message = (
            f"{count} positives of {_name(predicted, target)} are surely taken for {_name(predicted, column)}: the "
            "label is another class's, or the network cannot tell the two apart"
        )
        yield Case(predicted.where(), message, column, target, fix)
    for target, column, count in _unnamed(heard):
        if (target, column) not in told:
            name = _name(predicted, column)
            message = (
                f"{count} objects of {_name(predicted, target)} are surely taken for {name}, which no label names: "
                "they carry another class's label, or the network cannot tell the two apart"
            )
            yield Case(predicted.where(), message, column, target, fix)


@dataclass(frozen=True)
class _Objects:
    """The objects that some positive is surely taken for something at.

    Attributes:
        number: `[K]` of it, one more than that of the one before it in its image's list.
        image, target, called: `[K]` its image, label, and the class that most of its positives are taken for.
        agreed: `[K]` the share of them that are.
    """

    number: IntArray
    image: IntArray
    target: IntArray
    called: IntArray
    agreed: FloatArray

    @staticmethod
    def of(heard: Heard) -> _Objects:
        known = heard.owner >= 0
        number, first, owner = np.unique(heard.owner[known], return_index=True, return_inverse=True)
        counts = np.zeros((len(first), 1 + int(heard.predicted.max(initial=0))), dtype=np.int64)
        np.add.at(counts, (owner, heard.predicted[known]), 1)
        image, target = heard.image[known][first], heard.target[known][first]
        return _Objects(number, image, target, counts.argmax(1), counts.max(1) / np.maximum(counts.sum(1), 1))


def _unnamed(heard: Heard) -> Iterator[tuple[int, int, int]]:
    """(class, what it is called instead, objects) where no label of the batch names the latter."""
    objects = _Objects.of(heard)
    chosen = (objects.agreed >= AGREED) & ~np.isin(objects.called, heard.labels)
    pairs, counts = np.unique(np.stack((objects.target[chosen], objects.called[chosen]), 1), axis=0, return_counts=True)
    for place in np.argsort(-counts, kind="stable").tolist():
        if counts[place] >= FEWEST_ALONE:
            yield int(pairs[place, 0]), int(pairs[place, 1]), int(counts[place])


def _says_one_class(heard: Heard) -> bool:
    """Whether nearly all negatives, too, are taken for one class, so that it says nothing of labels."""
    return heard.column > 0 and heard.column_share >= NEARLY_ALL


@dataclass(frozen=True)
class _Called:
    """What the positives of each class are nearly all taken for.

    Attributes:
        moved: (class, what it is called instead, positives).
        kept: classes called by their own name.
    """

    moved: tuple[tuple[int, int, int], ...]
    kept: tuple[int, ...]

    @staticmethod
    def of(heard: Heard) -> _Called:
        size = 1 + int(max(heard.target.max(), heard.predicted.max()))
        counts = np.bincount(heard.target * size + heard.predicted, minlength=size * size).reshape(size, size)
        totals, usual = counts.sum(1), counts.argmax(1)
        agreed = (counts.max(1) >= AGREED * totals) & (totals >= FEWEST_OF_CLASS)
        own = usual == np.arange(size)
        moved = np.flatnonzero(agreed & ~own)
        return _Called(
            tuple((int(each), int(usual[each]), int(totals[each])) for each in moved),
            tuple(np.flatnonzero(own & (totals > 0)).tolist()),
        )


def _all_one(predicted: Predicted, heard: Heard) -> Said:
    called = np.unique(heard.predicted, return_counts=True)
    often = [int(each) for each, count in zip(*called, strict=True) if count >= FEWEST_OF_CLASS]
    if len(heard.labels) > 1 or len(often) < 2 or (heard.target != heard.predicted).mean() < SURELY:
        return None
    names = ", ".join(_name(predicted, each) for each in often[:MOST_NAMED])
    message = (
        f"all labels are {_name(predicted, heard.labels[0])}, but the network surely sees {names} at "
        f"{len(heard.target)} positives: the labels are not looked up, or all are filled with one number"
    )
    return message, "Check that the loader reads each object's class: print the labels of a few images."


def _one_off(predicted: Predicted, heard: Heard) -> Said:
    """Whether every class is called by the number that lies as far from its own; the last one may go round."""
    table = _Called.of(heard)
    steps, counts = np.unique([column - target for target, column, _ in table.moved], return_counts=True)
    if table.kept or len(table.moved) < 2 or counts.max() < max(2, len(table.moved) - 1):
        return None
    step = int(steps[counts.argmax()])
    if any(each * step > 0 for each in steps.tolist() if each != step):
        return None
    if any(abs(each) <= abs(step) for each in steps.tolist() if each != step):
        return None
    number = int(np.isin(heard.predicted - heard.target, steps).sum())
    words = f"{abs(step)} {'less' if step > 0 else 'more'} than what the network surely sees"
    message = f"the labels of {number} of {len(heard.target)} positives, of {len(table.moved)} classes, are {words}"
    for target, column, _ in table.moved:
        if column - target != step:
            message += f", {_name(predicted, target)} going round to {_name(predicted, column)}"
    return message, "Count classes as the network does; for saved targets: --label-offset."


def _renamed(predicted: Predicted, heard: Heard) -> Said:
    """Whether the classes go by other names; that may look so where the labels of an image are in another order."""
    table = _Called.of(heard)
    called = [column for _, column, _ in table.moved] + list(table.kept)
    if len(table.moved) < 2 or len(set(called)) < len(called):
        return None
    count = sum(number for *_, number in table.moved)
    pairs = [f"{_name(predicted, target)} is {_name(predicted, column)}" for target, column, _ in table.moved]
    more = f" and {len(pairs) - MOST_NAMED} more" if len(pairs) > MOST_NAMED else ""
    message = (
        f"to the network the classes of {count} positives have other numbers: {', '.join(pairs[:MOST_NAMED])}{more}; "
        "its class list is in another order"
    )
    fix = "Use one class list, in one order, for the network's training and for these targets."
    wrong, exchanged = _exchanged(_Objects.of(heard))
    if wrong and exchanged >= EXCHANGED * wrong:
        message += ", or the labels of an image are in another order than its boxes"
        fix += f" {TOGETHER}"
    return message, fix


def _reordered(heard: Heard) -> Said:
    """Whether most objects with a wrong label are taken for a class that others of their image are labelled as."""
    objects = _Objects.of(heard)
    wrong, exchanged = _exchanged(objects)
    said = f"{wrong} of {len(objects.image)} objects are surely taken for another class, and "
    therefore = "boxes and labels do not go together"
    if wrong >= FEWEST_ALONE and exchanged >= EXCHANGED * wrong:
        which = f"{exchanged} of them for that which others of these in their image are labelled as"
        return f"{said}{which}: {therefore}", TOGETHER
    for step, neighbour in ((1, "after"), (-1, "before")):
        of, shifted = _shifted(objects, step)
        if shifted >= FEWEST_SHIFTED and shifted == of:
            which = f"all {of} that have one {neighbour} them in the list for the class of that one's label"
            return f"{said}{which}: {therefore}", TOGETHER
    return None


def _shifted(objects: _Objects, step: int) -> tuple[int, int]:
    """How many objects taken for another class have a neighbour in the list, and how many are taken for its label."""
    place = np.searchsorted(objects.number, objects.number + step).clip(max=len(objects.number) - 1)
    has = (objects.number[place] == objects.number + step) & (objects.image[place] == objects.image)
    has &= (objects.called != objects.target) & (objects.target[place] != objects.target)
    return int(has.sum()), int((objects.called == objects.target[place])[has].sum())


def _exchanged(objects: _Objects) -> tuple[int, int]:
    """How many objects are taken for another class, and of these, for the label of another one in their image."""
    wrong = objects.called != objects.target
    size = 1 + int(max(objects.target.max(initial=0), objects.called.max(initial=0)))
    length = size * (1 + int(objects.image.max(initial=0)))
    labelled, called = (
        np.bincount(objects.image[wrong] * size + part[wrong], minlength=length)
        for part in (objects.target, objects.called)
    )
    return int(wrong.sum()), int(np.minimum(labelled, called).sum())


def _name(predicted: Predicted, column: int) -> str:
    names = predicted.class_names
    return names[column - 1] if 0 < column <= len(names) else f"class {column}"
