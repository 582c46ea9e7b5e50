"""What the logits say of the columns and of the labels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssdlossdbg.checks.predictions.family import FEWEST_POSITIVES, MISREAD, PREDICTIONS, WRONG_INPUTS
from ssdlossdbg.results import Case, IntArray, Predicted, Severity
from ssdlossdbg.results.hypotheses import Heard

# Nearly all negatives have one column on top.
NEARLY_ALL, SURELY = 0.9, 0.5
# The background is less probable at positives by this much, in a network that has begun to learn.
LESS_AT_POSITIVES = 0.2
# The positives of a class agree on another one; fewer of them tell nothing, one class alone less than several together.
AGREED, FEWEST_OF_CLASS, FEWEST_ALONE = 0.9, 2, 5
# Of the positives that are surely taken for something, a share this large is taken for something else.
MANY = 0.25
MOST_NAMED = 4
ELSEWHERE = (*WRONG_INPUTS, "PRE001", "PRE010", "PRE011", "PRE013", "PRE015")


@PREDICTIONS.check(7, "probabilities in place of logits", Severity.ERROR, Predicted)
def no_logits(predicted: Predicted) -> Iterator[Case]:
    """The scores are probabilities already, and the loss makes probabilities of them once more.

    What it means:
        The loss takes logits: numbers of any size, which its softmax (or sigmoid) turns into probabilities. These went
        through one before. Either the network ends in a softmax, in training, too; or only what was saved did, as some
        networks apply it in eval mode.

    Why it matters:
        A softmax of numbers between 0 and 1 is nearly flat: with 21 classes even a perfect answer gets a probability of
        0.12 and costs 2.1. A network that trains so stops there, with weak gradients.

    How to tell:
        All scores lie between 0 and 1; the rows add up to 1 (softmax), or do not (sigmoid). Logits never do.

    How to fix:
        Take the softmax out of the training path, and keep it for detection. If only the saved file has it, save conf
        as the loss receives it, in training mode.

    Where people met it:
        amdegroot/ssd.pytorch#218.
    """
    if not predicted.probabilities:
        return
    classes = predicted.classes
    floor = math.log(1 + (classes - 1) / math.e) if predicted.probabilities == "softmax" else None
    which = "every row adds up to 1" if predicted.probabilities == "softmax" else "all lie between 0 and 1"
    costs = f", so that even a perfect answer costs {floor:.2f}" if floor is not None and predicted.loss else ""
    message = (
        f"conf holds probabilities and no logits ({which}): a {predicted.probabilities} was applied, and the loss "
        f"applies its own once more{costs}"
    )
    fix = "Give the loss the logits; if only the file has probabilities (eval mode), save conf as the loss receives it."
    yield Case(predicted.where(), message, predicted.probabilities, "logits", fix)


@PREDICTIONS.check(8, "background in another column", Severity.ERROR, Predicted, ("PRE007", "ENC012"))
def other_background(predicted: Predicted) -> Iterator[Case]:
    """The network calls nearly all negatives by one class, and positives by others.

    What it means:
        Here column 0 is the background. The network has it in another column, usually the last one.

    Why it matters:
        Every negative costs as much as a false alarm, mining picks them by the wrong score, and each class is compared
        with the logit of its neighbour.

    How to tell:
        At least 90% of all negatives have their highest logit in one column that is not the first, with a mean
        probability above 0.5, which is less at the positives, by at least 0.2. If it is the last column, the mean
        cross-entropy of what the loss counts falls when the columns are rolled by one. A network that says one class
        everywhere, positives included, is not spoken of.

    How to fix:
        Read the file with --native where the codebase has the background last (MMDetection); else save
        conf.roll(1, -1), or train with labels that fit the columns.

    Where people met it:
        Predictions of open-mmlab/mmdetection read by code that has the background first.
    """
    heard = predicted.heard
    if heard is None or heard.column == 0 or heard.column_share < NEARLY_ALL or heard.column_probability < SURELY:
        return
    last = heard.column == predicted.classes - 1
    seen = heard.positives_probability <= heard.column_probability - LESS_AT_POSITIVES
    if not seen or (last and heard.rolled >= heard.cost):
        return
    where = f"column {heard.column}, the last one," if last else f"column {heard.column}"
    after = f"; rolled by one, the mean cross-entropy falls from {heard.cost:.2f} to {heard.rolled:.2f}" if last else ""
    message = (
        f"{where} has the highest logit at {heard.column_share:.0%} of all negatives (mean probability "
        f"{heard.column_probability:.2f}; at the positives {heard.positives_probability:.2f}): the background is "
        f"there, and not in column 0{after}"
    )
    fix = "Say --native if that is the codebase's own order, or save conf.roll(1, -1)."
    fix = fix if last else "Put that column first, and the classes after it in the order of their labels."
    yield Case(predicted.where(), message, heard.column, 0, fix)


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
        Of the positives that are surely (above 0.5) taken for an object, at least 20, the classes are counted. Nearly
        all positives (90%) of at least two classes are taken for one other class each, no two for the same; or all
        labels are one class, and most positives are surely taken for several others; or in each image the classes
        predicted for its objects are its labels in another order. A network that has learnt little is sure of little.

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
    if wrong.mean() < MANY:
        return
    said = _all_one(predicted, heard) or _one_off(heard) or _renamed(predicted, heard) or _reordered(heard)
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
        not yet done, and nothing is said of that. With several such classes it is PRE009.

    How to fix:
        Look at some of these objects. If their label is wrong, correct it; else give the class more weight or examples.

    Where people met it:
        No thread: follows from the counts of what is taken for what.
    """
    heard = predicted.heard
    if heard is None or len(heard.target) < FEWEST_POSITIVES or _says_one_class(heard):
        return
    table = _Called.of(heard)
    for target, column, count in table.moved:
        if count < max(FEWEST_ALONE, int(((heard.target == column) & (heard.predicted == column)).sum())):
            continue  # a frequent class swallows a rare one in any network that is not yet done
        message = (
            f"{count} positives of {_name(predicted, target)} are surely taken for {_name(predicted, column)}: the "
            "label is another class's, or the network cannot tell the two apart"
        )
        fix = "Look at these objects: correct the label if it is wrong, else give the class more examples."
        yield Case(predicted.where(), message, column, target, fix)


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


