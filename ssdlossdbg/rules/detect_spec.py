"""How predictions become detections."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from ssdlossdbg.rules.match_spec import IouRule
from ssdlossdbg.rules.spec import Count, NotNegative, Probability, Spec


class Scores(StrEnum):
    """How logits become the scores of detections."""

    SOFTMAX = "softmax"
    """Over all classes, background included (ssd.pytorch ssd.py:46)."""
    SIGMOID = "sigmoid"
    """Of each column by itself (TensorFlow object detection)."""


class CandidateScope(StrEnum):
    """Among whom the candidates of non-maximum suppression are ranked, always image by image."""

    CLASS = "class"
    """Each class by itself (ssd.pytorch detection.py)."""
    IMAGE = "image"
    """All classes together (GluonCV's box_nms with topk)."""
    LEVEL = "level"
    """All classes together, each level by itself (MMDetection's nms_pre)."""


class Suppression(StrEnum):
    """Which overlap with a better detection, against the threshold, drops one. They differ at equality and for NaN."""

    NOT_AT_MOST = "not <="
    """Only IoU <= threshold survives, so NaN does not (ssd.pytorch box_utils.py:175-239)."""
    MORE_THAN = ">"
    """IoU > threshold goes, so NaN stays (torchvision's operator)."""
    NOT_BELOW = "not <"
    """Only IoU < threshold survives (NVIDIA utils.py, decode_single)."""


class BoxClip(StrEnum):
    """When predicted boxes are clipped to the image."""

    NEVER = "never"
    BEFORE_NMS = "before-nms"
    """As soon as they are decoded, so that overlaps are those of the clipped boxes (torchvision, SSD.TensorFlow)."""
    OUTPUT = "output"
    """Only those that are kept (Caffe)."""


class SmallBoxes(StrEnum):
    """When predicted boxes are dropped whose width or height is not above the minimum."""

    NEVER = "never"
    BEFORE_RANKING = "before-ranking"
    """Before the candidates are ranked (SSD.TensorFlow eval_ssd.py)."""
    AFTER_RANKING = "after-ranking"
    """Between ranking and suppression, so that they take up places (MMDetection's min_bbox_size)."""


@dataclass(frozen=True)
class DetectSpec(Spec):
    """How predictions become detections: decode, threshold, rank, suppress, keep.

    Attributes:
        scores: how logits become scores.
        score_threshold: a score must be above it.
        candidates: scores that enter suppression at most; 0 for all.
        candidates_of: among whom those are the highest.
        nms_iou: overlap at which suppression, within a class, drops the lower one.
        iou: how that overlap is divided, in the unit that the dialect computes in.
        iou_epsilon: what that rule adds to or floors the union at.
        suppression: how the overlap is held against the threshold.
        keep_per_class: detections that stay of each class of an image at most; 0 for all.
        keep_per_image: detections that stay of each image at most, the highest scores; 0 for all.
        clip: when boxes are clipped to the image.
        small_boxes: when small boxes are dropped.
        minimum_size: what width and height of a box that is not small exceed, in the dialect's unit.
        smallest_scale, largest_scale: what the predicted logarithm of a size ratio is clamped to.
    """

    scores: Scores = Scores.SOFTMAX
    score_threshold: Probability = 0.01
    candidates: Count = 200
    candidates_of: CandidateScope = CandidateScope.CLASS
    nms_iou: Probability = 0.45
    iou: IouRule = IouRule.PLAIN
    iou_epsilon: NotNegative = 0.0
    suppression: Suppression = Suppression.NOT_AT_MOST
    keep_per_class: Count = 0
    keep_per_image: Count = 0
    clip: BoxClip = BoxClip.NEVER
    small_boxes: SmallBoxes = SmallBoxes.NEVER
    minimum_size: NotNegative = 0.0
    smallest_scale: float = -inf
    largest_scale: float = inf
