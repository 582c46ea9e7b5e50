"""Hard negative mining (paper, section 2.2, "Hard negative mining")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.specs import MiningCap, MiningScore, MiningSpec


@dataclass(frozen=True)
class Mining:
    """The negatives that take part in the loss.

    Attributes:
        score: `[B, P]` what was ranked, positives set to 0.
        rank: `[B, P]` int64 place of each prior in its image's ranking, 0 for the highest score; ties go to the
            lowest prior index. Positives are ranked too and can take up places, as in the real code.
        wanted: `[B]` places that the ratio and the cap grant.
        mined: `[B, P]` bool, the negatives among those places.
    """

    score: Tensor
    rank: Tensor
    wanted: Tensor
    mined: Tensor


def _global_max_cross_entropy(conf: Tensor) -> Tensor:
    peak = conf.max()
    return conf.sub(peak).exp_().sum(-1).log_().add_(peak).sub_(conf[..., 0])


SCORES: dict[MiningScore, Callable[[Tensor], Tensor]] = {
    MiningScore.GLOBAL_MAX_CROSS_ENTROPY: _global_max_cross_entropy,
}


def _priors_minus_one(positive: Tensor) -> Tensor:
    return positive.new_full((), positive.shape[1] - 1, dtype=torch.long)


CAPS: dict[MiningCap, Callable[[Tensor], Tensor]] = {MiningCap.PRIORS_MINUS_ONE: _priors_minus_one}


def negatives_wanted(positive: Tensor, spec: MiningSpec) -> Tensor:
    """`[B]` places in the ranking that images with these positives `[B, P]` are granted."""
    return torch.minimum(spec.ratio * positive.sum(1), CAPS[spec.cap](positive))


def negatives_available(positive: Tensor, spec: MiningSpec) -> Tensor:
    """`[B]` negatives that mining will take while no positive takes up one of the places."""
    return torch.minimum(negatives_wanted(positive, spec).ceil().long(), (~positive).sum(1))


def mine(conf: Tensor, positive: Tensor, spec: MiningSpec) -> Mining:
    """Choose the negatives that hurt most, `ratio` per positive of the image.

    Args:
        conf: `[B, P, C]` logits, background in column 0.
        positive: `[B, P]` bool.
        spec: ratio and rules.
    """
    score = SCORES[spec.score](conf).masked_fill_(positive, 0.0)
    order = score.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(score.shape[1], device=score.device).expand_as(order)
    rank = torch.empty_like(order).scatter_(1, order, places)
    wanted = negatives_wanted(positive, spec)
    return Mining(score, rank, wanted, (rank < wanted[:, None]) & ~positive)
