"""How priors are assigned to ground truths."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ssdlossdbg.rules.spec import Finite, NotNegative, Probability, Spec


class IouRule(StrEnum):
    """How the overlap of two boxes is divided."""

    PLAIN = "plain"
    """Intersection over union, unguarded: 0/0 gives NaN (ssd.pytorch box_utils.py:68)."""
    EPSILON_ADDED = "epsilon-added"
    """Intersection over union + epsilon (pytorch-ssd box_utils.py:133-149)."""
    UNION_FLOOR = "union-floor"
    """Intersection over max(union, epsilon) (MMDetection's bbox_overlaps)."""
    ZERO_WITHOUT_UNION = "zero-without-union"
    """0 where the union is 0 (SSD.TensorFlow anchor_manipulator.py:43-49)."""
    ZERO_WITHOUT_OVERLAP = "zero-without-overlap"
    """0 where the boxes are disjoint, whatever their union (Caffe bbox_util.cpp:274-294)."""


class Precision(StrEnum):
    """The float type that overlaps and encoded targets are computed in."""

    INPUT = "input"
    FLOAT64 = "float64"
    """NumPy's default, which ssd_keras encodes its targets in."""


class Comparison(StrEnum):
    """How a best IoU is held against the match threshold."""

    AT_LEAST = ">="
    """Negative only if IoU < threshold; a NaN overlap therefore stays positive."""
    MORE_THAN = ">"
    """Positive only if IoU > threshold (NVIDIA utils.py:111)."""


class Ties(StrEnum):
    """Which of several equal overlaps counts as the best."""

    FIRST = "first"
    LAST = "last"
    """DALI's BoxEncoder compares with >=."""


class ForcedRule(StrEnum):
    """Which priors become positive whatever their IoU."""

    BEST_PRIOR = "best-prior"
    """The prior of highest IoU of every ground truth (paper, section 2.2, "Matching strategy")."""
    BIPARTITE = "bipartite"
    """Greedily the highest remaining (ground truth, prior) pair, each used once, so that a ground truth whose best
    prior is taken gets its next one (Caffe bbox_util.cpp:637-675)."""
    BIPARTITE_KERAS = "bipartite-keras"
    """The same over a matrix zeroed as it is used up: where only zeros are left, ground truth 0 and those without
    overlap all end on prior 0 (ssd_keras matching_utils.py:53-79)."""
    BIPARTITE_AND_TIES = "bipartite-and-ties"
    """The same, and every prior whose best ground truth has no better prior (GluonCV matcher.py:85-100)."""
    IF_NONE_REACHES = "if-none-reaches"
    """The best prior of each ground truth that no prior reaches the threshold with, unless another ground truth does
    there (ssd_keras of rykov8 ssd_utils.py:84-151; bubbliiiing/ssd-pytorch dataloader.py:192-300)."""
    TAKEN_OVER = "taken-over"
    """The best prior of every ground truth that it overlaps enough. But each ground truth takes over its best prior,
    weak ones too: where the prior is positive for another, it learns the one that took it (Pytorch_Retinaface
    box_utils.py:115-153)."""
    NONE = "none"
    """None: a ground truth that no prior reaches trains nothing (SSD-Tensorflow of balancap ssd_common.py:100-156)."""

    @property
    def bipartite(self) -> bool:
        """Whether a ground truth whose best prior is taken gets its next one."""
        return self in (ForcedRule.BIPARTITE, ForcedRule.BIPARTITE_KERAS, ForcedRule.BIPARTITE_AND_TIES)


class ConflictRule(StrEnum):
    """Which ground truth keeps a prior that is the best one of several, where not all get one of their own."""

    LAST = "last"
    """The one that comes last in the image's list (ssd.pytorch box_utils.py:105-106)."""
    FIRST = "first"
    """The one that comes first (TensorFlow object detection argmax_matcher.py:170-181)."""
    HIGHEST_IOU = "highest-iou"
    """The one that overlaps it most; ground truth 0 where that is nothing (SSD.TensorFlow
    anchor_manipulator.py:78-98)."""


class BackgroundObjects(StrEnum):
    """What becomes of a ground truth whose class id is that of the background."""

    NEGATIVE = "negative"
    """Its priors are negatives: the label is asked, not the overlap."""
    COUNTED = "counted"
    """Its priors count in the normaliser and in localisation, and are mined as background (torchvision ssd.py:279,
    311)."""


@dataclass(frozen=True)
class MatchSpec(Spec):
    """How priors are assigned to ground truths.

    Attributes:
        threshold: IoU from which a prior is positive without being forced.
        ignore_from: IoU from which a prior that is not positive is ignored rather than negative; None for never.
        iou_epsilon: what the IoU rule adds to or floors the union at.
        minimum_iou: a pair overlapping no more than this is not forced by a bipartite rule or where none reaches; one
            overlapping less, not where priors are taken over.
        first_prior_background: whether prior 0 is background whatever it overlaps (PaddleDetection ssd_loss.py:95).
        one_class: whether every positive is to be class 1, whatever its object's label (Pytorch_Retinaface
            multibox_loss.py:89-90).
    """

    threshold: Probability = 0.5
    ignore_from: Probability | None = None
    iou: IouRule = IouRule.PLAIN
    iou_epsilon: NotNegative = 0.0
    precision: Precision = Precision.INPUT
    comparison: Comparison = Comparison.AT_LEAST
    ties: Ties = Ties.FIRST
    forced: ForcedRule = ForcedRule.BEST_PRIOR
    conflict: ConflictRule = ConflictRule.LAST
    minimum_iou: Finite = 0.0  # below 0 everything is
    first_prior_background: bool = False
    one_class: bool = False
    background_objects: BackgroundObjects = BackgroundObjects.NEGATIVE
