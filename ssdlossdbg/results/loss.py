"""What `analyse_loss` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from ssdlossdbg.results.common import COORDINATES, Box, ConfigSummary, FloatArray, IntArray
from ssdlossdbg.results.contract import SPREAD, Hidden, Key, Written, at
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.report import Reported
from ssdlossdbg.rules import WeightDecaySpec


@dataclass(frozen=True)
class Parts:
    """A loss, or a share of one, by what it comes from."""

    localization: float
    confidence_positive: float
    confidence_negative: float

    @property
    def confidence(self) -> Written[float]:
        """Confidence loss of positives and mined negatives."""
        return self.confidence_positive + self.confidence_negative

    @property
    def total(self) -> Written[float]:
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
    wanted: Annotated[float, at("negatives_wanted")]
    parts: Annotated[Parts, SPREAD]
    last_mined: Cutoff | None
    first_not_mined: Cutoff | None

    @property
    def tied(self) -> Written[bool]:
        """Whether equal scores straddle the cut-off, so that another sort may mine other priors."""
        last, first = self.last_mined, self.first_not_mined
        return last is not None and first is not None and last.score == first.score


@dataclass(frozen=True)
class GroupLoss:
    """The share of a part of the priors.

    Attributes:
        gradient_localization, gradient_confidence: L2 norm of the total loss's gradient with respect to the
            group's loc and conf.
    """

    positives: int
    negatives: int
    parts: Annotated[Parts, SPREAD]
    gradient_localization: float
    gradient_confidence: float


@dataclass(frozen=True)
class LevelLoss(GroupLoss):
    """The share of a level; `feature_map` is (columns, rows), or (0, 0) where no grid could be recognised."""

    feature_map: tuple[int, int]


@dataclass(frozen=True)
class ClassLoss(GroupLoss):
    """The share of the priors whose target is a class, background included; `label` is its name."""

    label: str


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
    def total(self) -> Written[float]:
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
        mined: `[M, 4]` priors of the mined negatives.
        mined_loss: `[M]` their loss.
    """

    objects: FloatArray
    decoded: FloatArray
    owner: IntArray
    mined: FloatArray
    mined_loss: FloatArray


@dataclass(frozen=True, repr=False)
class LossResult(Reported):
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
        raises: where the real code raises on this batch, or None.
        non_finite: every such value, the first one first, one entry a term and object.
        scenes: per image, for pictures.
        encoded: whether the targets were already encoded: which objects they came from is not known then, there is no
            ground truth, and no prior is known to be forced.
        decay: the dialect's L2 term, no part of `loss`; its rate is 0 where the dialect has none.
        weight_decay: what that term comes to; None where the dialect has none, or no weights were given.
        decayed: how many of the given parameters it is over, and how many were given; None without them.
        evidence: what the checks look at beside this result.
        findings: what they found; empty until they were run.
    """

    predictions_path: Annotated[str, at("predictions.path")]
    targets_path: Annotated[str, at("targets.path")]
    predictions_layout: Annotated[str, at("predictions.layout")]
    targets_layout: Annotated[str, at("targets.layout")]
    dtype: Annotated[str, at("predictions.dtype")]
    dialect: str
    device: str
    threshold: float | None
    localization_weight: Annotated[float, at("loss.localization_weight")]
    config: ConfigSummary
    classes_count: Annotated[int, at("predictions.classes")]
    loss: Parts
    loss_sum: Annotated[Parts, at("sums")]
    normalizer: Annotated[float, at("loss.normalizer")]
    images: tuple[ImageLoss, ...]
    levels: Annotated[tuple[LevelLoss, ...], Key(numbered="level")]
    classes: Annotated[tuple[ClassLoss, ...], Key(numbered="class_id")]
    coordinates: Annotated[Box, at(*(f"coordinates.{name}" for name in COORDINATES))]
    ground_truth: tuple[GroundTruthLoss, ...]
    negatives: tuple[MinedNegative, ...]
    gradient_localization: Annotated[float, at("gradients.localization")]
    gradient_confidence: Annotated[float, at("gradients.confidence")]
    raises: str | None
    non_finite: tuple[NonFinite, ...]
    scenes: Hidden[tuple[SceneLoss, ...]]
    encoded: Annotated[bool, at("targets.encoded")] = False
    decay: WeightDecaySpec = field(default_factory=WeightDecaySpec)
    weight_decay: Annotated[float | None, at("loss.weight_decay")] = None
    decayed: Annotated[tuple[int, int] | None, at("loss.parameters_decayed", "loss.parameters")] = None
    evidence: Hidden[tuple[object, ...]] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def weight_decay_rate(self) -> Annotated[float, at("loss.weight_decay_rate")]:
        """What the sum of the squared parameters is multiplied by; 0 where the dialect has no such term."""
        return self.decay.rate

    @property
    def total_with_weight_decay(self) -> Annotated[float | None, at("loss.total_with_weight_decay")]:
        """What training prints, where the weights were given to compute it."""
        return None if self.weight_decay is None else self.loss.total + self.weight_decay

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        loss = self.loss
        parts = f"{loss.total:.4f} = localization {loss.localization:.4f} + confidence {loss.confidence:.4f}"
        return f"{self.predictions_path} by {self.dialect}: {parts}; {len(self.images)} images"
