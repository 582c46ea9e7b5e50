"""How much the ground truths of a batch overlap its priors, all with all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import Corners, PriorBoxes, constants, corners_of, iou
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.kept import kept
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.rules import MatchSpec, Precision, Ties

# What padding is overlapped as: a box with an area, far from any prior in pixels or fractions, which half precision
# can hold.
NOWHERE = (-4e3, -4e3, -3e3, -3e3)


def _first(matrix: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    values, indices = matrix.max(dim=dim)
    return values, indices


def _last(matrix: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    parts = [part.flip(dim).max(dim=dim) for part in tiles.parts(matrix, 3 - dim)]
    values, indices = (torch.cat(each, dim=1) for each in zip(*parts, strict=True))
    return values, matrix.shape[dim] - 1 - indices


BEST: dict[Ties, Callable[[Tensor, int], tuple[Tensor, Tensor]]] = {Ties.FIRST: _first, Ties.LAST: _last}


def measured(boxes: Tensor, priors: PriorBoxes, spec: MatchSpec) -> tuple[Tensor, Tensor]:
    """Objects `[..., 4]` and priors `[P, 4]`, both xyxy, in the precision that their overlaps are measured in."""
    if spec.precision is Precision.FLOAT64:
        boxes = boxes.double()
        priors = Corners(priors.xyxy.double()) if isinstance(priors, Corners) else priors.double()
    return boxes, corners_of(priors)


def overlaps(gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec) -> Tensor:
    """IoU of every ground truth with every prior.

    Args:
        gt: B images with up to G objects.
        priors: `[P, 4]` cxcywh, or corners, which may be those of each image, in the unit of the ground truths.
        spec: names the IoU rule and the precision.

    Returns:
        `[B, G, P]`; padding rows are -1, below any real overlap.
    """
    matrix = None
    for first, part in _few_at_a_time(gt, priors, spec):
        if part.shape[1] == gt.boxes.shape[1]:
            return part
        if matrix is None:
            matrix = part.new_empty((*gt.boxes.shape[:2], len(priors)))
        matrix[:, first : first + part.shape[1]] = part
    assert matrix is not None
    return matrix


def _few_at_a_time(gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec) -> Iterator[tuple[int, Tensor]]:
    """`overlaps` of some objects after the others, `[B, g, P]`, with the slot of the first of them."""
    boxes = torch.where(gt.mask[..., None], gt.boxes, constants(NOWHERE, gt.boxes))
    boxes, corners = measured(boxes, priors, spec)
    if corners.ndim > 2:  # of each image, for all its objects
        corners = corners[:, None]
    # Adding costs a fifth of a masked fill, and nothing overlaps the padding.
    padding = torch.where(gt.mask, 0.0, -1.0)[..., None].to(boxes.dtype)
    slots = tiles.images_at_once(len(boxes) * len(priors), boxes.device)
    for first in range(0, boxes.shape[1], slots):
        some = slice(first, first + slots)
        overlap = iou(boxes[:, some, None], corners, spec.iou, spec.iou_epsilon)
        yield first, overlap.add_(padding[:, some])


@dataclass(frozen=True)
class Tied:
    """How many priors overlap each ground truth as well as its best one does.

    Attributes:
        exactly: `[B, G]` int64, the best one included.
        nearly: `[B, G]` int64, those less than a given slack below it, too; 0 where nothing overlaps.
    """

    exactly: Tensor
    nearly: Tensor


@dataclass(frozen=True)
class Overlaps:
    """What roles are decided by: the best of all overlaps, and those themselves where there are few enough.

    Attributes:
        gt, priors, spec: as of `all_overlaps`.
        best_iou, best_prior: `[B, G]` over priors.
        prior_iou, best_gt: `[B, P]` over ground truths.
        tied: how many priors are as good as the best one, where that was asked.
        held: `[B, G, P]` IoU, padding rows -1; None of more than are worked on at a time.
    """

    gt: GroundTruthBatch
    priors: PriorBoxes
    spec: MatchSpec
    best_iou: Tensor
    best_prior: Tensor
    prior_iou: Tensor
    best_gt: Tensor
    tied: Tied | None
    held: Tensor | None

    @kept
    def mask(self) -> Tensor:
        """`[B, G]` True for objects."""
        return self.gt.mask

    @kept
    def matrix(self) -> Tensor:
        """`[B, G, P]` IoU, padding rows -1, however much memory that takes."""
        return overlaps(self.gt, self.priors, self.spec) if self.held is None else self.held

    def with_slots(self, slot: Tensor) -> Tensor:
        """`[B, P]` the IoU of each prior with one ground truth of its image, given as `[B, P]` slots."""
        if self.held is not None:
            return self.held.gather(1, slot[:, None])[:, 0]
        boxes, corners = measured(self.gt.boxes.gather(1, slot[..., None].expand(-1, -1, 4)), self.priors, self.spec)
        return iou(boxes, corners, self.spec.iou, self.spec.iou_epsilon)

    @property
    def nobody(self) -> Tensor:
        """`[B, P]` int64 of -1: a grid of priors that nobody owns yet."""
        return torch.full_like(self.best_gt, -1)

    @property
    def ranks(self) -> Tensor:
        """`[B, G]` int64: the index of each ground truth."""
        return torch.arange(self.mask.shape[1], device=self.mask.device).expand_as(self.mask)


def has_crowds(gt: GroundTruthBatch, priors: PriorBoxes) -> bool:
    """Whether an image has more objects than are held against all priors at a time."""
    return gt.boxes.shape[1] > tiles.images_at_once(len(priors), gt.boxes.device)


def all_overlaps(gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec, slack: float | None = None) -> Overlaps:
    """The best overlaps of all objects with all priors, from one look at each.

    Args:
        gt: as for `overlaps`.
        priors: as for `overlaps`.
        spec: names the IoU rule, the precision, and which of equal overlaps is the best.
        slack: how far below the best IoU still counts as nearly it; None where ties are not asked.
    """
    rows: list[tuple[Tensor, ...]] = []
    columns = held = None
    with one_thread() if has_crowds(gt, priors) else nullcontext():
        for first, part in _few_at_a_time(gt, priors, spec):
            best_iou, best_prior = BEST[spec.ties](part, 2)
            rows.append((best_iou, best_prior, *(() if slack is None else _tied(part, best_iou, slack))))
            prior_iou, best_gt = BEST[spec.ties](part, 1)
            found = prior_iou, best_gt + first
            columns = found if columns is None else _better(columns, found, spec.ties)
            held = part if part.shape[1] == gt.boxes.shape[1] else None
    assert columns is not None
    best_iou, best_prior, *tied = (torch.cat(each, dim=1) for each in zip(*rows, strict=True))
    return Overlaps(gt, priors, spec, best_iou, best_prior, *columns, Tied(*tied) if tied else None, held)


def _better(before: tuple[Tensor, Tensor], after: tuple[Tensor, Tensor], ties: Ties) -> tuple[Tensor, Tensor]:
    """Of two best overlaps of each prior, with whom, the better one: nan counts as the highest, as in `BEST`."""
    if ties is Ties.LAST:
        replaced = (after[0] >= before[0]) | after[0].isnan()
    else:
        replaced = (after[0] > before[0]) | (after[0].isnan() & ~before[0].isnan())
    return torch.where(replaced, after[0], before[0]), torch.where(replaced, after[1], before[1])


def _tied(matrix: Tensor, best_iou: Tensor, slack: float) -> tuple[Tensor, Tensor]:
    nearly = as_good(matrix, best_iou - slack) * (best_iou > 0)
    return as_good(matrix, best_iou), nearly


def as_good(matrix: Tensor, least: Tensor) -> Tensor:
    """`[B, G]` how many overlaps `[B, G, P]` of each object are at least `[B, G]`."""
    parts = tiles.parts(matrix, 1)
    bounds = torch.split(least, max(parts[0].shape[1], 1), 1)
    # As floats, which take a tenth of the time to add up and are exact up to 2^24.
    wide = torch.promote_types(matrix.dtype, torch.float32)
    counted = [
        torch.ge(part, bound[..., None], out=torch.empty_like(part)).sum(-1, dtype=wide).long()
        for part, bound in zip(parts, bounds, strict=True)
    ]
    return torch.cat(counted, 1)
