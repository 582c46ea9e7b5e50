"""What the analyses return: frozen, plain numbers and NumPy arrays. No torch.

Boxes are xyxy. "Input pixels" are pixels of the network's input; "photo pixels" are those of the photo.
Losses are normalised as the dialect does, unless a name ends in `_sum`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdlossdbg.multibox.specs import DetectSpec

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]
Box = tuple[float, float, float, float]
COORDINATES = ("cx", "cy", "w", "h")

MATCHED = "matched"
FORCED_ONLY = "forced-only"
UNMATCHED = "unmatched"
INVALID = "invalid"


@dataclass(frozen=True)
class ConfigSummary:
    """The priors in use.

    Attributes:
        name: preset or file.
        codebase: whose preset it is; empty for the user's own.
        image_size: (width, height) of the network's input in pixels.
        image_size_known: False where that size had to be assumed.
        priors: how many.
        levels: (columns, rows) of each feature map; one (0, 0) where no grid could be recognised.
    """

    name: str
    codebase: str
    image_size: tuple[int, int]
    image_size_known: bool
    priors: int
    levels: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class LevelGrid:
    """One level of the priors, in input pixels.

    Attributes:
        feature_map: (columns, rows).
        stride: (x, y) between centres.
        priors: how many.
        shapes: (width, height) of each prior of a cell, before clipping.
        reach: (first x, first y, last x, last y) of the centres.
        crossing: share of the priors that cross the image's border.
        smallest_best: side of the smallest square object that reaches the threshold where it lies best; None if
            there is no such side.
        smallest_anywhere: the same wherever it lies on the grid.
        middle: `[shapes, 4]` the priors of the middle cell.
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    priors: int
    shapes: tuple[tuple[float, float], ...]
    reach: Box
    crossing: float
    smallest_best: float | None
    smallest_anywhere: float | None
    middle: FloatArray


@dataclass(frozen=True)
class AnchorsResult:
    """What a prior config looks like.

    Attributes:
        threshold: the dialect's match threshold, which the smallest sides are for.
        levels: the feature maps; empty where no grid could be recognised.
        smallest_best, smallest_anywhere: as in `LevelGrid`, over all levels.
        boxes: `[P, 4]` float32 cxcywh, normalised: the priors themselves.
    """

    config: ConfigSummary
    dialect: str
    threshold: float
    levels: tuple[LevelGrid, ...]
    smallest_best: float | None
    smallest_anywhere: float | None
    boxes: FloatArray


@dataclass(frozen=True)
class GroundTruthMatch:
    """What one ground truth got.

    Attributes:
        index: place in the annotation file, from 0.
        class_id: output column of its class, 0 being background.
        box: as annotated, in photo pixels.
        input_box: as the codebase's loader hands it to the network, in input pixels.
        best_prior, best_iou: its prior of highest IoU.
        level, shape: that prior's level, and (width, height) in input pixels.
        positives: priors assigned to it, forced ones included.
        forced: those of them that do not reach the threshold.
        lost_to: index of the ground truth that took its best prior, or None.
        status: MATCHED, FORCED_ONLY, UNMATCHED or INVALID.
        problem: what makes the box invalid, or None.
        non_finite_target: the first encoded target of its positives that is inf or nan, or None.
        outside: share of the input box's area outside the input; 1 for a box wholly outside.
    """

    index: int
    label: str
    class_id: int
    box: Box
    input_box: Box
    difficult: bool
    best_prior: int
    best_iou: float
    level: int
    shape: tuple[float, float]
    positives: int
    forced: int
    lost_to: int | None
    status: str
    problem: str | None
    non_finite_target: float | None
    outside: float


@dataclass(frozen=True)
class LevelMatch:
    """What one level contributes."""

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    priors: int
    positives: int
    forced: int
    ground_truth: int


@dataclass(frozen=True)
class MatchTotals:
    """Counts over the image.

    Attributes:
        unmatched: ground truths without any positive, invalid ones among them.
        without_positive: those of them whose box is valid.
        negatives: what hard negative mining will pick.
        near_misses: negatives whose best IoU is less than 0.1 under the threshold.
        tied: ground truths with several priors of the same best IoU; the first is taken.
    """

    ground_truth: int
    matched: int
    forced_only: int
    unmatched: int
    without_positive: int
    invalid: int
    positives: int
    forced: int
    negatives: int
    near_misses: int
    tied: int


@dataclass(frozen=True)
class ThresholdCount:
    """What another match threshold would give: positives, and the ground truths that reach it."""

    threshold: float
    positives: int
    reached: int


@dataclass(frozen=True)
class RoundTrip:
    """How well the positives survive encoding and decoding, in input pixels per corner coordinate.

    Attributes:
        max_px, mean_px: of all positives, non-finite values carried.
        worst: index of the ground truth with the largest error, or None without positives.
    """

    max_px: float
    mean_px: float
    worst: int | None


