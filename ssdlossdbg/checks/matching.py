"""Matching: objects that no prior learns, or the wrong one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.cases import Describe, TableCases, of_images, of_rows
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.checks.rows import by_class, lowest_first
from ssdlossdbg.results import HARDLY, BoolArray, Case, Costs, Objects, Severity, Where

MATCHING = Family("MAT", "matching")

BROKEN_BOXES = ("FIL002", "BOX001", "BOX002", "BOX003", "BOX004", "BOX005", "BOX006", "BOX007", "BOX012")
BROKEN_INPUTS = (*BROKEN_BOXES, "PRI004", "PRI008", "PRI013", "PRI015")
# A class is judged from so many objects on, and condemned if so large a share of them is only forced.
LEAST_OBJECTS, MOST_FORCED = 10, 0.9


@MATCHING.check(1, "object that overlaps no prior", Severity.ERROR, Objects, BROKEN_INPUTS)
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
    2, "object that lost its prior", Severity.WARNING, Objects, ("BOX010", "BOX011", "MAT001", *BROKEN_INPUTS)
)
def lost(objects: Objects) -> TableCases:
    """Another object took the only prior that this one could have.

    What it means:
        Every object is promised its best prior. Two objects have the same best prior, and a prior can stand for one
        only; this one has no other that reaches the threshold.

    Why it matters:
        The object is in no part of the loss. Its priors may even be mined as negatives, so the network learns not to
        see it.

    How to tell:
        The object has no positive, and the prior of its highest IoU belongs to another object.

    How to fix:
        Nothing, if it happens now and then in a crowd. Otherwise use more or smaller priors, a larger input, or a
        dialect that then gives the loser its next best prior (Caffe's bipartite matching).

    Where people met it:
        amdegroot/ssd.pytorch#354 and #193; torchvision's SSDMatcher does the same.
    """

    def describe(row: int) -> Case:
        winner = int(objects.lost_to[row])
        message = (
            f"no prior is trained on it: object {int(objects.index[winner])} ({objects.labels[winner]}) took its best "
            f"one, {int(objects.best_prior[row])}, of IoU {objects.best_iou[row]:.2f}"
        )
        fix = "Look at both with ssdlossdbg match; smaller or more priors, or a larger input, keep them apart."
        return Case(objects.where(row), message, float(objects.best_iou[row]), _threshold(objects), fix)

    return of_rows(objects, np.flatnonzero(_without_positive(objects) & (objects.lost_to >= 0)), describe)


@MATCHING.check(3, "object without a prior", Severity.WARNING, Objects, ("MAT001", *BROKEN_INPUTS))
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
        Add priors of its size and shape, or lower the threshold.

    Where people met it:
        balancap/SSD-Tensorflow#222 and #318; fizyr/keras-retinanet#481.
    """
    threshold = _threshold(objects)

    def describe(row: int) -> Case:
        best = float(objects.best_iou[row])
        message = f"no prior is trained on it: the best one, {int(objects.best_prior[row])}, has IoU {best:.2f}"
        fix = f"Add priors of its shape, {_size(objects, row)} px, or lower the threshold of {threshold:g}."
        return Case(objects.where(row), message, best, threshold, fix)

    short = (objects.best_iou > 0) & (objects.best_iou < threshold)
    return of_rows(objects, np.flatnonzero(_without_positive(objects) & (objects.lost_to < 0) & short), describe)


@MATCHING.check(4, "object that hardly overlaps its prior", Severity.WARNING, Objects, ("MAT001", *BROKEN_INPUTS))
def hardly_overlaps(objects: Objects) -> TableCases:
    """The only prior that is trained on the object hardly overlaps it.

    What it means:
        The object is far smaller, larger or thinner than any prior, or lies far from all of them. It is given its best
        prior all the same, as every object is.

    Why it matters:
        That prior has to learn offsets far larger than all others, from pixels that mostly show something else. In
        practice such objects are not learnt, and they disturb what the prior learns otherwise.

    How to tell:
        All its positives are forced, and its highest IoU is below 0.1.

    How to fix:
        Add priors of that size, use a larger input, or leave such objects out.

    Where people met it:
        balancap/SSD-Tensorflow#222; fizyr/keras-retinanet#481; ultralytics/yolov5#7118.
    """

    def describe(row: int) -> Case:
        best = float(objects.best_iou[row])
        message = (
            f"{_size(objects, row)} px in the network's input; the one prior trained on it, "
            f"{int(objects.best_prior[row])}, overlaps it with IoU {best:.2f}"
        )
        fix = "Add priors of that size, use a larger input, or leave such objects out."
        return Case(objects.where(row), message, best, HARDLY, fix)

    hardly = objects.forced_only & (objects.best_iou > 0) & (objects.best_iou < HARDLY)
    return of_rows(objects, lowest_first(hardly, objects.best_iou), describe)


@MATCHING.check(5, "object of no prior's shape", Severity.NOTE, Objects, ("MAT004", *BROKEN_INPUTS))
def no_such_shape(objects: Objects) -> TableCases:
    """No prior has the object's size and shape.

    What it means:
        Even a prior centred on the object would not reach the match threshold: it is smaller, larger or more elongated
        than all of them. It has just the one prior that every object is given.

    Why it matters:
        Objects with one positive weigh little beside objects with ten. If most of a class is like that, the class is
        learnt slowly or never: the usual reason why small objects do not train.

    How to tell:
        The best IoU of the object with a prior shape centred on it is below the threshold. Where even the best prior's
        IoU is below 0.1, it is MAT004.

    How to fix:
        Add a prior shape near its size (`ssdlossdbg anchors` shows what sizes the priors reach), or use a larger input.

    Where people met it:
        balancap/SSD-Tensorflow#222 and #318; fizyr/keras-retinanet#481; ultralytics/yolov5#72.
    """

    def describe(row: int) -> Case:
        best, shape = float(objects.best_iou[row]), float(objects.shape_iou[row])
        message = (
            f"{_size(objects, row)} px in the network's input, which no prior is: its best one has IoU {best:.2f}, and "
            f"would have {shape:.2f} if it were centred on it"
        )
        return Case(objects.where(row), message, shape, _threshold(objects), "Add a prior near that size and shape.")

    return _smallest_first(objects, _barely_trained(objects) & (objects.shape_iou < _threshold(objects)), describe)


@MATCHING.check(6, "object between the cells", Severity.NOTE, Objects, ("MAT004", *BROKEN_INPUTS))
def between_cells(objects: Objects) -> TableCases:
    """A prior has the object's shape, but none lies near enough.

    What it means:
        Priors stand on a grid. This object fits one of them, but lies between the cells, so that none overlaps it
        enough. Moved by half a cell it would match.

    Why it matters:
        It has just the one prior that every object is given, and weighs little. Tools that fit anchors by shape alone
        do not see this: they take every object to be centred on a prior.

    How to tell:
        A prior centred on it would reach the threshold, the best one where they really stand does not. A prior of width
        w reaches an object of its own size everywhere only if the step of its level is at most 2 w (1 - sqrt(2 t / (1 +
        t))), which is 0.367 w for a threshold t of 0.5.

    How to fix:
        Put priors of that size on a finer feature map, or lower the threshold a little.

    Where people met it:
        perhaps martinzlocha/anchor-optimization#8; julimueller/tl_ssd#3.
    """

    def describe(row: int) -> Case:
        best, shape = float(objects.best_iou[row]), float(objects.shape_iou[row])
        message = (
            f"{_size(objects, row)} px in the network's input, between the cells: its best prior has IoU {best:.2f}, "
            f"and would have {shape:.2f} if it were centred on it"
        )
        fix = "Put priors of that size on a finer level."
        return Case(objects.where(row), message, best, _threshold(objects), fix)

    return _smallest_first(objects, _barely_trained(objects) & (objects.shape_iou >= _threshold(objects)), describe)


@MATCHING.check(7, "equally good priors", Severity.NOTE, Objects, ("MAT001", "MAT004", *BROKEN_INPUTS))
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
        threshold, so that it depends on the choice which of them is forced.

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

    tied = objects.valid & (objects.near_ties > 1) & (objects.positives == objects.forced)
    return of_rows(objects, lowest_first(tied, -objects.near_ties), describe)


@MATCHING.check(8, "no positive in the batch", Severity.ERROR, Costs, ("LBL002", "MAT009", *BROKEN_INPUTS))
def no_positive(result: Costs) -> Iterator[Case]:
    """No prior of the whole batch is positive.

    What it means:
        Nothing in the batch is to be learnt: it has no object, or none that any prior stands for.

    Why it matters:
        The loss is divided by the number of positives. ssd.pytorch and pytorch-ssd then return 0 / 0 = nan; others
        raise, or return 0 and waste the step.

    How to tell:
        The number of positives over all images is 0.

    How to fix:
        Skip such a batch, or divide by max(positives, 1). If every batch is like that, the labels are all background,
        or the targets were made without objects.

    Where people met it:
        kuangliu/torchcv#35; dmlc/gluon-cv#627; weiliu89/caffe#285.
    """
    if sum(image.positives for image in result.images):
        return
    gives = (
        f"the real {result.dialect} raises: {result.raises}" if result.raises else f"the loss is {result.loss.total:g}"
    )
    message = f"none of the {len(result.images) * result.priors} priors of the batch is positive, so {gives}"
    fix = "Skip batches without an object, or divide by max(positives, 1)."
    yield Case(Where(result.targets_path), message, 0, 1, fix)


@MATCHING.check(9, "image without objects that raises", Severity.ERROR, Objects)
def raises_without_objects(objects: Objects) -> TableCases:
    """An image has no object, and this codebase's training crashes on it.

    What it means:
        The annotation lists no object (or only ones that the loader drops). The dialect's matching takes a maximum over
        objects, and a maximum over nothing raises.

    Why it matters:
        Training stops when the image comes up, which may be hours after it began, and not in the same place again.

    How to tell:
        The image has no object, and the dialect's [raises] image_without_objects says where the real code raises.

    How to fix:
        Leave such images out of the training set, or return from matching early with all priors as background.

    Where people met it:
        weiliu89/caffe#592 and #348; qfgaohao/pytorch-ssd#69; lufficc/SSD#150 and #168.
    """
    reason = objects.rules.raises.image_without_objects

    def describe(image: int) -> Case:
        message = f"no object, and the real {objects.rules.name} raises on such an image: {reason}"
        return Case(objects.place(image), message, 0, 1, "Leave the image out of training, or annotate it.")

    return _empty_images(objects, bool(reason), describe)


@MATCHING.check(10, "image without objects", Severity.NOTE, Objects)
def without_objects(objects: Objects) -> TableCases:
    """An image has no object, so it adds nothing to the loss.

    What it means:
        Negatives are mined in proportion to an image's positives, and this image has none.

    Why it matters:
        Background images teach such a loss nothing at all: they cost time, and do not reduce false detections, though
        that is why people add them.

    How to tell:
        The image has no object, and the dialect neither raises on it, nor mines a least number of negatives, nor mines
        over the whole batch: ssd_keras does, so it may take negatives from such an image.

    How to fix:
        Mine a least number of negatives per image (mining.minimum in a dialect file), or leave such images out.

    Where people met it:
        weiliu89/caffe#592; qfgaohao/pytorch-ssd#69.
    """
    rules = objects.rules
    useless = not (rules.raises.image_without_objects or rules.mining.minimum or rules.mining.scope == "batch")

    def describe(image: int) -> Case:
        message = f"no object, so {rules.name} mines no negative here, and the image adds nothing to the loss"
        fix = "Leave it out, or mine a least number of negatives per image."
        return Case(objects.place(image), message, 0, 1, fix)

    return _empty_images(objects, useless, describe)


@MATCHING.check(11, "class without a positive", Severity.WARNING, Objects, BROKEN_INPUTS)
def class_without_positive(objects: Objects) -> Iterator[Case]:
    """No prior is trained on any object of a class.

    What it means:
        Objects of this class are annotated, several of them, but every one lost its prior or was given none.

    Why it matters:
        The class has no part in the loss: the network cannot learn it from these images, whatever else is right.

    How to tell:
        Two or more sound objects of the class, and not one positive among them.

    How to fix:
        Look at each of them (MAT002, MAT003); mostly the priors are too large for the class.

    Where people met it:
        balancap/SSD-Tensorflow#222: small boxes produce no loss.
    """
    classes, sound = by_class(objects), _sound(objects)
    of, trained = classes.count(sound), classes.count(sound & (objects.positives > 0))
    for class_id in np.flatnonzero((of >= 2) & (trained == 0)).tolist():
        name = objects.labels[int((sound & (objects.class_id == class_id)).argmax())]
        message = f"none of the {of[class_id]} objects of {_kind(name)} has a positive, so it is not trained"
        fix = "Add priors of its size, or use a larger input: ssdlossdbg match shows each object."
        yield Case(Where(_common(objects), label=name), message, 0, 1, fix)


@MATCHING.check(12, "class that only forcing trains", Severity.WARNING, Objects, BROKEN_INPUTS)
def class_only_forced(objects: Objects) -> Iterator[Case]:
    """Hardly any object of a class reaches the match threshold.

    What it means:
        The priors do not fit the class: nearly all its objects have just the one prior that every object is given.

    Why it matters:
        One positive an object, against ten for objects of other classes: the class is learnt slowly or never. This is
        what "my small objects never train" looks like before training.

    How to tell:
        Ten or more sound objects of the class, and nine tenths of them without a prior that reaches the threshold.

    How to fix:
        Add prior shapes near the class's sizes, put them on a finer level, or use a larger input.

    Where people met it:
        balancap/SSD-Tensorflow#222 and #318; fizyr/keras-retinanet#481; ultralytics/yolov5#72.
    """
    classes, sound = by_class(objects), _sound(objects)
    of, trained = classes.count(sound), classes.count(sound & (objects.positives > 0))
    short = classes.count(sound & (objects.best_iou < _threshold(objects)))
    condemned = (of >= LEAST_OBJECTS) & (short / of.clip(1) >= MOST_FORCED) & (trained > 0)
    for class_id in np.flatnonzero(condemned).tolist():
        rows = np.flatnonzero(sound & (objects.class_id == class_id))
        name = objects.labels[int(rows[0])]
        sides = np.median((objects.boxes[rows, 2:] - objects.boxes[rows, :2]) * objects.image_size, axis=0)
        message = (
            f"{short[class_id]} of the {of[class_id]} objects of {_kind(name)}, {sides[0]:.3g} x {sides[1]:.3g} px "
            "in the median, reach no prior's threshold, so forced priors alone are trained on them"
        )
        fix = "Add priors of that size, put them on a finer level, or use a larger input."
        share = float(short[class_id] / of[class_id])
        yield Case(Where(_common(objects), label=name), message, share, MOST_FORCED, fix)


def _threshold(objects: Objects) -> float:
    return objects.rules.match.threshold


def _sound(objects: Objects) -> BoolArray:
    """`[N]` whether an object is one of the classes, in a box that is one."""
    return np.asarray(objects.valid & (objects.class_id > 0))


def _without_positive(objects: Objects) -> BoolArray:
    return np.asarray(_sound(objects) & (objects.positives == 0))


def _barely_trained(objects: Objects) -> BoolArray:
    """`[N]` whether forced priors alone are trained on an object, though they do overlap it (else MAT004)."""
    return np.asarray(objects.forced_only & (objects.best_iou >= HARDLY))


def _smallest_first(objects: Objects, chosen: BoolArray, describe: Describe) -> TableCases:
    x1, y1, x2, y2 = objects.boxes.T
    with np.errstate(invalid="ignore"):  # of boxes that are infinite
        area = (x2 - x1) * (y2 - y1)
    return of_rows(objects, lowest_first(chosen, area), describe)


def _empty_images(objects: Objects, matters: bool, describe: Describe) -> TableCases:
    """A case for each image without objects, where that matters to the dialect; else none."""
    counts = np.bincount(objects.image, minlength=len(objects.images))
    counts += np.asarray([image.unusable for image in objects.images], dtype=np.int64)
    return of_images(objects, np.flatnonzero((counts == 0) & matters), describe)


def _common(objects: Objects) -> str:
    """The file of all images, or the folder that holds all their files."""
    return objects.files[0] if len(objects.files) == 1 else os.path.commonpath(objects.files)


def _kind(name: str) -> str:
    """A class in words; where it has no name, a number stands for it as "class 3"."""
    return name if name.startswith("class ") else f"class {name}"


def _size(objects: Objects, row: int) -> str:
    """Width x height in pixels of the network's input."""
    width, height = ((objects.boxes[row, 2:] - objects.boxes[row, :2]) * objects.image_size).tolist()
    return f"{width:.3g} x {height:.3g}"
