"""Which priors become positive whatever their IoU, and for which ground truth (paper, section 2.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.overlaps import Overlaps
from ssdlossdbg.multibox.owners import OWNERS
from ssdlossdbg.multibox.thresholds import TIE_SLACK, reaches
from ssdlossdbg.rules import ConflictRule, ForcedRule, MatchSpec


@dataclass(frozen=True)
class Claims:
    """What ground truths get whatever they overlap.

    Attributes:
        owner: `[B, P]` int64, the ground truth that each prior is given to, -1 for none.
        forced: `[B, P]` bool, whether that makes it positive.
    """

    owner: Tensor
    forced: Tensor

    @staticmethod
    def of(owner: Tensor) -> Claims:
        """Claims that all force."""
        return Claims(owner, owner >= 0)


def _best_priors(overlaps: Overlaps, claimants: Tensor, spec: MatchSpec) -> Tensor:
    """`[B, P]` owners, where the ground truths `[B, G]` claim their best priors; a conflict rule says who gets one."""
    (images, slots), priors = overlaps.mask.shape, overlaps.best_gt.shape[1]
    image = torch.arange(images, device=overlaps.mask.device)[:, None]
    # Whoever claims nothing claims one more prior than there are.
    claim = torch.where(claimants, image * priors + overlaps.best_prior, images * priors)
    winner = OWNERS[spec.conflict](claim.flatten(), overlaps.best_iou.flatten(), images * priors + 1)
    return torch.where(winner < 0, -1, winner % slots)[:-1].view(images, priors)


def _force_best_prior(overlaps: Overlaps, spec: MatchSpec) -> Claims:
    owner = _best_priors(overlaps, overlaps.mask, spec)
    if spec.conflict is ConflictRule.HIGHEST_IOU:
        # The real code takes the largest of a column that holds only the claimants' overlaps: of zeros, that is row 0.
        nothing = overlaps.best_iou.gather(1, owner.clamp(min=0)) == 0
        owner = torch.where((owner >= 0) & nothing, 0, owner)
    return Claims.of(owner)


def _force_if_none_reaches(overlaps: Overlaps, spec: MatchSpec) -> Claims:
    lost = ~reaches(overlaps.best_iou, spec.threshold, spec) & (overlaps.best_iou > spec.minimum_iou)
    owner = _best_priors(overlaps, overlaps.mask & lost, spec)
    return Claims.of(torch.where(reaches(overlaps.prior_iou, spec.threshold, spec), -1, owner))


def _take_over(overlaps: Overlaps, spec: MatchSpec) -> Claims:
    strong = overlaps.mask & ~(overlaps.best_iou < spec.minimum_iou)
    forced = _best_priors(overlaps, strong, spec) >= 0
    return Claims(_best_priors(overlaps, overlaps.mask, spec), forced)


def _force_none(overlaps: Overlaps, spec: MatchSpec) -> Claims:
    return Claims.of(overlaps.nobody)


def _force_bipartite(overlaps: Overlaps, spec: MatchSpec) -> Claims:
    return Claims.of(_bipartite(overlaps, spec))


def _bipartite(overlaps: Overlaps, spec: MatchSpec) -> Tensor:
    """The greedy matching, several pairs a round.

    A pair that is the best one left for its ground truth and for its prior alike is what the greedy order would come
    to, whatever else it takes first; so each round takes all such pairs. Most batches need one or two rounds, and
    none more than it has objects in an image. After a round the best is looked for anew only where it was taken.
    """
    if not tiles.on_host(overlaps.matrix):
        return _bipartite_unasked(overlaps, spec)
    owner, done = overlaps.nobody, ~overlaps.mask
    best_iou, best_prior = overlaps.matrix.max(dim=2)
    best_gt = overlaps.matrix.max(dim=1).indices
    for _ in range(done.shape[1]):
        # Not `best_iou > minimum`: the codebases stop at what is no more, and 0/0, which counts as the highest, is not.
        stops = best_iou <= spec.minimum_iou
        agreed = (best_gt.gather(1, best_prior) == overlaps.ranks) & ~stops & ~done
        if not agreed.any():
            break
        owner.scatter_reduce_(1, best_prior, torch.where(agreed, overlaps.ranks, -1), "amax")
        done |= agreed
        image, slot = (~done & (owner.gather(1, best_prior) >= 0)).nonzero(as_tuple=True)
        best_iou[image, slot], best_prior[image, slot] = _best_left(overlaps.matrix, image, slot, owner >= 0)
        claimed = torch.zeros_like(owner).scatter_reduce_(1, best_prior, (~done).long(), "amax") > 0
        image, prior = (claimed & done.gather(1, best_gt)).nonzero(as_tuple=True)
        best_gt[image, prior] = _best_left(overlaps.matrix.mT, image, prior, done)[1]
    return owner


def _bipartite_unasked(overlaps: Overlaps, spec: MatchSpec) -> Tensor:
    """The same, one pair an image and round, for as many rounds as there may be: so nobody waits for a device."""
    owner, left = overlaps.nobody, overlaps.matrix.masked_fill(~overlaps.mask[..., None], -torch.inf)
    images, slots, priors = left.shape
    image = torch.arange(images, device=left.device)
    for _ in range(min(slots, priors)):
        best_iou, place = left.flatten(1).max(dim=1)
        slot, prior = torch.div(place, priors, rounding_mode="floor"), place % priors
        # What overlaps too little now does so from here on, so that whatever else is struck out makes no difference.
        owner[image, prior] = torch.where(best_iou > spec.minimum_iou, slot, owner[image, prior])
        left[image, slot] = -torch.inf
        left[image, :, prior] = -torch.inf
    return owner


def _best_left(matrix: Tensor, image: Tensor, row: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
    """`[K]` the highest overlap of rows of `[B, N, M]`, and the first place of it, among those not `taken` `[B, M]`."""
    together = tiles.images_at_once(matrix.shape[2], matrix.device)
    parts = [
        matrix[images, rows].masked_fill_(taken[images], -1.0).max(dim=1)
        for images, rows in zip(torch.split(image, together), torch.split(row, together), strict=True)
    ]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])


def _force_bipartite_keras(overlaps: Overlaps, spec: MatchSpec) -> Claims:
    owner = _bipartite(overlaps, spec)
    owned = torch.zeros_like(overlaps.best_prior).scatter_add_(1, owner.clamp(min=0), (owner >= 0).long()) > 0
    stranded = overlaps.mask & ~owned
    # Once only zeros are left, each further step matches ground truth 0 anew, with prior 0; the stranded ones keep
    # the 0 that their match was initialised with. Of those on prior 0 the last in the list is encoded.
    some = stranded.any(1, keepdim=True)
    owner = torch.where(some & (owner == 0), -1, owner)
    last = torch.where(stranded, overlaps.ranks, 0).amax(1)
    owner[:, 0] = torch.where(some[:, 0], torch.maximum(last, owner[:, 0]), owner[:, 0])
    return Claims.of(owner)


def _force_bipartite_and_ties(overlaps: Overlaps, spec: MatchSpec) -> Claims:
    owner = _bipartite(overlaps, spec)
    as_good = overlaps.prior_iou + TIE_SLACK >= overlaps.best_iou.gather(1, overlaps.best_gt)
    as_good = as_good & overlaps.mask.any(1, keepdim=True)
    return Claims.of(torch.where((owner < 0) & as_good, overlaps.best_gt, owner))


# Rules that look at all overlaps, not only at the best ones.
OF_ALL_OVERLAPS = frozenset(rule for rule in ForcedRule if rule.bipartite)
FORCING: dict[ForcedRule, Callable[[Overlaps, MatchSpec], Claims]] = {
    ForcedRule.BEST_PRIOR: _force_best_prior,
    ForcedRule.BIPARTITE: _force_bipartite,
    ForcedRule.BIPARTITE_KERAS: _force_bipartite_keras,
    ForcedRule.BIPARTITE_AND_TIES: _force_bipartite_and_ties,
    ForcedRule.IF_NONE_REACHES: _force_if_none_reaches,
    ForcedRule.TAKEN_OVER: _take_over,
    ForcedRule.NONE: _force_none,
}
