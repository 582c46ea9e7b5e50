"""Boxes in another layout or in another unit than they are read in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ssdlossdbg.checks.boxes.family import BOXES, LARGEST_FRACTION, taking_part
from ssdlossdbg.checks.cases import TableCases, of_files
from ssdlossdbg.checks.rows import Groups, by_file
from ssdlossdbg.results import BoolArray, Case, FloatArray, IntArray, Objects, Severity, Where, corners

# From these on a layout is doubted: single boxes are wrong in other ways.
LEAST_MISFITS, LEAST_SHARE = 2, 0.1
# A box in pixels that ends nearer to the corner than this has hardly a pixel.
HARDLY_A_PIXEL = 1.5


@BOXES.check(4, "boxes in another layout", Severity.ERROR, Objects, ("BOX005", "BOX006"))
def other_layout(objects: Objects) -> TableCases:
    """The four numbers of the boxes mean something else than they are read as.

    What it means:
        There are many ways to write a box in four numbers: (x1, y1, x2, y2), (x, y, width, height), (centre x, centre
        y, width, height), (x1, x2, y1, y2) or (y1, x1, y2, x2). Read in the wrong way, some boxes come out inverted or
        outside the image.

    Why it matters:
        Inverted boxes make the loss nan. Those that happen to survive are wrong too, and the network learns them.

    How to tell:
        Read as they are, at least two boxes and a tenth of the file are inverted or outside; read in exactly one other
        way, every box of the file lies inside its image, give or take a hundredth of it. Where several other ways fit,
        at least half must be wrong. Boxes without width or height tell nothing and are left aside.

    How to fix:
        Convert the boxes to what the loader expects: the finding names what fits.

    Where people met it:
        pierluigiferrari/ssd_keras#100; sgrvinod/a-PyTorch-Tutorial-to-Object-Detection#53.
    """
    files = by_file(objects)
    judged = _has_sides(objects.stated)
    misfits = files.count(judged & ~_inside(objects.stated, objects.sizes))
    of = files.count(judged)
    doubted = misfits >= np.maximum(LEAST_MISFITS, LEAST_SHARE * of)
    fits = _other_fits(objects, files, judged & doubted[files.number])
    others: IntArray = np.sum(list(fits.values()), axis=0)
    found = doubted & ((others == 1) | ((others > 0) & (misfits >= of / 2)))

    def describe(file: int) -> Case:
        names = " or ".join(NAMES[name] for name, fit in fits.items() if fit[file])
        message = (
            f"{misfits[file]} of {of[file]} boxes are inverted or outside the image when they are read as "
            f"{NAMES[objects.layout]}; read as {names} all lie inside"
        )
        fix = f"Convert them from {names} before the loss sees them."
        return Case(Where(objects.files[file]), message, float(misfits[file] / of[file]), 0.0, fix)

    return of_files(objects, np.flatnonzero(found), describe)


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
        At least half the boxes of the file end beyond 2 and overlap no prior.

    How to fix:
        Divide the boxes by the (width, height, width, height) of the photo. If the file is right and only this tool
        took it wrongly: --target-units pixels.

    Where people met it:
        kuangliu/torchcv#30; perhaps amdegroot/ssd.pytorch#164.
    """
    files = by_file(objects)
    fractions = np.asarray((objects.image_sizes == 1).all(1))[objects.image] | (objects.layout == "cxcywh")
    far = fractions & objects.finite & _reaches(objects.boxes, LARGEST_FRACTION) & ~(objects.best_iou > 0)
    many, of = files.count(far), files.sizes

    def describe(file: int) -> Case:
        rows = files.rows(file)
        reach = float(objects.boxes[rows[far[rows]]].max())
        message = (
            f"boxes reach {reach:g} where 1 is the edge of the image, and {many[file]} of {of[file]} "
            "overlap no prior: they are in pixels"
        )
        fix = "Divide them by the photo's width and height, or, for saved targets, say --target-units pixels."
        return Case(Where(objects.files[file]), message, reach, 1.0, fix)

    return of_files(objects, np.flatnonzero((many > 0) & (many >= of / 2)), describe)


