"""Boxes that lie outside their image, or just beyond its border."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.boxes.family import BOXES, LARGEST_FRACTION, WHOLE_SETS, corners_in_words
from ssdlossdbg.checks.cases import TableCases, alike, of_files, of_rows
from ssdlossdbg.checks.rows import by_file
from ssdlossdbg.results import BoolArray, Case, FloatArray, IntArray, Objects, Severity, Where, outside_share
from ssdlossdbg.rules import SizeFrom

# What an image's border may be overstepped by: a pixel is how some count, and half of one is rounding.
BORDER_PIXELS = 1.5
BORDER_SHARE = 0.005
# Sides of images in pixels that a coordinate of -1 pixel may have been divided by: from the first up to the second.
LIKELY_SIDES = (32, 8192)


@BOXES.check(7, "box outside the image", Severity.ERROR, Objects, ("FIL002", "LDR011", "BOX015", *WHOLE_SETS))
def outside(objects: Objects) -> TableCases:
    """A box lies wholly outside its image.

    What it means:
        No pixel of the image is inside the box: it belongs to another photo or another size of this one, or a crop left
        it behind.

    Why it matters:
        No prior overlaps it. Codebases that give every object a prior give it an arbitrary one, mostly prior 0 in the
        upper left corner, with offsets far beyond what the network can predict; others raise or return nan.

    How to tell:
        The box and the image have no area in common.

    How to fix:
        Drop it; in a data loader, clip boxes to the image and drop those of which too little is left.

    Where people met it:
        tensorflow/models#1881; qfgaohao/pytorch-ssd#41.
    """

    def describe(row: int) -> Case:
        message = f"its box {corners_in_words(objects, row)} lies wholly outside {_image(objects, row)}"
        got = int(objects.positives[row])
        prior = int(objects.best_prior[row])
        message += f"; prior {prior}, which is nowhere near, is trained on it" if got else "; no prior is trained on it"
        fix = "Drop it, or correct its coordinates or the image's size."
        if objects.saved and objects.sizes[row, 0] > LARGEST_FRACTION:
            fix += " Saved pixels are those of the network's input, not of the photo."
        elif objects.saved and objects.boxes[row].max() > LARGEST_FRACTION:
            fix = "Divide it by the photo's width and height if it is in pixels; else drop or correct it."
        return Case(objects.where(row), message, 1.0, 0.0, fix)

    x1, y1, x2, y2 = objects.boxes.T
    chosen = objects.valid & ((x1 >= 1) | (y1 >= 1) | (x2 <= 0) | (y2 <= 0))
    return of_rows(objects, np.flatnonzero(chosen), describe)


@BOXES.check(
    8,
    "box beyond the border",
    Severity.WARNING,
    Objects,
    ("FIL002", "LDR011", "BOX007", "BOX015", "ENC004", "ENC006", "ENC015", *WHOLE_SETS),
)
def beyond_border(objects: Objects) -> TableCases:
    """A box reaches out of its image.

    What it means:
        A part of the box lies where there is no image. It was drawn carelessly, the image's size is another, or an
        augmentation moved the box and did not clip it.

    Why it matters:
        The network is to predict an edge that it cannot see. Some loaders raise on such a box, some clip it, and some
        turn it into nan.

    How to tell:
        An edge lies more than 1.5 pixels beyond the border (for boxes in fractions: more than 0.005 of the image).
        Up to a pixel is a question of counting: see BOX009.

    How to fix:
        Clip the box to the image, or correct it.

    Where people met it:
        tensorflow/models#1881; qfgaohao/pytorch-ssd#41.
    """

    def describe(row: int) -> Case:
        share = outside_share(objects.boxes[row].tolist(), (1, 1))
        box, image = corners_in_words(objects, row), _image(objects, row)
        message = f"its box {box} reaches out of {image} by {share:{'.0%' if share >= 0.01 else '.1%'}} of its area"
        return Case(objects.where(row), message, share, 0.0, "Clip it to the image.")

    sound = np.flatnonzero(objects.valid)
    return of_rows(objects, sound[reach_out(objects.boxes[sound], objects.sizes[sound])], describe)


def reach_out(boxes: FloatArray, sizes: FloatArray) -> BoolArray:
    """`[N]` whether boxes, `[N, 4]` in parts of their images, reach out of them by more than may be rounding.

    Args:
        boxes: xyxy.
        sizes: `[N, 2]` of their images, in the unit of the file.
    """
    slack = np.where(sizes > LARGEST_FRACTION, BORDER_PIXELS, BORDER_SHARE) / sizes.clip(1)
    found: BoolArray = (np.maximum(-boxes[:, :2], boxes[:, 2:] - 1) > slack).any(1)
    return found


@BOXES.check(9, "boxes that begin at -1", Severity.WARNING, Objects, WHOLE_SETS)
def minus_one(objects: Objects) -> TableCases:
    """Boxes begin exactly one pixel before the image.

    What it means:
        Pascal VOC counts pixels from 1, so loaders of it subtract 1. This file counts from 0, as most annotation tools
        do, so a box at the left or upper border comes out at -1, and every other box is a pixel off.

    Why it matters:
        A pixel hurts little, but loaders that check their boxes raise on a negative coordinate, and some crops and
        flips turn it into an empty box.

    How to tell:
        The smallest coordinate of a side is exactly -1 pixel: 0 in a Pascal VOC file from whose coordinates the dialect
        subtracts 1; or, in saved targets, -1 over a whole number, for two objects or more.

    How to fix:
        Add 1 to every coordinate when the file is written, or do not subtract 1 when it is read.

    Where people met it:
        dusty-nv/jetson-inference#1010; dmlc/gluon-cv#741 and #1481.
    """
    offset = objects.rules.targets.voc_pixel_offset if objects.one_based else 0.0
    files = by_file(objects)
    at_border, before = [], np.zeros(len(objects.image), dtype=bool)
    for lowest, size in zip((objects.stated[:, :2] + offset).T, objects.sizes.T, strict=True):
        at = (size > 1) & (lowest == -1) & ~objects.zeros
        if objects.saved:
            at |= _one_over_whole(lowest, files.number)
        at_border.append(files.count(at))
        before |= ~(lowest >= -1)
    left, upper = at_border

    def describe(file: int) -> Case:
        sides = ((left[file], "left"), (upper[file], "upper"))
        at = " and ".join(f"{number} at the {side} border" for number, side in sides if number)
        read = " once 1 is subtracted, as for Pascal VOC" if offset else ""
        message = f"of {files.sizes[file]} boxes, {at} begin at -1 px{read}: the file counts from 0"
        fix = "Count from 1 in the file, or do not subtract 1 when reading it."
        return Case(Where(objects.files[file]), message, -1.0, 0.0, fix)

    found = np.flatnonzero((left + upper > 0) & (files.count(before) == 0))
    return alike(of_files(objects, found, describe), files.total, "files")


def _one_over_whole(values: FloatArray, file: IntArray) -> BoolArray:
    """`[N]` whether a value is -1 over the whole number of pixels of an image, as at least one other of its file is."""
    side = np.divide(-1.0, values, out=np.zeros_like(values), where=values < 0)
    smallest, too_large = LIKELY_SIDES
    near = (side >= smallest) & (side < too_large) & (np.abs(side - side.round()) < 1e-3)
    pairs = np.stack((file[near], values[near]), axis=1)
    _, which, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    near[near] = counts[which] > 1
    return np.asarray(near)


def _image(objects: Objects, row: int) -> str:
    image = objects.images[int(objects.image[row])]
    width, height = objects.image_size if objects.saved else image.size
    if image.photo_size and objects.rules.targets.size_from is SizeFrom.PHOTO:
        width, height = image.photo_size
    return f"the {width:g} x {height:g} image"
