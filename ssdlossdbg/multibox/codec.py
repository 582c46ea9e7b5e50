"""Boxes written as offsets from priors, and read back (paper, equation 2, with Caffe's variances)."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import constants
from ssdlossdbg.rules import CodecSpec


def encode(boxes: Tensor, priors: Tensor, spec: CodecSpec) -> Tensor:
    """Offsets that lead from each prior to its box.

    t = ((gcx - pcx) / pw / v0, (gcy - pcy) / ph / v1, ln(gw / pw) / v2, ln(gh / ph) / v3), in the order of
    operations of ssd.pytorch box_utils.py:115-136.

    Args:
        boxes: `[..., P, 4]` xyxy.
        priors: `[P, 4]` cxcywh, or as many as boxes, in the unit of the boxes.
        spec: variances, and what is added to sizes, in that unit, and to their ratio.

    Returns:
        `[..., P, 4]` offsets. A box of zero width or height gives -inf, an inverted one NaN.
    """
    v = constants(spec.variances, boxes)
    low, high = boxes[..., :2], boxes[..., 2:]
    centre, size = priors[..., :2], priors[..., 2:]
    extent = high - low
    if spec.size_epsilon:
        size, extent = size + spec.size_epsilon, extent + spec.size_epsilon
    shift = ((low + high) / 2 - centre) / (v[:2] * size)
    ratio = extent / size
    if spec.log_epsilon:
        ratio = ratio + spec.log_epsilon
    scale = torch.log(ratio) / v[2:]
    return torch.cat((shift, scale), dim=-1)


def decode(offsets: Tensor, priors: Tensor, spec: CodecSpec) -> Tensor:
    """Boxes that the offsets stand for: the inverse of `encode`.

    Args:
        offsets: `[..., P, 4]` predictions or encoded targets.
        priors: `[P, 4]` cxcywh, or as many as offsets.
        spec: variances, and which side of a prior its centre moves by.

    Returns:
        `[..., P, 4]` xyxy, in the unit of the priors (ssd.pytorch box_utils.py:139-160).
    """
    v = constants(spec.variances, offsets)
    moved_by = priors[..., 2:3] if spec.y_by_width else priors[..., 2:]
    centre = priors[..., :2] + offsets[..., :2] * v[:2] * moved_by
    size = priors[..., 2:] * torch.exp(offsets[..., 2:] * v[2:])
    low = centre - size / 2
    return torch.cat((low, low + size), dim=-1)
