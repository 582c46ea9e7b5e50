"""The best overlaps of an image with very many objects, from the pairs that a grid finds rather than from all."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import PriorBoxes, some_of
from ssdlossdbg.multibox.forcing import OF_ALL_OVERLAPS, Claims
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.overlaps import Overlaps, Tied, all_overlaps, measured
from ssdlossdbg.multibox.pairs import Search
from ssdlossdbg.multibox.sparse_forcing import SPARSE_FORCING, Sought
from ssdlossdbg.multibox.sparse_matching import seek
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.rules import MatchSpec, Ties


@one_thread()
def overlaps_of_crowd(
    gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec, grid: Grid, slack: float | None = None
) -> tuple[Overlaps, Claims | None]:
    """What `all_overlaps` returns, bit for bit, and what greedy rules give to objects, which needs the same pairs.

    Args:
        gt: one image, with objects that are sound boxes, on the host.
        priors: `[P, 4]` cxcywh, or corners, in the unit of the ground truths.
        spec: threshold and rules, as of `can_match_sparsely`.
        grid: that those priors stand on.
        slack: how far below the best IoU still counts as nearly it; None where ties are not asked.
    """
    if not gt.counts.any():
        nothing = all_overlaps(gt, priors, spec, slack)
        return nothing, Claims.of(nothing.nobody)
    slot = gt.mask[0].nonzero().flatten()
    boxes, corners = measured(gt.boxes[0, slot], priors, spec)
    sought, nearly = seek(Search(boxes, torch.zeros_like(slot), corners, spec, grid), slack or 0.0)
    prior_iou, best_gt = _of_priors(sought, slot, gt, priors)
    last = 0 if spec.ties is Ties.FIRST else len(priors) - 1  # what the maximum of padding gives
    known = Overlaps(
        gt,
        priors,
        spec,
        _of_slots(sought.best_iou, gt, -1.0),
        _of_slots(sought.best_prior, gt, last),
        prior_iou,
        best_gt,
        None if slack is None else _tied(sought, nearly, gt, priors, slack),
        None,
    )
    return known, _claims(sought, slot, known) if spec.forced in OF_ALL_OVERLAPS else None


def _of_slots(values: Tensor, gt: GroundTruthBatch, elsewhere: float) -> Tensor:
    """`[1, G]` of `[N]` values of the objects, and what padding has."""
    return values.new_full(gt.mask.shape, elsewhere).masked_scatter_(gt.mask, values)


def _of_priors(sought: Sought, slot: Tensor, gt: GroundTruthBatch, priors: PriorBoxes) -> tuple[Tensor, Tensor]:
    """`[1, P]` the highest IoU of each prior with any object, and the slot of that object."""
    found, iou, whose = sought.nearest
    surely = (iou >= sought.least).nonzero().flatten()
    found = found[surely]
    highest, best_gt = iou.new_empty((1, len(priors))), found.new_empty((1, len(priors)))
    highest[0, found], best_gt[0, found] = iou[surely], slot[whose[surely]]
    unknown = torch.ones(len(priors), dtype=torch.bool).index_fill_(0, found, False).nonzero().flatten()
    if len(unknown):
        # Of a prior that nobody overlaps enough, some pairs are not known, and all objects are few for few priors.
        rest = all_overlaps(gt, some_of(priors, unknown), sought.search.spec)
        highest[:, unknown], best_gt[:, unknown] = rest.prior_iou, rest.best_gt
    return highest, best_gt


def _tied(sought: Sought, nearly: Tensor, gt: GroundTruthBatch, priors: PriorBoxes, slack: float) -> Tied:
    pairs = sought.pairs
    best = pairs.iou >= sought.best_iou[pairs.row]
    exactly = torch.bincount(pairs.row[best], minlength=len(nearly))
    # To an object that hardly overlaps anything, what it does not overlap is as good.
    hardly = (sought.best_iou <= 2 * slack).nonzero().flatten()
    if len(hardly):
        some = pad_ground_truth([gt.boxes[gt.mask][hardly]], [gt.labels[gt.mask][hardly]])
        of_all = all_overlaps(some, priors, sought.search.spec, slack).tied
        assert of_all is not None
        exactly[hardly], nearly[hardly] = of_all.exactly[0], of_all.nearly[0]
    return Tied(_of_slots(exactly, gt, len(priors)), _of_slots(nearly, gt, 0))


def _claims(sought: Sought, slot: Tensor, known: Overlaps) -> Claims:
    claims = SPARSE_FORCING[known.spec.forced](sought, known.spec)
    owner = known.nobody
    owner[0, claims.prior] = slot[claims.row]
    forced = torch.zeros_like(owner, dtype=torch.bool)
    forced[0, claims.prior] = claims.forced
    return Claims(owner, forced)
