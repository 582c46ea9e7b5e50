"""Which priors does each object of one photo get, and which objects get none?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from ssdlossdbg.analysis.batch import Loaded
from ssdlossdbg.analysis.common import box_problem, rows, summarise, unit_of
from ssdlossdbg.analysis.evidence.dataset import describe_datasets
from ssdlossdbg.analysis.evidence.objects import state_dataset
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou, some_of
from ssdlossdbg.multibox.codec import decode, encode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.overlaps import measured
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.multibox.quotas import negatives_available
from ssdlossdbg.multibox.thresholds import reaches
from ssdlossdbg.readers.annotations import Dataset, Scaled, resized, scale_like, sizes_seen
from ssdlossdbg.results import (
    FORCED_ONLY,
    INVALID,
    MATCHED,
    UNMATCHED,
    GroundTruthMatch,
    LeftOut,
    LevelMatch,
    MatchResult,
    MatchTotals,
    PositivePriors,
    PriorRoles,
    RoundTrip,
    ThresholdCount,
    outside_share,
    sound_boxes,
)
from ssdlossdbg.rules import Dialect

THRESHOLDS = tuple(round(0.3 + 0.05 * step, 2) for step in range(9))
NEAR_MISS = 0.1


class Standing(Protocol):
    """What became of an object, as far as most ask."""

    @property
    def index(self) -> int:
        """Its place in its file."""

    @property
    def status(self) -> str:
        """One of the four words."""


@dataclass(frozen=True, eq=False)
class AnnotatedObjects:
    """The objects of one photo, as a batch takes them.

    Attributes:
        dataset: of that one image.
        photo: width and height in pixels as the file stores them, and how EXIF turns it; as of `photo_sizes`.
    """

    dataset: Dataset
    photo: tuple[int, int, int]

    def settings(self, rules: Dialect) -> Hashable:
        """How the dialect's loader reads boxes."""
        return rules.targets, rules.loader.of_objects

    def load(self, rules: Dialect, priors: Priors) -> Loaded:
        """The objects that the dialect's loader keeps."""
        read, unit = self.read(rules, priors), unit_of(rules, priors).cpu()
        seen = resized(read, rules.targets, priors.image_size)
        boxes = (torch.from_numpy(seen.boxes) * unit).to(unit.dtype)
        ids = torch.from_numpy(self.dataset.class_index[read.rows] + 1)
        return Loaded(pad_ground_truth([boxes], [ids]), state_dataset(self.dataset, read))

    def read(self, rules: Dialect, priors: Priors) -> Scaled:
        """The objects that the dialect's loader hands on."""
        return scale_like(self.dataset, rules, np.array([self.photo]), priors.image_size)

    def size(self, rules: Dialect) -> tuple[int, int]:
        """(width, height) of the photo as that loader sees it."""
        width, height = sizes_seen(np.array([self.photo]), rules.loader.orientation)[0].tolist()
        return width, height


def analyse_match(scene: Scene, photo: str) -> MatchResult:
    """Which priors the objects of one photo get from the dialect's training code, without augmentation.

    Args:
        scene: the photo's `AnnotatedObjects` under a dialect.
        photo: its path, for the report only.
    """
    batch, rules, matching, priors = scene.batch, scene.rules, scene.matching, scene.batch.priors
    source = source_of(scene)
    dataset, objects = source.dataset, matched_objects(scene)
    width, height = dataset.sizes[0].tolist()
    tied = int(((scene.ties.exactly[0] > 1) & (matching.best_iou[0] > 0)).sum())
    return MatchResult(
        image_path=photo,
        image_size=source.size(rules),
        annotation_path=dataset.files[0],
        annotation_format=dataset.format.title,
        annotation_size=(width, height) if width and height else None,
        config=summarise(batch.named),
        dialect=rules.name,
        device=batch.where,
        threshold=rules.match.threshold,
        ground_truth=objects,
        left_out=tuple(LeftOut(*item) for item in scene.objects.images[0].left_out),
        levels=_levels(matching, priors),
        totals=_totals(objects, matching, rules, tied),
        thresholds=_thresholds(scene.gt, matching, rules),
        round_trip=_round_trip(scene, torch.float32, objects),
        round_trip_half=_round_trip(scene, torch.float16, objects),
        positives=_positives(matching, priors),
        raises=raises_on(objects, scene),
        roles=_roles(scene),
        first_step_only=rules.refine.first_step,
        evidence=(*scene.evidence, *describe_datasets([(dataset, source.read(rules, priors))])),
    )


