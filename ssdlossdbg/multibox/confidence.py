"""What the logits of a prior cost against its target class."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.multibox import tiles
from ssdlossdbg.rules import ConfidenceLoss, LossSpec


def _softmax(conf: Tensor, labels: Tensor) -> Tensor:
    # Ignored priors cost what background would; nothing chooses them.
    target = labels.clamp(min=0)
    images = tiles.images_at_once(conf[0].numel(), conf.device)  # of the log-probabilities that go between
    parts = zip(torch.split(conf, images), torch.split(target, images), strict=True)
    return torch.cat(
        [F.cross_entropy(part.flatten(0, 1), ids.flatten(), reduction="none").view_as(ids) for part, ids in parts]
    )


def _sigmoid(conf: Tensor, labels: Tensor) -> Tensor:
    # softplus(z) summed over columns, less the target's logit: the sum of binary cross-entropies, all in one pass.
    target = conf.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return F.softplus(conf).sum(-1) - target


CONFIDENCES: dict[ConfidenceLoss, Callable[[Tensor, Tensor], Tensor]] = {
    ConfidenceLoss.SOFTMAX: _softmax,
    ConfidenceLoss.SIGMOID: _sigmoid,
}


def is_cross_entropy(spec: LossSpec) -> bool:
    """Whether the confidence loss is the cross-entropy of the softmax, of which most mining scores can be made."""
    return spec.confidence is ConfidenceLoss.SOFTMAX and not spec.probability_floor


def confidence_loss(conf: Tensor, labels: Tensor, spec: LossSpec, log_softmax: Tensor | None = None) -> Tensor:
    """`[B, P]` what the logits `[B, P, C]` of every prior cost against its target class `[B, P]`.

    Args:
        conf: logits.
        labels: class ids; below 0 for ignored priors, which cost what background would.
        spec: names the loss.
        log_softmax: of the logits, where it is at hand: the cross-entropy is then looked up in it, to the same bit.
    """
    if log_softmax is not None and spec.confidence is ConfidenceLoss.SOFTMAX:
        terms = -log_softmax.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    else:
        terms = CONFIDENCES[spec.confidence](conf, labels)
    if not spec.probability_floor:
        return terms
    if spec.floor_stops_gradient:
        return terms.clamp(max=ceiling(spec))
    capped: Tensor = _CappedInValue.apply(terms, ceiling(spec))  # type: ignore[no-untyped-call]
    return capped


class _CappedInValue(torch.autograd.Function):
    """A cap that the gradient does not see."""

    @staticmethod
    def forward(_: Any, terms: Tensor, most: float) -> Tensor:
        return terms.clamp(max=most)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


def ceiling(spec: LossSpec) -> float:
    """The most that one confidence term can be: minus the log of the probability floor, inf without one."""
    return -math.log(spec.probability_floor) if spec.probability_floor else math.inf
