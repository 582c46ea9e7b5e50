"""The prior grid: generating it, and reading the levels back out of a bare tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import PriorBoxes, cxcywh_to_xyxy, xyxy_to_cxcywh
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.rounding import ROUNDINGS, Cells, Held, sides_of
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.rules import MOST_LEVELS, MOST_SHAPES, Clip, LevelSpec, Precision, PriorOrder, PriorSpec, both_sides

# Centres closer than this, as a fraction of the image, are one: corner form and float32 move them by 1e-7.
CENTRE_TOLERANCE = 1e-4
# Sides of priors that differ by less, as a fraction of the image, are one shape.
SAME_SHAPE = 1e-6


@dataclass(frozen=True)
class Priors:
    """Priors with the levels they belong to.

    Attributes:
        boxes: `[P, 4]` float32 cxcywh, normalised.
        image_size: the network's input as (width, height) in pixels; of a square, one number will do.
        levels: the feature maps, in order; their counts add up to P. Empty where no grid is known.
        order: the order of the priors inside a level.
        held: the numbers that the codebase holds of them, which overlaps and targets are computed from; None where
            those are `boxes`.
    """

    boxes: Tensor
    image_size: tuple[int, int]
    levels: tuple[LevelSpec, ...] = ()
    order: PriorOrder = PriorOrder.CELL
    held: Held | None = None

    def __post_init__(self) -> None:
        """Take one number for both sides of a square."""
        object.__setattr__(self, "image_size", both_sides(self.image_size))

    @cached_property
    def level_index(self) -> Tensor:
        """`[P]` int64 level of each prior; all 0 where no grid could be recognised."""
        counts = [level.count for level in self.levels] or [len(self.boxes)]
        return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts), output_size=len(self.boxes)).to(
            self.boxes.device
        )

    @cached_property
    def shapes(self) -> Tensor:
        """`[S, 2]` float64 (width, height) of all shapes that the boxes have, normalised."""
        sides = (widest(self.boxes[:, 2:]) / SAME_SHAPE).round()
        # Side by side, for `unique` over rows takes twenty times as long.
        widths, width = torch.unique(sides[:, 0], return_inverse=True)
        heights, height = torch.unique(sides[:, 1], return_inverse=True)
        pairs = torch.unique(width * len(heights) + height)
        return torch.stack((widths[pairs // len(heights)], heights[pairs % len(heights)]), dim=1) * SAME_SHAPE

    @property
    def grid(self) -> Grid | None:
        """The regular grid that the boxes stand on, for `match_on_grid`; None if they stand on none."""
        return self.grid_in(torch.ones(4, dtype=self.boxes.dtype))

    def grid_in(self, unit: Tensor) -> Grid | None:
        """That of the boxes times a unit, `[4]`; found once for each."""
        key = (unit.dtype, *unit.tolist())
        if key not in self._grids:
            self._grids[key] = Grid.of(self.boxes.cpu() * unit.cpu(), self.levels, self.order)
        return self._grids[key]

    @cached_property
    def _grids(self) -> dict[tuple[Any, ...], Grid | None]:
        return {}

    def to(self, device: torch.device | str) -> Priors:
        """The same priors on another device."""
        moved = self.boxes.to(device)
        return self if moved is self.boxes else replace(self, boxes=moved)

    def in_units(self, unit: Tensor, precision: Precision = Precision.INPUT) -> PriorBoxes:
        """The priors as overlaps and targets are computed from them.

        Args:
            unit: `[4]` what normalised boxes are multiplied by, on the device of the boxes.
            precision: that overlaps and targets are computed in.
        """
        dtype = torch.float64 if precision is Precision.FLOAT64 else self.boxes.dtype
        return self.held.in_units(unit, dtype) if self.held else (self.boxes * unit).to(dtype)


def _clip_xyxy(boxes: Tensor) -> Tensor:
    return xyxy_to_cxcywh(cxcywh_to_xyxy(boxes).clamp(0, 1))


def _clip_wh(boxes: Tensor) -> Tensor:
    return torch.cat((boxes[:, :2], boxes[:, 2:].clamp(0, 1)), dim=1)


CLIPS: dict[Clip, Callable[[Tensor], Tensor]] = {
    Clip.NONE: lambda boxes: boxes,
    Clip.CXCYWH: lambda boxes: boxes.clamp(0, 1),
    Clip.WH: _clip_wh,
    Clip.XYXY: _clip_xyxy,
}


def generate_priors(spec: PriorSpec, dtype: torch.dtype = torch.float32) -> Priors:
    """The priors of a grid.

    Centres and sizes are computed in float64 and rounded once to `dtype`, as the Python loops of ssd.pytorch
    (prior_box.py:28-55) and its descendants do. What a codebase holds that rounds elsewhere, too, is `held`.

    Args:
        spec: the grid.
        dtype: of the result.
    """
    image = torch.tensor((*spec.image_size, *spec.image_size), dtype=torch.float64)
    cells = Cells([_cells(level, spec) for level in spec.levels], spec.order, image)
    boxes = CLIPS[spec.clip](cells.flat(cells.levels) / image)
    held = ROUNDINGS[spec.rounding](boxes, cells)
    return Priors(boxes.to(dtype), spec.image_size, spec.levels, spec.order, held)


def _cells(level: LevelSpec, spec: PriorSpec) -> Tensor:
    """`[rows, columns, S, 4]` float64 cxcywh of one level's priors, in pixels."""
    columns, rows = level.feature_map
    sizes = sides_of(level, spec.rounding)
    grid = torch.zeros((rows, columns, len(sizes), 4), dtype=torch.float64)
    offsets = level.offsets or ((spec.offset, spec.offset),) * len(sizes)
    x, y = torch.tensor(offsets, dtype=torch.float64).T
    grid[..., 0] = (torch.arange(columns, dtype=torch.float64)[None, :, None] + x) * level.stride[0]
    grid[..., 1] = (torch.arange(rows, dtype=torch.float64)[:, None, None] + y) * level.stride[1]
    grid[..., 2:] = sizes
    return grid


