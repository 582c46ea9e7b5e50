"""How many negatives hard negative mining is to choose."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.rules import MiningCap, MiningQuota, MiningSelection, MiningSpec


def _no_cap(score: Tensor, negative: Tensor, foreground: Tensor) -> Tensor:
    return negative.new_full((), torch.iinfo(torch.long).max, dtype=torch.long)


def _priors_minus_one(score: Tensor, negative: Tensor, foreground: Tensor) -> Tensor:
    return negative.new_full((), negative.shape[1] - 1, dtype=torch.long)


def _priors(score: Tensor, negative: Tensor, foreground: Tensor) -> Tensor:
    return negative.new_full((), negative.shape[1], dtype=torch.long)


def _negatives(score: Tensor, negative: Tensor, foreground: Tensor) -> Tensor:
    return tiles.counts(negative)


def _nonzero_negatives(score: Tensor, negative: Tensor, foreground: Tensor) -> Tensor:
    return tiles.counts(negative & (score != 0))


def _not_positive(score: Tensor, negative: Tensor, foreground: Tensor) -> Tensor:
    return tiles.counts(~foreground)


CAPS: dict[MiningCap, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    MiningCap.NONE: _no_cap,
    MiningCap.PRIORS_MINUS_ONE: _priors_minus_one,
    MiningCap.PRIORS: _priors,
    MiningCap.NEGATIVES: _negatives,
    MiningCap.NONZERO_NEGATIVES: _nonzero_negatives,
    MiningCap.NOT_POSITIVE: _not_positive,
}


def _each(wanted: Tensor) -> Tensor:
    return wanted


def _least_of_images(wanted: Tensor) -> Tensor:
    least = torch.where(wanted > 0, wanted, torch.inf).amin(0, keepdim=True)
    return torch.where(least.isfinite(), least, 0.0).expand_as(wanted)


# What each row of priors is to give, `[R]`, from what each asks for: of the scopes, or of the images of all scopes.
QUOTAS: dict[MiningQuota, Callable[[Tensor], Tensor]] = {
    MiningQuota.SCOPE: _each,
    MiningQuota.SUM_OF_IMAGES: _each,
    MiningQuota.LEAST_OF_IMAGES: _least_of_images,
}


def negatives_wanted(score: Tensor, matching: Matching, spec: MiningSpec) -> Tensor:
    """Places in the ranking that each scope is granted.

    Args:
        score: `[S, N]` the scores, a row a scope.
        matching: the roles of the same priors.
        spec: ratio, minimum, cap, and what is wanted where nothing else is.

    Returns:
        `[S]`, not whole where the ratio is not and the spec does not cut it.
    """
    if spec.takes_all:
        return tiles.counts(matching.negative.reshape(score.shape))
    rows = score if spec.quota is MiningQuota.SCOPE else score.reshape(matching.labels.shape)
    wanted = QUOTAS[spec.quota](_asked(rows, matching, spec))
    if spec.quota is not MiningQuota.SCOPE:
        wanted = wanted.reshape(len(score), -1).sum(1)
    if spec.fallback or spec.fallback_share:
        wanted = torch.where(wanted > 0, wanted, spec.fallback + int(spec.fallback_share * score.shape[1]))
    return wanted


def _asked(score: Tensor, matching: Matching, spec: MiningSpec) -> Tensor:
    """What each row of priors, `[R, N]`, asks for by ratio and cap."""
    counted = matching.foreground | matching.ignored if spec.count_ignored else matching.foreground
    wanted = spec.ratio * tiles.counts(counted.reshape(score.shape))
    if spec.whole:
        wanted = wanted.floor()
    if spec.per_image:
        wanted = wanted + spec.per_image * (len(matching.labels) / len(score))
    wanted = wanted.clamp(min=spec.minimum)
    negative, foreground = (each.reshape(score.shape) for each in (matching.negative, matching.foreground))
    return torch.minimum(wanted, CAPS[spec.cap](score, negative, foreground))


def negatives_available(matching: Matching, spec: MiningSpec) -> Tensor:
    """`[B]` negatives that mining will take of each image alone, as far as that depends on no prediction."""
    score = torch.ones_like(matching.prior_iou)
    wanted = torch.minimum(negatives_wanted(score, matching, spec).ceil().long(), matching.negatives)
    return (wanted - 1).clamp(min=0) if spec.selection is MiningSelection.ABOVE_LAST else wanted
