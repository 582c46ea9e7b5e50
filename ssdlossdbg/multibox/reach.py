"""How well objects can be overlapped by priors of any shape on a regular grid.

How far a prior of one shape overlaps an object along x depends on its column alone, and along y on its row. So the
cell nearest to the object is the best one, and the best IoU of N objects with S shapes takes N times S overlaps,
however many priors there are. That makes it cheap to try other shapes where their priors would really stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import corners_of, iou
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.multibox.tiles import images_at_once
from ssdlossdbg.rules import Clip, MatchSpec, Precision, PriorSpec

# An overlap this close to the threshold may come out on its other side in another cell that is as near.
ROUNDING = 1e-5


@dataclass(frozen=True)
class Sample:
    """N objects, and how they are overlapped.

    Attributes:
        boxes: `[N, 4]` xyxy in the dialect's unit, finite, of positive width and height, on the CPU.
        unit: `[4]` what normalised boxes were multiplied by to get there.
        match: threshold and IoU rule.
    """

    boxes: Tensor
    unit: Tensor
    match: MatchSpec

    def __getitem__(self, rows: Tensor) -> Sample:
        """Some of them, by `[n]` rows or `[N]` mask."""
        return Sample(self.boxes[rows], self.unit, self.match)

    def split(self, numbers: int) -> list[Sample]:
        """All of them, in parts that a cache holds where each object adds so many numbers; one part at least."""
        parts = torch.split(self.boxes, images_at_once(numbers, self.boxes.device))
        return [Sample(part, self.unit, self.match) for part in parts]


def best_iou(sample: Sample, spec: PriorSpec) -> Tensor:
    """`[N]` the highest IoU of each object with any prior; whether it reaches the threshold is as `match` has it.

    Args:
        sample: N objects.
        spec: the grid.
    """
    corners = corners_of(generate_priors(spec).in_units(sample.unit, sample.match.precision))
    best = torch.cat(
        [_nearest_iou(some, spec) for some in sample.split(sum(len(level.shapes) for level in spec.levels))]
    )
    # A prior that is cut off at the border can overlap an object more than a nearer one, so all are looked at then.
    slack = torch.inf if spec.clip is Clip.XYXY else ROUNDING
    unsure = (best - sample.match.threshold).abs() <= slack
    overlaps = [_dense_iou(some, corners) for some in sample[unsure].split(len(corners))]
    best[unsure] = torch.cat(overlaps).to(best.dtype)
    return best


def _nearest_iou(sample: Sample, spec: PriorSpec) -> Tensor:
    """`[N]` the highest IoU with the nearest priors."""
    best = []
    for level in spec.levels:
        centres = nearest_centres(sample, level.feature_map, level.stride, spec)
        best.append(placed_iou(sample, centres, torch.tensor(level.shapes, dtype=torch.float64), spec).amax(1))
    return torch.stack(best).amax(0)


def _dense_iou(sample: Sample, corners: Tensor) -> Tensor:
    """`[N]` the highest IoU with all priors, `[P, 4]` xyxy."""
    boxes = _precise(sample.boxes, sample.match)
    return iou(boxes[:, None], corners, sample.match.iou, sample.match.iou_epsilon).amax(1)


def _precise(boxes: Tensor, match: MatchSpec) -> Tensor:
    return boxes.double() if match.precision is Precision.FLOAT64 else boxes


def nearest_centres(
    sample: Sample, feature_map: tuple[int, int], stride: tuple[float, float], spec: PriorSpec
) -> Tensor:
    """`[N, 2]` centre of the cell nearest to each object, in the dialect's unit.

    Args:
        sample: N objects.
        feature_map: cells as (columns, rows).
        stride: distance of their centres in pixels of the network's input.
        spec: size of the input, place of a centre in its cell, and what is clamped.
    """
    middle = (sample.boxes[:, :2] + sample.boxes[:, 2:]) / 2
    nearest = []
    for axis in (0, 1):
        places = (torch.arange(feature_map[axis], dtype=torch.float64) + spec.offset) * stride[axis]
        places /= spec.image_size[axis]
        if spec.clip is Clip.CXCYWH:
            places.clamp_(0, 1)
        places = places.to(middle.dtype) * sample.unit[axis]
        nearest.append(places[torch.searchsorted((places[1:] + places[:-1]) / 2, middle[:, axis].contiguous())])
    return torch.stack(nearest, 1)


def placed_iou(sample: Sample, centres: Tensor, shapes: Tensor, spec: PriorSpec) -> Tensor:
    """`[N, S]` IoU of each object with a prior of each shape.

    Args:
        sample: N objects.
        centres: `[N, 2]` of the priors, in the dialect's unit.
        shapes: `[S, 2]` float64 width and height, in pixels of the network's input.
        spec: size of the input, and what is clamped.
    """
    sizes = shapes / torch.tensor(spec.image_size, dtype=torch.float64)
    if spec.clip in (Clip.CXCYWH, Clip.WH):
        sizes = sizes.clamp(0, 1)
    # A row a coordinate, which `iou` then need not copy.
    half = (sizes.to(centres.dtype) * sample.unit[:2] / 2).T[:, None]
    middle = centres.T[..., None]
    corners = torch.cat((middle - half, middle + half))
    if spec.clip is Clip.XYXY:
        corners = torch.minimum(corners.clamp(min=0), sample.unit[:, None, None])
    return iou(sample.boxes[:, None], corners.movedim(0, -1), sample.match.iou, sample.match.iou_epsilon)