def infer_levels(boxes: Tensor, image_size: tuple[int, int]) -> tuple[tuple[LevelSpec, ...], PriorOrder]:
    """Read the feature maps back out of the spacing of the centres.

    A level (or, in shape order, each shape of a level) is the largest grid of equal rows that the list goes
    on with; the next one must start no lower than it ended.

    Args:
        boxes: `[P, 4]` cxcywh, normalised.
        image_size: (width, height) in pixels, which the strides and shapes are given in.

    Returns:
        The levels, and the order inside them; no level at all where the centres are not such a grid, as after
        clipping corners, which moves the centres of one cell apart.
    """
    rest = boxes.detach().cpu().double()
    image = torch.tensor(image_size, dtype=torch.float64)
    levels: list[LevelSpec] = []
    order = PriorOrder.CELL
    bottom = math.inf
    steps = shapes = 0
    while len(rest):
        rows, columns, per_cell = _leading_grid(rest[:, :2])
        if rest[0, 1] > bottom + CENTRE_TOLERANCE:
            return (), PriorOrder.CELL
        count = rows * columns * per_cell
        steps, shapes = steps + 1, shapes + per_cell
        if steps > MOST_LEVELS or shapes > MOST_SHAPES:
            return (), PriorOrder.CELL  # a grid of its own for each few priors is none
        grid = rest[:count].reshape(rows, columns, per_cell, 4)
        bottom = float(grid[-1, 0, 0, 1])
        level = LevelSpec(
            feature_map=(columns, rows),
            stride=(_spacing(grid[0, :, 0, 0], image[0]), _spacing(grid[:, 0, 0, 1], image[1])),
            shapes=tuple((round(w, 3), round(h, 3)) for w, h in (grid[0, 0, :, 2:] * image).tolist()),
        )
        if levels and per_cell == 1 and levels[-1].feature_map == level.feature_map:
            order = PriorOrder.SHAPE
            level = LevelSpec(level.feature_map, level.stride, levels.pop().shapes + level.shapes)
        levels.append(level)
        rest = rest[count:]
    return tuple(levels), order


def _leading_grid(centres: Tensor) -> tuple[int, int, int]:
    """Rows, columns and priors a cell of the largest grid that the list of centres starts with."""
    x, y = centres.unbind(1)
    per_cell = _leading(((centres - centres[0]).abs() <= CENTRE_TOLERANCE).all(1))
    in_row = (y - y[0]).abs() <= CENTRE_TOLERANCE
    in_row[1:] &= x.diff() >= -CENTRE_TOLERANCE
    width = _leading(in_row) // per_cell * per_cell
    rows = centres[: len(centres) // width * width].reshape(-1, width, 2)
    alike = ((rows[..., 0] - rows[0, :, 0]).abs() <= CENTRE_TOLERANCE).all(1)
    alike &= ((rows[..., 1] - rows[:, :1, 1]).abs() <= CENTRE_TOLERANCE).all(1)
    alike[1:] &= rows[:, 0, 1].diff() > CENTRE_TOLERANCE
    return _leading(alike), width // per_cell, per_cell


def _leading(mask: Tensor) -> int:
    """How many elements are true before the first that is not."""
    return int(mask.long().cumprod(0).sum())


def _spacing(positions: Tensor, extent: Tensor) -> float:
    if len(positions) == 1:
        return float(extent)
    # The median: clipping can pull the last centre of a row inwards.
    return round(float((positions.diff() * extent).median()), 3)
