"""Which priors the objects of any number of images get, without a tensor of all priors of all images.

For datasets: time and memory follow the pairs that matter, some ten an object, and not images times priors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.rules import ConflictRule, ForcedRule, MatchSpec, Precision, Ties


@dataclass(frozen=True)
class SparseMatching:
    """What N objects get, and the M priors that go to one of them.

    Attributes:
        best_prior, best_iou: `[N]` the prior of highest IoU, the first of several, and that IoU.
        ties: `[N]` priors whose IoU is as good but for the tolerance, itself included; of objects that reach the least
            IoU, those that do.
        apart: `[N]` whether the object may overlap no prior at all. Whose a prior is then depends on more than
            overlaps, so what is said of its image is void.
        lost_to: `[N]` the object that took this one's best prior, or -1.
        object, prior: `[M]` a prior that an object owns, or overlaps most and enough; each prior of an image once.
        iou: `[M]` their IoU.
        owned: `[M]` whether it is the object's own, whatever the IoU.
    """

    best_prior: Tensor
    best_iou: Tensor
    ties: Tensor
    apart: Tensor
    lost_to: Tensor
    object: Tensor
    prior: Tensor
    iou: Tensor
    owned: Tensor


def can_match_sparsely(spec: MatchSpec) -> bool:
    """Whether the rules ask for no overlap but those that reach a threshold and the best one of each object."""
    plain = spec.forced is ForcedRule.BEST_PRIOR and spec.ties is Ties.FIRST and spec.precision is Precision.INPUT
    return plain and least_iou(spec) > 0 and not spec.first_prior_background


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
    row, prior, overlap = _pairs(boxes, corners, spec, grid, least_iou(spec))
    best_iou, best_prior, ties = _best_priors(row, prior, overlap, len(boxes), len(corners), tolerance)
    apart = best_iou < 0
    lone = apart.nonzero().flatten()
    if len(lone):
        # It overlaps one of the priors nearest to it by something; only what may overlap it more can be its best.
        near = iou(boxes[lone][:, None], corners[grid.nearest(boxes[lone])], spec.iou, spec.iou_epsilon).amax(1)
        apart[lone] = near <= 0
        lone, near = lone[near > 0], near[near > 0]
        others = _pairs(boxes[lone], corners, spec, grid, torch.maximum(near - tolerance, near / 2))
        best_iou[lone], best_prior[lone], ties[lone] = _best_priors(*others, len(lone), len(corners), tolerance)
        best_iou[apart], best_prior[apart] = 0.0, 0

    claimed, claim = torch.unique(image * len(corners) + best_prior, return_inverse=True)
    owner = OWNERS[spec.conflict](claim, best_iou, len(claimed))
    lost_to = torch.where(owner[claim] == _rows(claim), -1, owner[claim])

    places, place = torch.unique(image[row] * len(corners) + prior, return_inverse=True)
    _, nearest = _best(place, row, overlap, len(places), len(boxes))
    unclaimed = ~torch.isin(places, claimed, assume_unique=True)
    free = ((nearest[place] == row) & unclaimed[place]).nonzero().flatten()
    return SparseMatching(
        best_prior=best_prior,
        best_iou=best_iou,
        ties=ties,
        apart=apart,
        lost_to=lost_to,
        object=torch.cat((owner, row[free])),
        prior=torch.cat((claimed % len(corners), prior[free])),
        iou=torch.cat((best_iou[owner], overlap[free])),
        owned=torch.cat((torch.ones_like(owner, dtype=torch.bool), torch.zeros_like(free, dtype=torch.bool))),
    )


def _last_wins(claim: Tensor, best_iou: Tensor, claims: int) -> Tensor:
    return claim.new_full((claims,), -1).scatter_reduce_(0, claim, _rows(claim), "amax")


def _first_wins(claim: Tensor, best_iou: Tensor, claims: int) -> Tensor:
    nobody = len(claim)
    first = claim.new_full((claims,), nobody).scatter_reduce_(0, claim, _rows(claim), "amin")
    return torch.where(first == nobody, -1, first)


def _highest_iou_wins(claim: Tensor, best_iou: Tensor, claims: int) -> Tensor:
    _, winner = _best(claim, _rows(claim), best_iou, claims, len(claim))
    return torch.where(winner == len(claim), -1, winner)


def _rows(claim: Tensor) -> Tensor:
    return torch.arange(len(claim), device=claim.device)


# `[claims]` of the objects that claim a prior, given as `[N]` the claim of each, the one that gets it; -1 for nobody.
OWNERS: dict[ConflictRule, Callable[[Tensor, Tensor, int], Tensor]] = {
    ConflictRule.LAST: _last_wins,
    ConflictRule.FIRST: _first_wins,
    ConflictRule.HIGHEST_IOU: _highest_iou_wins,
}


def _pairs(
    boxes: Tensor, corners: Tensor, spec: MatchSpec, grid: Grid, least: float | Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """`[K]` rows of `boxes`, priors, and their IoU, which is at least `least`, for all objects or `[N]`."""
    row, prior = grid.candidates(boxes, least)
    overlap = iou(boxes[row], corners[prior], spec.iou, spec.iou_epsilon)
    reaching = (overlap >= (least[row] if isinstance(least, Tensor) else least)).nonzero().flatten()
    return row[reaching], prior[reaching], overlap[reaching]


def _best_priors(
    row: Tensor, prior: Tensor, overlap: Tensor, objects: int, priors: int, tolerance: float
) -> tuple[Tensor, Tensor, Tensor]:
    """`[N]` highest IoU of each object (-1 without a pair), the first prior that has it, and how many come near it."""
    best_iou, best_prior = _best(row, prior, overlap, objects, priors)
    return best_iou, best_prior, torch.bincount(row[overlap >= best_iou[row] - tolerance], minlength=objects)


def _best(row: Tensor, item: Tensor, score: Tensor, rows: int, items: int) -> tuple[Tensor, Tensor]:
    """`[rows]` the highest score of each row, -1 for a row without any, and the lowest item that has it.

    Args:
        row: `[K]` of each pair.
        item: `[K]` of each pair.
        score: `[K]` of each pair.
        rows: how many rows there are.
        items: one more than the highest item.
    """
    highest = score.new_full((rows,), -1.0).scatter_reduce_(0, row, score, "amax")
    winner = torch.where(score == highest[row], item, items)
    return highest, row.new_full((rows,), items).scatter_reduce_(0, row, winner, "amin")
