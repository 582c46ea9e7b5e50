"""What `analyse_detect` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ssdlossdbg.results.common import Box, ConfigSummary
from ssdlossdbg.results.contract import Hidden, Written, at
from ssdlossdbg.results.detect_detail import DetectDetail
from ssdlossdbg.results.detect_scores import DetectScores, scores_of
from ssdlossdbg.results.detections import Detection, role_counts
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.loss import RunBatch
from ssdlossdbg.results.report import Reported
from ssdlossdbg.rules import DetectSpec

# What becomes of an object.
FOUND = "found"
FOUND_AS_OTHER = "found-as-other"
MISSED = "missed"


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
    normalized: Annotated[Box, at("box_normalized")]
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
        name: what the loader calls it; None where that is not known.
        above_threshold, candidates, survivors: (class, prior) pairs that get so far on their way to a detection.
    """

    index: int
    path: str | None
    detections: Sequence[Detection]
    ground_truth: tuple[GroundTruthDetect, ...]
    non_finite: int
    above_threshold: int
    candidates: int
    survivors: int
    name: str | None = None


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
    as_other: Annotated[int, at("found_as_other")]
    missed: int


@dataclass(frozen=True)
class DetectTotals:
    """Counts over the batch.

    Attributes:
        detections: of them, those that find, repeat, overlap an object of an other_class, or nothing.
        ground_truth: of them, those found, found_as_other and missed.
        positives: priors that training assigns to all objects; of them, those that get as far as the names say.
    """

    detections: int
    finds: int
    repeats: int
    other_class: int
    nothing: int
    ground_truth: int
    found: int
    found_as_other: int
    missed: int
    positives: int
    positives_above_threshold: int
    positives_candidates: int
    positives_survivors: int
    positives_detections: int


@dataclass(frozen=True, repr=False)
class DetectResult(Reported):
    """What the post-processing of one codebase makes of a batch.

    Attributes:
        predictions_layout, targets_layout: what was recognised in the files, in words.
        dtype: of the predictions in their file.
        targets_path, targets_layout: None where no targets were given, or nothing is known of the objects that they
            came from; then no image has objects.
        recovered: whether the objects are what encoded positives decode to, as of `LossResult`; None without any.
        rules: the dialect's, with what overruled them.
        classes: every class but background.
        detail: what enters suppression, for pages; None where nobody asked for it.
        batches: as of `LossResult`.
    """

    predictions_path: Annotated[str, at("predictions.path")]
    predictions_layout: Annotated[str, at("predictions.layout")]
    dtype: Annotated[str, at("predictions.dtype")]
    targets_path: Annotated[str | None, at("targets.path")]
    targets_layout: Annotated[str | None, at("targets.layout")]
    dialect: str
    device: str
    config: ConfigSummary
    rules: DetectSpec
    images: tuple[ImageDetect, ...]
    classes: tuple[ClassDetect, ...]
    recovered: Annotated[bool | None, at("targets.recovered")] = None
    detail: Hidden[DetectDetail | None] = None
    batches: tuple[RunBatch, ...] = ()
    findings: tuple[Finding, ...] = ()
    photos: Hidden[tuple[Any, ...]] = ()

    @property
    def detections(self) -> tuple[Detection, ...]:
        """Those of all images."""
        return tuple(item for image in self.images for item in image.detections)

    @property
    def ground_truth(self) -> tuple[GroundTruthDetect, ...]:
        """The objects of all images."""
        return tuple(item for image in self.images for item in image.ground_truth)

    @property
    def scores(self) -> Written[DetectScores | None]:
        """How good the detections are; None without an object to find."""
        images = self.images if self.targets_path else ()
        return scores_of([image.detections for image in images], [image.ground_truth for image in images])

    @property
    def totals(self) -> Written[DetectTotals]:
        """Counts over the batch."""
        objects = self.ground_truth
        roles = [role_counts(image.detections) for image in self.images]
        finds, repeats, other_class, nothing = map(sum, zip(*roles, strict=True)) if roles else (0, 0, 0, 0)
        status = [item.status for item in objects]
        return DetectTotals(
            detections=sum(len(image.detections) for image in self.images),
            finds=finds,
            repeats=repeats,
            other_class=other_class,
            nothing=nothing,
            ground_truth=len(objects),
            found=status.count(FOUND),
            found_as_other=status.count(FOUND_AS_OTHER),
            missed=status.count(MISSED),
            positives=sum(item.positives for item in objects),
            positives_above_threshold=sum(item.above_threshold for item in objects),
            positives_candidates=sum(item.candidates for item in objects),
            positives_survivors=sum(item.survivors for item in objects),
            positives_detections=sum(item.detections for item in objects),
        )

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        totals = self.totals
        objects = f"; {totals.found} of {totals.ground_truth} objects found" if self.targets_path else ""
        return f"{self.predictions_path} by {self.dialect}: {totals.detections} detections{objects}"
