"""Which prior stands for which ground truth (paper, section 2.2, "Matching strategy")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import Corners, PriorBoxes, sound_boxes
from ssdlossdbg.multibox.crowds import overlaps_of_crowd
from ssdlossdbg.multibox.forcing import FORCING, OF_ALL_OVERLAPS, Claims
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.kept import kept
from ssdlossdbg.multibox.overlaps import Overlaps, Tied, all_overlaps, has_crowds
from ssdlossdbg.multibox.sparse_matching import SparseMatching, can_match_sparsely
from ssdlossdbg.multibox.thresholds import reaches
from ssdlossdbg.rules import BackgroundObjects, MatchSpec


@dataclass(frozen=True)
class Matching:
    """The roles of all priors of a batch.

    Attributes:
        gt_index: `[B, P]` int64, the ground truth each prior is assigned to if positive, else the one it
            overlaps most. Meaningless where the image has no object.
        positive: `[B, P]` bool.
        forced: `[B, P]` bool, the positives that are so only as some ground truth's best prior.
        ignored: `[B, P]` bool, neither positive nor negative.
        labels: `[B, P]` int64 target class of each prior, 0 for background, -1 for ignored.
        prior_iou: `[B, P]` best IoU of each prior with any ground truth; -1 where the image has no object.
        best_prior: `[B, G]` int64, the prior of highest IoU of each ground truth.
        best_iou: `[B, G]` that IoU.
        owner: `[B, P]` int64, the ground truth that each prior is given to whatever it overlaps, -1 where there is
            none.
        nearest: `[B, P]` int64, the ground truth that each prior overlaps most, whoever owns it.
    """

    gt_index: Tensor
    positive: Tensor
    forced: Tensor
    ignored: Tensor
    labels: Tensor
    prior_iou: Tensor
    best_prior: Tensor
    best_iou: Tensor
    owner: Tensor
    nearest: Tensor

    @kept
    def foreground(self) -> Tensor:
        """`[B, P]` bool: priors whose target is a class. Differs from `positive` for objects labelled background."""
        return self.labels > 0

    @kept
    def negative(self) -> Tensor:
        """`[B, P]` bool: priors that mining may choose from."""
        return self.labels == 0

    @kept
    def learnt(self) -> tuple[Tensor, Tensor, Tensor]:
        """`[M]` images, `[M]` priors and `[M]` ground truths: each positive, in order, and what it is assigned to."""
        image, prior = self.positive.nonzero(as_tuple=True)
        return image, prior, self.gt_index[image, prior]

    @kept
    def positives(self) -> Tensor:
        """`[B]` int64 how many each image has."""
        return tiles.counts(self.positive)

    @kept
    def negatives(self) -> Tensor:
        """`[B]` int64 how many each image has that mining may choose from."""
        return tiles.counts(self.negative)

    @property
    def dtype(self) -> torch.dtype:
        """Of the overlaps."""
        return self.prior_iou.dtype

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


def roles_of_labels(labels: Tensor, dtype: torch.dtype) -> Matching:
    """The roles of priors that come with their target class, as targets that are already encoded have it.

    Which object a prior belongs to is not known then, nor any overlap: `gt_index` is 0 everywhere, no prior is forced
    or owned, every IoU is -1, and `best_prior` and `best_iou` have the one slot of a batch without objects.

    Args:
        labels: `[B, P]` int64: above 0 for positives, 0 for negatives, below 0 for ignored priors.
        dtype: of the overlaps that are not known, which the normaliser is computed in.
    """
    images = len(labels)
    unknown = torch.full_like(labels, -1.0, dtype=dtype)
    return Matching(
        gt_index=torch.zeros_like(labels),
        positive=labels > 0,
        forced=torch.zeros_like(labels, dtype=torch.bool),
        ignored=labels < 0,
        labels=labels.clamp(min=-1),
        prior_iou=unknown,
        best_prior=labels.new_zeros((images, 1)),
        best_iou=unknown.new_full((images, 1), -1.0),
        owner=torch.full_like(labels, -1),
        nearest=torch.zeros_like(labels),
    )


def match(gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec, grid: Grid | None = None) -> Matching:
    """Assign every prior of every image to a ground truth or to the background.

    Args:
        gt: B images with up to G objects.
        priors: `[P, 4]` cxcywh, or corners, which may be those of each image, in the unit of the ground truths.
        spec: threshold and rules.
        grid: that those priors stand on, if that is known: then no rule holds all overlaps of very many objects.

    Returns:
        The roles of all `[B, P]` priors. Ties go to the lowest index unless the spec says otherwise. An image without
        objects is all background.
    """
    return _joined([assign(known, known.gt, spec, claims) for known, claims in _looks(gt, priors, spec, grid)])


def match_with_ties(
    gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec, slack: float, grid: Grid | None = None
) -> tuple[Matching, Tied]:
    """What `match` returns, and how many priors tie for each object, from the same overlaps.

    Args:
        gt: as for `match`.
        priors: as for `match`.
        spec: as for `match`.
        slack: how far below the best IoU still counts as nearly it.
        grid: as for `match`.
    """
    matchings, ties = [], []
    for known, claims in _looks(gt, priors, spec, grid, slack):
        assert known.tied is not None
        matchings.append(assign(known, known.gt, spec, claims))
        ties.append(known.tied)
    tied = Tied(torch.cat([each.exactly for each in ties]), torch.cat([each.nearly for each in ties]))
    return _joined(matchings), tied


def _looks(
    gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec, grid: Grid | None, slack: float | None = None
) -> Iterator[tuple[Overlaps, Claims | None]]:
    """The overlaps of a few images at a time, and what the rules give to objects, where that comes with them."""
    for few, own in _parts(gt, priors):
        if grid is not None and has_crowds(few, own) and on_grid(few, spec, grid):
            yield overlaps_of_crowd(few, own, spec, grid, slack)
        else:
            yield all_overlaps(few, own, spec, slack), None


def _parts(gt: GroundTruthBatch, priors: PriorBoxes) -> list[tuple[GroundTruthBatch, PriorBoxes]]:
    """A few images at a time, with the priors of these."""
    at_once = tiles.images_at_once(gt.boxes.shape[1] * len(priors), gt.boxes.device)
    parts = gt.split(at_once)
    if not isinstance(priors, Corners) or priors.xyxy.ndim == 2:
        return [(part, priors) for part in parts]
    return [(part, Corners(own)) for part, own in zip(parts, torch.split(priors.xyxy, at_once), strict=True)]


def _joined(parts: list[Matching]) -> Matching:
    if len(parts) == 1:
        return parts[0]
    return Matching(**{each.name: torch.cat([getattr(part, each.name) for part in parts]) for each in fields(Matching)})


def assign(known: Overlaps, gt: GroundTruthBatch, spec: MatchSpec, claims: Claims | None = None) -> Matching:
    """The roles of the priors of a few images, as `match` has them, from their overlaps.

    Args:
        known: what `all_overlaps` returned.
        gt: the images.
        spec: threshold and rules.
        claims: what the rules give to objects whatever they overlap, where that is known.
    """
    claims = claims or FORCING[spec.forced](known, spec)
    may_match = (gt.counts > 0)[:, None]
    if spec.first_prior_background:
        claims, may_match = _without_first(claims, may_match)
    owner, forced = claims.owner, claims.forced
    gt_index = torch.where(owner >= 0, owner, known.best_gt)
    assigned_iou = torch.where(forced, known.with_slots(owner.clamp(min=0)), known.prior_iou)
    roles = _roles(gt.labels.gather(1, gt_index), assigned_iou, known.prior_iou, forced, may_match, spec)
    return Matching(
        gt_index=gt_index,
        positive=roles.positive,
        forced=roles.forced,
        ignored=roles.ignored,
        labels=roles.label,
        prior_iou=known.prior_iou,
        best_prior=known.best_prior,
        best_iou=known.best_iou,
        owner=owner,
        nearest=known.best_gt,
    )


def _without_first(claims: Claims, may_match: Tensor) -> tuple[Claims, Tensor]:
    """Nobody's claims on prior 0, which may match no object."""
    later = torch.arange(claims.owner.shape[1], device=claims.owner.device) > 0
    return Claims(torch.where(later, claims.owner, -1), claims.forced & later), may_match & later


