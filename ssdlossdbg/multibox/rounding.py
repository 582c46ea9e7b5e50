"""What a codebase holds of its priors, to the last bit: which of two overlaps is higher may hang on that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import Corners, PriorBoxes, cxcywh_to_xyxy
from ssdlossdbg.rules import LevelSpec, PriorOrder, PriorRounding


@dataclass(frozen=True)
class Held:
    """Numbers of P priors, where they are others than the float32 of centre and size.

    In float64 a number of float32 survives the way to another unit and back; the next rounding to float32 restores it.

    Attributes:
        values: `[P, 4]` float64 on the CPU, normalised: cxcywh, or xyxy where corners are held.
        corners: whether they are.
    """

    values: Tensor
    corners: bool

    def in_units(self, unit: Tensor, dtype: torch.dtype) -> PriorBoxes:
        """The priors as the codebase holds them.

        Args:
            unit: `[4]` what normalised boxes are multiplied by.
            dtype: that they are computed with.
        """
        values = (self.values * unit.detach().cpu().double()).to(dtype).to(unit.device)
        return Corners(values) if self.corners else values


@dataclass(frozen=True)
class Cells:
    """The cells of all levels before anything is rounded.

    Attributes:
        levels: `[rows, columns, S, 4]` float64 cxcywh of each, in pixels of the input.
        order: of the priors inside a level.
        image: `[4]` float64 (width, height, width, height) of the input in pixels.
    """

    levels: Sequence[Tensor]
    order: PriorOrder
    image: Tensor

    def flat(self, levels: Sequence[Tensor]) -> Tensor:
        """`[P, 4]` of such levels, in the order of the priors."""
        shape_first = self.order is PriorOrder.SHAPE
        return torch.cat([(level.permute(2, 0, 1, 3) if shape_first else level).reshape(-1, 4) for level in levels])


def sides_of(level: LevelSpec, rounding: PriorRounding) -> Tensor:
    """`[S, 2]` float64 width and height of a level's shapes in pixels, with what the codebase rounds of them."""
    sides = torch.tensor(level.shapes, dtype=torch.float64)
    width, height = sides.T
    size = (width * height).sqrt()
    if rounding is PriorRounding.SIDES:
        root = (width / height).float().double().sqrt()
        return torch.stack((size * root, size / root), 1).float().double()
    if rounding is PriorRounding.FIRST_CELL:
        root, scale, base = (height / width).float().sqrt(), (size / size[0]).float(), float(size[0])
        return torch.stack((base * (1 / root) * scale, base * root * scale), 1).double()
    if rounding is PriorRounding.SCALED_CORNERS:
        root, scale, base = (width / height).float().sqrt(), (size / size[0]).float(), float(size[0])
        return torch.stack((scale * root * base, scale / root * base), 1).double()
    return sides


def _rounded(values: Tensor) -> Tensor:
    return values.float().double()


def _centres(boxes: Tensor, cells: Cells) -> None:
    return None


def _pixel_centres(boxes: Tensor, cells: Cells) -> Held:
    return Held(_rounded(boxes * cells.image) / cells.image, corners=False)


def _corners(boxes: Tensor, cells: Cells) -> Held:
    in_pixels = cxcywh_to_xyxy(boxes.float()) * cells.image.float()
    return Held(in_pixels.double() / cells.image, corners=True)


def _sides(boxes: Tensor, cells: Cells) -> Held:
    return Held(_rounded(cxcywh_to_xyxy(boxes)), corners=True)


def _first_cell(boxes: Tensor, cells: Cells) -> Held:
    levels = []
    for level in cells.levels:
        first, moved = level[:1, :1].float(), (level - level[:1, :1])[..., :2].float()
        levels.append(cxcywh_to_xyxy(first) + torch.cat((moved, moved), -1))
    return Held(cells.flat(levels).double() / cells.image, corners=True)


def _scaled_corners(boxes: Tensor, cells: Cells) -> Held:
    in_pixels = cxcywh_to_xyxy(cells.flat(cells.levels).float())
    return Held((in_pixels * (1 / cells.image.float())).double(), corners=True)


def _unrounded(boxes: Tensor, cells: Cells) -> Held:
    return Held(boxes, corners=False)


# What is held of `[P, 4]` float64 cxcywh, clamped and normalised; None for their float32.
ROUNDINGS: dict[PriorRounding, Callable[[Tensor, Cells], Held | None]] = {
    PriorRounding.CENTRES: _centres,
    PriorRounding.PIXEL_CENTRES: _pixel_centres,
    PriorRounding.CORNERS: _corners,
    PriorRounding.SIDES: _sides,
    PriorRounding.FIRST_CELL: _first_cell,
    PriorRounding.SCALED_CORNERS: _scaled_corners,
    PriorRounding.NONE: _unrounded,
}
