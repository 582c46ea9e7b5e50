"""Where the learning signal goes: the loss's gradient with respect to the predictions, in closed form."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import at_places
from ssdlossdbg.multibox.confidence import ceiling, confidence_loss, probabilities
from ssdlossdbg.multibox.localization import AtPriors, Where, costs_of_offsets, learnt, masked_places
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.rules import LocalizationLoss, LossSpec

# Those whose gradient is that of smooth L1 where differences are finite, and L1.
CLOSED = (
    LocalizationLoss.SMOOTH_L1,
    LocalizationLoss.SMOOTH_L1_WHERE,
    LocalizationLoss.SMOOTH_L1_MASKED,
    LocalizationLoss.L1,
)


def localization_gradient(loc: Tensor, result: LossTerms, spec: LossSpec) -> AtPriors:
    """Gradient of the total loss with respect to loc: clamp((loc - t) / beta, -1, 1) times the image's scale.

    That is of smooth L1. Of other losses it is what autograd gives.

    Args:
        loc: `[B, P, 4]` predicted offsets.
        result: the loss of the same batch.
        spec: the rule and the beta it was computed with.

    Returns:
        Four numbers a prior; 0 where localisation does not count, unless NaN comes through the codebase's masks.
        Under L1, the sign of the difference takes the place of the clamped one.
        The normaliser is a constant, as in every codebase. At an
        infinite difference it is what the codebase's own autograd gives: 1, or NaN.
    """
    masked = masked_places(result.localized, result.selected, spec)
    images, priors = _taught(result, masked).nonzero(as_tuple=True)
    return AtPriors(_slopes(loc, result, spec, masked, (images, priors)), (images, priors), result.encoded.shape)


def _taught(result: LossTerms, masked: Tensor | None) -> Tensor:
    """`[B, P]` bool: the priors whose offsets may have a gradient: what is multiplied by 0 has one of NaN, or none."""
    if masked is None:
        return result.localized
    if result.smooth_l1.where is None:
        return torch.ones_like(masked)
    spoilt = torch.zeros_like(masked).index_put_(result.smooth_l1.where, torch.ones_like(masked[0, 0]))
    return result.localized | masked & (spoilt | ~result.localization_scale.isfinite()[:, None])


def _slopes(loc: Tensor, result: LossTerms, spec: LossSpec, masked: Tensor | None, where: Where) -> Tensor:
    """`[N, 4]` the gradient at N images and priors."""
    targets = result.encoded.at(*where).to(loc.dtype)
    difference = at_places(loc, *where)
    difference = difference - learnt(difference, targets, spec)
    localized = result.localized[where][:, None]
    if spec.localization in CLOSED:
        absolute = spec.localization is LocalizationLoss.L1
        slope = difference.sign() if absolute else (difference / spec.smooth_l1_beta).clamp(-1, 1)
        slope = torch.where(unlearnable(difference, spec), torch.nan, slope)
    else:
        own = localized[:, 0].nonzero().flatten()
        at = where[0][own], where[1][own]
        rows = _by_autograd(lambda some: costs_of_offsets(some, targets[own], at, result.frame, spec), loc[at])
        slope = (difference * 0).index_copy_(0, own, rows)  # elsewhere 0, or nan where a mask would let it through
    scaled = slope * result.localization_scale[where[0]][:, None]
    elsewhere = 0.0 if masked is None else torch.where(masked[where][:, None], scaled * 0, 0.0)
    return torch.where(localized, scaled, elsewhere)


def unlearnable(difference: Tensor, spec: LossSpec) -> Tensor:
    """Where the gradient of the localisation loss is NaN.

    Args:
        difference: of any shape, predicted less encoded offsets.
        spec: how the loss is written; under L1 the slope is a sign, which is 0 for NaN. A loss of boxes looks at the
            box itself, whatever its offsets are.
    """
    if spec.localization is LocalizationLoss.L1 or spec.compares_boxes:
        return torch.zeros_like(difference, dtype=torch.bool)
    return difference.isnan() if spec.localization is LocalizationLoss.SMOOTH_L1 else ~difference.isfinite()


def confidence_gradient(conf: Tensor, result: LossTerms, spec: LossSpec, images: Tensor, priors: Tensor) -> Tensor:
    """Gradient of the total loss with respect to the logits of chosen priors: (p - one hot) times weight and scale.

    That is of a cross-entropy. Of a focal loss, whose weight has a slope of its own, it is what autograd gives.

    Args:
        conf: `[B, P, C]` logits.
        result: the loss of the same batch.
        spec: the confidence loss and the probability floor that it was computed with.
        images: `[S]` int64 image of each prior whose confidence counts.
        priors: `[S]` int64 its index.

    Returns:
        `[S, C]`; 0 where the probability is below a floor that no gradient passes.
    """
    rows, labels = conf[images, priors], result.matching.labels[images, priors]
    factor = (result.confidence_weights[images, priors] * result.confidence_scale[images])[:, None]
    if spec.focal:
        return _by_autograd(lambda logits: confidence_loss(logits[None], labels[None], spec), rows) * factor
    gradient, target = probabilities(rows, spec), labels.clamp(min=0)[:, None]
    hit = (target > 0) if spec.background_unsaid else torch.ones_like(target)
    gradient.scatter_add_(1, target, -hit.to(gradient.dtype))
    scaled = gradient * factor
    if not spec.floor_stops_gradient:
        return scaled
    passes = result.cross_entropy[images, priors] < ceiling(spec)
    return torch.where(passes[:, None], scaled, 0.0)


def _by_autograd(terms: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Gradient of the sum of what terms make of `[N, K]` numbers, with respect to these."""
    with torch.enable_grad():
        leaf = at.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(terms(leaf).sum(), leaf)
    return gradient