@dataclass(frozen=True)
class PositivePriors:
    """The positives of one image, for pictures.

    Attributes:
        prior: `[N]` prior index.
        ground_truth: `[N]` position of its ground truth in the result's list.
        level: `[N]` level.
        forced: `[N]` whether it is so only as a best prior.
        boxes: `[N, 4]` normalised.
    """

    prior: IntArray
    ground_truth: IntArray
    level: IntArray
    forced: BoolArray
    boxes: FloatArray


@dataclass(frozen=True)
class MatchResult:
    """Which priors each object of one photo gets.

    Attributes:
        annotation_size: the photo's size as the annotation says, None where it does not.
        left_out: objects that the dialect's loader drops (difficult), as (index, label).
        round_trip, round_trip_half: in the input's dtype, and in float16.
    """

    image_path: str
    image_size: tuple[int, int]
    annotation_path: str
    annotation_format: str
    annotation_size: tuple[int, int] | None
    config: ConfigSummary
    dialect: str
    device: str
    threshold: float
    ground_truth: tuple[GroundTruthMatch, ...]
    left_out: tuple[tuple[int, str], ...]
    levels: tuple[LevelMatch, ...]
    totals: MatchTotals
    thresholds: tuple[ThresholdCount, ...]
    round_trip: RoundTrip
    round_trip_half: RoundTrip
    positives: PositivePriors
    raises: str | None


@dataclass(frozen=True)
class Parts:
    """A loss, or a share of one, by what it comes from."""

    localization: float
    confidence_positive: float
    confidence_negative: float

    @property
    def confidence(self) -> float:
        """Confidence loss of positives and mined negatives."""
        return self.confidence_positive + self.confidence_negative

    @property
    def total(self) -> float:
        """All of it."""
        return self.localization + self.confidence


@dataclass(frozen=True)
class Cutoff:
    """A prior at the edge of what mining took: its index and its mining score."""

    prior: int
    score: float


@dataclass(frozen=True)
class ImageLoss:
    """One image's share.

    Attributes:
        ground_truth: how many objects; None where the targets were already encoded.
        wanted: negatives that the ratio and the cap grant; to the whole batch where that is what is mined.
        last_mined, first_not_mined: the negatives on both sides of the cut-off, where there are such.
    """

    index: int
    path: str | None
    ground_truth: int | None
    positives: int
    forced: int
    negatives: int
    wanted: float
    parts: Parts
    last_mined: Cutoff | None
    first_not_mined: Cutoff | None

    @property
    def tied(self) -> bool:
        """Whether equal scores straddle the cut-off, so that another sort may mine other priors."""
        last, first = self.last_mined, self.first_not_mined
        return last is not None and first is not None and last.score == first.score


@dataclass(frozen=True)
class GroupLoss:
    """The share of one level or one target class.

    Attributes:
        name: feature map or class name.
        gradient_localization, gradient_confidence: L2 norm of the total loss's gradient with respect to the
            group's loc and conf.
    """

    index: int
    name: str
    positives: int
    negatives: int
    parts: Parts
    gradient_localization: float
    gradient_confidence: float


@dataclass(frozen=True)
class GroundTruthLoss:
    """What one ground truth costs. `box` is in input pixels; `problem` as in `GroundTruthMatch`."""

    image: int
    index: int
    class_id: int
    label: str
    box: Box
    positives: int
    forced: int
    best_iou: float
    localization: float
    confidence: float
    problem: str | None

    @property
    def total(self) -> float:
        """Both terms."""
        return self.localization + self.confidence


@dataclass(frozen=True)
class MinedNegative:
    """A mined negative and what it costs.

    Attributes:
        rank: place in its image's ranking, 1 for the highest score.
        box: the prior, in input pixels.
        loss: its share of the total, normalised.
        predicted_class, predicted_label, probability: the class of highest softmax probability.
        best_iou: with the nearest object; 0 where the image has none, None where the targets were already encoded.
        ground_truth: that object's index, or None.
    """

    image: int
    prior: int
    rank: int
    level: int
    box: Box
    loss: float
    predicted_class: int
    predicted_label: str
    probability: float
    best_iou: float | None
    ground_truth: int | None


@dataclass(frozen=True)
class NonFinite:
    """A value that is not finite, where it first shows on the way from the inputs to the loss.

    Attributes:
        term: "target", "loc", "conf", "localization", "confidence" or "normalizer".
        image, ground_truth, prior: where, as far as it belongs to one.
        place: coordinate (cx, cy, w, h), or the class column of a logit.
        value: inf, -inf or nan.
        box: of the ground truth, in input pixels.
        problem: what is wrong with that box, or None.
        count: values of this term and object that are not finite.
    """

    term: str
    image: int | None
    ground_truth: int | None
    prior: int | None
    place: str
    value: float
    box: Box | None
    problem: str | None
    count: int


