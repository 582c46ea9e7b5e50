"""What `analyse_match` and `compare_roles` return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from ssdlossdbg.results.common import BoolArray, Box, ConfigSummary, FloatArray, IntArray
from ssdlossdbg.results.contract import Hidden, Key, at
from ssdlossdbg.results.evidence import Evidence
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.report import Reported
from ssdlossdbg.rules import MatchSpec

MATCHED = "matched"
FORCED_ONLY = "forced-only"
UNMATCHED = "unmatched"
INVALID = "invalid"


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
class LeftOut:
    """An object that takes no part: its place in the annotation file, from 0, and its class."""

    index: int
    label: str


@dataclass(frozen=True)
class LevelMatch:
    """What one level contributes.

    Attributes:
        feature_map: (columns, rows); (0, 0) where no grid could be recognised.
        stride: (x, y) between centres, in input pixels.
        priors: how many it has.
        positives, forced: how many of them are, and those of them that do not reach the threshold.
        served: objects that have a positive on it; one may have some on several levels.
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    priors: int
    positives: int
    forced: int
    served: Annotated[int, at("ground_truth")]


@dataclass(frozen=True)
class MatchTotals:
    """Counts over the image.

    Attributes:
        unmatched: ground truths without any positive, invalid ones among them.
        without_positive: those of them whose box is valid.
        negatives: what hard negative mining will pick.
        all_negatives: whether it picks none and every negative counts.
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
    all_negatives: bool = False


@dataclass(frozen=True)
class ThresholdCount:
    """What another match threshold would give: positives, and the ground truths that reach it."""

    threshold: float
    positives: int
    reached: Annotated[int, at("ground_truth_reached")]


@dataclass(frozen=True)
class RoundTrip:
    """How well the positives survive encoding and decoding, in input pixels per corner coordinate.

    Attributes:
        max_px, mean_px: of all positives, non-finite values carried.
        worst: index of the ground truth with the largest error, or None without positives.
    """

    max_px: float
    mean_px: float
    worst: Annotated[int | None, at("worst_ground_truth")]


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
class PriorRoles:
    """All priors of one image and what decides their roles, for a page that matches at other thresholds.

    Attributes:
        rule: how the dialect matches, at the threshold of the result.
        boxes: `[P, 4]` cxcywh, normalised.
        level: `[P]`.
        iou: `[P]` highest with any object, in the precision that it was computed in; -1 without objects.
        nearest: `[P]` place, in the result's list, of the object that it overlaps most; 0 without objects.
        owner: `[P]` place of the object that it is given to whatever it overlaps, -1 for none.
        owner_iou: `[P]` with that object; 0 without one.
        best_prior, best_iou: `[G]` of each object in the result's list.
    """

    rule: MatchSpec
    boxes: FloatArray
    level: IntArray
    iou: FloatArray
    nearest: IntArray
    owner: IntArray
    owner_iou: FloatArray
    best_prior: IntArray
    best_iou: FloatArray


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
        agrees_with: the first of those asked that gives every prior the same role, itself if none before it does; the
            reference, if that does.
        reasons: the rules that make the difference from the reference, each with both settings.
    """

    dialect: Annotated[str, at("name")]
    positives: int
    negatives: int
    gained: int
    lost: int
    moved: int
    objects: Annotated[tuple[ObjectChange, ...], at("ground_truth")]
    raises: str | None
    agrees_with: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class MatchResult(Reported):
    """Which priors each object of one photo gets.

    Attributes:
        annotation_size: the photo's size as the annotation says, None where it does not.
        left_out: objects that the dialect's loader drops (difficult).
        round_trip, round_trip_half: in the input's dtype, and in float16.
        first_step_only: whether the dialect has a second step, which matches priors that only a network can move.
        changes: what other dialects would do differently, where that was asked for.
        roles: every prior, for pages; None of a result that was read from its document.
        evidence: what the checks look at.
        findings: what they found; empty until they were run.
        photos: the photo, where it is no file: an image of Pillow.
    """

    image_path: Annotated[str, at("image.path")]
    image_size: Annotated[tuple[int, int], at("image.width", "image.height")]
    annotation_path: Annotated[str, at("annotation.path")]
    annotation_format: Annotated[str, at("annotation.format")]
    annotation_size: Annotated[tuple[int, int] | None, at("annotation.size")]
    config: ConfigSummary
    dialect: str
    device: str
    threshold: float
    ground_truth: tuple[GroundTruthMatch, ...]
    left_out: Annotated[tuple[LeftOut, ...], at("annotation.left_out")]
    levels: Annotated[tuple[LevelMatch, ...], Key(numbered="level")]
    totals: MatchTotals
    thresholds: tuple[ThresholdCount, ...]
    round_trip: RoundTrip
    round_trip_half: Annotated[RoundTrip, at("round_trip.float16")]
    positives: Hidden[PositivePriors]
    raises: str | None
    first_step_only: bool = False
    changes: Annotated[tuple[RoleChanges, ...], at("dialects")] = ()
    roles: Hidden[PriorRoles | None] = None
    evidence: Hidden[tuple[Evidence, ...]] = ()
    findings: tuple[Finding, ...] = ()
    photos: Hidden[tuple[Any, ...]] = ()

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        totals = self.totals
        number = totals.ground_truth
        objects = f"{number} object{'' if number == 1 else 's'}, {totals.matched} matched"
        left = f"{totals.forced_only} forced only, {totals.unmatched} unmatched; {totals.positives} positives"
        return f"{self.image_path} by {self.dialect}: {objects}, {left}"