def _all_one(predicted: Predicted, heard: Heard) -> tuple[str, str] | None:
    labels, called = np.unique(heard.target), np.unique(heard.predicted, return_counts=True)
    often = [int(each) for each, count in zip(*called, strict=True) if count >= FEWEST_OF_CLASS]
    if len(labels) > 1 or len(often) < 2 or (heard.target != heard.predicted).mean() < SURELY:
        return None
    names = ", ".join(_name(predicted, each) for each in often[:MOST_NAMED])
    message = (
        f"all labels are {_name(predicted, int(labels[0]))}, but the network surely sees {names} at "
        f"{len(heard.target)} positives: the labels are not looked up, or all are filled with one number"
    )
    return message, "Check that the loader reads each object's class: print the labels of a few images."


def _one_off(heard: Heard) -> tuple[str, str] | None:
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
    number = int((heard.predicted - heard.target == step).sum())
    words = f"{abs(step)} {'less' if step > 0 else 'more'} than what the network surely sees"
    message = f"the labels of {number} of {len(heard.target)} positives, of {counts.max()} classes, are {words}"
    return message, "Count classes as the network does; for saved targets: --label-offset."


def _renamed(predicted: Predicted, heard: Heard) -> tuple[str, str] | None:
    table = _Called.of(heard)
    called = [column for _, column, _ in table.moved] + list(table.kept)
    if len(table.moved) < 2 or len(set(called)) < len(called):
        return None
    steps = {column - target for target, column, _ in table.moved}
    count = sum(number for *_, number in table.moved)
    if len(steps) == 1 and not table.kept:
        (step,) = steps
        words = f"{abs(step)} {'less' if step > 0 else 'more'} than what the network surely sees"
        message = (
            f"the labels of {count} positives of {len(table.moved)} classes are {words}: counted from another number"
        )
        return message, "Count classes as the network does; for saved targets: --label-offset."
    pairs = [f"{_name(predicted, target)} is {_name(predicted, column)}" for target, column, _ in table.moved]
    more = f" and {len(pairs) - MOST_NAMED} more" if len(pairs) > MOST_NAMED else ""
    message = (
        f"to the network the classes of {count} positives have other numbers: {', '.join(pairs[:MOST_NAMED])}{more}; "
        "its class list is in another order"
    )
    return message, "Use one class list, in one order, for the network's training and for these targets."


def _reordered(heard: Heard) -> tuple[str, str] | None:
    """Whether in nearly all images with a wrong label the predicted classes are the labels in another order."""
    known = heard.owner >= 0
    objects, first = np.unique(heard.owner[known], return_index=True)
    if not len(objects):
        return None
    image, target = heard.image[known][first], heard.target[known][first]
    called = _usual(heard.owner[known], heard.predicted[known], objects)
    bad = np.unique(image[called != target])
    fits = [np.array_equal(np.sort(called[image == each]), np.sort(target[image == each])) for each in bad.tolist()]
    wrong = int((called != target).sum())
    if not fits or np.mean(fits) < AGREED or wrong < FEWEST_ALONE:
        return None
    message = (
        f"{wrong} of {len(objects)} objects are surely taken for another class, and in {sum(fits)} images these "
        "classes are the image's labels in another order: boxes and labels do not go together"
    )
    return message, "Filter, sort and shuffle boxes and labels with the same index."


def _usual(owner: IntArray, predicted: IntArray, objects: IntArray) -> IntArray:
    """The class that most positives of each object are taken for."""
    size = 1 + int(predicted.max(initial=0))
    counts = np.zeros((len(objects), size), dtype=np.int64)
    np.add.at(counts, (np.searchsorted(objects, owner), predicted), 1)
    return np.asarray(counts.argmax(1))


def _name(predicted: Predicted, column: int) -> str:
    names = predicted.class_names
    return names[column - 1] if 0 < column <= len(names) else f"class {column}"
