"""Boxes: what is wrong with an annotated box before any prior has seen it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ssdlossdbg.checks.cases import Describe, TableCases, of_files, of_rows
from ssdlossdbg.checks.pairs import overlapping_pairs
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.checks.rows import Groups, by_file, lowest_first
from ssdlossdbg.results import BoolArray, Case, FloatArray, IntArray, Objects, Severity, Where, outside_share
from ssdlossdbg.rules import SizeFrom

BOXES = Family("BOX", "boxes")

# What an image's border may be overstepped by: a pixel is how some count, and half of one is rounding.
BORDER_PIXELS = 1.5
BORDER_SHARE = 0.005
# From these on a layout is doubted: single boxes are wrong in other ways.
LEAST_MISFITS, LEAST_SHARE = 2, 0.1
# Fractions of an image end at 1, a little beyond where a box reaches out; pixels begin far above.
LARGEST_FRACTION = 2.0
# A box in pixels that ends nearer to the corner than this has hardly a pixel.
HARDLY_A_PIXEL = 1.5
# Sides of images in pixels that a coordinate of -1 pixel may have been divided by.
SMALLEST_SIDE, LARGEST_SIDE = 32, 8192
# Annotators who draw an object twice are not exact; a label copied to another class keeps the box as it is.
SAME_OBJECT, SAME_BOX = 0.9, 0.99
DROP = "Drop or redraw it; in a data loader, keep only boxes with x2 > x1 and y2 > y1."


@BOXES.check(
    1, "box without width or height", Severity.ERROR, Objects, ("BOX003", "BOX004", "BOX005", "BOX006", "BOX012")
)
def zero_size(objects: Objects) -> TableCases:
    """A box has no width or no height.

    What it means:
        Its left and right edge, or its upper and lower edge, are the same number: a double click in the annotation
        tool, a box that was cut off at the border of a crop, or coordinates rounded to whole numbers.

    Why it matters:
        The loss learns ln(width of the box / width of the prior). The logarithm of 0 is -inf, so the localisation loss
        of the whole batch is inf, and the weights are nan after one step. In most codebases every object gets its best
        prior whatever the overlap, and the best of priors that all overlap by 0 is prior 0, in the upper left corner.

    How to tell:
        x2 == x1 or y2 == y1, as the loss sees the box: after the loader's scaling and cast to float32. A box of the
        background class counts only where the dialect makes a prior positive for it.

    How to fix:
        Drop or redraw the box. In a data loader, keep only boxes with x2 > x1 and y2 > y1, after augmentation too.

    Where people met it:
        qfgaohao/pytorch-ssd#91 and #112; amdegroot/ssd.pytorch#373.
    """

    def describe(row: int) -> Case:
        axes = [axis for axis in (0, 1) if objects.boxes[row, axis] == objects.boxes[row, axis + 2]]
        missing = " and ".join(f"no {('width', 'height')[axis]}" for axis in axes)
        equal = ", ".join(f"{_low(objects, a)} = {_high(objects, a)} = {objects.pixels(row)[a]:g}" for a in axes)
        return Case(objects.where(row), f"{missing} ({equal}){_consequence(objects, row)}", 0.0, 0.0, DROP)

    return _spoiling_first(objects, objects.empty & ~objects.inverted & _counts(objects), describe)


@BOXES.check(2, "inverted box", Severity.ERROR, Objects, ("BOX004", "BOX005", "BOX012"))
def inverted(objects: Objects) -> TableCases:
    """A box ends before it begins.

    What it means:
        Its right edge is left of its left edge, or its lower edge above its upper edge. Somebody drew it from the lower
        right, or two columns were swapped.

    Why it matters:
        The logarithm of a negative width is nan, and one nan makes the loss and then every weight nan. Overlaps with
        such a box can be nan as well, and a comparison with nan is always false: in ssd.pytorch, which asks "is the
        overlap below the threshold?", the priors concerned become positives.

    How to tell:
        x2 < x1 or y2 < y1. The loss is nan, where a box without width gives inf.

    How to fix:
        Swap the two numbers, or drop the box. If every box of the file is like that, see BOX004.

    Where people met it:
        lufficc/SSD#95; qfgaohao/pytorch-ssd#139; amdegroot/ssd.pytorch#22.
    """

    def describe(row: int) -> Case:
        box = objects.pixels(row)
        axes = [axis for axis in (0, 1) if box[axis] > box[axis + 2]]
        said = " and ".join(f"{_low(objects, a)} {box[a]:g} > {_high(objects, a)} {box[a + 2]:g}" for a in axes)
        size = min(box[a + 2] - box[a] for a in axes)
        message = f"{said}{_consequence(objects, row)}"
        return Case(objects.where(row), message, size, 0.0, "Swap the two, or drop the box.")

    return _spoiling_first(objects, objects.inverted, describe)


@BOXES.check(3, "placeholder box", Severity.ERROR, Objects, ("BOX006",))
def placeholder(objects: Objects) -> TableCases:
    """An object is the box 0, 0, 0, 0, yet has a class.

    What it means:
        Somebody wrote a box of four zeros to say "there is nothing in this image", because the code crashed on images
        without objects.

    Why it matters:
        To the loss it is an object without width and height: it is given prior 0, its encoded width is log 0 = -inf,
        and the loss is inf. The trick is harmless only if its label maps to the background.

    How to tell:
        All four coordinates are 0 and the class is not background.

    How to fix:
        Give such an image an empty list of objects, where your codebase can take one (`ssdlossdbg dialects NAME` says
        where it raises), or leave the image out of training.

    Where people met it:
        amdegroot/ssd.pytorch#247; balancap/SSD-Tensorflow#222.
    """

    def describe(row: int) -> Case:
        message = f"the box is 0, 0, 0, 0{_consequence(objects, row)}"
        fix = "Give an image without objects an empty list, or leave it out of training."
        return Case(objects.where(row), message, 0.0, 0.0, fix)

    return _spoiling_first(objects, objects.zeros & _counts(objects), describe)


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
    files, counts = by_file(objects), _counts(objects)
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


@BOXES.check(7, "box outside the image", Severity.ERROR, Objects, ("FIL002", "BOX004", "BOX005", "BOX006"))
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
        message = f"its box {_corners(objects, row)} lies wholly outside {_image(objects, row)}"
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


@BOXES.check(8, "box beyond the border", Severity.WARNING, Objects, ("FIL002", "BOX004", "BOX005", "BOX006", "BOX007"))
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
        message = (
            f"its box {_corners(objects, row)} reaches out of {_image(objects, row)} by {_percent(share)} of its area"
        )
        return Case(objects.where(row), message, share, 0.0, "Clip it to the image.")

    x1, y1, x2, y2 = objects.boxes.T
    out = np.flatnonzero(objects.valid & ((x1 < 0) | (y1 < 0) | (x2 > 1) | (y2 > 1)))
    boxes, sizes = objects.boxes[out], objects.sizes[out]
    slack = np.where(sizes > LARGEST_FRACTION, BORDER_PIXELS, BORDER_SHARE) / sizes.clip(1)
    over = np.maximum(-boxes[:, :2], boxes[:, 2:] - 1)
    return of_rows(objects, out[(over > slack).any(1)], describe)


@BOXES.check(9, "boxes that begin at -1", Severity.WARNING, Objects, ("BOX004", "BOX005", "BOX006"))
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

    return of_files(objects, np.flatnonzero((left + upper > 0) & (files.count(before) == 0)), describe)


@BOXES.check(10, "object annotated twice", Severity.WARNING, Objects, ("BOX011",))
def annotated_twice(objects: Objects) -> TableCases:
    """One object is annotated twice.

    What it means:
        Two boxes of the same class in the same place: the object was drawn twice, or two annotation files were merged.

    Why it matters:
        Both compete for the same priors. Where they share their best prior, one of them takes it, and the other may be
        left without any. Every evaluation counts the second one as missed, since detections of it are suppressed.

    How to tell:
        The IoU of two boxes of one class is 0.9 or more. Two real objects hardly ever lie so.

    How to fix:
        Delete one of the two.

    Where people met it:
        amdegroot/ssd.pytorch#396.
    """
    return _doubles(objects, SAME_OBJECT, same_class=True)


@BOXES.check(11, "one box, two classes", Severity.WARNING, Objects)
def two_classes(objects: Objects) -> TableCases:
    """Two objects of different classes have the same box.

    What it means:
        The same object is annotated under two classes, or a label was copied to the wrong box.

    Why it matters:
        A prior can learn one class only. Which of the two it learns depends on the order in the file, so the other
        class is trained as a mistake.

    How to tell:
        The IoU of two boxes of different classes is 0.99 or more.

    How to fix:
        Keep the one that is right. SSD's softmax cannot learn two classes for one box.

    Where people met it:
        amdegroot/ssd.pytorch#396.
    """
    return _doubles(objects, SAME_BOX, same_class=False)


@BOXES.check(12, "box that is not finite", Severity.ERROR, Objects)
def not_finite(objects: Objects) -> TableCases:
    """A coordinate of a box is nan or infinite.

    What it means:
        The box holds something that is no number: a division by an image size of 0, or an augmentation that failed.

    Why it matters:
        Its overlaps and its encoded offsets are nan or inf, and with them the loss of the whole batch. Priors whose
        overlap is nan can all become positives, so that the other objects of the image lose theirs.

    How to tell:
        x1, y1, x2 or y2 is nan, inf or -inf in the saved targets.

    How to fix:
        Find where the loader or an augmentation divides by 0; assert that all boxes are finite before they are batched.

    Where people met it:
        lufficc/SSD#95, in the same way as inverted boxes: a nan that comes from the data.
    """

    def describe(row: int) -> Case:
        target = float(objects.target[row])
        learnt = "no prior is matched with it" if not target else f"its priors are to learn offsets of {target:g}"
        message = f"its box is {_corners(objects, row)}; {learnt}"
        return Case(objects.where(row), message, math.nan, None, "Find where the loader divides by 0 or loses the box.")

    return of_rows(objects, np.flatnonzero(~objects.finite), describe)


def _xywh(numbers: FloatArray) -> FloatArray:
    return np.concatenate((numbers[:, :2], numbers[:, :2] + numbers[:, 2:]), axis=1)


def _cxcywh(numbers: FloatArray) -> FloatArray:
    return np.concatenate((numbers[:, :2] - numbers[:, 2:] / 2, numbers[:, :2] + numbers[:, 2:] / 2), axis=1)


# From what a file writes to corners, and back for the layouts that files are read in.
READS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "xyxy": lambda numbers: numbers,
    "xywh": _xywh,
    "cxcywh": _cxcywh,
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


def _one_over_whole(values: FloatArray, file: IntArray) -> BoolArray:
    """`[N]` whether a value is -1 over the whole number of pixels of an image, as at least one other of its file is."""
    side = np.divide(-1.0, values, out=np.zeros_like(values), where=values < 0)
    near = (side >= SMALLEST_SIDE) & (side < LARGEST_SIDE) & (np.abs(side - side.round()) < 1e-3)
    pairs = np.stack((file[near], values[near]), axis=1)
    _, which, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    near[near] = counts[which] > 1
    return np.asarray(near)


def _doubles(objects: Objects, least: float, same_class: bool) -> TableCases:
    """Pairs of boxes of an image whose IoU is `least` or more, either of one class or of two."""
    first, second, overlap = overlapping_pairs(objects, least)
    chosen = (objects.class_id[first] == objects.class_id[second]) == same_class

    def describe(pair: int) -> Case:
        one, other, share = int(first[pair]), int(second[pair]), float(overlap[pair])
        label = "" if same_class else f" ({objects.labels[one]})"
        message = f"nearly the same box as object {int(objects.index[one])}{label}: IoU {share:.3f}"
        if share == 1:
            message = f"the very box of object {int(objects.index[one])}{label}"
        message += _who_wins(objects, one, other)
        fix = "Delete one of the two." if same_class else "Keep the class that is right."
        return Case(objects.where(other), message, share, least, fix)

    pairs = lowest_first(chosen, -overlap)
    return of_rows(objects, second[pairs], describe, keys=pairs)


def _who_wins(objects: Objects, one: int, other: int) -> str:
    for loser, winner in ((one, other), (other, one)):
        if objects.positives[loser] == 0 and objects.lost_to[loser] == winner:
            return f"; object {int(objects.index[loser])} gets no prior, object {int(objects.index[winner])} takes them"
    return "; both compete for the same priors"


def _counts(objects: Objects) -> BoolArray:
    """`[N]` whether an object is one to the loss: the background counts only where the dialect makes it a positive."""
    return np.asarray((objects.class_id > 0) | (objects.positives > 0))


def _spoiling_first(objects: Objects, chosen: BoolArray, describe: Describe) -> TableCases:
    """The rows chosen, those whose encoded target is inf or nan before those that do no harm here."""
    return of_rows(objects, lowest_first(chosen, np.isfinite(objects.target).astype(np.int64)), describe)


def _consequence(objects: Objects, row: int) -> str:
    """What the dialect's loss makes of a box that is none, in words that follow its description."""
    rules = objects.rules
    target, positives = float(objects.target[row]), int(objects.positives[row])
    if rules.raises.degenerate_box:
        return f"; the real {rules.name} raises on it: {rules.raises.degenerate_box}"
    if not positives:
        winner = int(objects.lost_to[row])
        why = "no prior is matched with it" if winner < 0 else f"object {int(objects.index[winner])} took its prior"
        return f"; {why}, so it does no harm here, but it will elsewhere"
    if math.isinf(target):
        return f"; its encoded size is log 0 = {target:g}, and so the loss of the batch is inf"
    if math.isnan(target):
        return "; its encoded size is the log of a negative number, nan, and so is the loss of the batch"
    return "; its encoded size is finite but far off, and so is the loss"


def _low(objects: Objects, axis: int) -> str:
    return f"{'xy'[axis]}1" if objects.saved else f"{'xy'[axis]}min"


def _high(objects: Objects, axis: int) -> str:
    return f"{'xy'[axis]}2" if objects.saved else f"{'xy'[axis]}max"


def _corners(objects: Objects, row: int) -> str:
    return ",".join(f"{value:.4g}" for value in objects.pixels(row)) + " px"


def _image(objects: Objects, row: int) -> str:
    image = objects.images[int(objects.image[row])]
    width, height = objects.image_size if objects.saved else image.size
    if image.photo_size and objects.rules.targets.size_from is SizeFrom.PHOTO:
        width, height = image.photo_size
    return f"the {width:g} x {height:g} image"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}"