@dataclass(frozen=True)
class SceneLoss:
    """One image's boxes for its picture, all normalised.

    Attributes:
        objects: `[n, 4]`.
        decoded: `[N, 4]` what the network predicts at its positives.
        owner: `[N]` object of each positive.
        decoded_loss: `[N]` localisation loss of each.
        mined: `[M, 4]` priors of the mined negatives.
        mined_loss: `[M]` their loss.
    """

    objects: FloatArray
    decoded: FloatArray
    owner: IntArray
    decoded_loss: FloatArray
    mined: FloatArray
    mined_loss: FloatArray


@dataclass(frozen=True)
class LossResult:
    """What the loss of a batch is made of.

    Attributes:
        predictions_layout, targets_layout: what was recognised in the files, in words.
        dtype: of the predictions in their file.
        threshold: the match threshold; None where the targets were already encoded, so that nothing was matched.
        loss: the batch's loss, normalised.
        loss_sum: the same before weight and normaliser.
        normalizer: what the sums are divided by.
        images, levels, classes: splits of `loss`; each adds up to it.
        coordinates: split of the localisation loss over cx, cy, w, h.
        ground_truth: every ground truth, the costliest first; they add up to localisation and positives.
        negatives: every mined negative, the costliest first.
        gradient_localization, gradient_confidence: L2 norms over the whole batch.
        ranks_by_batch_maximum: whether one logit of any image can spoil the mining of all.
        raises: where the real code raises on this batch, or None.
        non_finite: every such value, the first one first, one entry a term and object.
        scenes: per image, for pictures.
        encoded: whether the targets were already encoded: which objects they came from is not known then, there is no
            ground truth, and no prior is known to be forced.
    """

    predictions_path: str
    targets_path: str
    predictions_layout: str
    targets_layout: str
    dtype: str
    dialect: str
    device: str
    threshold: float | None
    localization_weight: float
    config: ConfigSummary
    classes_count: int
    loss: Parts
    loss_sum: Parts
    normalizer: float
    images: tuple[ImageLoss, ...]
    levels: tuple[GroupLoss, ...]
    classes: tuple[GroupLoss, ...]
    coordinates: tuple[float, float, float, float]
    ground_truth: tuple[GroundTruthLoss, ...]
    negatives: tuple[MinedNegative, ...]
    gradient_localization: float
    gradient_confidence: float
    ranks_by_batch_maximum: bool
    raises: str | None
    non_finite: tuple[NonFinite, ...]
    scenes: tuple[SceneLoss, ...]
    encoded: bool = False


@dataclass(frozen=True)
class PresetSummary:
    """A shipped prior config, for `anchors --list`."""

    name: str
    title: str
    codebase: str
    aliases: tuple[str, ...]
    image_size: tuple[int, int]
    priors: int


@dataclass(frozen=True)
class BatchRoles:
    """How many priors of a batch play which role.

    Attributes:
        positives, negatives: of each image; negatives are the mined ones.
        ignored: neither.
        counted_twice: positives that mining picked once more.
        wanted: negatives that ratio and cap grant, over the batch.
        available: priors that mining could choose from, over the batch.
        dropped: positives that mining takes out of the loss.
        normalizer: what the sums are divided by.
    """

    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    ignored: int
    counted_twice: int
    wanted: float
    available: int
    dropped: int
    normalizer: float


@dataclass(frozen=True)
class Cause:
    """What one rule is worth in the difference between two dialects.

    Attributes:
        rule: its name.
        old, new: its settings in the reference and in the other dialect.
        delta: what turning it changes in the total.
        before, after: the roles of the priors on both sides of that.
    """

    rule: str
    old: str
    new: str
    delta: float
    before: BatchRoles
    after: BatchRoles


@dataclass(frozen=True)
class DialectOutcome:
    """What one codebase says of a batch.

    Attributes:
        raises: where the real code raises on it, or None.
        causes: of the difference from the reference; their deltas add up to it.
    """

    name: str
    codebase: str
    localization: float
    confidence: float
    normalizer: float
    roles: BatchRoles
    raises: str | None
    causes: tuple[Cause, ...]

    @property
    def total(self) -> float:
        """Both terms."""
        return self.localization + self.confidence


@dataclass(frozen=True)
class CompareResult:
    """What several codebases say of one batch."""

    predictions_path: str
    targets_path: str
    predictions_layout: str
    targets_layout: str
    dtype: str
    device: str
    config: ConfigSummary
    reference: str
    reference_total: float
    dialects: tuple[DialectOutcome, ...]


# What a detection is, and what becomes of an object; an overlap counts from IoU 0.5 on, as Pascal VOC counts it.
FINDS = "finds"
REPEATS = "repeats"
OTHER_CLASS = "other-class"
NOTHING = "nothing"
FOUND = "found"
FOUND_AS_OTHER = "found-as-other"
MISSED = "missed"


