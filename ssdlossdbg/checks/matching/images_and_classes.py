"""Batches, images and classes without anything to learn."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.cases import Describe, TableCases, of_images
from ssdlossdbg.checks.matching.family import BROKEN_INPUTS, MATCHING, sound_objects
from ssdlossdbg.checks.rows import by_class
from ssdlossdbg.results import Case, Costs, Objects, Severity, Where

# A class is judged from so many objects on, and condemned if so large a share of them is only forced.
LEAST_OBJECTS, MOST_FORCED = 10, 0.9


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
    classes, sound = by_class(objects), sound_objects(objects)
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
    classes, sound = by_class(objects), sound_objects(objects)
    of, trained = classes.count(sound), classes.count(sound & (objects.positives > 0))
    short = classes.count(sound & (objects.best_iou < objects.rules.match.threshold))
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