@BOXES.check(6, "boxes in fractions, sizes in pixels", Severity.ERROR, Objects)
def fractions_for_pixels(objects: Objects) -> TableCases:
    """The boxes are fractions of the image, or nothing but zeros, but they are taken for pixels.

    What it means:
        All coordinates lie between 0 and 1, where numbers of pixels are expected: they were divided by the image's size
        already. If they are whole numbers, an integer division has cut the fractions off, and only 0 and 1 are left.

    Why it matters:
        Every object shrinks to a dot in the upper left corner: no prior overlaps it, and a width of 0 makes the loss
        inf.

    How to tell:
        No coordinate of more than half the boxes of the file exceeds 1.5, in an image of many pixels; or more than half
        the boxes are four zeros, several in one image. One such box an image is BOX003. YOLO files hold fractions by
        definition and are not asked.

    How to fix:
        Write pixels, or tell the loader not to divide a second time. After an integer division the numbers are lost:
        export again, and divide as floats. For saved targets in fractions: --target-units normalized.

    Where people met it:
        weiliu89/caffe#891; amdegroot/ssd.pytorch#73.
    """
    files, counts = by_file(objects), taking_part(objects)
    zeros = objects.zeros & counts
    in_pixels = np.asarray((objects.image_sizes > LARGEST_FRACTION).all(1))[objects.image]
    small = in_pixels & counts & ~objects.zeros & _all_within(objects.stated, HARDLY_A_PIXEL)
    several = np.bincount(objects.image[zeros], minlength=len(objects.images)) > 1
    several_in_file = np.bincount(objects.file[several], minlength=files.total) > 0
    chosen = (small | (zeros & several_in_file[files.number])) & (objects.layout != "cxcywh")
    many, of = files.count(chosen), files.count(counts)

    def describe(file: int) -> Case:
        rows = files.rows(file)
        found = rows[chosen[rows]]
        reach = float(objects.stated[found].max())
        width, height = objects.sizes[found[0]].tolist()
        whole = bool((objects.stated[found] % 1 == 0).all())
        why = "an integer division has cut them off" if whole else "they are fractions already"
        number = f"{many[file]} of {of[file]}" if many[file] < of[file] else f"{of[file]}"
        noun = "object" if of[file] == 1 else "objects"
        message = f"no coordinate of {number} {noun} exceeds {reach:g} in an image of {width:g} x {height:g}: {why}"
        if not reach:
            message = f"{number} boxes are 0, 0, 0, 0: {why}"
        fix = "Write pixels; saved targets: --target-units normalized."
        fix = "Export them again, and divide as floats if at all." if whole else fix
        return Case(Where(objects.files[file]), message, reach, HARDLY_A_PIXEL, fix)

    return of_files(objects, np.flatnonzero(2 * many > of), describe)


# From what a file writes to corners, and back for the layouts that files are read in.
READS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "xyxy": lambda numbers: numbers,
    "xywh": lambda numbers: np.concatenate((numbers[:, :2], numbers[:, :2] + numbers[:, 2:]), axis=1),
    "cxcywh": corners,
    "xxyy": lambda numbers: numbers[:, [0, 2, 1, 3]],
    "yxyx": lambda numbers: numbers[:, [1, 0, 3, 2]],
}
WRITES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "xyxy": lambda boxes: boxes,
    "xywh": lambda boxes: np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1),
    "cxcywh": lambda boxes: np.concatenate(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]), axis=1),
}
NAMES = {
    "xyxy": "x1 y1 x2 y2",
    "xywh": "x y width height",
    "cxcywh": "cx cy width height",
    "xxyy": "x1 x2 y1 y2",
    "yxyx": "y1 x1 y2 x2",
}


def _inside(boxes: FloatArray, sizes: FloatArray) -> BoolArray:
    """`[N]` whether each box is one, and inside its image but for a hundredth of it."""
    (x1, y1, x2, y2), (width, height) = boxes.T, sizes.T
    across, down = width * 0.01, height * 0.01
    inside = (x1 >= -across) & (y1 >= -down) & (x2 <= width + across) & (y2 <= height + down)
    return np.asarray((x2 > x1) & (y2 > y1) & inside)


def _has_sides(boxes: FloatArray) -> BoolArray:
    """`[N]` whether a box is finite, and neither its width nor its height is 0."""
    x1, y1, x2, y2 = boxes.T
    return np.asarray(np.logical_and.reduce([*map(np.isfinite, boxes.T), x1 != x2, y1 != y2]))


def _other_fits(objects: Objects, files: Groups, chosen: BoolArray) -> dict[str, BoolArray]:
    """By layout but the file's own, `[F]` whether the chosen boxes of a file, `[N]`, all lie inside, read so."""
    rows = np.flatnonzero(chosen)
    outside = {}
    with np.errstate(invalid="ignore", over="ignore"):  # of numbers beyond all floats
        written = WRITES[objects.layout](objects.stated[rows])
        for name, read in READS.items():
            if name != objects.layout:
                outside[name] = files.number[rows[~_inside(read(written), objects.sizes[rows])]]
    return {name: np.bincount(each, minlength=files.total) == 0 for name, each in outside.items()}


def _reaches(boxes: FloatArray, limit: float) -> BoolArray:
    """`[N]` whether any coordinate is above a limit."""
    x1, y1, x2, y2 = boxes.T
    return np.asarray((x1 > limit) | (y1 > limit) | (x2 > limit) | (y2 > limit))


def _all_within(boxes: FloatArray, limit: float) -> BoolArray:
    """`[N]` whether all coordinates lie between a limit and its negative."""
    x1, y1, x2, y2 = np.abs(boxes.T) <= limit
    return np.asarray(x1 & y1 & x2 & y2)