@dataclass(frozen=True)
class Detection:
    """One detection.

    Attributes:
        rank: place among its image's detections by score, from 1.
        class_id, label, score: what it is taken for, and how surely.
        box: in input pixels.
        normalized: the same box, normalised.
        prior, level: where it was predicted.
        best_iou: with the nearest object of any class; 0 where there is none.
        ground_truth: that object's index, or None.
        best_iou_of_class: with the nearest object of its own class; 0 where there is none.
        ground_truth_of_class: that object's index, or None.
        role: FINDS the object of its class that no higher detection found, REPEATS such a detection, overlaps an
            object of an OTHER_CLASS, or NOTHING; None without targets.
    """

    rank: int
    class_id: int
    label: str
    score: float
    box: Box
    normalized: Box
    prior: int
    level: int
    best_iou: float
    ground_truth: int | None
    best_iou_of_class: float
    ground_truth_of_class: int | None
    role: str | None


@dataclass(frozen=True)
class GroundTruthDetect:
    """What became of one object.

    Attributes:
        box: in input pixels.
        normalized: the same box, normalised.
        status: FOUND, FOUND_AS_OTHER or MISSED.
        detection: rank of the detection that finds it, or takes it for another class; None where it is missed.
        score, iou, taken_for: of that detection; None where it is missed.
        explained_by: detections of its class that find or repeat it.
        best_iou: of any detection of its class with it; 0 where there is none.
        positives: priors that training assigns to it.
        above_threshold: those of them whose score for its class is above the threshold.
        candidates: those of them that enter suppression.
        survivors: those of them that leave it.
        detections: those of them that are kept.
        problem: what makes the box invalid, or None.
    """

    image: int
    index: int
    class_id: int
    label: str
    box: Box
    normalized: Box
    status: str
    detection: int | None
    score: float | None
    iou: float | None
    taken_for: str | None
    explained_by: int
    best_iou: float
    positives: int
    above_threshold: int
    candidates: int
    survivors: int
    detections: int
    problem: str | None


@dataclass(frozen=True)
class ImageDetect:
    """One image's detections, the highest score first, and its objects in the order of the targets.

    Attributes:
        non_finite: priors at which the network predicts nan or inf.
        above_threshold, candidates, survivors: (class, prior) pairs that get so far on their way to a detection.
    """

    index: int
    path: str | None
    detections: tuple[Detection, ...]
    ground_truth: tuple[GroundTruthDetect, ...]
    non_finite: int
    above_threshold: int
    candidates: int
    survivors: int


@dataclass(frozen=True)
class ClassDetect:
    """One class over all images.

    Attributes:
        best_score: the highest score at any prior, detected or not; nan where the network predicts nan.
        found, as_other, missed: what became of its objects.
    """

    class_id: int
    label: str
    above_threshold: int
    candidates: int
    survivors: int
    detections: int
    best_score: float
    ground_truth: int
    found: int
    as_other: int
    missed: int


@dataclass(frozen=True)
class DetectResult:
    """What the post-processing of one codebase makes of a batch.

    Attributes:
        predictions_layout, targets_layout: what was recognised in the files, in words.
        dtype: of the predictions in their file.
        targets_path, targets_layout: None where no targets were given; then no image has objects.
        rules: the dialect's, with what overruled them.
        classes: every class but background.
    """

    predictions_path: str
    predictions_layout: str
    dtype: str
    targets_path: str | None
    targets_layout: str | None
    dialect: str
    device: str
    config: ConfigSummary
    rules: DetectSpec
    images: tuple[ImageDetect, ...]
    classes: tuple[ClassDetect, ...]

    @property
    def detections(self) -> tuple[Detection, ...]:
        """Those of all images."""
        return tuple(item for image in self.images for item in image.detections)

    @property
    def ground_truth(self) -> tuple[GroundTruthDetect, ...]:
        """The objects of all images."""
        return tuple(item for image in self.images for item in image.ground_truth)


@dataclass(frozen=True)
class ObjectChange:
    """An object that another dialect treats differently: what it gets in the reference, and there.

    Attributes:
        positives: its positives in both; None where the loader leaves it out.
        status: its status in both.
    """

    index: int
    label: str
    positives: tuple[int | None, ...]
    status: tuple[str, ...]


@dataclass(frozen=True)
class RoleChanges:
    """What another dialect's matching does differently to the same photo and priors.

    Attributes:
        gained, lost: priors that are positive only there, only in the reference.
        moved: priors that are positive in both, for different objects.
        objects: those whose positives or status differ.
    """

    dialect: str
    positives: int
    negatives: int
    gained: int
    lost: int
    moved: int
    objects: tuple[ObjectChange, ...]
    raises: str | None
