"""The rules of training crops: what shape they have, how they overlap objects, and which of these they keep."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.rules import AugmentSpec, CropKeep, CropOverlap, CropShape


def _coverage(boxes: Tensor, window: Tensor) -> Tensor:
    """`[K]` the share of each box, `[K, 4]`, that lies in its window, `[K, 4]`."""
    low, high = boxes[:, :2].maximum(window[:, :2]), boxes[:, 2:].minimum(window[:, 2:])
    return (high - low).clamp(min=0).prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1)


OVERLAPS: dict[CropOverlap, Callable[[Tensor, Tensor], Tensor]] = {
    CropOverlap.IOU: iou,
    CropOverlap.COVERAGE: _coverage,
}


def _centre_inside(boxes: Tensor, window: Tensor, minimum: Tensor) -> Tensor:
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return ((centre > window[:, :2]) & (centre < window[:, 2:])).all(1)


def _overlapping(boxes: Tensor, window: Tensor, minimum: Tensor) -> Tensor:
    covered = _coverage(boxes, window)
    return (covered > 0) & (covered >= minimum)


# `[K]` whether each window, `[K, 4]`, keeps its box, `[K, 4]`, at its minimum overlap, `[K]`.
KEEPS: dict[CropKeep, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    CropKeep.CENTRE: _centre_inside,
    CropKeep.OVERLAP: _overlapping,
}


# Width and height of crops, `[U, n, 2]`, and whether they may be, `[U, n]`, from canvases, `[U, 1, 2]`, and two numbers
# in [0, 1), `[U, n]` each.


def _sides(canvas: Tensor, one: Tensor, other: Tensor, spec: AugmentSpec) -> tuple[Tensor, Tensor]:
    size = canvas * _between(spec.size_range, torch.stack((one, other), -1))
    return size, _in_range(size, spec)


def _relative_sides(canvas: Tensor, one: Tensor, other: Tensor, spec: AugmentSpec) -> tuple[Tensor, Tensor]:
    shares = _between(spec.size_range, torch.stack((one, other), -1))
    return canvas * shares, _in_range(shares, spec)


def _scale_and_aspect(canvas: Tensor, one: Tensor, other: Tensor, spec: AugmentSpec) -> tuple[Tensor, Tensor]:
    scale = _between(spec.size_range, one)
    least, greatest = (scale**2).clamp(min=spec.aspect_range[0]), (scale**-2).clamp(max=spec.aspect_range[1])
    return _shaped(canvas, scale, least + (greatest - least) * other)


def _scale_and_clamped_aspect(canvas: Tensor, one: Tensor, other: Tensor, spec: AugmentSpec) -> tuple[Tensor, Tensor]:
    scale = _between(spec.size_range, one)
    return _shaped(canvas, scale, _between(spec.aspect_range, other).clamp(scale**2, scale**-2))


def _area_and_aspect(canvas: Tensor, one: Tensor, other: Tensor, spec: AugmentSpec) -> tuple[Tensor, Tensor]:
    aspect = _between(spec.aspect_range, one)
    least, greatest = ((share * canvas.prod(-1) / aspect).sqrt() for share in spec.size_range)
    greatest = greatest.minimum(canvas[..., 1]).minimum(canvas[..., 0] / aspect)
    height = least + (greatest - least) * other
    return torch.stack((height * aspect, height), -1), least <= greatest


def _between(ends: tuple[float, float], share: Tensor) -> Tensor:
    return ends[0] + (ends[1] - ends[0]) * share


def _in_range(size: Tensor, spec: AugmentSpec) -> Tensor:
    aspect = size[..., 0] / size[..., 1]
    return (aspect >= spec.aspect_range[0]) & (aspect <= spec.aspect_range[1])


def _shaped(canvas: Tensor, scale: Tensor, aspect: Tensor) -> tuple[Tensor, Tensor]:
    shares = torch.stack((scale * aspect.sqrt(), scale / aspect.sqrt()), -1)
    return canvas * shares, torch.ones_like(scale, dtype=torch.bool)


SHAPES: dict[CropShape, Callable[[Tensor, Tensor, Tensor, AugmentSpec], tuple[Tensor, Tensor]]] = {
    CropShape.SIDES: _sides,
    CropShape.RELATIVE_SIDES: _relative_sides,
    CropShape.SCALE_AND_ASPECT: _scale_and_aspect,
    CropShape.SCALE_AND_CLAMPED_ASPECT: _scale_and_clamped_aspect,
    CropShape.AREA_AND_ASPECT: _area_and_aspect,
}
