"""What a data set is made of: the sizes of its objects, and how many of each class."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.boxes.family import WHOLE_SETS
from ssdlossdbg.checks.cases import TableCases, common_place, of_sets
from ssdlossdbg.checks.datasets.family import DATASETS
from ssdlossdbg.checks.rows import by_class, with_objects
from ssdlossdbg.results import Case, IntArray, Objects, Severity, Where, box_areas

# An object fills its photo from this share of it on; a set of so many images does if nearly all its objects do.
FILLS, LEAST_IMAGES, NEARLY_ALL = 0.8, 10, 0.95
# Classes are unequal where the most frequent has so many times the objects of the rarest, in a set of so many.
UNEQUAL, LEAST_OBJECTS = 20, 100
MOST_NAMED = 3


@DATASETS.check(1, "objects that fill their photos", Severity.WARNING, Objects, WHOLE_SETS)
def fill_their_photos(objects: Objects) -> TableCases:
    """Nearly every object of the data set covers its whole photo.

    What it means:
        The photos were made for classification: one object each, as large as the photo. Or a tool wrote the photo's
        own size as the box.

    Why it matters:
        Only the priors of the coarsest levels are as large, a few dozen of thousands. All others see negatives alone:
        the network learns that whatever does not fill the photo is background, and then finds nothing in real scenes.

    How to tell:
        Ten images or more, and nineteen of twenty objects cover four fifths of their image.

    How to fix:
        Annotate photos in which the objects are as large as where the network is to find them. Zooming out (random
        expansion) while training helps a little. For photos of one object each a classifier does.

    Where people met it:
        dusty-nv/jetson-inference#738.
    """
    taking = objects.valid & (objects.class_id > 0)
    with np.errstate(invalid="ignore"):
        fills = taking & (objects.boxes[:, 2] - objects.boxes[:, 0] >= FILLS)  # which is soon asked, and seldom so
    fills[fills] = box_areas(objects.boxes[fills].clip(0, 1)) >= FILLS
    images = with_objects(objects)
    found = len(images) >= LEAST_IMAGES and fills.sum() >= NEARLY_ALL * taking.sum() and fills.any()

    def describe(_: int) -> Case:
        width, height = objects.image_size
        sides = np.median(objects.boxes[fills, 2:] - objects.boxes[fills, :2], axis=0) * (width, height)
        message = (
            f"{int(fills.sum()):,} of {int(taking.sum()):,} objects cover {FILLS:.0%} of their photo or more, "
            f"{sides[0]:.3g} x {sides[1]:.3g} px of the {width} x {height} input in the median: only the largest "
            "priors are positives, and finer levels learn background alone"
        )
        fix = "Add photos with objects of the sizes that are to be found; zoom out (random expansion) while training."
        share = float(fills.sum() / taking.sum())
        return Case(Where(common_place(objects.files)), message, share, NEARLY_ALL, fix)

    return of_sets(objects, [images] if found else [], describe)


@DATASETS.check(4, "classes of very different number", Severity.NOTE, Objects)
def unequal_classes(objects: Objects) -> TableCases:
    """One class has many times the objects of another.

    What it means:
        The loss is a sum over objects, and no SSD dialect weighs classes: the frequent one makes nearly all of it.

    Why it matters:
        A network that never predicts the rare class loses little. Its average precision stays low, and the mean over
        classes with it, while the loss looks well.

    How to tell:
        A hundred objects or more, and twenty times as many of the most frequent class as of the rarest that has any.

    How to fix:
        Collect more photos of the rare class, draw its images more often, or leave it out. Look at the average
        precision of each class, not only at the mean.

    Where people met it:
        A data set of 741 objects of one class and 18 of another.
    """
    numbers: IntArray = by_class(objects).count(objects.class_id > 0)
    of = numbers[numbers > 0]
    found = not objects.saved and of.sum() >= LEAST_OBJECTS and of.max() >= UNEQUAL * of.min()

    def describe(_: int) -> Case:
        order = np.argsort(-numbers, kind="stable")[: len(of)]
        names = {place: objects.labels[int((objects.class_id == place).argmax())] for place in order.tolist()}
        named = [f"{numbers[place]:,} of {names[place]}" for place in order.tolist()]
        rarest = ", ".join(named[1:][-MOST_NAMED:])
        message = f"{named[0]}, and {rarest}: {of.max() / of.min():.0f} to 1"
        fix = "Draw images of the rare classes more often, or collect more; watch the average precision of each class."
        return Case(Where(common_place(objects.files)), message, float(of.max() / of.min()), UNEQUAL, fix)

    return of_sets(objects, [with_objects(objects)] if found else [], describe)
