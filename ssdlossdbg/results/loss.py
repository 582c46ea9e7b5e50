"""What `analyse_loss` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from ssdlossdbg.results.common import Box, ConfigSummary, FloatArray, IntArray
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.rules import WeightDecaySpec


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
        mined: `[M, 4]` priors of the mined negatives.
        mined_loss: `[M]` their loss.
    """

    objects: FloatArray
    decoded: FloatArray
    owner: IntArray
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
    raises: str | None
    non_finite: tuple[NonFinite, ...]
    scenes: tuple[SceneLoss, ...]
    encoded: bool = False
    decay: WeightDecaySpec = field(default_factory=WeightDecaySpec)
    weight_decay: float | None = None
    decayed: tuple[int, int] | None = None
    evidence: tuple[object, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def total_with_weight_decay(self) -> float | None:
        """What training prints, where the weights were given to compute it."""
        return None if self.weight_decay is None else self.loss.total + self.weight_decay
