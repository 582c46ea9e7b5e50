"""Which prior stands for which ground truth (paper, section 2.2, "Matching strategy")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.specs import Comparison, ConflictRule, ForcedRule, MatchSpec


@dataclass(frozen=True)
class Matching:
    """The roles of all priors of a batch.

    Attributes:
        gt_index: `[B, P]` int64, the ground truth each prior is assigned to if positive, else the one it
            overlaps most. Meaningless where the image has no object.
        positive: `[B, P]` bool.
        forced: `[B, P]` bool, the positives that are so only as some ground truth's best prior.
        labels: `[B, P]` int64 target class of each prior, 0 for background.
        prior_iou: `[B, P]` best IoU of each prior with any ground truth; -1 where the image has no object.
        best_prior: `[B, G]` int64, the prior of highest IoU of each ground truth (the first of several).
        best_iou: `[B, G]` that IoU.
        owner: `[B, P]` int64, the ground truth that each prior is forced for, -1 where there is none.
    """

    gt_index: Tensor
    positive: Tensor
    forced: Tensor
    labels: Tensor
    prior_iou: Tensor
    best_prior: Tensor
    best_iou: Tensor
    owner: Tensor

    @property
    def lost_to(self) -> Tensor:
        """`[B, G]` int64: the ground truth that took this one's best prior, -1 where it kept it."""
        winner = self.owner.gather(1, self.best_prior)
        own = torch.arange(winner.shape[1], device=winner.device)
        return torch.where(winner == own, -1, winner)

    def positives_per_gt(self, which: Tensor | None = None) -> Tensor:
        """`[B, G]` int64: positives of each ground truth, or those of them that `which` `[B, P]` selects."""
        selected = self.positive if which is None else self.positive & which
        counts = torch.zeros_like(self.best_prior)
        return counts.scatter_add_(1, self.gt_index, selected.long())


def _at_least(overlap: Tensor, threshold: float) -> Tensor:
    # Not `overlap >= threshold`: the real code asks `overlap < threshold` for negatives, which NaN fails too.
    return ~(overlap < threshold)


def _last_wins(best_prior: Tensor, mask: Tensor, priors: int) -> Tensor:
    ranks = torch.arange(best_prior.shape[1], device=best_prior.device).expand_as(best_prior)
    owner = best_prior.new_full((best_prior.shape[0], priors), -1)
    return owner.scatter_reduce_(1, best_prior, torch.where(mask, ranks, -1), "amax")


REACHES: dict[Comparison, Callable[[Tensor, float], Tensor]] = {Comparison.AT_LEAST: _at_least}
CONFLICTS: dict[ConflictRule, Callable[[Tensor, Tensor, int], Tensor]] = {ConflictRule.LAST: _last_wins}


def _force_best_prior(overlap: Tensor, best_prior: Tensor, mask: Tensor, spec: MatchSpec) -> Tensor:
    return CONFLICTS[spec.conflict](best_prior, mask, overlap.shape[2])


def reaches(overlap: Tensor, threshold: float, spec: MatchSpec) -> Tensor:
    """Whether overlaps of any shape reach a threshold, under the dialect's comparison."""
    return REACHES[spec.comparison](overlap, threshold)


FORCING: dict[ForcedRule, Callable[[Tensor, Tensor, Tensor, MatchSpec], Tensor]] = {
    ForcedRule.BEST_PRIOR: _force_best_prior,
}


def overlaps(gt: GroundTruthBatch, priors: Tensor, spec: MatchSpec) -> Tensor:
    """IoU of every ground truth with every prior.

    Args:
        gt: B images with up to G objects.
        priors: `[P, 4]` cxcywh, normalised.
        spec: names the IoU rule.

    Returns:
        `[B, G, P]`; padding rows are -1, below any real overlap.
    """
    overlap = iou(gt.boxes[:, :, None], cxcywh_to_xyxy(priors), spec.iou)
    return overlap.masked_fill_(~gt.mask[:, :, None], -1.0)


def match(gt: GroundTruthBatch, priors: Tensor, spec: MatchSpec) -> Matching:
    """Assign every prior of every image to a ground truth or to the background.

    Args:
        gt: B images with up to G objects.
        priors: `[P, 4]` cxcywh, normalised.
        spec: threshold and rules.

    Returns:
        The roles of all `[B, P]` priors. Ties go to the lowest index. An image without objects is all background.
    """
    overlap = overlaps(gt, priors, spec)
    best_iou, best_prior = overlap.max(dim=2)
    prior_iou, gt_index = overlap.max(dim=1)
    owner = FORCING[spec.forced](overlap, best_prior, gt.mask, spec)
    slot = owner >= 0
    gt_index = torch.where(slot, owner, gt_index)
    assigned_iou = torch.where(slot, best_iou.gather(1, owner.clamp(min=0)), prior_iou)
    by_threshold = reaches(assigned_iou, spec.threshold, spec) & (gt.counts > 0)[:, None]
    labels = torch.where(slot | by_threshold, gt.labels.gather(1, gt_index), 0)
    # The real code asks the label, not the overlap, so an object labelled background makes no positive.
    positive = labels > 0
    return Matching(
        gt_index=gt_index,
        positive=positive,
        forced=positive & ~by_threshold,
        labels=labels,
        prior_iou=prior_iou,
        best_prior=best_prior,
        best_iou=best_iou,
        owner=owner,
    )
