"""What each positive and each negative costs, and what other ratios of mining would take: for pages."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.common import BoolArray, FloatArray, IntArray
from ssdlossdbg.results.costs import Parts


@dataclass(frozen=True)
class PositiveCosts:
    """The positives of a batch, image after image, each in the order of priors.

    Attributes:
        image, prior: `[N]`.
        ground_truth: `[N]` index of its object, -1 where none is known.
        class_id: `[N]` its target.
        forced: `[N]`.
        decoded: `[N, 4]` xyxy, normalised, what the network predicts there.
        localization, confidence: `[N]` float64 shares of the loss.
        landmarks: the same; None where the loss has no such term.
        probability: `[N]` of its class.
    """

    image: IntArray
    prior: IntArray
    ground_truth: IntArray
    class_id: IntArray
    forced: BoolArray
    decoded: FloatArray
    localization: FloatArray
    confidence: FloatArray
    landmarks: FloatArray | None
    probability: FloatArray


@dataclass(frozen=True)
class RankedNegatives:
    """The negatives that come first in mining's ranking, image after image, mined or not.

    Attributes:
        image, prior: `[M]`.
        rank: `[M]` as of `MinedNegative`.
        score: `[M]` what they are ranked by.
        loss: `[M]` float64 what it costs, or would if it were mined.
        mined: `[M]`.
        class_id, probability: `[M]` as of `MinedNegative.predicted_class`.
        iou, ground_truth: `[M]` with the nearest object, and its index; nan and -1 where there is none or it is not
            known.
        mined_at: `[M]` a bit for each of `LossDetail.ratios`, the lowest for the first: whether it is mined at it.
    """

    image: IntArray
    prior: IntArray
    rank: IntArray
    score: FloatArray
    loss: FloatArray
    mined: BoolArray
    class_id: IntArray
    probability: FloatArray
    iou: FloatArray
    ground_truth: IntArray
    mined_at: IntArray


@dataclass(frozen=True)
class AtRatio:
    """The loss of the batch, were so many negatives mined per positive, and how many of each image are then."""

    ratio: float
    loss: Parts
    negatives: tuple[int, ...]


@dataclass(frozen=True)
class LossDetail:
    """A batch's loss, prior by prior.

    Attributes:
        boxes: `[P, 4]` cxcywh of the priors, normalised.
        level: `[P]`.
        negatives_left_out: how many mined negatives are not among `negatives`, which holds so many at the most.
        ratio: of the dialect; None where nothing is mined, since every negative counts.
        ratios: ascending, that one among them; empty without it.
    """

    boxes: FloatArray
    level: IntArray
    positives: PositiveCosts
    negatives: RankedNegatives
    negatives_left_out: int
    ratio: float | None
    ratios: tuple[AtRatio, ...]
