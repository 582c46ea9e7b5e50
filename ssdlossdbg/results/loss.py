"""What `analyse_loss` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from ssdlossdbg.results.common import ConfigSummary, FloatArray, IntArray
from ssdlossdbg.results.costs import GroundTruthLoss, ImageLoss, MinedNegative, NonFinite, Parts
from ssdlossdbg.results.evidence import Evidence
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.rules import WeightDecaySpec


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
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def total_with_weight_decay(self) -> float | None:
        """What training prints, where the weights were given to compute it."""
        return None if self.weight_decay is None else self.loss.total + self.weight_decay
