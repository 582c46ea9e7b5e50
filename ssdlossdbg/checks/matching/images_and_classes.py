"""Batches, images and classes without anything to learn."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.cases import Describe, TableCases, alike, common_place, of_groups, of_images
from ssdlossdbg.checks.matching.family import BROKEN_INPUTS, MATCHING, UNLIKELY_PRIORS, sound_objects
from ssdlossdbg.checks.matching.remedies import Remedies
from ssdlossdbg.checks.rows import by_class, lowest_first
from ssdlossdbg.results import BoolArray, Case, Costs, ImageFacts, IntArray, Objects, Severity, Where

# A class is judged from so many objects on, and condemned if so large a share of them reaches no threshold.
LEAST_OBJECTS, MANY_SHORT = 10, 0.5


@MATCHING.check(
    8,
    "no positive in the batch",
    Severity.ERROR,
    Costs,
    follows_from=("LBL002", "MAT009", *BROKEN_INPUTS),
    beneath=("MAT001", "MAT003", "MAT011", *UNLIKELY_PRIORS),
)
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
    taken = sum(each.taken for each in result.taken_out)
    if taken:
        message = f"the first step takes all {taken} positives for background, so {gives}"
    fix = "Train the first step until it knows objects" if taken else "Skip batches without an object"
    fix += "." if math.isfinite(result.loss.total) and not result.raises else ", or divide by max(positives, 1)."
    yield Case(Where(result.targets_path), message, 0, 1, fix)


@MATCHING.check(9, "image without objects that raises", Severity.ERROR, Objects, beneath=("LBL007",))
def raises_without_objects(objects: Objects) -> TableCases:
    """An image has no object, and this codebase's training crashes on it.

    What it means:
        The annotation lists no object, or only ones that the loader drops: difficult ones, crowds, or those of a class
        that is not in the list. The dialect's matching takes a maximum over objects, and a maximum over nothing raises.

    Why it matters:
        Training stops when the image comes up, which may be hours after it began, and not in the same place again.

    How to tell:
        The image has no object left, the dialect's loader does not pass over such an image (`empty_images` and
        `empty_images_coco` under [loader]), and [raises] image_without_objects says where the real code raises.

    How to fix:
        Leave such images out of the training set, or return from matching early with all priors as background.

    Where people met it:
        weiliu89/caffe#592 and #348; qfgaohao/pytorch-ssd#69; lufficc/SSD#150 and #168.
    """
    reason = objects.rules.raises.image_without_objects

    def describe(image: int) -> Case:
        why = _why_empty(objects, image)
        message = f"{why}, and the real {objects.rules.name} raises on such an image: {reason}"
        return Case(objects.place(image), message, 0, 1, "Leave the image out of training, or annotate it.")

    fix = "Leave the images out of training, or annotate them."
    return _empty_images(objects, bool(reason), describe, fix)


@MATCHING.check(10, "image without objects", Severity.NOTE, Objects, beneath=("LBL007",))
def without_objects(objects: Objects) -> TableCases:
    """An image has no object, so it adds nothing to the loss.

    What it means:
        Negatives are mined in proportion to an image's positives, and this image has none.

    Why it matters:
        Background images teach such a loss nothing at all: they cost time, and do not reduce false detections, though
        that is why people add them.

    How to tell:
        The image has no object left, and the dialect neither passes over it, nor raises on it, nor mines a least number
        of negatives, nor mines over the whole batch: ssd_keras does, so it may take negatives from such an image. Nor
        is it said where every negative counts, mined or not.

    How to fix:
        Mine a least number of negatives per image (mining.minimum in a dialect file), or leave such images out.

    Where people met it:
        weiliu89/caffe#592; qfgaohao/pytorch-ssd#69.
    """
    rules = objects.rules
    elsewise = rules.mining.minimum or rules.mining.scope == "batch" or rules.mining.takes_all
    useless = not (rules.raises.image_without_objects or elsewise)

    def describe(image: int) -> Case:
        why = _why_empty(objects, image)
        message = f"{why}, so {rules.name} mines no negative here, and the image adds nothing to the loss"
        fix = "Leave it out, or mine a least number of negatives per image."
        return Case(objects.place(image), message, 0, 1, fix)

    fix = "Leave them out, or mine a least number of negatives per image."
    return _empty_images(objects, useless, describe, fix)


@MATCHING.check(
    11,
    "class without a positive",
    Severity.WARNING,
    Objects,
    follows_from=BROKEN_INPUTS,
    beneath=("MAT001", *UNLIKELY_PRIORS),
)
def class_without_positive(objects: Objects) -> TableCases:
    """No prior is trained on any object of a class.

    What it means:
        Objects of this class are annotated, several of them, but every one lost its prior or was given none.

    Why it matters:
        The class has no part in the loss: the network cannot learn it from these images, whatever else is right.

    How to tell:
        Two or more sound objects of the class, and not one positive among them.

    How to fix:
        As the finding says, from the objects' sizes and shapes and the priors'; MAT002 and MAT003 name each object.

    Where people met it:
        balancap/SSD-Tensorflow#222: small boxes produce no loss.
    """
    classes, sound = by_class(objects), sound_objects(objects)
    of, trained = classes.count(sound), classes.count(sound & (objects.positives > 0))
    untrained = _widest_first((of >= 2) & (trained == 0), of)
    rows = [np.flatnonzero(sound & (objects.class_id == class_id)) for class_id in untrained.tolist()]

    def describe(group: int) -> Case:
        own, name = rows[group], objects.labels[int(rows[group][0])]
        message = (
            f"none of the {len(own)} objects of {_kind(name)}, {_median(objects, own)} in the median, has a positive, "
            "so it is not trained"
        )
        return Case(Where(common_place(objects.files), label=name), message, 0, 1, Remedies(objects, own).of_all())

    return of_groups(objects, rows, describe)


@MATCHING.check(
    12,
    "class that hardly reaches the threshold",
    Severity.WARNING,
    Objects,
    follows_from=BROKEN_INPUTS,
    beneath=("MAT001", "MAT011", *UNLIKELY_PRIORS),
)
def class_only_forced(objects: Objects) -> TableCases:
    """Half of a class's objects or more reach no prior's match threshold.

    What it means:
        The priors do not fit the class. Such an object has just the prior that the dialect forces on it, or none at all
        where it forces none.

    Why it matters:
        One positive an object, against ten for objects of other classes: the class is learnt slowly or never. This is
        what "my small objects never train" looks like before training.

    How to tell:
        Ten or more sound objects of the class, and half of them without a prior that reaches the threshold.

    How to fix:
        As the finding says, from the objects' sizes and shapes and the priors': another aspect ratio, priors of another
        size, a finer level, or tiles of the photos. `ssdlossdbg anchors --fit` finds sizes and ratios, and says how
        many more objects reach the threshold with them.

    Where people met it:
        balancap/SSD-Tensorflow#222 and #318; fizyr/keras-retinanet#481; ultralytics/yolov5#72.
    """
    classes, sound = by_class(objects), sound_objects(objects)
    of, trained = classes.count(sound), classes.count(sound & (objects.positives > 0))
    short = sound & (objects.best_iou < objects.rules.match.threshold)
    number = classes.count(short)
    condemned = _widest_first((of >= LEAST_OBJECTS) & (number >= MANY_SHORT * of) & (trained > 0), number)
    rows = [np.flatnonzero(short & (objects.class_id == class_id)) for class_id in condemned.tolist()]

    def describe(group: int) -> Case:
        own, name, total = rows[group], objects.labels[int(rows[group][0])], int(of[condemned[group]])
        message = (
            f"{len(own)} of the {total} objects of {_kind(name)} ({len(own) / total:.0%}), {_median(objects, own)} in "
            f"the median, reach no prior's threshold: {_instead(objects, own)}"
        )
        where, fix = Where(common_place(objects.files), label=name), Remedies(objects, own).of_all()
        return Case(where, message, len(own) / total, MANY_SHORT, fix)

    return of_groups(objects, rows, describe)


def _widest_first(chosen: BoolArray, number: IntArray) -> IntArray:
    """The classes chosen, `[G]`, those of the most objects, `[G]`, first."""
    return lowest_first(chosen, -number)


def _median(objects: Objects, rows: IntArray) -> str:
    """The size of some objects in words."""
    sides = np.median((objects.boxes[rows, 2:] - objects.boxes[rows, :2]) * objects.image_size, axis=0)
    return f"{sides[0]:.3g} x {sides[1]:.3g} px"


def _instead(objects: Objects, rows: IntArray) -> str:
    """What is trained on objects that reach no prior's threshold, in words."""
    forced, none = int((objects.forced[rows] > 0).sum()), int((objects.positives[rows] == 0).sum())
    if not none:
        return "forced priors alone are trained on them"
    if not forced:
        return "no prior is trained on them"
    return f"forced priors alone are trained on {forced} of them, and no prior on {none}"