def source_of(scene: Scene) -> AnnotatedObjects:
    """The annotated photo that a scene is of."""
    assert isinstance(scene.batch.source, AnnotatedObjects)
    return scene.batch.source


def matched_objects(scene: Scene) -> tuple[GroundTruthMatch, ...]:
    """What each object of an annotated photo got, those that the loader leaves out not among them."""
    found, priors, source = scene.objects, scene.batch.priors, source_of(scene)
    best = scene.matching.best_prior[0, : len(found.labels)]
    shapes = priors.boxes[best, 2:] * priors.boxes.new_tensor(priors.image_size)
    in_pixels = found.boxes * (priors.image_size * 2)
    # Nearly all boxes are sound and lie inside; to say what is wrong with one, or how much lies outside, takes a while.
    boxes, sound = list(map(tuple, in_pixels.tolist())), sound_boxes(in_pixels)
    inside = np.all((in_pixels >= 0) & (in_pixels <= priors.image_size * 2), axis=1).tolist()
    problems = [None if fine else box_problem(box) for box, fine in zip(boxes, sound.tolist(), strict=True)]
    shares = [0.0 if fine else outside_share(box, priors.image_size) for box, fine in zip(boxes, inside, strict=True)]
    columns = rows(
        index=found.index,
        label=found.labels,
        class_id=found.class_id,
        box=map(tuple, found.stated.tolist()),
        input_box=boxes,
        difficult=source.dataset.difficult[source.read(scene.rules, priors).rows],
        best_prior=found.best_prior,
        best_iou=found.best_iou,
        level=priors.level_index[best],
        shape=map(tuple, shapes.tolist()),
        positives=found.positives,
        forced=found.forced,
        lost_to=[int(found.index[winner]) if winner >= 0 else None for winner in found.lost_to.tolist()],
        status=map(status_of, problems, found.positives.tolist(), found.forced.tolist()),
        problem=problems,
        non_finite_target=[target or None for target in found.target.tolist()],
        outside=shares,
    )
    return tuple(GroundTruthMatch(**row) for row in columns)


def status_of(problem: str | None, positives: int, forced: int) -> str:
    """What became of an object, given what is wrong with its box, and its positives and those of them forced."""
    if problem:
        return INVALID
    if not positives:
        return UNMATCHED
    return FORCED_ONLY if positives == forced else MATCHED


def raises_on(objects: Sequence[Standing], scene: Scene) -> str | None:
    """Where the dialect's real code raises on a photo with these objects; None where it does not."""
    dialect = scene.rules
    if not objects:
        met = dialect.loader.meets_empty(scene.objects.reading.format == "coco", scene.objects.images[0].annotated)
        return (met and dialect.raises.image_without_objects) or None
    broken = [str(item.index) for item in objects if item.status == INVALID]
    if broken and dialect.raises.degenerate_box:
        return f"{dialect.raises.degenerate_box} (object {', '.join(broken)})"
    return None


def _levels(matching: Matching, priors: Priors) -> tuple[LevelMatch, ...]:
    count = max(len(priors.levels), 1)
    level = priors.level_index
    totals = torch.bincount(level, minlength=count).tolist()
    positives = torch.bincount(level[matching.positive[0]], minlength=count).tolist()
    forced = torch.bincount(level[matching.forced[0]], minlength=count).tolist()
    served = torch.zeros((count, matching.best_prior.shape[1]), dtype=torch.bool, device=level.device)
    served[level[matching.positive[0]], matching.gt_index[0][matching.positive[0]]] = True
    grids = [(spec.feature_map, spec.stride) for spec in priors.levels] or [((0, 0), (0.0, 0.0))]
    columns = zip(grids, totals, positives, forced, served.sum(1).tolist(), strict=True)
    return tuple(LevelMatch(grid[0], grid[1], *counts) for grid, *counts in columns)


