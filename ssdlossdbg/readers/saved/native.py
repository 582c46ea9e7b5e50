"""From the order that a codebase's own tensors are in to the canonical one."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdlossdbg.rules import Axes, Background, Coordinates, Dialect, NativeSpec, Rows

OTHER_AXIS_FIRST = [1, 0, 3, 2]


def values_last(tensor: Tensor, native: NativeSpec) -> Tensor:
    """`[B, P, K]` of what the codebase has as `[B, P, K]` or `[B, K, P]`; tensors of other shapes as they are."""
    swapped = native.axes is Axes.VALUES_PRIORS and tensor.ndim == 3
    return tensor.mT.contiguous() if swapped else tensor


def x_first(boxes: Tensor, native: NativeSpec) -> Tensor:
    """`[..., 4]` boxes or offsets, x before y, of what the codebase has in its own order."""
    return boxes[..., OTHER_AXIS_FIRST] if native.coordinates is Coordinates.Y_FIRST else boxes


def own_priors(priors: Tensor, native: NativeSpec) -> Tensor:
    """`[P, 4]` priors, x before y, of what the codebase has in its own order; of other shapes, x before y at best."""
    if native.axes is Axes.VALUES_PRIORS and priors.ndim == 2 and priors.shape[0] == 4 != priors.shape[1]:
        priors = priors.mT.contiguous()  # as NVIDIA's Loss holds them; its DefaultBoxes return [P, 4]
    return x_first(priors, native) if priors.shape[-1:] == (4,) else priors


def background_first(conf: Tensor, native: NativeSpec) -> Tensor:
    """`[..., C]` logits with the background in column 0."""
    return conf.roll(1, -1) if native.background is Background.LAST else conf


def class_ids(labels: Tensor, classes: int, native: NativeSpec) -> Tensor:
    """Class ids, 0 being background, of the labels of priors; negative ones stay what they are, ignored.

    Args:
        labels: int64 of any shape, below `classes`.
        classes: C, background included.
        native: where the background is among them.
    """
    if native.background is Background.FIRST:
        return labels
    return torch.where(labels < 0, labels, (labels + 1) % classes)


def own_order(dialect: Dialect) -> str:
    """What sets a codebase's own predictions apart, for the report: `mmdetection's own: background last`."""
    native = dialect.native
    apart = []
    if native.axes is Axes.VALUES_PRIORS:
        apart.append("[B, 4, P] and [B, C, P]")
    if native.coordinates is Coordinates.Y_FIRST:
        apart.append("dy, dx, dh, dw")
    if native.background is Background.LAST:
        apart.append("background last")
    return f"{dialect.name}'s own: {', '.join(apart) or 'the canonical order'}"


def own_row(native: NativeSpec) -> str:
    """The columns of the codebase's rows of five."""
    box = "y1, x1, y2, x2" if native.coordinates is Coordinates.Y_FIRST else "x1, y1, x2, y2"
    return f"label, {box}" if native.rows is Rows.LABEL_BOX else f"{box}, label"
