"""Boxes in another unit than they are read in: pixels for fractions, fractions for pixels, or nothing but zeros."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.boxes.family import (
    BOXES,
    LARGEST_FRACTION,
    of_images_together,
    share_in_words,
    taking_part,
    which_images,
)
from ssdlossdbg.checks.boxes.wrapped import wrapped_around
from ssdlossdbg.checks.cases import TableCases
from ssdlossdbg.checks.photos import declared_wrongly, spaces
from ssdlossdbg.checks.remembered import once_a_table
from ssdlossdbg.checks.rows import Groups, by_file, with_objects
from ssdlossdbg.results import BoolArray, Case, FloatArray, IntArray, Objects, Severity, Where
from ssdlossdbg.rules import Normalizer

# No photo is so small that its pixels do not go beyond this.
SURELY_PIXELS = 8.0
# A box in pixels that ends nearer to the corner than this has hardly a pixel.
HARDLY_A_PIXEL = 1.5
# Pixels of photos reach further across than down, or the other way; parts of a thousand reach as far.
EQUAL_REACH = 0.01
# A set whose boxes are four zeros, but for one in twenty, and so many that they stand for no images without objects.
LEAST_ZEROS, NEARLY_ALL = 5, 0.95


@BOXES.check(5, "boxes in pixels, priors in fractions", Severity.ERROR, Objects)
def pixels_for_fractions(objects: Objects) -> TableCases:
    """The boxes are in pixels, but they are taken for fractions of the image.

    What it means:
        The priors lie between 0 and 1, as fractions of the image's width and height. The boxes are numbers of pixels,
        so they lie hundreds of images away.

    Why it matters:
        No prior overlaps any object. In most codebases every object is then forced on prior 0, and the loss is in the
        tens of thousands.

    How to tell:
        At least half the boxes of a file, or more than half of an image's, end beyond 2 and overlap no prior; and some
        of the run end beyond 8, or half of them are such. All such files are one case.

    How to fix:
        Divide the boxes by the (width, height, width, height) of the photo. If the file is right and only this tool
        took it wrongly: --target-units pixels.

    Where people met it:
        kuangliu/torchcv#30; perhaps amdegroot/ssd.pytorch#164.
    """
    far = _far(objects)
    images = _images_of_most(objects, far)

    def tell(_: int, where: Where) -> Case:
        rows = np.flatnonzero(np.isin(objects.image, images))
        found = rows[far[rows]]
        of_edge = float(objects.boxes[found].max())
        message = (
            f"boxes reach {of_edge:g} where 1 is the edge of the image, and {len(found):,} of {len(rows):,}"
            f"{which_images(objects, images)} overlap no prior: they are in pixels"
        )
        across, down = objects.boxes[found][:, 2:].max(0).tolist()
        if abs(across - down) <= EQUAL_REACH * across:
            message += f", or in parts of {across:.4g}, which both axes reach"
        fix = "Divide them by the photo's width and height, or, for saved targets, say --target-units pixels."
        if len(images) < len(with_objects(objects)):
            fix = "Divide them by the photo's width and height, as the others are."
        return Case(where, message, of_edge, 1.0, fix)

    return of_images_together(objects, [images] if len(images) else [], tell)


@BOXES.check(6, "boxes that all are under a pixel", Severity.ERROR, Objects)
def fractions_for_pixels(objects: Objects) -> TableCases:
    """The boxes are fractions of the image, or nothing but zeros, but they are taken for pixels.

    What it means:
        All coordinates lie between 0 and 1, where numbers of pixels are expected: they were divided by the image's size
        already. Where all are whole numbers, only 0 and 1 are left of them, and the rest is lost: an integer division
        does that, and so does a reader that gives 0 for a tag that it does not find or a number with a point in it, and
        rows of padding that are taken for objects.

    Why it matters:
        Every object shrinks to a dot in the upper left corner: no prior overlaps it, and a width of 0 makes the loss
        inf. Codebases that give such a box no prior have no positive at all: they print a loss of 0, which looks like
        a network that knows everything, or divide by 0.

    How to tell:
        No coordinate of more than half the boxes of a file, or of an image, exceeds 1.5, in an image of many pixels; or
        more than half the boxes of a file are four zeros, several in one image; or five boxes or more, and hardly any
        of the whole set is another. One such box an image is BOX003. Where boxes are fractions by definition, as in
        YOLO files and most saved targets, none of more than half reaches beyond 1.5 pixels of the network's input: they
        were divided twice.

    How to fix:
        Write pixels, or tell the loader not to divide a second time. Where the numbers are lost, print what the reader
        returns for one file: zeros there are the reader's, fractions there are an integer division's. For saved targets
        in fractions: --target-units normalized.

    Where people met it:
        weiliu89/caffe#891, #445 and #989; amdegroot/ssd.pytorch#73.
    """
    chosen = _hardly_any(objects)
    images = _images_of_most(objects, chosen, taking_part(objects))

    def tell(_: int, where: Where) -> Case:
        rows = np.flatnonzero(np.isin(objects.image, images) & taking_part(objects))
        found = rows[chosen[rows]]
        largest = float(objects.stated[found].max())
        width, height = objects.sizes[found[0]].tolist()
        number = share_in_words(len(found), len(rows)) + which_images(objects, images)
        fix = "Write pixels; saved targets: --target-units normalized."
        if largest and not _in_pixels(objects)[found[0]]:
            sides = float((objects.boxes[found] * np.tile(objects.image_size, 2)).max())
            message = (
                f"no coordinate of {number} exceeds {largest:.2g} where 1 is the edge of the image, which is "
                f"{sides:.2g} px of the input: they were divided by the image's size once more"
            )
            fix = "Divide by the photo's width and height once, in the loader or in the file."
        elif not largest:
            message = f"{number} are 0, 0, 0, 0{_nothing_learnt(objects, found)}"
            fix = (
                "Print what the reader returns for one file: an integer division leaves zeros, and so do a tag or a "
                "number that a parser does not take, and padding that is taken for objects."
            )
        elif bool((objects.stated[found] % 1 == 0).all()):
            message = (
                f"the coordinates of {number} are 0 and 1 alone, in an image of {width:g} x {height:g}, as an integer "
                "division leaves"
            )
            fix = "Export them again, and divide as floats if at all."
        else:
            message = (
                f"no coordinate of {number} exceeds {largest:g} in an image of {width:g} x {height:g}: "
                "they are fractions already"
            )
            if len(images) < len(with_objects(objects)):
                fix = "Write all boxes in one unit: in pixels, as the others are, or those in fractions, too."
        return Case(where, message, largest, HARDLY_A_PIXEL, fix)

    return of_images_together(objects, [images] if len(images) else [], tell)


@once_a_table
def in_other_units(objects: Objects) -> BoolArray:
    """`[B]` whether an image is one of a file whose boxes are in another unit."""
    found = np.zeros(len(objects.images), dtype=bool)
    found[_images_of_most(objects, _far(objects))] = True
    found[_images_of_most(objects, _hardly_any(objects), taking_part(objects))] = True
    return found


@once_a_table
def _far(objects: Objects) -> BoolArray:
    """`[N]` whether a box that is read as fractions lies where only pixels reach."""
    sizes = spaces(objects)
    fractions = np.asarray((sizes == 1).all(1))[objects.image] | (objects.layout == "cxcywh")
    fractions[np.isin(objects.image, declared_wrongly(objects))] = False  # a size of 1 x 1 that no photo has
    far = fractions & objects.finite & ~wrapped_around(objects) & _reaches(objects.boxes, LARGEST_FRACTION)
    far &= ~(objects.best_iou > 0)
    # Of few that are hardly beyond another scale is the cause.
    pixels = 2 * far.sum() >= len(far) or (far.any() and objects.boxes[far].max() >= SURELY_PIXELS)
    return far & pixels


@once_a_table
def _hardly_any(objects: Objects) -> BoolArray:
    """`[N]` whether a box that is read as pixels has hardly one, or is one of several that are four zeros."""
    files, counts = by_file(objects), taking_part(objects)
    zeros = objects.zeros & counts
    pixels = _in_pixels(objects)
    small = pixels & _all_within(objects.stated, HARDLY_A_PIXEL)
    # Of fractions that were divided once more a pixel of the input is left.
    small |= ~pixels & _all_within(objects.boxes, HARDLY_A_PIXEL / max(objects.image_size))
    small &= counts & ~objects.zeros
    several = np.bincount(objects.image[zeros], minlength=len(objects.images)) > 1
    several_in_file = np.bincount(objects.file[several], minlength=files.total) > 0
    all_zeros = zeros.sum() >= max(LEAST_ZEROS, NEARLY_ALL * counts.sum())
    return np.asarray(small | (zeros & (all_zeros | several_in_file[files.number])))


def _in_pixels(objects: Objects) -> BoolArray:
    """`[N]` whether a box is stated in pixels, of which its image has many."""
    many = np.asarray((spaces(objects) > LARGEST_FRACTION).all(1))[objects.image]
    return np.asarray(many & (objects.layout != "cxcywh"))


def _images_of_most(objects: Objects, chosen: BoolArray, of: BoolArray | None = None) -> IntArray:
    """The images with objects of which most are chosen, `[N]`, and all images with objects of such files.

    Most are more than half of those that count, `[N]`; half of a file's will do where no `of` says which count. Of four
    zeros in an image only its file can tell: they may stand for something else there.
    """
    images, every = with_objects(objects), np.ones_like(chosen) if of is None else of
    files, own = by_file(objects), Groups(objects.image, len(objects.images))
    many, alone = files.count(chosen), 2 * own.count(chosen & ~objects.zeros) > own.count(every)
    most = 2 * many > files.count(every) if of is not None else (many > 0) & (2 * many >= files.sizes)
    return images[most[objects.file[images]] | alone[images]]


def _nothing_learnt(objects: Objects, rows: IntArray) -> str:
    """What comes of boxes of four zeros, in words that follow."""
    target, rules = objects.target[rows], objects.rules
    if rules.raises.degenerate_box:
        return f"; the real {rules.name} raises on them: {rules.raises.degenerate_box}"
    if objects.positives[rows].any():
        loss = "inf" if np.isinf(target).any() else "nan" if np.isnan(target).any() else "far off"
        return f", and priors are trained on them: the loss is {loss}"
    gives = "0 / 0 = nan" if rules.loss.normalizer is Normalizer.POSITIVES else "0"
    ends = f"{rules.name} raises" if rules.raises.zero_positives else f"the loss of {rules.name} is {gives}"
    return f": no prior is positive for any of them, and where a batch has no other object, {ends}"


def _reaches(boxes: FloatArray, limit: float) -> BoolArray:
    """`[N]` whether any coordinate is above a limit."""
    x1, y1, x2, y2 = boxes.T
    return np.asarray((x1 > limit) | (y1 > limit) | (x2 > limit) | (y2 > limit))


def _all_within(boxes: FloatArray, limit: float) -> BoolArray:
    """`[N]` whether all coordinates lie between a limit and its negative."""
    x1, y1, x2, y2 = np.abs(boxes.T) <= limit
    return np.asarray(x1 & y1 & x2 & y2)
