"""The grid that priors stand on, and which of them can overlap an object enough, found without looking at all.

On a grid, a prior's left and right edge depend on its shape and column only, its upper and lower edge on its shape and
row; so they do where corners were clipped at the border. So where its IoU with an object may reach some least value is
a window of neighbouring cells, whose bounds follow from the edges alone: an object of the paper's SSD300 has such cells
in a few of the 32 shapes, and some dozens of candidates among 8732 priors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ssdlossdbg.rules import LevelSpec, PriorOrder

# Slack of a least IoU: computed in float32, an IoU may exceed the exact one by as much, relatively.
ROUNDING = 1e-5
# Slack of edges: what a codebase holds of its priors may be off by as much, relatively to the furthest edge.
EDGE_ROUNDING = 2e-6
# Objects that are held against all shapes at a time.
OBJECTS_AT_ONCE = 2**14


@dataclass(frozen=True)
class Axis:
    """Where priors of S shapes lie along x or y; lengths are float64 in the unit of the boxes, on the CPU.

    Attributes:
        count: `[S]` int64 how many columns, or rows, there are.
        step: `[S]` int64 how much further the index of the prior in the next one is.
        low, high: `[S, K]` the edges of each, neither ever falling, with the slack of rounding; the last ones repeated
            where there are fewer than K.
        least, most: `[S]` the smallest and the largest distance of the two.
        stride, stray: `[S]` how far apart centres are, and the most that one is off its place, where clamping pulled
            the last one inwards; None where sizes differ, as clipping leaves them.
    """

    count: Tensor
    step: Tensor
    low: Tensor
    high: Tensor
    least: Tensor
    most: Tensor
    stride: Tensor | None
    stray: Tensor

    @staticmethod
    def of(intervals: Sequence[Tensor], steps: Sequence[int], slack: float) -> Axis | None:
        """The axis of S shapes, or None where the edges of one fall by more than the slack.

        Args:
            intervals: float64 `[K, 2]` centre and size of each column, a shape each.
            steps: how much further the index in the next column is, a shape each.
            slack: to widen them by, on either side.
        """
        counts = torch.tensor([len(each) for each in intervals])
        shown = torch.arange(int(counts.max())).clamp(max=counts[:, None] - 1)
        centre, size = torch.stack([each[row] for each, row in zip(intervals, shown, strict=True)]).unbind(2)
        low, high = centre - size / 2, centre + size / 2
        if bool((low.diff() < -slack).any() or (high.diff() < -slack).any()):
            return None
        rising = low.flip(1).cummin(1).values.flip(1) - slack, high.cummax(1).values + slack
        sizes = size.amin(1), size.amax(1) + 2 * slack
        even = torch.equal(sizes[0] + 2 * slack, sizes[1])
        stride = torch.stack([each[:, 0].diff().median() if len(each) > 1 else torch.ones(()) for each in intervals])
        even = even and bool((stride > 0).all())
        stray = (centre - centre[:, :1] - stride[:, None] * shown).abs().amax(1)
        return Axis(counts, torch.tensor(steps), *rising, *sizes, stride if even else None, stray)

    def fitting(self, length: Tensor) -> Tensor:
        """The size in each shape that is nearest to lengths `[N, 1]`: `[N, S]`, or `[S]` where they are all alike."""
        if self.stride is not None:
            return self.most
        return torch.minimum(torch.maximum(length, self.least), self.most)

    def window(self, low: Tensor, high: Tensor, shape: Tensor, own: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """First column and number of columns, `[K]`, that an interval shares enough with.

        Args:
            low: `[K]` where the interval starts.
            high: `[K]` where it ends.
            shape: `[K]` which shape's columns to look at.
            own: `[K]` the length that is to be shared, of columns without a size.
            share: `[K]` how much of its size a column adds to that, 1 at most.
        """
        low, high = low + own, high - own
        if self.stride is None:
            first = self._before(self.high, self.low, shape, share, low, including=False)
            end = self._before(self.low, self.high, shape, share, high, including=True)
            return first, (end - first).clamp_(min=0)
        stride, count = self.stride[shape], self.count[shape]
        added = share * self.most[shape] - self.stray[shape]
        first = ((low - self.high[shape, 0] + added) / stride).ceil_().clamp_(min=0)
        last = torch.minimum(((high - self.low[shape, 0] - added) / stride).floor_(), count - 1.0)
        return first.long(), (last - first + 1).clamp_(min=0).long()

    def nearest(self, place: Tensor) -> Tensor:
        """`[N, S]` the column of each shape whose centre is nearest to places, `[N, 1]`."""
        if self.stride is not None:
            # Whole numbers only once they are small: int64 has no room for a box 1e30 pixels away.
            column = ((place - (self.low[:, 0] + self.high[:, 0]) / 2) / self.stride).round_().clamp_(min=0)
            return torch.minimum(column, self.count - 1.0).long()
        centres = (self.low + self.high) / 2
        # `searchsorted` takes the places of each shape side by side.
        places = place.T.expand(len(self.count), -1).contiguous()
        column = torch.searchsorted((centres[:, 1:] + centres[:, :-1]) / 2, places).T
        return torch.minimum(column, self.count - 1)

    def _before(
        self, near: Tensor, far: Tensor, shape: Tensor, share: Tensor, bound: Tensor, including: bool
    ) -> Tensor:
        """How many columns come before a bound, at a share of the way from their near to their far edge.

        Args:
            near: `[S, K]` edges.
            far: `[S, K]` the edges opposite.
            shape: of which shape's columns; as the next two, of any size.
            share: of the way.
            bound: what is not to be reached.
            including: whether it may be reached.
        """
        columns = near.shape[1]
        near, far = near.flatten(), far.flatten()
        row, last, found = shape * columns, self.count[shape], torch.zeros_like(shape)
        for power in reversed(range(columns.bit_length())):
            ahead = found + 2**power
            probe = row + (ahead - 1).clamp_(max=columns - 1)
            place = torch.lerp(near[probe], far[probe], share)
            comes_before = (place <= bound) if including else (place < bound)
            found = torch.where(comes_before & (ahead <= last), ahead, found)
        return found


@dataclass(frozen=True)
class Windows:
    """Blocks of neighbouring cells, of some shape each, where priors may overlap an object enough.

    Attributes:
        box: `[K]` int64 rows of the objects, ascending.
        corner: `[K]` the prior in the upper left cell.
        columns, rows: `[K]` how many cells there are.
        step_x, step_y: `[K]` how much further the index of the prior one column, one row on is.
    """

    box: Tensor
    corner: Tensor
    columns: Tensor
    rows: Tensor
    step_x: Tensor
    step_y: Tensor

    def __getitem__(self, which: slice) -> Windows:
        """Some of them."""
        return Windows(*(getattr(self, each.name)[which] for each in fields(self)))

    @property
    def count(self) -> Tensor:
        """`[K]` how many priors each holds."""
        return self.columns * self.rows

    def pairs(self) -> tuple[Tensor, Tensor]:
        """`[M]` int64 rows of the objects, ascending, and `[M]` indices of priors."""
        number = self.count
        window = torch.repeat_interleave(torch.arange(len(number)), number)
        # Of all ways to pick, this is the fastest by far.
        before, columns, corner, step_x, back, box = (
            each.index_select(0, window)
            for each in (
                number.cumsum(0) - number,
                self.columns,
                self.corner,
                self.step_x,
                self.step_y - self.columns * self.step_x,
                self.box,
            )
        )
        place = torch.arange(len(window)) - before
        line = torch.div(place, columns, rounding_mode="floor")
        # Counting on in a window is a step in x; at the end of a line, one in y and all of those in x back.
        return box, corner + place * step_x + line * back


@dataclass(frozen=True)
class Grid:
    """Priors of S shapes, each on columns and rows of its own. A shape of a level is one of the S.

    Attributes:
        first: `[S]` int64 index of the prior in the upper left cell.
        x, y: their columns and rows.
        kept: `[S]` float64, the share of its area that a prior surely has, whatever rounding did to it.
    """

    first: Tensor
    x: Axis
    y: Axis
    kept: Tensor

    @staticmethod
    def of(priors: Tensor, levels: Sequence[LevelSpec], order: PriorOrder = PriorOrder.CELL) -> Grid | None:
        """The grid of priors, or None if they stand on none.

        Args:
            priors: `[P, 4]` cxcywh, in any unit.
            levels: their feature maps and shapes, whose counts add up to P; only those numbers are used.
            order: of the priors inside a level.
        """
        if sum(level.count for level in levels) != len(priors) or not levels:
            return None
        boxes = priors.detach().cpu().double()
        if not bool(boxes.isfinite().all() and (boxes[:, 2:] > 0).all()):
            return None
        firsts, steps, columns, rows, start = [], [], [], [], 0
        for level in levels:
            (across, down), shapes = level.feature_map, len(level.shapes)
            step = 1 if order is PriorOrder.SHAPE else shapes
            for shape in range(shapes):
                first = start + (shape * level.cells if order is PriorOrder.SHAPE else shape)
                cells = boxes[first : first + step * level.cells : step].view(down, across, 2, 2)
                if not (cells[..., 0] == cells[:1, :, :, 0]).all() or not (cells[..., 1] == cells[:, :1, :, 1]).all():
                    return None
                firsts.append(first)
                steps.append((step, step * across))
                columns.append(cells[0, ..., 0])
                rows.append(cells[:, 0, :, 1])
            start += level.count
        slack = EDGE_ROUNDING * float((boxes[:, :2].abs() + boxes[:, 2:]).max())
        x = Axis.of(columns, [step for step, _ in steps], slack)
        y = Axis.of(rows, [step for _, step in steps], slack)
        if x is None or y is None:
            return None
        # Of its sides, each may be shorter by four times the slack.
        kept = (1 - 4 * slack / x.least).clamp(min=0) * (1 - 4 * slack / y.least).clamp(min=0)
        return Grid(torch.tensor(firsts), x, y, kept)

    def nearest(self, boxes: Tensor) -> Tensor:
        """The prior of each shape whose centre is nearest to an object's.

        Args:
            boxes: `[N, 4]` xyxy in the unit of the grid, finite.

        Returns:
            `[N, S]` int64 indices of priors.
        """
        cx, cy = ((boxes[:, :2].double() + boxes[:, 2:].double()) / 2).T[..., None]
        return self.first + self.x.nearest(cx) * self.x.step + self.y.nearest(cy) * self.y.step

    def candidates(self, boxes: Tensor, least: float | Tensor) -> tuple[Tensor, Tensor]:
        """All pairs of an object and a prior whose IoU may reach a least value; few others among them.

        Args:
            boxes: as for `windows`.
            least: as for `windows`.

        Returns:
            `[K]` int64 rows of `boxes`, ascending, and `[K]` indices of priors.
        """
        return self.windows(boxes, least).pairs()

    def windows(self, boxes: Tensor, least: float | Tensor) -> Windows:
        """Where the priors are whose IoU with an object may reach a least value.

        If it does, the intersection is at least least / (1 + least) of both areas together. The other side being no
        longer than the shorter of the two, that bounds what the two share along each axis: for a prior of width W, by
        a length that is the object's own and a share of W.

        Args:
            boxes: `[N, 4]` xyxy in the unit of the grid, finite, of positive width and height.
            least: the least IoU; for all objects, or `[N]`. Of 0, every prior that an object overlaps is a candidate.
        """
        floors = torch.as_tensor(least, dtype=torch.float64).expand(len(boxes))
        parts = [
            self._windows(*each)
            for each in zip(torch.split(boxes, OBJECTS_AT_ONCE), torch.split(floors, OBJECTS_AT_ONCE), strict=True)
        ]
        if len(parts) == 1:
            return parts[0]
        for place, part in enumerate(parts):
            part.box.add_(place * OBJECTS_AT_ONCE)
        return Windows(*(torch.cat([getattr(part, each.name) for part in parts]) for each in fields(Windows)))

    def _windows(self, boxes: Tensor, least: Tensor) -> Windows:
        """As `windows`, of some thousands of objects, for `[N]` least values."""
        floor = (least * (1 - ROUNDING))[:, None]
        low, high = boxes[:, :2].double().T[..., None], boxes[:, 2:].double().T[..., None]
        w, h = high - low
        wide, tall = self.x.fitting(w), self.y.fitting(h)
        needed = (floor / (1 + floor)) * self.kept
        # What follows is for the few shapes that would fit an object if they were centred on it.
        fits = (wide * tall + w * h).mul_(needed) <= torch.minimum(w, wide).mul_(torch.minimum(h, tall))
        box, shape = fits.nonzero(as_tuple=True)
        needed, w, h = needed[box, shape], w[box, 0], h[box, 0]
        wide, tall = (each[shape] if each.dim() == 1 else each[box, shape] for each in (wide, tall))
        narrow, flat = torch.minimum(w, wide), torch.minimum(h, tall)
        area = needed * w * h
        left, columns = self.x.window(low[0, box, 0], high[0, box, 0], shape, area / flat, needed * tall / flat)
        top, rows = self.y.window(low[1, box, 0], high[1, box, 0], shape, area / narrow, needed * wide / narrow)
        step_x, step_y = self.x.step[shape], self.y.step[shape]
        corner = self.first[shape] + left * step_x + top * step_y
        return Windows(box, corner, columns, rows, step_x, step_y)
