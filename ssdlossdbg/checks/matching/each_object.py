"""Objects that no prior learns, or the wrong one."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.cases import TableCases, of_rows
from ssdlossdbg.checks.matching.family import BROKEN_INPUTS, MATCHING, UNLIKELY_PRIORS, sound_objects
from ssdlossdbg.checks.matching.remedies import Remedies
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import HARDLY, BoolArray, Case, IntArray, Objects, Severity, box_areas
from ssdlossdbg.rules import ForcedRule


@MATCHING.check(1, "object that overlaps no prior", Severity.ERROR, Objects, BROKEN_INPUTS, UNLIKELY_PRIORS)
def overlaps_nothing(objects: Objects) -> TableCases:
    """No prior overlaps the object at all.

    What it means:
        The object lies inside the image, but where the grid of priors has a hole: the priors do not cover the image.

    Why it matters:
        The best of many overlaps of 0 is the first, so most codebases train prior 0, in the upper left corner, to
        predict this object. Some even give it every prior that overlaps nothing.

    How to tell:
        The highest IoU of the object with any prior is 0, though its box is sound and inside the image.

    How to fix:
        Look at the priors (`ssdlossdbg anchors`): their steps and feature maps must span the input.

    Where people met it:
        open-mmlab/mmdetection#8289; dmlc/gluon-cv's ssd_300_mobilenet0.25, whose finest priors cover a quarter of the
        image.
    """

    def describe(row: int) -> Case:
        taught = "no prior is trained on it"
        if objects.positives[row]:
            taught = f"prior {int(objects.best_prior[row])} is trained on it, though it is elsewhere"
        fix = "Check that the priors span the image: ssdlossdbg anchors."
        return Case(objects.where(row), f"no prior overlaps it; {taught}", 0.0, 0.0, fix)

    return of_rows(objects, np.flatnonzero(objects.valid & (objects.best_iou == 0)), describe)


@MATCHING.check(
    2,
    "object that lost its prior",
    Severity.WARNING,
    Objects,
    follows_from=("BOX010", "BOX011", "MAT001", *BROKEN_INPUTS),
    beneath=("MAT011", "MAT012", *UNLIKELY_PRIORS),
)
def lost(objects: Objects) -> TableCases:
    """Another object took the only prior that this one could have.

    What it means:
        This dialect promises every object its best prior. Two objects have the same best prior, and a prior can stand
        for one only; of those that this one overlaps enough, all are others', or there is none.

    Why it matters:
        The object is in no part of the loss. Its priors may even be mined as negatives, so the network learns not to
        see it.

    How to tell:
        The object has no positive, and the prior of its highest IoU belongs to another object.

    How to fix:
        Nothing, if it happens now and then in a crowd. Otherwise priors nearer to its size and shape, which the finding
        names, so that it reaches the threshold without force, or, if it does, more of them: a level with smaller steps;
        or a codebase that gives the loser its next best prior (Caffe's bipartite matching). An object annotated twice
        is BOX010.

    Where people met it:
        amdegroot/ssd.pytorch#354 and #193; torchvision's SSDMatcher does the same.
    """
    rows = np.flatnonzero(_without_positive(objects) & (objects.lost_to >= 0))
    remedies = Remedies(objects, rows)

    def describe(row: int) -> Case:
        winner = int(objects.lost_to[row])
        message = (
            f"no prior is trained on it: object {int(objects.index[winner])} ({objects.labels[winner]}) took its best "
            f"one, {int(objects.best_prior[row])}, of IoU {objects.best_iou[row]:.2f}"
        )
        best, threshold = float(objects.best_iou[row]), objects.rules.match.threshold
        return Case(objects.where(row), message, best, threshold, remedies.of(row))

    return of_rows(objects, rows, describe)


@MATCHING.check(
    3,
    "object without a prior",
    Severity.WARNING,
    Objects,
    follows_from=("MAT001", *BROKEN_INPUTS),
    beneath=("MAT011", "MAT012", *UNLIKELY_PRIORS),
)
def without_prior(objects: Objects) -> TableCases:
    """No prior reaches the threshold, and the dialect forces none.

    What it means:
        Every prior overlaps the object by less than the match threshold, and this dialect's rule for forced matches
        passes it over.

    Why it matters:
        The object is in no part of the loss, so it is never learnt.

    How to tell:
        It has no positive, its best prior's IoU is below the threshold, and no other object took that prior.

    How to fix:
        As the finding says, from the object's size and shape and the priors': another aspect ratio, priors of another
        size, a finer level, or tiles of the photos. `ssdlossdbg anchors --fit` finds sizes and ratios.

    Where people met it:
        balancap/SSD-Tensorflow#222 and #318; fizyr/keras-retinanet#481.
    """
    threshold = objects.rules.match.threshold
    short = (objects.best_iou > 0) & (objects.best_iou < threshold)
    rows = np.flatnonzero(_without_positive(objects) & (objects.lost_to < 0) & short)
    remedies = Remedies(objects, rows)

    def describe(row: int) -> Case:
        best = float(objects.best_iou[row])
        message = (
            f"no prior is trained on it: the best one, {int(objects.best_prior[row])}, has IoU "
            f"{_told_apart(best, threshold)}, below {threshold:g}, and {objects.rules.name} forces none on it"
        )
        return Case(objects.where(row), message, best, threshold, remedies.of(row))

    return of_rows(objects, rows, describe)


@MATCHING.check(
    4,
    "object that hardly overlaps its prior",
    Severity.WARNING,
    Objects,
    follows_from=("MAT001", *BROKEN_INPUTS),
    beneath=("MAT012", *UNLIKELY_PRIORS),
)
def hardly_overlaps(objects: Objects) -> TableCases:
    """The only prior that is trained on the object hardly overlaps it.

    What it means:
        The object is far smaller, larger or thinner than any prior, or lies far from all of them. This dialect gives it
        its best prior all the same.

    Why it matters:
        That prior has to learn offsets far larger than all others, from pixels that mostly show something else. In
        practice such objects are not learnt, and they disturb what the prior learns otherwise.

    How to tell:
        All its positives are forced, and its highest IoU is below 0.1.

    How to fix:
        As the finding says: tiles of the photos where objects are too small for any prior, an aspect ratio where they
        are too long, else priors of their size. Or leave such objects out.

    Where people met it:
        balancap/SSD-Tensorflow#222; fizyr/keras-retinanet#481; ultralytics/yolov5#7118.
    """
    rows = lowest_first(objects.forced_only & (objects.best_iou > 0) & (objects.best_iou < HARDLY), objects.best_iou)
    remedies = Remedies(objects, rows)

    def describe(row: int) -> Case:
        best = float(objects.best_iou[row])
        which = "the one prior trained on it" if objects.forced[row] == 1 else "the best prior trained on it"
        message = (
            f"{_size(objects, row)} px in the network's input; {which}, "
            f"{int(objects.best_prior[row])}, overlaps it with IoU {best:.2f}"
        )
        return Case(objects.where(row), message, best, HARDLY, f"{remedies.of(row)} Or leave such objects out.")

    return of_rows(objects, rows, describe)


@MATCHING.check(
    5,
    "object of no prior's shape",
    Severity.NOTE,
    Objects,
    follows_from=("MAT004", *BROKEN_INPUTS),
    beneath=("MAT012", *UNLIKELY_PRIORS),
)
def no_such_shape(objects: Objects) -> TableCases:
    """No prior has the object's size and shape.

    What it means:
        Even a prior centred on the object would not reach the match threshold: it is smaller, larger or more elongated
        than all of them, or lies between their sizes. It has just the prior that this dialect forces on every object.

    Why it matters:
        Objects with one positive weigh little beside objects with ten. If most of a class is like that, the class is
        learnt slowly or never: the usual reason why small objects do not train.

    How to tell:
        The best IoU of the object with a prior shape centred on it is below the threshold. Where even the best prior's
        IoU is below 0.1, it is MAT004.

    How to fix:
        As the finding says: another aspect ratio, priors of another size, or tiles of the photos.
        `ssdlossdbg anchors` shows what sizes the priors reach, `ssdlossdbg anchors --fit` finds better ones.

    Where people met it:
        balancap/SSD-Tensorflow#222 and #318; fizyr/keras-retinanet#481; ultralytics/yolov5#72.
    """
    threshold = objects.rules.match.threshold
    rows = _smallest_first(objects, _barely_trained(objects) & (objects.shape_iou < threshold))
    remedies = Remedies(objects, rows)

    def describe(row: int) -> Case:
        best, shape = float(objects.best_iou[row]), float(objects.shape_iou[row])
        message = (
            f"{_size(objects, row)} px in the network's input, which no prior is: its best one has IoU {best:.2f}, and "
            f"would have {shape:.2f} if it were centred on it"
        )
        return Case(objects.where(row), message, shape, threshold, remedies.of(row))

    return of_rows(objects, rows, describe)


@MATCHING.check(
    6,
    "object between the cells",
    Severity.NOTE,
    Objects,
    follows_from=("MAT004", *BROKEN_INPUTS),
    beneath=("MAT012", *UNLIKELY_PRIORS),
)
def between_cells(objects: Objects) -> TableCases:
    """A prior has the object's shape, but none lies near enough.

    What it means:
        Priors stand on a grid. This object fits one of them, but lies between the cells, so that none overlaps it
        enough. Moved by half a cell it would match.

    Why it matters:
        It has just the prior that this dialect forces on every object, and weighs little. Tools that fit anchors by
        shape alone do not see this: they take every object to be centred on a prior.

    How to tell:
        A prior centred on it would reach the threshold, the best one where they really stand does not. A prior of width
        w reaches an object of its own size everywhere only if the step of its level is at most 2 w (1 - sqrt(2 t / (1 +
        t))), which is 0.367 w for a threshold t of 0.5.

    How to fix:
        Put priors of that size on a finer feature map, whose step the finding names, or lower the threshold a little.

    Where people met it:
        perhaps martinzlocha/anchor-optimization#8; julimueller/tl_ssd#3.
    """
    threshold = objects.rules.match.threshold
    rows = _smallest_first(objects, _barely_trained(objects) & (objects.shape_iou >= threshold))
    remedies = Remedies(objects, rows)

    def describe(row: int) -> Case:
        best, shape = float(objects.best_iou[row]), float(objects.shape_iou[row])
        message = (
            f"{_size(objects, row)} px in the network's input, between the cells: its best prior has IoU {best:.2f}, "
            f"and would have {shape:.2f} if it were centred on it"
        )
        return Case(objects.where(row), message, best, threshold, remedies.of(row))

    return of_rows(objects, rows, describe)


@MATCHING.check(7, "equally good priors", Severity.NOTE, Objects, ("MAT001", "MAT002", "MAT004", *BROKEN_INPUTS))
def equally_good(objects: Objects) -> TableCases:
    """Several priors overlap the object equally well.

    What it means:
        The object lies just between cells, or two shapes fit it alike. The best prior is the first of them, and the
        next build of the same code may take another: a rounding decides.

    Why it matters:
        Little, for training. But two ports of one codebase, or a CPU and a GPU, may count different positives, and
        somebody looks for a bug.

    How to tell:
        The IoU of several priors with the object lies within 1e-5 of the highest, and none of them reaches the
        threshold, so that it depends on the choice which of them is forced. Nothing is said where the dialect forces
        none.

    How to fix:
        Nothing. Compare counts of positives with that in mind.

    Where people met it:
        facebookresearch/detectron2#3750.
    """

    def describe(row: int) -> Case:
        ties, forced = int(objects.near_ties[row]), int(objects.forced[row])
        which = f"{forced} {'is' if forced == 1 else 'are'} forced"
        message = f"{ties} priors overlap it equally, with IoU {objects.best_iou[row]:.2f}, of which {which}"
        fix = "Nothing; another device or port may force another of them."
        return Case(objects.where(row), message, ties, 1, fix)

    tied = objects.valid & (objects.near_ties > 1) & (objects.positives == objects.forced) & _may_be_forced(objects)
    return of_rows(objects, lowest_first(tied, -objects.near_ties), describe)


def _told_apart(iou: float, threshold: float) -> str:
    """An overlap, with more digits where two would show the threshold."""
    return f"{iou:.2f}" if f"{iou:.2f}" != f"{threshold:.2f}" else f"{iou:.5f}"


def _without_positive(objects: Objects) -> BoolArray:
    return np.asarray(sound_objects(objects) & (objects.positives == 0))


def _barely_trained(objects: Objects) -> BoolArray:
    """`[N]` whether forced priors alone are trained on an object, though they do overlap it (else MAT004)."""
    return np.asarray(objects.forced_only & (objects.best_iou >= HARDLY))


def _may_be_forced(objects: Objects) -> BoolArray:
    """`[N]` whether the dialect forces a prior of such an overlap on an object."""
    match = objects.rules.match
    if match.forced is ForcedRule.NONE:
        return np.zeros(len(objects.best_iou), bool)
    return np.asarray((match.forced is ForcedRule.BEST_PRIOR) | (objects.best_iou > match.minimum_iou))


def _smallest_first(objects: Objects, chosen: BoolArray) -> IntArray:
    return lowest_first(chosen, box_areas(objects.boxes))


def _size(objects: Objects, row: int) -> str:
    """Width x height in pixels of the network's input."""
    width, height = ((objects.boxes[row, 2:] - objects.boxes[row, :2]) * objects.image_size).tolist()
    return f"{width:.3g} x {height:.3g}"