def _empty_images(objects: Objects, matters: bool, describe: Describe, fix: str) -> TableCases:
    """A case for each image that comes to training without objects, where that matters to the dialect; else none.

    Many that are empty for the same reasons are told as one.
    """
    loader, coco = objects.rules.loader, objects.reading.format == "coco"
    counts = np.bincount(objects.image, minlength=len(objects.images))
    # Objects of unknown size are neither here nor gone: there is a refusal of them.
    counts += np.asarray([image.unusable - image.unlisted for image in objects.images], dtype=np.int64)
    empty = np.flatnonzero((counts == 0) & matters).tolist()
    met = [i for i in empty if objects.saved or loader.meets_empty(coco, objects.images[i].annotated)]
    reasons = np.array([_reasons(objects.images[i]) for i in met], dtype=np.int64)
    cases = of_images(objects, np.array(met, dtype=np.int64), describe)
    return alike(cases, len(objects.images), "images", reasons, fix)


def _reasons(image: ImageFacts) -> int:
    """What has become of the objects that the file lists, a bit a reason."""
    return sum(2**place * bool(each) for place, each in enumerate((image.left_out, image.discarded, image.unlisted)))


def _why_empty(objects: Objects, position: int) -> str:
    """That an image has no object, and what became of those that its file lists."""
    image = objects.images[position]
    gone = {
        f"left out as {objects.reading.mark}": len(image.left_out),
        "dropped for the box": len(image.discarded),
        "of a class that is not in the list": image.unlisted,
    }
    listed = ", ".join(f"{number} {reason}" for reason, number in gone.items() if number)
    return f"no object is left ({listed})" if listed else "no object"


def _kind(name: str) -> str:
    """A class in words; where it has no name, a number stands for it as "class 3"."""
    return name if name.startswith("class ") else f"class {name}"
