"""The regular grid that priors stand on, and which of them can overlap an object enough, found without looking at all.

On a grid, a prior's left and right edge depend on its shape and column only, its upper and lower edge on its shape and
row. So where its IoU with an object may reach some least value is a window of neighbouring cells, whose bounds follow
from the sizes alone: an object of the paper's SSD300 has such cells in a few of the 32 shapes, and some dozens of
candidates among 8732 priors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.rules import LevelSpec, PriorOrder

# Slack of the windows: IoU computed in float32 may exceed the exact one by as much, relatively.
ROUNDING = 1e-5
# Windows are bounded in units of cells; a bound that falls on a cell must not lose it to rounding.
CELL_ROUNDING = 1e-6


@dataclass(frozen=True)
class Grid:
    """Priors of S shapes, each on columns and rows of its own, the columns and the rows equally far apart.

    A shape of a level is one of the S; all fields are `[S]` on the CPU, lengths float64 in the unit of the boxes.

    Attributes:
        first: index of the prior in the upper left cell.
        step_x, step_y: how much further the index of the prior one column, one row on is.
        columns, rows: how many there are.
        x, y: centre of the first column and row.
        stride_x, stride_y: distance of neighbouring centres.
        stray_x, stray_y: most that a centre is off its place, where clamping pulled the last one inwards.
        width, height: of the priors.
    """

    first: Tensor
    step_x: Tensor
    step_y: Tensor
    columns: Tensor
    rows: Tensor
    x: Tensor
    y: Tensor
    stride_x: Tensor
    stride_y: Tensor
    stray_x: Tensor
    stray_y: Tensor
    width: Tensor
    height: Tensor

    @staticmethod
    def of(priors: Tensor, levels: Sequence[LevelSpec], order: PriorOrder = PriorOrder.CELL) -> Grid | None:
        """The grid of priors, or None if they stand on none: custom boxes, or corners clipped at the border.

        Args:
            priors: `[P, 4]` cxcywh, in any unit.
            levels: their feature maps and shapes, whose counts add up to P; only those numbers are used.
            order: of the priors inside a level.
        """
        if sum(level.count for level in levels) != len(priors) or not levels:
            return None
        boxes, rows, start = priors.detach().cpu().double(), [], 0
        for level in levels:
            (columns, lines), shapes = level.feature_map, len(level.shapes)
            step = 1 if order is PriorOrder.SHAPE else shapes
            for shape in range(shapes):
                first = start + (shape * level.cells if order is PriorOrder.SHAPE else shape)
                cells = boxes[first : first + step * level.cells : step].view(lines, columns, 4)
                across, down = cells[0, :, 0], cells[:, 0, 1]
                regular = (cells[..., [0, 2]] == cells[:1, :, [0, 2]]).all() and (
                    cells[..., [1, 3]] == cells[:, :1, [1, 3]]
                ).all()
                if not regular or not (cells[..., 2:] == cells[0, 0, 2:]).all() or not (cells[0, 0, 2:] > 0).all():
                    return None
                stride_x, stride_y = _stride(across), _stride(down)
                stray_x = (across - across[0] - stride_x * torch.arange(columns)).abs().max()
                stray_y = (down - down[0] - stride_y * torch.arange(lines)).abs().max()
                counts = (first, step, step * columns, columns, lines)
                lengths = (across[0], down[0], stride_x, stride_y, stray_x, stray_y, *cells[0, 0, 2:])
                rows.append((*counts, *map(float, lengths)))
            start += level.count
        columns_of = list(zip(*rows, strict=True))
        numbers = [torch.tensor(column) for column in columns_of[:5]]
        return Grid(*numbers, *(torch.tensor(column, dtype=torch.float64) for column in columns_of[5:]))

    def nearest(self, boxes: Tensor) -> Tensor:
        """The prior of each shape whose centre is nearest to an object's.

        Args:
            boxes: `[N, 4]` xyxy in the unit of the grid, finite.

        Returns:
            `[N, S]` int64 indices of priors.
        """
        (cx, cy) = ((boxes[:, :2] + boxes[:, 2:]).double() / 2).T[..., None]
        # Whole numbers only once they are small: int64 has no room for a box 1e30 pixels away.
        column = torch.minimum(((cx - self.x) / self.stride_x).round().clamp(min=0), self.columns - 1.0).long()
        row = torch.minimum(((cy - self.y) / self.stride_y).round().clamp(min=0), self.rows - 1.0).long()
        return self.first + column * self.step_x + row * self.step_y

    def candidates(self, boxes: Tensor, least: float | Tensor) -> tuple[Tensor, Tensor]:
        """All pairs of an object and a prior whose IoU may reach a least value; few others among them.

        If it does, the intersection is at least least / (1 + least) of both areas together, and so, the other side
        being no longer than the shorter of the two, is the overlap along each axis: which bounds how far the centres
        may be apart.

        Args:
            boxes: `[N, 4]` xyxy in the unit of the grid, finite, of positive width and height.
            least: the least IoU, above 0; for all objects, or `[N]`.

        Returns:
            `[K]` int64 rows of `boxes`, ascending, and `[K]` indices of priors.
        """
        floor = torch.as_tensor(least, dtype=torch.float64).reshape(-1, 1) * (1 - ROUNDING)
        low, high = boxes[:, :2].double(), boxes[:, 2:].double()
        (w, h), (cx, cy) = (high - low).T[..., None], ((high + low) / 2).T[..., None]
        narrow, flat = torch.minimum(w, self.width), torch.minimum(h, self.height)
        shared = floor / (1 + floor) * (w * h + self.width * self.height)
        # What follows is for the few shapes that would fit an object if they were centred on it.
        box, shape = (shared <= narrow * flat).nonzero(as_tuple=True)
        shared, narrow, flat = (each[box, shape] for each in (shared, narrow, flat))
        left, columns = _window(
            cx[box, 0] - self.x[shape],
            (w[box, 0] + self.width[shape]) / 2 - shared / flat + self.stray_x[shape],
            self.stride_x[shape],
            self.columns[shape],
        )
        top, rows = _window(
            cy[box, 0] - self.y[shape],
            (h[box, 0] + self.height[shape]) / 2 - shared / narrow + self.stray_y[shape],
            self.stride_y[shape],
            self.rows[shape],
        )
        step_x, step_y = self.step_x[shape], self.step_y[shape]
        corner, number = self.first[shape] + left * step_x + top * step_y, columns * rows
        window = torch.repeat_interleave(torch.arange(len(number)), number)
        place = torch.arange(len(window)) - (number.cumsum(0) - number)[window]
        line = torch.div(place, columns[window], rounding_mode="floor")
        # Counting on in a window is a step in x; at the end of a line, one in y and all of those in x back.
        priors = corner[window] + place * step_x[window] + line * (step_y - columns * step_x)[window]
        return box[window], priors


def _stride(centres: Tensor) -> float:
    """The distance of neighbouring centres, of which the last may have been pulled inwards."""
    return float(centres.diff().median()) if len(centres) > 1 else 1.0


def _window(offset: Tensor, reach: Tensor, stride: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """First cell and number of cells whose centre is no further than `reach` from `offset`; tensors of one shape."""
    first = ((offset - reach) / stride - CELL_ROUNDING).ceil().clamp(min=0)
    last = torch.minimum(((offset + reach) / stride + CELL_ROUNDING).floor(), count - 1.0)
    return first.long(), (last - first + 1).clamp(min=0).long()
