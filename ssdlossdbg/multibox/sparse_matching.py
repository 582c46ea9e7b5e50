"""Which priors the objects of any number of images get, without a tensor of all priors of all images.

For datasets: time and memory follow the pairs that matter, some ten an object, and not images times priors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.owners import best
from ssdlossdbg.multibox.pairs import Pairs, Search
from ssdlossdbg.multibox.sparse_forcing import SPARSE_FORCING, Sought, SparseClaims
from ssdlossdbg.multibox.thresholds import TIE_SLACK
from ssdlossdbg.rules import MatchSpec, Precision, Ties

# An object that overlaps the priors nearest to it by less is held against all that it may overlap.
HARDLY = 1e-9


@dataclass(frozen=True)
class SparseMatching:
    """What N objects get, and the M priors that go to one of them.

    Attributes:
        best_prior, best_iou: `[N]` the prior of highest IoU, the first of several (or the last, where the rules say
            so), and that IoU.
        ties: `[N]` priors whose IoU is as good but for the tolerance, itself included; 0 where nothing overlaps.
        lost_to: `[N]` the object that took this one's best prior, or -1.
        object, prior: `[M]` a prior that an object owns, or overlaps most and enough; each prior of an image once.
        iou: `[M]` their IoU; of a prior that an object took over without being forced, the highest with any.
        owned: `[M]` whether it is the object's own, whatever the IoU.
        claims: who owns which prior, those that are not positive for it, too.
    """

    best_prior: Tensor
    best_iou: Tensor
    ties: Tensor
    lost_to: Tensor
    object: Tensor
    prior: Tensor
    iou: Tensor
    owned: Tensor
    claims: SparseClaims


def can_match_sparsely(spec: MatchSpec) -> bool:
    """Whether the rules ask for few of the overlaps: not where a prior is positive that overlaps nothing."""
    return least_iou(spec) > 0


def least_iou(spec: MatchSpec) -> float:
    """The IoU below which a prior that is not forced is a negative."""
    return spec.threshold if spec.ignore_from is None else min(spec.threshold, spec.ignore_from)


def match_sparsely(
    boxes: Tensor, image: Tensor, corners: Tensor, spec: MatchSpec, grid: Grid, tolerance: float = 0.0
) -> SparseMatching:
    """Assign priors to objects as `match` does, to the last bit.

    Args:
        boxes: `[N, 4]` xyxy, finite, of positive width and height, image after image.
        image: `[N]` int64 the image of each, ascending.
        corners: `[P, 4]` the priors, xyxy, in the unit of the boxes.
        spec: threshold and rules; `can_match_sparsely` must hold.
        grid: that the priors stand on.
        tolerance: IoUs that differ by no more count as ties.
    """
    if spec.precision is Precision.FLOAT64:
        boxes, corners = boxes.double(), corners.double()
    sought, ties = seek(Search(boxes, image, corners, spec, grid), tolerance)
    search, rows = sought.search, torch.arange(len(boxes))
    claims = SPARSE_FORCING[spec.forced](sought, spec)
    known, highest, nearest = sought.nearest
    free = highest >= least_iou(spec)
    if spec.first_prior_background:
        claims, free = claims[claims.prior > 0], free & (known % len(corners) > 0)
    claimed = search.keys(claims.row, claims.prior)
    place, there = sought.known(claimed)
    free[place[there]] = False
    free = free.nonzero().flatten()
    # A prior that was taken over, but not for good, is positive where anybody overlaps it enough.
    taken_iou = sought.nearest_iou(claimed)[0]
    counts = claims.forced | (taken_iou >= least_iou(spec))
    own_iou = torch.where(claims.forced, search.at(claims.row, claims.prior), taken_iou)
    owner = _owners_of_best(sought, claimed, claims.row)
    return SparseMatching(
        best_prior=sought.best_prior,
        best_iou=sought.best_iou,
        ties=ties,
        lost_to=torch.where(owner == rows, -1, owner),
        object=torch.cat((claims.row[counts], nearest[free])),
        prior=torch.cat((claims.prior[counts], known[free] % len(corners))),
        iou=torch.cat((own_iou[counts], highest[free])),
        owned=torch.cat((claims.forced[counts], torch.zeros_like(free, dtype=torch.bool))),
        claims=claims,
    )


def _owners_of_best(sought: Sought, claimed: Tensor, whose: Tensor) -> Tensor:
    """`[N]` the object that the best prior of each was given to, -1 for none, given keys of priors and their owners."""
    keys, order = claimed.sort()
    if not len(keys):
        return torch.full_like(sought.best_prior, -1)
    place = torch.searchsorted(keys, sought.best_keys).clamp(max=len(keys) - 1)
    return torch.where(keys[place] == sought.best_keys, whose[order][place], -1)


def seek(search: Search, tolerance: float) -> tuple[Sought, Tensor]:
    """What is known of the objects before any is forced, and how many priors are as good as the best one of each."""
    least, priors = least_iou(search.spec), len(search.corners)
    slack = max(tolerance, TIE_SLACK)
    lowest = max(least - slack, least / 2)
    pairs = search.reaching(lowest)
    best_iou, best_prior, ties = _best_priors(search, pairs, tolerance)
    floor = torch.full_like(best_iou, lowest)
    lone = (best_iou < least).nonzero().flatten()
    if len(lone):
        # It overlaps one of the priors nearest to it by something; only what may overlap it more can be its best.
        nearest = search.grid.nearest(search.boxes[lone])
        near = search.at(lone.repeat_interleave(nearest.shape[1]), nearest.flatten()).view(nearest.shape).amax(1)
        floor[lone] = torch.where(near < HARDLY, 0.0, torch.maximum(near - slack, near / 2))
        others = search.reaching(floor[lone], lone)
        pairs = Pairs.joined([pairs[(best_iou >= least)[pairs.row]], others])
        found = _best_priors(search, others, tolerance)
        best_iou[lone], best_prior[lone], ties[lone] = (each[lone] for each in found)
    nothing = best_iou < 0
    best_iou[nothing], best_prior[nothing] = 0.0, 0 if search.spec.ties is Ties.FIRST else priors - 1
    return Sought(search, pairs, floor, least, best_iou, best_prior), ties


def _best_priors(search: Search, pairs: Pairs, tolerance: float) -> tuple[Tensor, Tensor, Tensor]:
    """`[N]` highest IoU of each object (-1 without a pair), the prior that has it, and how many come near it."""
    number = len(search.boxes)
    best_iou, best_prior = best(pairs.row, pairs.prior, pairs.iou, number, len(search.corners), search.spec.ties)
    as_good = pairs.iou >= best_iou[pairs.row] - tolerance
    return best_iou, best_prior, torch.bincount(pairs.row[as_good], minlength=number)
