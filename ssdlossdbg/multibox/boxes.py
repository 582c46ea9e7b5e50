"""Box forms and overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.rules import IouRule


def constants(values: Sequence[float], like: Tensor) -> Tensor:
    """`[len(values)]` those values, with the dtype and on the device of another tensor.

    On a GPU they are written there one by one, since copying them there would wait for all that runs on it.
    """
    if like.device.type == "cpu":
        return like.new_tensor(values)
    return torch.stack([like.new_full((), value) for value in values])


def cxcywh_to_xyxy(boxes: Tensor) -> Tensor:
    """Corners of centre-size boxes, `[..., 4]` to `[..., 4]`, in the unit and dtype given."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat((centre - size / 2, centre + size / 2), dim=-1)


def xyxy_to_cxcywh(boxes: Tensor) -> Tensor:
    """Centre and size of corner boxes, `[..., 4]` to `[..., 4]`, in the unit and dtype given."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat(((low + high) / 2, high - low), dim=-1)


@dataclass(frozen=True)
class Corners:
    """Priors that are held as corners: to get them from centre and size again would change their last bits.

    Attributes:
        xyxy: `[P, 4]`, in the unit of the ground truths; `[B, P, 4]` where each image has its own.
    """

    xyxy: Tensor

    def __len__(self) -> int:
        """P."""
        return self.xyxy.shape[-2]


# `[P, 4]` cxcywh, or corners, which alone may be those of each image.
PriorBoxes = Tensor | Corners


def at_places(per_prior: Tensor, image: Tensor, prior: Tensor) -> Tensor:
    """`[M, K]` of what priors have, `[P, K]` or, of each image its own, `[B, P, K]`, that of M images and priors."""
    if per_prior.ndim == 2:
        return per_prior.index_select(0, prior)
    if per_prior.stride(0) != per_prior.shape[1] * per_prior.stride(1):  # which would be copied, all of it
        return per_prior[image, prior]
    # To pick rows takes a CPU a fifth of the time that two indices do.
    return per_prior.flatten(0, 1).index_select(0, image * per_prior.shape[1] + prior)


def flat_places(chosen: Tensor, count: int) -> Tensor:
    """`[B * K]` int64 where items `[B, K]` of rows of so many stand, if the rows are put one behind the other."""
    first = count * torch.arange(len(chosen), device=chosen.device)
    return (chosen + first[:, None]).reshape(-1)


def of_chosen(boxes: Tensor, chosen: Tensor) -> Tensor:
    """`[B, K, 4]` of boxes of priors, `[P, 4]` or, of each image its own, `[B, P, 4]`, those of its priors `[B, K]`."""
    places = chosen.reshape(-1) if boxes.ndim == 2 else flat_places(chosen, boxes.shape[1])
    return boxes.reshape(-1, 4).index_select(0, places).view(*chosen.shape, 4)


def some_of(priors: PriorBoxes, places: Tensor) -> PriorBoxes:
    """`[K, 4]` those at `[K]` places of priors `[P, 4]`, written as they are."""
    return Corners(priors.xyxy[places]) if isinstance(priors, Corners) else priors[places]


def corners_of(priors: PriorBoxes) -> Tensor:
    """`[P, 4]` xyxy of priors; `[B, P, 4]` where each image has its own."""
    return priors.xyxy if isinstance(priors, Corners) else cxcywh_to_xyxy(priors)


def centres_of(priors: PriorBoxes) -> Tensor:
    """`[P, 4]` cxcywh of priors; `[B, P, 4]` where each image has its own."""
    return xyxy_to_cxcywh(priors.xyxy) if isinstance(priors, Corners) else priors


def _plain(intersection: Tensor, union: Tensor, epsilon: float) -> Tensor:
    return intersection.div_(union)


def _epsilon_added(intersection: Tensor, union: Tensor, epsilon: float) -> Tensor:
    return intersection.div_(union.add_(epsilon))


def _union_floor(intersection: Tensor, union: Tensor, epsilon: float) -> Tensor:
    return intersection.div_(union.clamp_(min=epsilon))


def _zero_without_union(intersection: Tensor, union: Tensor, epsilon: float) -> Tensor:
    return torch.where(union == 0, 0.0, intersection / union)


def _zero_without_overlap(intersection: Tensor, union: Tensor, epsilon: float) -> Tensor:
    return torch.where(intersection == 0, 0.0, intersection / union)


IOU_RULES: dict[IouRule, Callable[[Tensor, Tensor, float], Tensor]] = {
    IouRule.PLAIN: _plain,
    IouRule.EPSILON_ADDED: _epsilon_added,
    IouRule.UNION_FLOOR: _union_floor,
    IouRule.ZERO_WITHOUT_UNION: _zero_without_union,
    IouRule.ZERO_WITHOUT_OVERLAP: _zero_without_overlap,
}


def iou(a: Tensor, b: Tensor, rule: IouRule = IouRule.PLAIN, epsilon: float = 0.0) -> Tensor:
    """Intersection over union of corner boxes that broadcast against each other.

    Args:
        a: `[..., 4]` xyxy.
        b: `[..., 4]` xyxy, in the unit of `a`; leading dimensions broadcast with those of `a`.
        rule: how the intersection is divided by the union.
        epsilon: what some rules add to or floor the union at, in the squared unit of the boxes.

    Returns:
        `[...]` overlaps. Degenerate boxes overlap nothing (0); an inverted box can make the union 0 and the
        overlap NaN, which is carried and not hidden.
    """
    # One contiguous row a coordinate and three buffers in all: fresh memory costs more than the arithmetic.
    ax1, ay1, ax2, ay2 = a.movedim(-1, 0).contiguous()
    bx1, by1, bx2, by2 = b.movedim(-1, 0).contiguous()
    width, spare = torch.minimum(ax2, bx2), torch.maximum(ax1, bx1)
    width.sub_(spare).clamp_(min=0)
    height = torch.minimum(ay2, by2)
    height.sub_(torch.maximum(ay1, by1, out=spare)).clamp_(min=0)
    intersection = width.mul_(height)
    areas = torch.add((ax2 - ax1) * (ay2 - ay1), (bx2 - bx1) * (by2 - by1), out=spare)
    return IOU_RULES[rule](intersection, areas.sub_(intersection), epsilon)


def sides_iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes with the same centre, or the same corner.

    Args:
        a: `[..., 2]` widths and heights, not negative.
        b: `[..., 2]`, in the unit of `a`; leading dimensions broadcast with those of `a`.

    Returns:
        `[...]` overlaps; NaN where neither has an area.
    """
    # Side by side: a product along a dimension of two takes ten times as long.
    (width, height), (other_width, other_height) = a.unbind(-1), b.unbind(-1)
    shared = torch.minimum(width, other_width) * torch.minimum(height, other_height)
    return shared / (width * height + other_width * other_height - shared)


def sound_boxes(boxes: Tensor) -> Tensor:
    """`[...]` whether corner boxes `[..., 4]` are any: finite, and wider and higher than nothing."""
    return boxes.isfinite().all(-1) & (boxes[..., 2:] > boxes[..., :2]).all(-1)
