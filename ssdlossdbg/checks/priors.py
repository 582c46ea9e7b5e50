"""Priors: grids that are not what the user, or the network, takes them for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ssdlossdbg.checks.registry import Family, refusal_case
from ssdlossdbg.results import (
    AnchorsResult,
    BoolArray,
    Case,
    FloatArray,
    LevelGrid,
    PriorTable,
    Refusal,
    Severity,
    Where,
    square_iou,
)

PRIORS = Family("PRI", "priors")

# Corner form and float32 move a normalised value by 1e-7.
ROUNDING = 1e-6
# Two positions on a grid closer than this, as a fraction of the image, are one: strides are rounded to 0.001 pixel.
SAME_POSITION = 1e-3
# A shape whose width and height differ by no more is a square; strides and sizes are often rounded to whole pixels.
SQUARE = 0.02
# Sizes are rounded to whole pixels here and there, which lets equal ones differ.
SAME_SIZE = 0.01
# What an IoU at the very worst place may fall short by: it takes a centre exactly between four cells to notice.
NEARLY_REACHED = 0.01
# ssd.pytorch's own COCO config has 201 classes, 81 is what COCO has, 21 is what gets the VOC priors (its ssd.py:32).
COCO_CLASSES = (21, 81, 201)
# data/config.py:14-27 of ssd.pytorch.
SMALLEST_OF_VOC = 30
AXES = ("x", "y")


@PRIORS.check(1, "number of priors does not match the predictions", Severity.ERROR, Refusal)
def wrong_count(refusal: Refusal) -> Iterator[Case]:
    """There are more or fewer priors than the predictions are for.

    What it means:
        A network predicts four offsets and one score a class for every prior, so the rows of loc and conf and the
        rows of the priors must be as many. A level has columns x rows x shapes priors; 38 x 38 x 4 = 5776, say.

    Why it matters:
        Row i of the predictions belongs to prior i. With other priors nothing can be compared: the training code
        raises, or, where the surplus is cut off, every row behind the first difference is taught the wrong place.

    How to tell:
        The rows are counted. The fix names the presets with the right number, and the level and the change to it
        (left out, other feature map, more or fewer shapes a cell) that would explain the gap to the last row.

    How to fix:
        Give the priors of this very network. If they are: print the feature maps' sizes in forward() and compare
        them with the config; a pooling that rounds up instead of down makes 38 cells of 37. An explicit aspect
        ratio of 1 in the list adds a prior a cell, since the square is there already.

    Where people met it:
        MhLiao/TextBoxes#31; julimueller/tl_ssd#15.
    """
    yield from refusal_case(refusal, "PRI001")


@PRIORS.check(2, "the same priors several times", Severity.ERROR, Refusal)
def repeated_grid(refusal: Refusal) -> Iterator[Case]:
    """The whole list of priors is there two, three, ... times over.

    What it means:
        The network returns (loc, conf, priors). DataParallel runs a copy of it on every GPU and joins what they
        return along the first dimension: right for loc and conf, whose first dimension is the batch, and wrong for
        the priors, which have no batch dimension. On two GPUs 8732 priors become 17464.

    Why it matters:
        Code that takes the number of priors from the priors raises, or matches objects to copies that no
        prediction belongs to.

    How to tell:
        The number of priors is a multiple of the number of predictions, and every block of rows equals the first.

    How to fix:
        Use priors[:loc.shape[1]], as the later versions of ssd.pytorch's loss do, or keep the priors out of what
        forward() returns.

    Where people met it:
        amdegroot/ssd.pytorch#20; amdegroot/ssd.pytorch#459.
    """
    yield from refusal_case(refusal, "PRI002")


@PRIORS.check(3, "prior that is nan or inf", Severity.ERROR, Refusal)
def not_finite(refusal: Refusal) -> Iterator[Case]:
    """A prior has a coordinate that is nan or infinite.

    What it means:
        The priors are computed once from the config: centres from feature map and stride, sizes from scales and
        aspect ratios. Something in there divided by 0, took the root of a negative number, or overflowed.

    Why it matters:
        The overlap with such a prior is nan, and so is every offset encoded against it. nan < threshold is false,
        so that a codebase that tests for negatives takes such a prior for a positive of every image.

    How to tell:
        Any of the four numbers is not finite, in float32.

    How to fix:
        Correct the config (a stride, size or aspect ratio of 0) and save the priors again. Where they were right
        once, something wrote into the tensor; compute them anew.

    Where people met it:
        lzx1413/PytorchSSD#2.
    """
    yield from refusal_case(refusal, "PRI003")


@PRIORS.check(4, "prior without width or height", Severity.ERROR, PriorTable)
def no_size(table: PriorTable) -> Iterator[Case]:
    """A prior is zero or fewer pixels wide or high.

    What it means:
        An object is encoded against its prior as differences divided by the prior's width and height, and as
        logarithms of the ratios of their sizes.

    Why it matters:
        Division by 0 makes the target inf; a negative size makes its logarithm nan. One such prior among the
        positives and the loss is inf or nan from the first iteration on. Some codebases multiply all offsets by a
        mask instead of picking the positives, and 0 * inf is nan: then the prior need not even be positive.

    How to tell:
        width <= 0 or height <= 0.

    How to fix:
        Correct the size of that level. Are all sizes of a saved tensor wrong, or negative: it may hold corners
        where centre and size are expected, or the other way round; say which with --prior-format.

    Where people met it:
        lzx1413/PytorchSSD#2.
    """
    sizes = table.boxes[:, 2:]
    for rows, level in table.by_level(np.any(sizes <= 0, axis=1)):
        worst = int(rows[sizes[rows].min(axis=1).argmin()])
        message = (
            f"{_size(table, sizes[worst])}, one of {len(rows)} such priors of {level}; "
            "whatever is matched to it is encoded as inf or nan"
        )
        fix = "Correct the sizes of that level; where all are wrong, see --prior-format."
        yield Case(table.where(worst), message, float(sizes[worst].min()), 0.0, fix)


@PRIORS.check(5, "prior that repeats another", Severity.WARNING, PriorTable, follows_from=("PRI004",))
def repeated_rows(table: PriorTable) -> Iterator[Case]:
    """Two priors are the same box.

    What it means:
        A cell of the feature map has several priors of different shapes. Here two of them are equal, so two outputs
        of the network are asked for the same thing.

    Why it matters:
        An object above the threshold for one is so for the other: it counts twice in the loss. An object that is
        matched only as the best of one prior goes to the first, and the copy, with the same features and the same
        overlap, is trained as background. Memory and time are spent on it besides.

    How to tell:
        All four numbers are equal up to a rounding of 1e-6. None of the shipped presets has such a pair.

    How to fix:
        Take the aspect ratio 1 out of the list: the square of the smallest size is there without it, in nearly
        every codebase. Or give the two shapes different sizes. Sizes beyond the image become equal where they are
        clamped to it.

    Where people met it:
        MhLiao/TextBoxes#31.
    """
    keys = np.rint(table.boxes / ROUNDING)
    order = np.lexsort(keys.T)
    repeats = order[1:][(keys[order[1:]] == keys[order[:-1]]).all(axis=1)]
    chosen = np.zeros(len(keys), dtype=bool)
    chosen[repeats] = True
    for rows, level in table.by_level(chosen):
        first = int(rows[0])
        twin = int((keys == keys[first]).all(axis=1).argmax())
        message = f"the same box as prior {twin}; {len(rows)} priors of {level} repeat another"
        fix = "Give each shape of a cell a size or aspect ratio of its own; a ratio of 1 is there as the square."
        yield Case(table.where(first), message, float(len(rows)), 0.0, fix)


@PRIORS.check(6, "clamped as centre and size", Severity.NOTE, PriorTable)
def clamped_as_centre_and_size(table: PriorTable) -> Iterator[Case]:
    """The priors were clamped to the image as (cx, cy, w, h), which does not keep them inside it.

    What it means:
        Clamping centre and size to [0, 1] cuts a prior that is wider than the image to the image's width, and pulls
        a centre that lies outside to the border. It does not cut a prior that sticks out at the side: for that the
        corners must be clamped.

    Why it matters:
        Who wrote `clip` expects boxes inside the image and gets others, with other overlaps. It is no fault of
        training: ssd.pytorch, pytorch-ssd, lufficc/SSD and NVIDIA's SSD all do so, and weights trained with such
        priors need them.

    How to tell:
        The priors are no shipped preset; all of cx, cy, w, h lie in [0, 1]; corners lie outside; and a clamp left
        its trace. That is: the grid goes on beyond the image, and its last centre is exactly at 1; or a level's
        shape is larger than the image, and its priors are not; or a shape is exactly as wide as the image, and the
        same one turned exactly as high.

    How to fix:
        Leave it, if weights or a paper's figures depend on it. To have priors inside the image, convert to corners,
        clamp, and convert back (`clip = "xyxy"` in a prior config), and train anew.

    Where people met it:
        amdegroot/ssd.pytorch#18.
    """
    boxes = table.boxes
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    outside = ((low < -ROUNDING) | (high > 1 + ROUNDING)).any(axis=1)
    in_range = bool(((boxes >= 0) & (boxes <= 1)).all())
    if table.config.codebase or not in_range or not outside.any() or not _was_clamped(table):
        return
    inside = (high.clip(0, 1) - low.clip(0, 1)).prod(axis=1) / boxes[:, 2:].prod(axis=1).clip(ROUNDING)
    worst = int(np.where(outside, inside, 1.0).argmin())
    message = (
        f"{int(outside.sum())} of {len(boxes)} priors reach over the border, though clamped to [0, 1]: prior {worst} "
        f"runs from {_pair(low[worst])} to {_pair(high[worst])}, and {inside[worst]:.0%} of it lies inside"
    )
    fix = "Leave it if trained weights depend on it; else clamp the corners, not (cx, cy, w, h)."
    yield Case(table.where(), message, float(inside[worst]), 1.0, fix)


@PRIORS.check(7, "centres do not cover the image", Severity.WARNING, PriorTable, follows_from=("PRI008",))
def off_grid(table: PriorTable) -> Iterator[Case]:
    """The centres of a level leave a part of the image without any, or lie outside it.

    What it means:
        The priors of a level sit on a regular grid: so many columns and rows, so many pixels (the stride, or step)
        apart. Columns times step should be about the width of the image, else feature map, step and input size do
        not belong together.

    Why it matters:
        Where no centre is, no prior of this level overlaps an object well, and objects there are learnt by chance
        or not at all. Besides, cell i of the feature map looks at one part of the image and its priors lie in
        another.

    How to tell:
        In pixels of the input, along x and y: the gap between a border and the nearest centre is more than one
        step, or a centre lies half a step or more outside (|step * cells - size| >= step does one of the two). Half
        a step is usual; SSD300 itself has a last centre 4 pixels outside, with a step of 32. Two shipped presets
        really are so: gluoncv-ssd300-mobilenet0.25 keeps the steps of VGG16 for feature maps half as large, so that
        its finest centres end at 148 of 300 pixels; pytorch-ssd-squeezenet has 17 cells at a step of 16, which end
        at 264.

    How to fix:
        Print the sizes of the feature maps in forward(), and make the step of each image size / feature map.
        `ssdlossdbg anchors --image PHOTO -o priors.png` draws them.

    Where people met it:
        weiliu89/caffe#261; fizyr/keras-retinanet#945; dmlc/gluon-cv and qfgaohao/pytorch-ssd in the presets named
        above.
    """
    lines = [_line(table, level, axis) for level in range(len(table.levels)) for axis in (0, 1)]
    worst: dict[int, _Line] = {}
    for line in sorted(lines, key=lambda line: -line.badness):
        if line.badness > 1:
            worst.setdefault(line.level, line)
    for level, line in worst.items():
        columns, rows = table.config.levels[level]
        reach = f"from {line.first:.0f} to {line.last:.0f} of {line.extent} px in {AXES[line.axis]}"
        far = max(line.first, line.extent - line.last)
        effect = f"{far:.0f} px at a border are without any" if far > line.step else "the outer ones lie outside"
        fitting = line.extent / table.levels[level].feature_map[line.axis]
        message = (
            f"{columns} x {rows} centres, {line.step:.4g} px apart, run {reach}; {effect}; a step of {fitting:.4g} px "
            "would cover it"
        )
        fix = "Make each step the image size divided by the feature map, or correct the feature map."
        yield Case(table.where(level=level), message, round(far, 3), line.step, fix)


@PRIORS.check(8, "x and y swapped in the grid", Severity.ERROR, PriorTable)
def swapped_grid(table: PriorTable) -> Iterator[Case]:
    """The grid of priors fits only after x and y, or width and height, are swapped.

    What it means:
        Either the four numbers are (cy, cx, h, w) where (cx, cy, w, h) is expected, or the cells are listed column
        by column, or a feature map was taken as [rows, columns] where [columns, rows] is expected. On a square image
        nothing looks odd.

    Why it matters:
        Prior i then lies at the mirror image (along the diagonal) of the place that prediction i looks at, or has
        its width for its height. Matching and encoding go wrong without any error message.

    How to tell:
        One of two. x stays the same while y runs through a whole column, in every level: every codebase lists its
        cells row by row. Or the input is not square, and every level that is not square either has equal steps in x
        and y (up to a cell's rounding) only if its columns and rows are swapped. Whether the shapes are stretched is
        another finding.

    How to fix:
        Save the tensor with its columns in the order 1, 0, 3, 2, or read it with --native and the dialect it is of
        (SSD.TensorFlow and TensorFlow object detection write y first). Else swap the two numbers of feature_map, or
        of the image size, where the priors are made.

    Where people met it:
        pytorch/vision#6550; opencv/opencv#13895.
    """
    if _is_column_by_column(table):
        message = "every x stays while y runs down the whole image: y comes before x"
        fix = "Save priors[:, [1, 0, 3, 2]] if they are (cy, cx, h, w), or use --native; else list them row by row."
        yield Case(table.where(), message, "y, x", "x, y", fix)
    elif _is_transposed(table):
        (columns, rows), (width, height) = table.levels[0].feature_map, table.config.image_size
        message = f"its {columns} x {rows} cells fit an input of {height} x {width}, and not of {width} x {height}"
        fix = f"Make it {rows} x {columns} (columns x rows), or swap width and height of the input size."
        yield Case(table.where(level=0), message, f"{columns} x {rows}", f"{rows} x {columns}", fix)


@PRIORS.check(9, "prior too large for any object", Severity.WARNING, PriorTable)
def too_large(table: PriorTable) -> Iterator[Case]:
    """A prior is so much larger than the image that no object in it can match.

    What it means:
        The overlap (IoU) of a prior with an object is the area they share over the area they cover together. An
        object lies inside the image, so a prior that is much larger than the image overlaps nothing enough.

    Why it matters:
        It can become positive only as some object's best prior, by force, and is background otherwise: outputs
        that learn nothing. Mostly a size is in the wrong unit, or a scale meant for another input.

    How to tell:
        min(w, 1) * min(h, 1) / (w * h), in units of the image, is the largest IoU that an object inside the image
        can have with the prior; it is below the dialect's match threshold. At 0.5 that means a square of more than
        1.41 images, or a prior of more than 2 in one direction. The 1.65 that the aspect ratio 3 makes in several
        published configs is harmless: those priors still reach 0.61.

    How to fix:
        Look for the unit: sizes in pixels must be divided by the side of the input they are for, scales (0.1 to
        1.05) must not be multiplied by it twice.

    Where people met it:
        ljanyst/ssd-tensorflow#40.
    """
    threshold = table.rules.match.threshold
    sizes = table.boxes[:, 2:]
    best = sizes.clip(0, 1).prod(axis=1) / np.abs(sizes.prod(axis=1)).clip(ROUNDING**2)
    for rows, level in table.by_level((best < threshold - ROUNDING) & (sizes > 0).all(axis=1)):
        worst = int(rows[best[rows].argmin()])
        message = (
            f"{_size(table, sizes[worst])}, so IoU {best[worst]:.2f} at most with an object in the image; "
            f"{len(rows)} priors of {level} are too large"
        )
        fix = "Check unit and scale of that level's sizes against the size of the input."
        yield Case(table.where(worst), message, float(best[worst]), threshold, fix)


@PRIORS.check(
    10, "sizes do not grow from level to level", Severity.WARNING, PriorTable, follows_from=("PRI004", "PRI008")
)
def shrinking_sizes(table: PriorTable) -> Iterator[Case]:
    """A coarser level has smaller priors than a finer one.

    What it means:
        Each cell of a coarser feature map sees more of the image, and gets the larger objects. So prior sizes rise
        from level to level in every published config.

    Why it matters:
        Small priors on a coarse grid leave gaps between them that objects fall into; large ones on a fine grid are
        judged from features that see a part of the object only. Mostly two sizes were swapped, or one has a digit
        too few.

    How to tell:
        The size of a shape is the square root of width times height. Of two levels that follow each other in number
        of cells, the coarser one has both the smaller smallest and the smaller largest shape, by more than 1%.

    How to fix:
        Sort the sizes, finest level first, and look for a typing error; `ssdlossdbg anchors` lists them.

    Where people met it:
        ljanyst/ssd-tensorflow#40.
    """
    ranges = [_sizes(level.shapes) for level in table.levels]
    by_fineness = sorted(range(len(ranges)), key=lambda index: -table.levels[index].cells)
    for fine, coarse in pairwise(by_fineness):
        (low, high), (coarse_low, coarse_high) = ranges[fine], ranges[coarse]
        same = table.levels[fine].cells == table.levels[coarse].cells
        if same or coarse_low >= low * (1 - SAME_SIZE) or coarse_high >= high * (1 - SAME_SIZE):
            continue
        message = (
            f"its priors are {coarse_low:.4g} to {coarse_high:.4g} px large, those of the finer level {fine} "
            f"{low:.4g} to {high:.4g} px"
        )
        fix = "Check the sizes of both levels: the coarser one takes the larger objects."
        yield Case(table.where(level=coarse), message, round(coarse_low, 3), round(low, 3), fix)


@PRIORS.check(11, "sizes that fall between the cells", Severity.NOTE, AnchorsResult, follows_from=("PRI007", "PRI008"))
def blind_sizes(result: AnchorsResult) -> Iterator[Case]:
    """Square objects of some sizes match where a prior is centred on them, but not halfway between two.

    What it means:
        Fitting the priors' shapes to the objects' shapes, as k-means does, puts every prior right on top of its
        object. In the network it sits on a grid. The object's centre may lie half a step away in x and in y, and
        that costs overlap: the more, the smaller the prior is for its step.

    Why it matters:
        Whether such an object is learnt depends on where it happens to lie. Statistics over shapes alone promise
        that all are matched.

    How to tell:
        For squares of every whole number of pixels, from the smallest prior's size up: some prior reaches the
        dialect's threshold t at the best place, and none of any level does at the worst place inside the image. A
        prior w wide reaches an object of its own size anywhere only if step <= 2 * w * (1 - sqrt(2 * t / (1 + t))),
        0.367 * w at t = 0.5: at the worst place the two share (1 - step / (2 * w))^2 of their area. A size that
        another level covers is not listed, nor sizes that miss the threshold by less than 0.01.

    How to fix:
        Nothing, if objects of these sizes are few: each still gets its best prior by force. Else add a shape between
        the two that leave the gap, or a finer level.

    Where people met it:
        perhaps martinzlocha/anchor-optimization#8; julimueller/tl_ssd#3.
    """
    smallest = min((_sizes(level.shapes)[0] for level in result.levels), default=0.0)
    if not smallest:
        return
    sides = np.arange(1.0, min(result.config.image_size) + 1)
    at_best = np.max([square_iou(level.shapes, sides, np.zeros((2, 1))) for level in result.levels], axis=0)
    at_worst = np.max(
        [square_iou(level.shapes, sides, _farthest(result, level, sides)) for level in result.levels], axis=0
    )
    blind = (at_best >= result.threshold - ROUNDING) & (at_worst < result.threshold - ROUNDING) & (sides >= smallest)
    runs = [run for run in _runs(blind) if at_worst[run].min() < result.threshold - NEARLY_REACHED]
    for run in sorted(runs, key=lambda run: float(at_worst[run].min())):
        low, high, worst = sides[run[0]], sides[run[-1]], float(at_worst[run].min())
        index = _nearest_level(result, math.sqrt(low * high))
        message = (
            f"square objects of {low:.0f} to {high:.0f} px reach IoU {result.threshold:g} on a centre, but only "
            f"{worst:.2f} at the worst place between the centres, {max(result.levels[index].stride):.4g} px apart"
        )
        fix = "Add a shape of such a size to a level with a smaller step, if the data has such objects."
        yield Case(Where(result.config.name, level=index), message, round(worst, 4), result.threshold, fix)


@PRIORS.check(12, "priors of another preset", Severity.NOTE, PriorTable)
def coco_priors(table: PriorTable) -> Iterator[Case]:
    """These are ssd.pytorch's priors for COCO, though the classes are not COCO's.

    What it means:
        ssd.pytorch has two sets of priors and picks one by the number of classes: 21, background included, gets
        those for Pascal VOC, and any other number those for COCO. Whoever trains on classes of their own gets the
        COCO priors, whatever the command line or the name of the dataset says.

    Why it matters:
        The two differ on every level: the smallest prior is 21 pixels for COCO and 30 for VOC. Both train. But
        weights trained with the one decode wrongly with the other, and figures from one do not hold for the other.

    How to tell:
        The priors equal the preset ssd300-coco, the dialect is ssd.pytorch's, and the predictions have a number of
        classes other than 21, 81 and 201.

    How to fix:
        Nothing, if small objects matter: then the COCO priors are the better ones. Else change the line
        `self.cfg = (coco, voc)[num_classes == 21]` in ssd.py. Analyse with --config ssd300-coco, not with ssd300.

    Where people met it:
        amdegroot/ssd.pytorch, ssd.py line 32: the choice is made there.
    """
    is_coco = table.config.codebase == "ssd.pytorch" and table.config.name == "ssd300-coco"
    of_ssd_pytorch = table.rules.codebase == "amdegroot/ssd.pytorch"
    if not is_coco or not of_ssd_pytorch or table.classes is None or table.classes in COCO_CLASSES:
        return
    smallest = _sizes(table.levels[0].shapes)[0]
    message = (
        f"the COCO priors of ssd.pytorch, smallest {smallest:g} px, for {table.classes} classes; ssd300-voc, smallest "
        f"{SMALLEST_OF_VOC} px, is for 21 classes only"
    )
    fix = "Keep them and say --config ssd300-coco, or change self.cfg in ssd.py if you want ssd300-voc."
    yield Case(table.where(), message, float(table.classes), 21.0, fix)


@PRIORS.check(13, "other priors than the saved ones", Severity.ERROR, PriorTable)
def overruled(table: PriorTable) -> Iterator[Case]:
    """The predictions were saved together with other priors than those named.

    What it means:
        The file holds loc, conf and the priors that the network was built with. --config names others, and it is these
        that everything here is computed with.

    Why it matters:
        Row i of the predictions is about row i of the network's own priors. With others, the same offsets stand for
        other boxes: the loss is not the one that training computed. If the config is what you believe to train with,
        the network does not.

    How to tell:
        A number of the saved priors differs from that of the config by more than 1e-5, as centre and size and as
        corners.

    How to fix:
        Leave --config out, so that the saved priors are taken; or find out why the network builds others.

    Where people met it:
        amdegroot/ssd.pytorch's ssd.py:32 gives its COCO priors to every number of classes but 21, whatever the user
        believes to train with.
    """
    if table.overruled is not None:
        message = (
            f"{table.differing} of {len(table.boxes)} priors differ from those that the predictions were saved with, "
            f"{table.overruled}"
        )
        fix = "Leave --config out, or find out why the network builds other priors."
        yield Case(table.where(), message, table.differing, 0, fix)


@PRIORS.check(14, "shapes stretched with the image", Severity.WARNING, PriorTable, follows_from=("PRI008",))
def stretched_shapes(table: PriorTable) -> Iterator[Case]:
    """On an input that is not square, the priors' shapes are stretched as the image is.

    What it means:
        Priors are kept as fractions of the image. On a square input a fraction of the width is as long as the same
        fraction of the height; on others a prior that should be square must have unequal fractions. Here the same
        fraction was used for both, or each was divided by the wrong side.

    Why it matters:
        All priors are too wide (or too high), by the same factor. Objects overlap them less, fewer are matched, and
        the network has to learn the stretch.

    How to tell:
        No level has a square shape, measured in pixels; and every level has one, up to 2%, once all shapes are made
        narrower by width / height of the input (one size for both directions) or by its square (swapped sides). A
        factor of nearly a whole number is left out: 2 and 3 are aspect ratios that people choose.

    How to fix:
        Divide widths in pixels by the input's width and heights by its height. In a prior config of this tool sizes
        are in pixels, and this is done.

    Where people met it:
        pytorch/vision#6551; opencv/opencv#13895.
    """
    width, height = table.config.image_size
    if width == height or not table.config.image_size_known or not table.levels:
        return
    aspects = [_aspects(level.shapes) for level in table.levels]
    for factor, reason in ((width / height, "one size for both"), ((width / height) ** 2, "swapped sides")):
        whole = round(max(factor, 1 / factor))
        if math.isclose(max(factor, 1 / factor), whole, rel_tol=SQUARE):
            continue
        if all(_has_square(each / factor) for each in aspects) and not any(map(_has_square, aspects)):
            message = (
                f"no shape is square in pixels of the {width} x {height} input, and every level has one that is once "
                f"widths are divided by {factor:.3g} ({reason})"
            )
            fix = "Divide widths in pixels by the input's width, and heights by its height."
            yield Case(table.where(), message, round(factor, 4), 1.0, fix)
            return


@PRIORS.check(15, "corners read as centre and size", Severity.ERROR, PriorTable)
def corners(table: PriorTable) -> Iterator[Case]:
    """The priors are corners, and are read as centre and size.

    What it means:
        A box can be written as (x1, y1, x2, y2) or as (cx, cy, w, h). Torchvision, MMDetection and Caffe keep priors
        as corners, ssd.pytorch and its descendants as centre and size.

    Why it matters:
        Every prior is somewhere else and of another size, so matching, targets and loss are all wrong, and nothing
        says so.

    How to tell:
        Read as centre and size the priors are no preset and no grid; read as corners, all sizes are above 0 and the
        centres are a grid of several columns and rows.

    How to fix:
        Say --prior-format xyxy, or convert before saving.

    Where people met it:
        pytorch/vision, whose AnchorGenerator returns corners in pixels.
    """
    if table.grid_of_corners:
        message = "the centres are a grid only if the numbers are corners (x1, y1, x2, y2)"
        yield Case(table.where(), message, "xyxy", "cxcywh", "Say --prior-format xyxy, or convert before saving.")


@dataclass(frozen=True)
class _Line:
    """The centres of a level along one axis, in pixels of the input, as the config has them: before any clamp."""

    level: int
    axis: int
    first: float
    last: float
    step: float
    extent: int

    @property
    def badness(self) -> float:
        """Above 1 where the grid does not fit: by a gap of more than a step, or half a step and more outside."""
        gap = max(self.first, self.extent - self.last)
        outside = -min(self.first, self.extent - self.last)
        rounding = SAME_POSITION * self.extent
        return max((gap - rounding) / self.step, 2 * (outside + rounding) / self.step)


def _line(table: PriorTable, level: int, axis: int) -> _Line:
    extent, spec = table.config.image_size[axis], table.levels[level]
    step, cells, grid = spec.stride[axis], spec.feature_map[axis], table.grid(level) * extent
    # Clamping corners moves the centres of large priors inwards, those of the smallest least.
    smallest = grid[0, 0, :, 2 + axis].argmin()
    (start, size), (end, last_size) = (
        corner[smallest, [axis, 2 + axis]].tolist() for corner in (grid[0, 0], grid[-1, -1])
    )
    cut_low = abs(start - size / 2) < ROUNDING * extent
    cut_high = abs(end + last_size / 2 - extent) < ROUNDING * extent
    if cut_low and cut_high:
        # Neither end is known, and the strides of a saved tensor are measured between such centres.
        step = extent / cells
    first = step / 2 if cut_low else start
    # A single centre has no neighbour that tells the step.
    step = min(step, 2 * first) if cells == 1 and first > 0 else step
    return _Line(level, axis, first, first + (cells - 1) * step, step, extent)


def _was_clamped(table: PriorTable) -> bool:
    """Whether values of a prior that all lie in [0, 1] were cut to it."""
    sizes = table.boxes[:, 2:]
    as_wide, as_high = (sizes == 1).T
    mirrored = np.intersect1d(np.rint(sizes[as_wide, 1] / ROUNDING), np.rint(sizes[as_high, 0] / ROUNDING))
    image = np.array(table.config.image_size)
    too_large = any((np.array(level.shapes) > image * (1 + ROUNDING)).any() for level in table.levels)
    lines = [_line(table, level, axis) for level in range(len(table.levels)) for axis in (0, 1)]
    at_border = (table.boxes[:, :2] == 1).any(axis=0)
    beyond = any(at_border[line.axis] and line.last > line.extent * (1 + SAME_POSITION) for line in lines)
    return too_large or beyond or bool((mirrored * ROUNDING < 1 - ROUNDING).any())


def _is_column_by_column(table: PriorTable) -> bool:
    """Whether the cells are listed x first: each column then looks like a level, or in shape order like a shape."""
    columns: dict[int, list[FloatArray]] = {}
    for index, level in enumerate(table.levels):
        if level.feature_map[0] != 1:
            return False
        columns.setdefault(level.feature_map[1], []).append(table.grid(index)[..., 0].ravel())
    alike = (np.concatenate(xs) for rows, xs in columns.items() if rows > 1)
    return any(np.ptp(xs) > SAME_POSITION for xs in alike)


def _is_transposed(table: PriorTable) -> bool:
    """Whether every level that is not square has equal steps in x and y only after a swap of columns and rows."""
    width, height = table.config.image_size
    maps = [level.feature_map for level in table.levels if level.feature_map[0] != level.feature_map[1]]
    if not maps or width == height or not table.config.image_size_known:
        return False

    def fits(columns: int, rows: int) -> bool:
        return abs(math.log(width / columns * rows / height)) <= math.log(1 + 1 / min(columns, rows))

    return all(fits(rows, columns) and not fits(columns, rows) for columns, rows in maps)


def _sizes(shapes: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """The smallest and the largest square root of width times height."""
    sides = [math.sqrt(max(width * height, 0.0)) for width, height in shapes]
    return min(sides), max(sides)


def _aspects(shapes: tuple[tuple[float, float], ...]) -> FloatArray:
    """Width over height of each shape."""
    return np.array([width / height if height else 0.0 for width, height in shapes])


def _has_square(aspects: FloatArray) -> bool:
    return bool((np.abs(aspects - 1) <= SQUARE).any())


def _farthest(result: AnchorsResult, level: LevelGrid, sides: FloatArray) -> FloatArray:
    """`[2, S]` how far, in x and y, a square inside the image can be from the nearest centre of the level."""
    found = []
    for axis in (0, 1):
        first, last, extent = level.reach[axis], level.reach[axis + 2], result.config.image_size[axis]
        centres = np.linspace(first, last, level.feature_map[axis])
        between = np.concatenate(([0.0], (centres[1:] + centres[:-1]) / 2, [extent]))
        places = between.clip((sides / 2)[:, None], (extent - sides / 2)[:, None])
        nearest = np.searchsorted(between[1:-1], places)
        found.append(np.abs(places - centres[nearest]).max(axis=1))
    return np.array(found)


def _runs(chosen: BoolArray) -> list[list[int]]:
    """The indices of the true elements, those that follow each other together."""
    found = chosen.nonzero()[0]
    parts = np.split(found, (np.diff(found) > 1).nonzero()[0] + 1)
    return [part.tolist() for part in parts if len(part)]


def _nearest_level(result: AnchorsResult, side: float) -> int:
    """The level with the shape whose size is most like a side."""

    def distance(index: int) -> float:
        shapes = np.array(result.levels[index].shapes)
        return float(np.abs(np.log(np.sqrt(shapes.prod(axis=1).clip(ROUNDING)) / side)).min())

    return min(range(len(result.levels)), key=distance)


def _size(table: PriorTable, size: FloatArray) -> str:
    """Width and height in words: in pixels where the size of the input is known."""
    if not table.config.image_size_known:
        return f"{size[0]:.4g} x {size[1]:.4g} of the input"
    width, height = size * np.array(table.config.image_size)
    return f"{width:.4g} x {height:.4g} px"


def _pair(point: FloatArray) -> str:
    return f"({point[0]:.3g}, {point[1]:.3g})"