@dataclass(frozen=True)
class Roles:
    """What some priors become; tensors of one shape.

    Attributes:
        positive, forced, ignored: as in `Matching`.
        label: class id; 0 for negatives, -1 for ignored priors.
    """

    positive: Tensor
    forced: Tensor
    ignored: Tensor
    label: Tensor


def _roles(
    label: Tensor,
    assigned_iou: Tensor,
    highest_iou: Tensor,
    forced: Tensor,
    may_match: Tensor,
    spec: MatchSpec,
) -> Roles:
    """The roles of priors, whichever and however many.

    Args:
        label: class id of the ground truth that each would be assigned to.
        assigned_iou: its IoU with that one.
        highest_iou: its highest IoU with any.
        forced: whether it is some ground truth's own.
        may_match: whether it may be anything but background: in an image without objects none may.
        spec: threshold and rules.
    """
    by_threshold = reaches(assigned_iou, spec.threshold, spec) & may_match
    matched = forced | by_threshold
    label = matched.long() if spec.one_class else torch.where(matched, label, 0)
    positive = matched if spec.background_objects is BackgroundObjects.COUNTED else label > 0
    ignored = torch.zeros_like(matched)
    if spec.ignore_from is not None:
        ignored = ~matched & may_match & (highest_iou >= spec.ignore_from)
        label = torch.where(ignored, -1, label)
    return Roles(positive, positive & ~by_threshold, ignored, label)


def sparse_roles(found: SparseMatching, labels: Tensor, spec: MatchSpec) -> Roles:
    """The roles, `[M]`, of the priors of a sparse matching.

    Args:
        found: what `match_sparsely` returned.
        labels: `[N]` class ids of the objects.
        spec: threshold and rules.
    """
    return _roles(labels[found.object], found.iou, found.iou, found.owned, torch.ones_like(found.owned), spec)


def on_grid(gt: GroundTruthBatch, spec: MatchSpec, grid: Grid | None) -> bool:
    """Whether what objects get by these rules is found on a grid, without all overlaps."""
    return grid is not None and can_match_sparsely(spec) and tiles.on_host(gt.boxes) and sound_objects(gt)


def holds_all_overlaps(gt: GroundTruthBatch, priors: PriorBoxes, spec: MatchSpec, grid: Grid | None) -> bool:
    """Whether `match` must hold the overlaps of a crowd with all priors."""
    return has_crowds(gt, priors) and spec.forced in OF_ALL_OVERLAPS and not on_grid(gt, spec, grid)


def sound_objects(gt: GroundTruthBatch) -> bool:
    """Whether every object is a box, finite and with an area."""
    return bool((sound_boxes(gt.boxes) | ~gt.mask).all())
