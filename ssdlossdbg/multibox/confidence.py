"""What the logits of a prior cost against its target class, and what they say of each class."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import at_places
from ssdlossdbg.multibox.threads import bookkeeping
from ssdlossdbg.rules import ConfidenceLoss, LossSpec


def _softmax(conf: Tensor, labels: Tensor, spec: LossSpec) -> Tensor:
    # Ignored priors cost what background would; nothing chooses them.
    return tiles.of_logits(_cross_entropy, conf, labels)


def _cross_entropy(part: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(part.flatten(0, 1), ids.flatten().clamp(min=0), reduction="none").view_as(ids)


def _softmax_focal(conf: Tensor, labels: Tensor, spec: LossSpec) -> Tensor:
    cross_entropy = _softmax(conf, labels, spec)
    with bookkeeping(cross_entropy):
        return _focal_of(cross_entropy, labels, spec)


def _focal_of(cross_entropy: Tensor, labels: Tensor, spec: LossSpec) -> Tensor:
    """Softmax focal loss, from the cross-entropy."""
    weighed = _modulated(_capped(cross_entropy, spec), 1 - torch.exp(-cross_entropy), spec)
    if spec.focal_alpha < 0:
        return weighed
    return weighed * torch.where(labels > 0, spec.focal_alpha, 1 - spec.focal_alpha)


def _sigmoid(conf: Tensor, labels: Tensor, spec: LossSpec) -> Tensor:
    def cost(part: Tensor, ids: Tensor) -> Tensor:
        # softplus(z) summed over columns, less the target's logit: the sum of binary cross-entropies, all in one pass.
        target = part.gather(-1, ids.clamp(min=0)[..., None])[..., 0]
        if spec.background_unsaid:
            target = torch.where(ids > 0, target, 0.0)
        return F.softplus(part).sum(-1) - target

    return tiles.of_logits(cost, conf, labels)


def _sigmoid_focal(conf: Tensor, labels: Tensor, spec: LossSpec) -> Tensor:
    def cost(part: Tensor, ids: Tensor) -> Tensor:
        target = ids.clamp(min=0)[..., None]
        elsewhere = _as_nothing(part, spec)
        own = _as_object(part.gather(-1, target), spec)
        if spec.background_unsaid:
            own = torch.where(target > 0, own, elsewhere[..., :1])
        return elsewhere.scatter_(-1, target, own).sum(-1)

    return tiles.of_logits(cost, conf, labels)


def _as_nothing(logits: Tensor, spec: LossSpec) -> Tensor:
    """What logits cost that are to say 0, in the order of operations, and with the rounding, of TensorFlow's."""
    # In place is what no gradient asks for: of logits each fresh tensor costs as much as a step does.
    wrong = (1 - logits.sigmoid()).neg_().add_(1)
    cross_entropy = F.softplus(logits).sub_(logits, alpha=0)  # an infinite logit is nan there, too
    weighed = _modulated(_capped(cross_entropy, spec), wrong, spec)
    return weighed if spec.focal_alpha < 0 else weighed.mul_(1 - spec.focal_alpha)


def _as_object(logits: Tensor, spec: LossSpec) -> Tensor:
    """What logits cost that are to say 1."""
    above = logits >= 0
    # As TensorFlow writes it: exact where the logit is large, and its slope at 0 is that of the sigmoid.
    cross_entropy = torch.where(above, logits, 0.0) - logits + torch.where(above, -logits, logits).exp().log1p()
    weighed = _modulated(_capped(cross_entropy, spec), 1 - logits.sigmoid(), spec)
    return weighed if spec.focal_alpha < 0 else weighed * spec.focal_alpha


def _modulated(cross_entropy: Tensor, wrong: Tensor, spec: LossSpec) -> Tensor:
    """A cross-entropy times the power of what is missing to certainty."""
    if not spec.focal_gamma:  # whose slope at certainty would be 0 * inf
        return cross_entropy
    return wrong.pow(spec.focal_gamma) * cross_entropy


CONFIDENCES: dict[ConfidenceLoss, Callable[[Tensor, Tensor, LossSpec], Tensor]] = {
    ConfidenceLoss.SOFTMAX: _softmax,
    ConfidenceLoss.SIGMOID: _sigmoid,
    ConfidenceLoss.SOFTMAX_FOCAL: _softmax_focal,
    ConfidenceLoss.SIGMOID_FOCAL: _sigmoid_focal,
}


def cross_entropy_below(spec: LossSpec) -> float:
    """Below which the confidence loss is the cross-entropy of the softmax, whence mining scores can be read; or 0."""
    return ceiling(spec) if spec.confidence is ConfidenceLoss.SOFTMAX else 0.0


def costs_of(spec: LossSpec) -> Hashable:
    """The settings that `confidence_loss` goes by: of two specs alike in them, it is the same."""
    focal = (spec.focal_alpha, spec.focal_gamma) if spec.focal else ()
    return spec.confidence, spec.probability_floor, spec.background_unsaid, focal


