"""How much the ground truths of a batch overlap its priors, all with all."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import Corners, PriorBoxes, constants, corners_of, iou
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.rules import MatchSpec, Precision, Ties

# What padding is overlapped as: a box with an area, far from any prior in pixels or fractions, which half precision
# can hold.
NOWHERE = (-4e3, -4e3, -3e3, -3e3)


def _first(matrix: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    values, indices = matrix.max(dim=dim)
    return values, indices


def _last(matrix: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    parts = [part.flip(dim).max(dim=dim) for part in tiles.parts(matrix, 3 - dim)]
    values, indices = (torch.cat(each, dim=1) for each in zip(*parts, strict=True))
    return values, matrix.shape[dim] - 1 - indices


BEST: dict[Ties, Callable[[Tensor, int], tuple[Tensor, Tensor]]] = {Ties.FIRST: _first, Ties.LAST: _last}


def measured(boxes: Tensor, priors: PriorBoxes, spec: MatchSpec) -> tuple[Tensor, Tensor]:
    """Objects `[..., 4]` and priors `[P, 4]`, both xyxy, in the precision that their overlaps are measured in."""
    if spec.precision is Precision.FLOAT64:
        boxes = boxes.double()
        priors = Corners(priors.xyxy.double()) if isinstance(priors, Corners) else priors.double()
    return boxes, corners_of(priors)


def overlaps(gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec) -> Tensor:
    """IoU of every ground truth with every prior.

    Args:
        gt: B images with up to G objects.
        priors: `[P, 4]` cxcywh, or corners, which may be those of each image, in the unit of the ground truths.
        spec: names the IoU rule and the precision.

    Returns:
        `[B, G, P]`; padding rows are -1, below any real overlap.
    """
    boxes = torch.where(gt.mask[..., None], gt.boxes, constants(NOWHERE, gt.boxes))
    boxes, corners = measured(boxes, priors, spec)
    if corners.ndim > 2:  # of each image, for all its objects
        corners = corners[:, None]
    # Adding costs a fifth of a masked fill, and nothing overlaps the padding.
    padding = torch.where(gt.mask, 0.0, -1.0)[..., None]
    slots = tiles.images_at_once(len(boxes) * len(priors), boxes.device)  # of thousands, to hold little besides
    matrix = None
    for first in range(0, boxes.shape[1], slots):
        some = slice(first, first + slots)
        overlap = iou(boxes[:, some, None], corners, spec.iou, spec.iou_epsilon)
        overlap.add_(padding[:, some].to(overlap.dtype))
        if slots >= boxes.shape[1]:
            return overlap
        if matrix is None:
            matrix = overlap.new_empty((*boxes.shape[:2], len(priors)))
        matrix[:, some] = overlap
    assert matrix is not None
    return matrix


def as_good(matrix: Tensor, least: Tensor) -> Tensor:
    """`[B, G]` how many overlaps `[B, G, P]` of each object are at least `[B, G]`."""
    parts = tiles.parts(matrix, 1)
    bounds = torch.split(least, max(parts[0].shape[1], 1), 1)
    return torch.cat([(part >= bound[..., None]).sum(-1) for part, bound in zip(parts, bounds, strict=True)], 1)
