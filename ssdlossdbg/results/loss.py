"""What `analyse_loss` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from ssdlossdbg.results.captured import Captured, Recorded
from ssdlossdbg.results.common import COORDINATES, Box, ConfigSummary, FloatArray, IntArray
from ssdlossdbg.results.contract import SPREAD, Hidden, Key, Written, at
from ssdlossdbg.results.costs import GroundTruthLoss, ImageLoss, MinedNegative, NonFinite, Parts, TakenOut
from ssdlossdbg.results.evidence import Evidence
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.loss_detail import LossDetail
from ssdlossdbg.results.report import Reported
from ssdlossdbg.rules import WeightDecaySpec


@dataclass(frozen=True)
class Means:
    """What a prior of a group costs on average, before weight and normaliser.

    Attributes:
        localization, confidence_positive: of its positives; None where it has none.
        confidence_negative: of its mined negatives; None where it has none.
    """

    localization: float | None
    confidence_positive: float | None
    confidence_negative: float | None


@dataclass(frozen=True)
class UntrainedLoss:
    """What a network that knows nothing would have on this batch: zeros for all offsets and logits.

    Attributes:
        localization, confidence: normalised, over the priors that count in this batch.
        prior: confidence loss of one negative: ln C with softmax.
        classes: C, background included.
    """

    localization: float
    confidence: float
    prior: float
    classes: int

    @property
    def total(self) -> Written[float]:
        """Both."""
        return self.localization + self.confidence


@dataclass(frozen=True)
class WithoutBoxes:
    """The loss of a batch without the objects that make it inf or nan.

    Attributes:
        objects: of each the image and its index there.
        loss: without them, matched and mined anew.
    """

    objects: tuple[tuple[int, int], ...]
    loss: Parts


@dataclass(frozen=True)
class GroupLoss:
    """The share of a part of the priors.

    Attributes:
        means: of a prior.
        gradient_localization, gradient_confidence: L2 norm of the total loss's gradient with respect to the
            group's loc and conf.
    """

    positives: int
    negatives: int
    parts: Annotated[Parts, SPREAD]
    gradient_localization: float
    gradient_confidence: float
    means: Means


@dataclass(frozen=True)
class LevelLoss(GroupLoss):
    """The share of a level; `feature_map` is (columns, rows), or (0, 0) where no grid could be recognised."""

    feature_map: tuple[int, int]


@dataclass(frozen=True)
class ClassLoss(GroupLoss):
    """The share of the priors whose target is a class, background included; `label` is its name."""

    label: str


@dataclass(frozen=True)
class GroupGradient:
    """L2 norms of the total loss's gradient with respect to a group's loc and conf."""

    localization: float
    confidence: float


@dataclass(frozen=True)
class SceneLoss:
    """One image's boxes for its picture, all normalised.

    Attributes:
        objects: `[n, 4]`.
        decoded: `[N, 4]` what the network predicts at its positives.
        owner: `[N]` object of each positive.
        mined: `[M, 4]` priors of the mined negatives; of the costliest ones where all negatives count.
        mined_loss: `[M]` their loss.
        probability: `[N]` what the network gives the class of each positive; None where that is not known.
    """

    objects: FloatArray
    decoded: FloatArray
    owner: IntArray
    mined: FloatArray
    mined_loss: FloatArray
    probability: FloatArray | None = None


@dataclass(frozen=True)
class FirstStep:
    """The loss of the first of two steps, which tells objects from background; attributes as of `LossResult`."""

    loss: Parts
    loss_sum: Annotated[Parts, at("sums")]
    normalizer: Annotated[float, at("loss.normalizer")]
    images: tuple[ImageLoss, ...]
    levels: Annotated[tuple[LevelLoss, ...], Key(numbered="level")]
    coordinates: Annotated[Box | None, at(*(f"coordinates.{name}" for name in COORDINATES))]
    ground_truth: tuple[GroundTruthLoss, ...]
    negatives: tuple[MinedNegative, ...]
    gradient_localization: Annotated[float, at("gradients.localization")]
    gradient_confidence: Annotated[float, at("gradients.confidence")]
    non_finite: tuple[NonFinite, ...]


@dataclass(frozen=True)
class RunBatch:
    """A captured batch among those of its run.

    Attributes:
        file: its path.
        step, reason, rank: as in `Captured`.
        recorded: what the training had; None where the criterion raised, or the file cannot be read.
        recomputed: the total loss by its tensors; None where the file cannot be read.
        recorded_error: as of `LossResult`.
        codes: of its findings, notes left out.
        unreadable: why the file cannot be read; empty where it can.
    """

    file: str
    step: int | None
    reason: str
    rank: int
    recorded: Recorded | None
    recomputed: float | None
    recorded_error: float | None
    codes: tuple[str, ...]
    unreadable: str = ""


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
        coordinates: split of the localisation loss over cx, cy, w, h; None where it compares boxes.
        ground_truth: every ground truth, the costliest first; they add up to localisation and positives.
        negatives: every mined negative, the costliest first; the costliest thousand where `all_negatives`.
        gradient_localization, gradient_confidence: L2 norms over the whole batch.
        raises: where the real code raises on this batch, or None.
        non_finite: every such value, the first one first, one entry a term and object.
        scenes: per image, for pictures.
        encoded: whether the targets were already encoded.
        recovered: whether the objects are what encoded positives decode to. One without a positive is not among them
            then, their order is not the loader's, and positives that decode to none are in no object's share. Without
            it, encoded targets have no ground truth, and no prior is known to be forced.
        decay: the dialect's L2 term, no part of `loss`; its rate is 0 where the dialect has none.
        weight_decay: what that term comes to; None where the dialect has none, or no weights were given.
        decayed: how many of the given parameters it is over, and how many were given; None without them.
        recorded: the loss that the user's own code returned, printed or saved; None where that is not known.
        recorded_error: the largest relative difference between the two; None where nothing compares.
        whose: whose rules give the recorded loss, in words, where it is another one; empty where it is not, or nobody
            asked.
        step: how many batches the training had seen before this one; None where that is not known.
        captured: what a capture says of the batch; None of what no capture wrote.
        all_negatives: whether the dialect mines none and every negative counts.
        landmark_normalizer: what the sum of the landmarks is divided by; None where they are no part of the loss.
        landmarks_left_out: why they are not, although the dialect has them there; empty where it has not, or they are.
        detail: each prior's share, for pages; None where nobody asked for it.
        first_step: the first of two steps; all other figures are the second's. None where there is one.
        taken_out: objects of which the first step took positives of the second for background, the fewest left first.
        batches: of a run, every captured batch, this one, the worst, too; empty where a file was given.
        untrained: what a network that knows nothing would have, of `without` where there is that; None if infinite, and
            of two steps.
        without: the loss without the boxes that make it inf or nan; None where there are none, or it stays so,
            and of two steps.
        evidence: what the checks look at beside this result.
        findings: what they found; empty until they were run.
        photos: of its first images those that are no files: images of Pillow, None for the others.
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
    coordinates: Annotated[Box | None, at(*(f"coordinates.{name}" for name in COORDINATES))]
    ground_truth: tuple[GroundTruthLoss, ...]
    negatives: tuple[MinedNegative, ...]
    gradient_localization: Annotated[float, at("gradients.localization")]
    gradient_confidence: Annotated[float, at("gradients.confidence")]
    raises: str | None
    non_finite: tuple[NonFinite, ...]
    scenes: Hidden[tuple[SceneLoss, ...]]
    encoded: Annotated[bool, at("targets.encoded")] = False
    recovered: Annotated[bool, at("targets.recovered")] = False
    decay: WeightDecaySpec = field(default_factory=WeightDecaySpec)
    weight_decay: Annotated[float | None, at("loss.weight_decay")] = None
    decayed: Annotated[tuple[int, int] | None, at("loss.parameters_decayed", "loss.parameters")] = None
    recorded: Recorded | None = None
    recorded_error: float | None = None
    whose: str = ""
    step: int | None = None
    captured: Hidden[Captured | None] = None
    all_negatives: bool = False
    landmark_normalizer: Annotated[float | None, at("loss.landmark_normalizer")] = None
    landmarks_left_out: Annotated[str, at("loss.landmarks_left_out")] = ""
    first_step: FirstStep | None = None
    taken_out: tuple[TakenOut, ...] = ()
    batches: tuple[RunBatch, ...] = ()
    detail: Hidden[LossDetail | None] = None
    untrained: UntrainedLoss | None = None
    without: WithoutBoxes | None = None
    evidence: Hidden[tuple[Evidence, ...]] = ()
    findings: tuple[Finding, ...] = ()
    photos: Hidden[tuple[Any, ...]] = ()

    @property
    def level_gradients(self) -> Annotated[tuple[GroupGradient, ...], Key(("gradients.levels",), numbered="level")]:
        """Of each level."""
        return tuple(GroupGradient(each.gradient_localization, each.gradient_confidence) for each in self.levels)

    @property
    def class_gradients(self) -> Annotated[tuple[GroupGradient, ...], Key(("gradients.classes",), numbered="class_id")]:
        """Of each class."""
        return tuple(GroupGradient(each.gradient_localization, each.gradient_confidence) for each in self.classes)

    @property
    def weight_decay_rate(self) -> Annotated[float, at("loss.weight_decay_rate")]:
        """What the sum of the squared parameters is multiplied by; 0 where the dialect has no such term."""
        return self.decay.rate

    @property
    def total_with_weight_decay(self) -> Annotated[float | None, at("loss.total_with_weight_decay")]:
        """What training prints, where the weights were given to compute it."""
        return None if self.weight_decay is None else self.loss.total + self.weight_decay

    @property
    def total_with_first_step(self) -> Annotated[float | None, at("loss.total_with_first_step")]:
        """What training minimises where there are two steps; None where there is one."""
        return None if self.first_step is None else self.loss.total + self.first_step.loss.total

    @property
    def whole(self) -> float:
        """What training minimises, weight decay left out."""
        both = self.total_with_first_step
        return self.loss.total if both is None else both

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        loss = self.loss
        if self.first_step is not None:
            steps = f"first step {self.first_step.loss.total:.4f} + second step {loss.total:.4f}"
            return f"{self.predictions_path} by {self.dialect}: {self.whole:.4f} = {steps}; {len(self.images)} images"
        parts = f"{loss.total:.4f} = localization {loss.localization:.4f} + confidence {loss.confidence:.4f}"
        parts += "" if loss.landmarks is None else f" + landmarks {loss.landmarks:.4f}"
        return f"{self.predictions_path} by {self.dialect}: {parts}; {len(self.images)} images"