def cost_of_background(conf: Tensor, spec: LossSpec) -> Tensor:
    """`[B, P]` what the logits `[B, P, C]` of every prior cost as if it were to be background.

    Of a softmax it is the cross-entropy, whatever the spec multiplies or cuts that by.
    """
    return tiles.of_logits(lambda part: BACKGROUNDS[spec.confidence](part, spec), conf)


def log_softmax_of_background(part: Tensor) -> Tensor:
    """`[...]` the cross-entropy of the background, of logits `[..., C]`, bit for bit as `F.cross_entropy` has it."""
    return part.log_softmax(-1)[..., 0].neg()


def _background_of_softmax(part: Tensor, spec: LossSpec) -> Tensor:
    return log_softmax_of_background(part)


def _background_of_sigmoid(part: Tensor, spec: LossSpec) -> Tensor:
    together = F.softplus(part).sum(-1)
    return together if spec.background_unsaid else together - part[..., 0]


def _background_of_sigmoid_focal(part: Tensor, spec: LossSpec) -> Tensor:
    costs = _as_nothing(part, spec)
    if not spec.background_unsaid:
        costs[..., 0] = _as_object(part[..., 0].contiguous(), spec)
    return costs.sum(-1)


# `[...]` what logits `[..., C]` cost that are to say background.
BACKGROUNDS: dict[ConfidenceLoss, Callable[[Tensor, LossSpec], Tensor]] = {
    ConfidenceLoss.SOFTMAX: _background_of_softmax,
    ConfidenceLoss.SIGMOID: _background_of_sigmoid,
    ConfidenceLoss.SOFTMAX_FOCAL: _background_of_softmax,
    ConfidenceLoss.SIGMOID_FOCAL: _background_of_sigmoid_focal,
}


def confidence_loss(
    conf: Tensor,
    labels: Tensor,
    spec: LossSpec,
    of_background: Tensor | None = None,
    others: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """`[B, P]` what the logits `[B, P, C]` of every prior cost against its target class `[B, P]`.

    Args:
        conf: logits.
        labels: class ids; below 0 for ignored priors, which cost what background would.
        spec: names the loss.
        of_background: what `cost_of_background` returned of the spec, where it is at hand: then only the few priors of
            other classes are looked at, which comes to the same bits.
        others: `[M]` images and `[M]` priors, of which all are whose target is a class; looked for without it.
    """
    if of_background is not None:
        cost = CONFIDENCES[spec.confidence] if spec.by_column else _softmax
        with bookkeeping(labels):
            places = others or (labels > 0).nonzero(as_tuple=True)
            terms = of_background.index_put(places, cost(*at_some(conf, labels, places), spec)[0])
        terms = _focal_of(terms, labels, spec) if spec.focal and not spec.by_column else terms
    else:
        terms = CONFIDENCES[spec.confidence](conf, labels, spec)
    with bookkeeping(terms):
        return terms if spec.focal else _capped(terms, spec)  # a focal loss weighs what is capped already


def at_some(conf: Tensor, labels: Tensor, places: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Logits `[1, M, C]` and target classes `[1, M]` of `[M]` images and `[M]` priors, as of a batch of one image."""
    return at_places(conf, *places)[None], at_places(labels[..., None], *places).T


def _capped(terms: Tensor, spec: LossSpec) -> Tensor:
    """Minus the logarithm of probabilities, of which none is below the floor."""
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


def with_background(conf: Tensor, spec: LossSpec) -> Tensor:
    """Logits `[..., C]` that say of every class, background included, how likely it is.

    Where the loss trains the column of the background to say 0 always, background is what no class is: its probability
    is 1 less that of the likeliest class.

    Args:
        conf: `[..., C]` the network's logits.
        spec: what they are trained by.
    """
    if not spec.background_unsaid:
        return conf
    return torch.cat((-conf[..., 1:].amax(-1, keepdim=True), conf[..., 1:]), dim=-1)


def probabilities(logits: Tensor, spec: LossSpec) -> Tensor:
    """`[..., C]` of each class, of logits that say all: with a sigmoid they do not add up to 1."""
    return logits.sigmoid() if spec.by_column else logits.softmax(-1)


def log_probabilities(logits: Tensor, spec: LossSpec) -> Tensor:
    """`[..., C]` the logarithms of `probabilities`, exact where those are 0."""
    return F.logsigmoid(logits) if spec.by_column else logits.log_softmax(-1)


def object_probability(conf: Tensor, spec: LossSpec) -> Tensor:
    """`[...]` probability of the likeliest class that is no background, of logits `[..., C]`."""
    if spec.by_column:
        return conf[..., 1:].amax(-1).sigmoid()
    return tiles.of_logits(lambda part: (highest_of_row(part[..., 1:]) - part.logsumexp(-1)).exp(), conf)


def highest_of_row(values: Tensor) -> Tensor:
    """`[...]` the highest of `[..., C]`: `amax`, which takes a CPU three times as long where rows are short."""
    while (columns := values.shape[-1]) > 4:
        half = (columns + 1) // 2
        values = torch.maximum(values[..., :half], values[..., columns - half :])
    return values.amax(-1)
