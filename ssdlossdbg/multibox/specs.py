"""The frozen settings that select how the maths is done. Plain data, no torch.

Every choice is a named rule; a codebase is a combination of rules (a dialect file), never a branch in the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Clip(StrEnum):
    """What is clamped to [0, 1] after the priors are generated."""

    NONE = "none"
    CXCYWH = "cxcywh"
    """All four of (cx, cy, w, h), as ssd.pytorch, pytorch-ssd, lufficc/SSD and NVIDIA do."""
    WH = "wh"
    """Width and height only, as torchvision does."""
    XYXY = "xyxy"
    """The corners, as Caffe's PriorBox layer does with `clip: true`."""


class PriorOrder(StrEnum):
    """The order of the priors inside one level. Levels always follow each other, finest first."""

    CELL = "cell"
    """y outer, x inner, shape innermost: every codebase but NVIDIA's."""
    SHAPE = "shape"
    """Shape outer, then y, then x: NVIDIA's head (B, 4, -1) asks for it."""


@dataclass(frozen=True)
class LevelSpec:
    """One feature map of the prior grid.

    Attributes:
        feature_map: cells as (columns, rows).
        stride: distance between neighbouring centres as (x, y), in pixels of the network's input.
        shapes: (width, height) of each prior of a cell, in order, in pixels of the network's input.
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    shapes: tuple[tuple[float, float], ...]

    @property
    def cells(self) -> int:
        """Number of cells of the feature map."""
        return self.feature_map[0] * self.feature_map[1]

    @property
    def count(self) -> int:
        """Number of priors of the level."""
        return self.cells * len(self.shapes)


@dataclass(frozen=True)
class PriorSpec:
    """What generates the priors of one network.

    Attributes:
        image_size: the network's input as (width, height) in pixels.
        levels: the feature maps, in the order in which the head concatenates them.
        clip: what is clamped after generation.
        order: the order of the priors inside a level.
        offset: position of a centre inside its cell, as a fraction of the stride.
    """

    image_size: tuple[int, int]
    levels: tuple[LevelSpec, ...]
    clip: Clip = Clip.NONE
    order: PriorOrder = PriorOrder.CELL
    offset: float = 0.5

    @property
    def count(self) -> int:
        """Number of priors of all levels."""
        return sum(level.count for level in self.levels)


class IouRule(StrEnum):
    """How the overlap of two boxes is divided."""

    PLAIN = "plain"
    """Intersection over union, unguarded: 0/0 gives NaN (ssd.pytorch box_utils.py:68)."""


class Comparison(StrEnum):
    """How a best IoU is held against the match threshold."""

    AT_LEAST = ">="
    """Negative only if IoU < threshold; a NaN overlap therefore stays positive."""


class ForcedRule(StrEnum):
    """Which priors become positive whatever their IoU."""

    BEST_PRIOR = "best-prior"
    """The first prior of highest IoU of every ground truth (paper, section 2.2, "Matching strategy")."""


class ConflictRule(StrEnum):
    """Which ground truth keeps a prior that is the best one of several."""

    LAST = "last"
    """The one that comes last in the image's list (ssd.pytorch box_utils.py:105-106)."""


@dataclass(frozen=True)
class MatchSpec:
    """How priors are assigned to ground truths.

    Attributes:
        threshold: IoU from which a prior is positive without being forced.
    """

    threshold: float = 0.5
    iou: IouRule = IouRule.PLAIN
    comparison: Comparison = Comparison.AT_LEAST
    forced: ForcedRule = ForcedRule.BEST_PRIOR
    conflict: ConflictRule = ConflictRule.LAST


@dataclass(frozen=True)
class CodecSpec:
    """How a box is written as offsets from a prior.

    Attributes:
        variances: divisors of (dx, dy, dw, dh).
    """

    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)


class MiningScore(StrEnum):
    """What negatives are ranked by."""

    GLOBAL_MAX_CROSS_ENTROPY = "global-max-cross-entropy"
    """log sum exp(z - m) + m - z[target] with ONE m, the largest logit of the whole batch (ssd.pytorch
    box_utils.py:168): rows far below it underflow to -inf and are never mined."""


class MiningCap(StrEnum):
    """The most that may be mined in one image, whatever the ratio asks for."""

    PRIORS_MINUS_ONE = "priors-1"
    """P - 1, positives not subtracted (ssd.pytorch multibox_loss.py:102)."""


@dataclass(frozen=True)
class MiningSpec:
    """How hard negatives are chosen.

    Attributes:
        ratio: negatives wanted per positive of the image.
    """

    ratio: float = 3.0
    score: MiningScore = MiningScore.GLOBAL_MAX_CROSS_ENTROPY
    cap: MiningCap = MiningCap.PRIORS_MINUS_ONE


class Normalizer(StrEnum):
    """What the summed terms are divided by."""

    POSITIVES = "positives"
    """The positives of the whole batch, unguarded: 0/0 is NaN (ssd.pytorch multibox_loss.py:114-116)."""


@dataclass(frozen=True)
class LossSpec:
    """How matched and mined priors become a number.

    Attributes:
        localization_weight: alpha of the paper's equation 1.
        smooth_l1_beta: difference at which smooth L1 turns from quadratic to linear.
    """

    localization_weight: float = 1.0
    smooth_l1_beta: float = 1.0
    normalizer: Normalizer = Normalizer.POSITIVES