def _totals(objects: tuple[GroundTruthMatch, ...], matching: Matching, dialect: Dialect, tied: int) -> MatchTotals:
    statuses = [item.status for item in objects]
    prior_iou = matching.prior_iou
    near = (prior_iou >= dialect.match.threshold - NEAR_MISS) & ~matching.positive
    return MatchTotals(
        ground_truth=len(objects),
        matched=statuses.count(MATCHED),
        forced_only=statuses.count(FORCED_ONLY),
        unmatched=sum(item.positives == 0 for item in objects),
        without_positive=statuses.count(UNMATCHED),
        invalid=statuses.count(INVALID),
        positives=int(matching.positive.sum()),
        forced=int(matching.forced.sum()),
        negatives=int(negatives_available(matching, dialect.mining)[0]),
        near_misses=int(near.sum()),
        tied=tied,
        all_negatives=dialect.mining.takes_all,
    )


def _thresholds(gt: GroundTruthBatch, matching: Matching, dialect: Dialect) -> tuple[ThresholdCount, ...]:
    rule, counts = dialect.match, []
    has_objects = bool(gt.counts[0] > 0)
    owned = matching.owner >= 0
    for threshold in THRESHOLDS:
        positive = (reaches(matching.prior_iou, threshold, rule) & has_objects) | owned
        reached = reaches(matching.best_iou, threshold, rule) & gt.mask
        counts.append(ThresholdCount(threshold, int(positive.sum()), int(reached.sum())))
    return tuple(counts)


def _positives(matching: Matching, priors: Priors) -> PositivePriors:
    index = matching.positive[0].nonzero().flatten()
    return PositivePriors(
        prior=index.cpu().numpy(),
        ground_truth=matching.gt_index[0, index].cpu().numpy(),
        level=priors.level_index[index].cpu().numpy(),
        forced=matching.forced[0, index].cpu().numpy(),
        boxes=cxcywh_to_xyxy(priors.boxes[index]).cpu().numpy(),
    )


def _roles(scene: Scene) -> PriorRoles:
    matching, priors, held, rule = scene.matching, scene.batch.priors, scene.held_in_units, scene.rules.match
    owner, objects = matching.owner[0], int(scene.gt.counts[0])
    owned = (owner >= 0).nonzero().flatten()
    owner_iou = torch.zeros_like(matching.prior_iou[0])
    boxes, corners = measured(scene.gt_in_units.boxes[0, owner[owned]], some_of(held, owned), rule)
    owner_iou[owned] = iou(boxes, corners, rule.iou, rule.iou_epsilon)
    return PriorRoles(
        rule=rule,
        boxes=priors.boxes.cpu().numpy(),
        level=priors.level_index.cpu().numpy(),
        iou=matching.prior_iou[0].cpu().numpy(),
        nearest=matching.nearest[0].cpu().numpy(),
        owner=owner.cpu().numpy(),
        owner_iou=owner_iou.cpu().numpy(),
        best_prior=matching.best_prior[0, :objects].cpu().numpy(),
        best_iou=matching.best_iou[0, :objects].cpu().numpy(),
    )


def _round_trip(scene: Scene, dtype: torch.dtype, objects: tuple[GroundTruthMatch, ...]) -> RoundTrip:
    matching, codec = scene.matching, scene.rules.codec
    index = matching.positive[0].nonzero().flatten()
    if not len(index):
        return RoundTrip(0.0, 0.0, None)
    owner = matching.gt_index[0, index]
    boxes, priors = scene.gt_in_units.boxes[0, owner], scene.priors_in_units[index].to(dtype)
    at_hand = scene.encoded.dense.dtype is dtype
    offsets = scene.encoded.dense[0, index] if at_hand else encode(boxes.to(dtype), priors, codec)
    back = decode(offsets, priors, codec)
    difference = (back / scene.unit).cpu().double() - scene.gt.boxes[0, owner].cpu().double()
    error = (difference.abs() * torch.tensor(scene.batch.priors.image_size * 2, dtype=torch.float64)).numpy()
    # argmax takes a NaN for the largest, so a box that cannot come back is the worst one.
    worst = int(owner[int(np.argmax(error.max(axis=1)))])
    return RoundTrip(float(error.max()), float(error.mean()), objects[worst].index)
