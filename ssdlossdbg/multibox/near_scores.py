"""What negatives are ranked by, as closely as choosing them asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import at_places
from ssdlossdbg.multibox.confidence import highest_of_row
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.mining_scores import SCORES, Logits, cross_entropy_under
from ssdlossdbg.multibox.threads import bookkeeping
from ssdlossdbg.rules import MiningCap, MiningPositives, MiningScore, MiningSpec

# float32 has exp(-87), and below it only denormal numbers, whose logarithm is coarse.
NO_UNDERFLOW = 80.0
# More than rounding takes from a score and from the cross-entropy together, which is some units in the last place of
# the largest logit, and of one for each class that is summed over.
SLACK = 1e-6
OTHERS_SCORE = {MiningPositives.AS_ZERO: 0.0, MiningPositives.LAST: -math.inf}

ExactAt = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Scores:
    """What the priors are ranked by.

    Attributes:
        near: `[B, P]` the scores, or something that is off by no more than `slack`.
        slack: how much that is; 0 where `near` are the scores.
        exact: computes the scores, `[B, P]`.
        exact_at: computes them at `[K]` images and priors.
    """

    near: Tensor
    slack: float
    exact: Callable[[], Tensor]
    exact_at: ExactAt

    def lowest(self, mined: Tensor, scopes: int) -> Tensor:
        """`[B, 1]`, or `[1, 1]` where images compete, the lowest score of the mined `[B, P]`; inf where none is."""
        if not self.slack:
            return torch.where(mined, self.near, torch.inf).view(scopes, -1).amin(1, keepdim=True)
        nearly = torch.where(mined, self.near, torch.inf)
        bound = nearly.view(scopes, -1).amin(1, keepdim=True) + 2 * self.slack
        image, prior = (mined & (self.near <= bound)).nonzero(as_tuple=True)
        scope = image if scopes > 1 else torch.zeros_like(image)
        none = nearly.new_full((scopes,), torch.inf)
        return none.scatter_reduce_(0, scope, self.exact_at(image, prior), "amin")[:, None]

    def reaching(self, cutoff: Tensor, strictly: bool) -> Tensor:
        """`[B, P]` bool: the scores that are not below a cut-off, `[B, 1]` or `[1, 1]`, or those above it."""
        above = self.near > cutoff + self.slack
        if not self.slack:
            return above if strictly else self.near >= cutoff
        image, prior = ((self.near >= cutoff - self.slack) & ~above).nonzero(as_tuple=True)
        score, least = self.exact_at(image, prior), cutoff.expand_as(self.near)[image, prior]
        above[image, prior] = score > least if strictly else score >= least
        return above


def by_extremes(spec: MiningSpec, below: float) -> bool:
    """Whether the extremes of the logits save mining a pass over them all, on a CPU; `below` as of `scores_of`."""
    return below > 0 and spec.score is MiningScore.GLOBAL_MAX_CROSS_ENTROPY and _nearly_will_do(spec)


def _nearly_will_do(spec: MiningSpec) -> bool:
    return spec.cap is not MiningCap.NONZERO_NEGATIVES  # by which what is but nearly 0 would be another number


def scores_of(logits: Logits, confidence: Tensor, matching: Matching, spec: MiningSpec, below: float) -> Scores:
    """What the priors are ranked by.

    Args:
        logits: of the batch.
        confidence: `[B, P]` confidence loss of every prior.
        matching: the roles of the priors.
        spec: what ranks them, and where those come that are no negatives.
        below: below what `confidence` is the cross-entropy of the softmax; 0 where it never is.
    """

    def exact() -> Tensor:
        score = logits.score(spec.score, confidence)
        with bookkeeping(confidence):
            return torch.where(matching.negative, score, OTHERS_SCORE[spec.positives])

    known = spec.score is MiningScore.CONFIDENCE_LOSS and not logits.nearly
    if below and not known and _nearly_will_do(spec) and tiles.on_host(confidence):
        with bookkeeping(confidence):
            costs = torch.where(matching.negative, confidence, 0.0)
            largest = float(costs.max()) if costs.numel() else 0.0
        nearly = NEAR[spec.score](logits, costs, largest) if largest < min(below, NO_UNDERFLOW) else None
        if nearly is not None:
            near, slack, score_at = nearly
            others = OTHERS_SCORE[spec.positives]

            def exact_at(images: Tensor, priors: Tensor) -> Tensor:
                score = score_at(at_places(logits.conf, images, priors)[None])[0]
                return torch.where(matching.negative[images, priors], score, others)

            with bookkeeping(confidence):
                near = near if near is costs and not others else torch.where(matching.negative, near, others)
            return Scores(near, slack, exact, exact_at)
    score = exact()
    return Scores(score, 0.0, lambda: score, lambda images, priors: score[images, priors])


# A score of each prior if it is a negative, its slack, and what makes the score, of logits `[1, K, C]`.
Nearly = tuple[Tensor, float, Callable[[Tensor], Tensor]]


def _global_max_cross_entropy(logits: Logits, costs: Tensor, largest: float) -> Nearly | None:
    lowest, peak = logits.extremes
    if not bool(peak - lowest < NO_UNDERFLOW):
        return None
    # log sum exp(z - m) + m - z[0] is a negative's cross-entropy, but for the rounding.
    slack = SLACK * (float(torch.maximum(peak.abs(), lowest.abs())) + logits.conf.shape[-1])
    return costs, slack, partial(cross_entropy_under, peak)


def _probability(kind: MiningScore, near: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Nearly]:
    def nearly(logits: Logits, costs: Tensor, largest: float) -> Nearly:
        return near(logits.conf, costs), SLACK * (largest + logits.conf.shape[-1]), SCORES[kind]

    return nearly


def _costs(conf: Tensor, costs: Tensor) -> Tensor:
    return costs


def _background(conf: Tensor, costs: Tensor) -> Tensor:
    with bookkeeping(costs):
        return costs.neg().exp_().neg_()


def _foreground(conf: Tensor, costs: Tensor) -> Tensor:
    with bookkeeping(costs):
        return costs.neg().expm1_().neg_()


def _highest(conf: Tensor, costs: Tensor) -> Tensor:
    # The cross-entropy of a negative is log sum exp(z) - z[0].
    def near(part: Tensor, costs: Tensor) -> Tensor:
        return highest_of_row(part[..., 1:]).sub(part[..., 0]).sub_(costs).exp_()

    return tiles.of_logits(near, conf, costs)


# What is read off the cross-entropy of negatives, without another softmax of all logits.
NEAR: dict[MiningScore, Callable[[Logits, Tensor, float], Nearly | None]] = {
    MiningScore.GLOBAL_MAX_CROSS_ENTROPY: _global_max_cross_entropy,
    MiningScore.CONFIDENCE_LOSS: _probability(MiningScore.CONFIDENCE_LOSS, _costs),
    MiningScore.BACKGROUND_PROBABILITY: _probability(MiningScore.BACKGROUND_PROBABILITY, _background),
    MiningScore.FOREGROUND_PROBABILITY: _probability(MiningScore.FOREGROUND_PROBABILITY, _foreground),
    MiningScore.HIGHEST_PROBABILITY: _probability(MiningScore.HIGHEST_PROBABILITY, _highest),
}
