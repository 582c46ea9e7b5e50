"""What a predicted box costs, held against the one that it is to be.

The formulas are those of their papers, in the order of operations of torchvision's `ops`, which say where they leave a
0 or a nan: a box without area has no overlap, and one without any side has no aspect ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ssdlossdbg.rules import LocalizationLoss


def _overlap(boxes: Tensor, aims: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """`[...]` IoU and union of boxes `[..., 4]` with others; where they share nothing, the overlap learns nothing."""
    low, high = torch.maximum(boxes[..., :2], aims[..., :2]), torch.minimum(boxes[..., 2:], aims[..., 2:])
    shared = torch.where((high > low).all(-1), (high - low).prod(-1), 0.0)
    areas = [(each[..., 2:] - each[..., :2]).prod(-1) for each in (boxes, aims)]
    union = areas[0] + areas[1] - shared
    return shared / (union + epsilon), union


def _enclosing(boxes: Tensor, aims: Tensor) -> Tensor:
    """`[..., 2]` sides of the smallest box around both."""
    return torch.maximum(boxes[..., 2:], aims[..., 2:]) - torch.minimum(boxes[..., :2], aims[..., :2])


def _giou(boxes: Tensor, aims: Tensor, epsilon: float) -> Tensor:
    overlap, union = _overlap(boxes, aims, epsilon)
    around = _enclosing(boxes, aims).prod(-1)
    return 1 - (overlap - (around - union) / (around + epsilon))


def _distance(boxes: Tensor, aims: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """The loss of the distance, and the IoU."""
    overlap, _ = _overlap(boxes, aims, epsilon)
    diagonal = _enclosing(boxes, aims).square().sum(-1) + epsilon
    apart = (((boxes[..., 2:] + boxes[..., :2]) - (aims[..., :2] + aims[..., 2:])) / 2).square().sum(-1)
    return 1 - overlap + apart / diagonal, overlap


def _diou(boxes: Tensor, aims: Tensor, epsilon: float) -> Tensor:
    return _distance(boxes, aims, epsilon)[0]


def _ciou(boxes: Tensor, aims: Tensor, epsilon: float) -> Tensor:
    loss, overlap = _distance(boxes, aims, epsilon)
    angles = [torch.atan(width / height) for width, height in (_sides(aims), _sides(boxes))]
    v = 4 / math.pi**2 * (angles[0] - angles[1]).square()
    with torch.no_grad():
        alpha = v / (1 - overlap + v + epsilon)
    return loss + alpha * v


def _sides(boxes: Tensor) -> tuple[Tensor, ...]:
    return (boxes[..., 2:] - boxes[..., :2]).unbind(-1)


# What a box costs, by itself and the one that it is to be, `[..., 4]` xyxy, and an epsilon.
BOXES: dict[LocalizationLoss, Callable[[Tensor, Tensor, float], Tensor]] = {
    LocalizationLoss.GIOU: _giou,
    LocalizationLoss.DIOU: _diou,
    LocalizationLoss.CIOU: _ciou,
}
