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
from ssdlossdbg.multibox.near_costs import NEARLY, Slack
from ssdlossdbg.multibox.threads import bookkeeping
from ssdlossdbg.rules import MiningCap, MiningPositives, MiningScore, MiningSelection, MiningSpec

# float32 has exp(-87), and below it only denormal numbers, whose logarithm is coarse.
NO_UNDERFLOW = 80.0
# More than rounding takes from a score and from the cross-entropy together, which is some units in the last place of
# the largest logit, and of one for each class that is summed over.
SLACK = 1e-6
OTHERS_SCORE = {MiningPositives.AS_ZERO: 0.0, MiningPositives.LAST: -math.inf}

# Where more than one in so many scores is asked for, all are computed: picking rows out takes as long as three of them.
WORTH_PICKING = 3


@dataclass(frozen=True)
class Scores:
    """What the priors are ranked by.

    Attributes:
        near: `[B, P]` the scores, or what would be in their order if it were not off by `slack`.
        slack: how much that is.
        exact: computes the scores, `[B, P]`.
        score_at: computes them at `[K]` images and priors.
    """

    near: Tensor
    slack: Slack
    exact: Callable[[], Tensor]
    score_at: Callable[[Tensor, Tensor], Tensor]

    def exact_at(self, images: Tensor, priors: Tensor) -> Tensor:
        """`[K]` the scores at so many images and priors."""
        if WORTH_PICKING * len(images) > self.near.numel():
            return self.exact()[images, priors]
        return self.score_at(images, priors)

    def by_last(self, mined: Tensor, scopes: int, strictly: bool) -> Tensor:
        """`[B, P]` bool: the scores that are not below the lowest of the mined ones of their scope, or are above it.

        Args:
            mined: `[B, P]` bool.
            scopes: B, or 1 where images compete.
            strictly: whether those above it are asked for.
        """
        nearly = torch.where(mined, self.near, torch.inf).view(scopes, -1).amin(1, keepdim=True)
        if not self.slack:
            return self.near > nearly if strictly else self.near >= nearly
        above = self.near > self.slack.surely_above(nearly)
        image, prior = ((self.near >= self.slack.surely_below(nearly)) & ~above).nonzero(as_tuple=True)
        score, scope = self.exact_at(image, prior), image if scopes > 1 else torch.zeros_like(image)
        # The lowest is among these: what is above it surely, is above what is nearly the lowest.
        lowest = score.new_full((scopes,), torch.inf)
        lowest.scatter_reduce_(0, scope, torch.where(mined[image, prior], score, torch.inf), "amin")
        least = lowest[scope]
        above[image, prior] = score > least if strictly else score >= least
        return above


# By these the negatives are in the order of what they cost.
AS_COSTS = {MiningScore.CONFIDENCE_LOSS, MiningScore.GLOBAL_MAX_CROSS_ENTROPY, MiningScore.BACKGROUND_PROBABILITY}
# Where more than one in so many priors counts, to compute all exactly takes less time.
MANY = 5
BY_RANK = {MiningSelection.RANKED, MiningSelection.WITH_TIES, MiningSelection.ABOVE_LAST}


def near_costs_will_do(spec: MiningSpec, matching: Matching) -> bool:
    """Whether negatives can be chosen by `near_costs`, and are so few that what these cost is soon computed again."""
    if spec.selection not in BY_RANK or spec.score not in AS_COSTS or not _nearly_will_do(spec):
        return False
    counted = (1 + spec.ratio) * float(matching.positives.sum())
    return MANY * counted < matching.positive.numel()


def _nearly_will_do(spec: MiningSpec) -> bool:
    return spec.cap is not MiningCap.NONZERO_NEGATIVES  # by which what is but nearly 0 would be another number


def scores_of(logits: Logits, confidence: Tensor, matching: Matching, spec: MiningSpec, below: float) -> Scores:
    """What the priors are ranked by.

    Args:
        logits: of the batch.
        confidence: `[B, P]` confidence loss of every prior, as closely as the logits say.
        matching: the roles of the priors.
        spec: what ranks them, and where those come that are no negatives.
        below: below what `confidence` is the cross-entropy of the softmax; 0 where it never is.
    """
    others = OTHERS_SCORE[spec.positives]

    def exact() -> Tensor:
        score = logits.score(spec.score, confidence)
        with bookkeeping(confidence):
            return torch.where(matching.negative, score, others)

    share = 0.0 if logits.exactly is None else NEARLY
    useful = spec.score in AS_COSTS if share else spec.score is not MiningScore.CONFIDENCE_LOSS
    if below and useful and _nearly_will_do(spec) and tiles.on_host(confidence):
        with bookkeeping(confidence):
            costs = torch.where(matching.negative, confidence, 0.0)
            largest = float(costs.max()) + share if costs.numel() else 0.0
        nearly = NEAR[spec.score](logits, costs, largest) if largest < min(below, NO_UNDERFLOW) else None
        if nearly is not None:
            near, slack, score_of = nearly

            def score_at(images: Tensor, priors: Tensor) -> Tensor:
                score = score_of(at_places(logits.conf, images, priors)[None])[0]
                return torch.where(matching.negative[images, priors], score, others)

            # Minus a probability is below 0, whatever the cost that stands for it.
            nearly_others = math.inf if spec.score is MiningScore.BACKGROUND_PROBABILITY and not others else others
            if nearly_others or near is not costs:
                with bookkeeping(confidence):
                    near = torch.where(matching.negative, near, nearly_others)
            return Scores(near, Slack(share, slack), exact, score_at)
    score = exact()
    return Scores(score, Slack(), lambda: score, lambda images, priors: score[images, priors])


# In the order of the scores if each prior is a negative; its slack; and what makes the score, of logits `[1, K, C]`.
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
    MiningScore.BACKGROUND_PROBABILITY: _probability(MiningScore.BACKGROUND_PROBABILITY, _costs),
    MiningScore.FOREGROUND_PROBABILITY: _probability(MiningScore.FOREGROUND_PROBABILITY, _foreground),
    MiningScore.HIGHEST_PROBABILITY: _probability(MiningScore.HIGHEST_PROBABILITY, _highest),
}
