"""Grids that do not cover the image, and priors that were cut to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssdlossdbg.checks.priors.family import PRIORS, ROUNDING, SAME_POSITION, size_range
from ssdlossdbg.results import (
    AnchorsResult,
    BoolArray,
    Case,
    FloatArray,
    LevelGrid,
    PriorTable,
    Severity,
    Where,
    square_iou,
)

# What an IoU at the very worst place may fall short by: it takes a centre exactly between four cells to notice.
NEARLY_REACHED = 0.01
AXES = ("x", "y")


@PRIORS.check(6, "clamped as centre and size", Severity.NOTE, PriorTable, follows_from=("PRI008", "PRI015"))
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
    smallest = min((size_range(level.shapes)[0] for level in result.levels), default=0.0)
    if not smallest:
        return
    sides = np.arange(1.0, min(result.config.image_size) + 1)
    at_best = np.max([square_iou(level.shapes, sides, np.zeros((2, 1))) for level in result.levels], axis=0)
    at_worst = np.max(
        [square_iou(level.shapes, sides, _farthest(result, level, sides)) for level in result.levels], axis=0
    )
    blind = (at_best >= result.threshold - ROUNDING) & (at_worst < result.threshold - ROUNDING) & (sides >= smallest)
    runs = [(float(at_worst[run].min()), sides[run[0]], sides[run[-1]]) for run in _runs(blind)]
    for worst, low, high in sorted(run for run in runs if run[0] < result.threshold - NEARLY_REACHED):
        index = _nearest_level(result, math.sqrt(low * high))
        message = (
            f"square objects of {low:.0f} to {high:.0f} px reach IoU {result.threshold:g} on a centre, but only "
            f"{worst:.2f} at the worst place between the centres, {max(result.levels[index].stride):.4g} px apart"
        )
        fix = "Add a shape of such a size to a level with a smaller step, if the data has such objects."
        yield Case(Where(result.config.name, level=index), message, round(worst, 4), result.threshold, fix)


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


def _pair(point: FloatArray) -> str:
    return f"({point[0]:.3g}, {point[1]:.3g})"
