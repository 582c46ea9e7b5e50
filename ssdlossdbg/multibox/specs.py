"""The frozen settings that select how the maths is done. Plain data, no torch.

Every choice is a named rule; a codebase is a combination of rules (a dialect file), never a branch in the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf


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


class ConflictRule(StrEnum):
    """Which ground truth keeps a prior that is the best one of several, under `best-prior`."""

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
class MatchSpec:
    """How priors are assigned to ground truths.

    Attributes:
        threshold: IoU from which a prior is positive without being forced.
        ignore_from: IoU from which a prior that is not positive is ignored rather than negative; None for never.
        iou_epsilon: what the IoU rule adds to or floors the union at.
        minimum_iou: a pair overlapping no more than this is not forced by a bipartite rule.
    """

    threshold: float = 0.5
    ignore_from: float | None = None
    iou: IouRule = IouRule.PLAIN
    iou_epsilon: float = 0.0
    precision: Precision = Precision.INPUT
    comparison: Comparison = Comparison.AT_LEAST
    ties: Ties = Ties.FIRST
    forced: ForcedRule = ForcedRule.BEST_PRIOR
    conflict: ConflictRule = ConflictRule.LAST
    minimum_iou: float = 0.0
    background_objects: BackgroundObjects = BackgroundObjects.NEGATIVE


@dataclass(frozen=True)
class CodecSpec:
    """How a box is written as offsets from a prior.

    Attributes:
        variances: divisors of (dx, dy, dw, dh).
        size_epsilon: added to the widths and heights of boxes and priors before they are divided (TensorFlow object
            detection faster_rcnn_box_coder.py:75-90).
    """

    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    size_epsilon: float = 0.0


class MiningScore(StrEnum):
    """What negatives are ranked by."""

    GLOBAL_MAX_CROSS_ENTROPY = "global-max-cross-entropy"
    """log sum exp(z - m) + m - z[target] with ONE m, the largest logit of the whole batch (ssd.pytorch
    box_utils.py:168): rows far below it underflow to -inf and are never mined."""
    CONFIDENCE_LOSS = "confidence-loss"
    """The prior's own confidence loss, which for a negative is -log of its background probability."""
    BACKGROUND_PROBABILITY = "background-probability"
    """Minus the background probability (SSD.TensorFlow train_ssd.py:312-317)."""


class MiningPositives(StrEnum):
    """Where positives and ignored priors stand in the ranking."""

    AS_ZERO = "as-zero"
    """With a score of 0, so that they can take up places when more are wanted than there are negatives."""
    LAST = "last"
    """Behind all negatives."""


class MiningScope(StrEnum):
    """Whose negatives compete."""

    IMAGE = "image"
    BATCH = "batch"
    """All images' together (ssd_keras keras_ssd_loss.py:153-188)."""


class MiningCap(StrEnum):
    """The most that may be mined in one scope, whatever the ratio asks for."""

    NONE = "none"
    PRIORS_MINUS_ONE = "priors-1"
    """P - 1, positives not subtracted (ssd.pytorch multibox_loss.py:102)."""
    PRIORS = "priors"
    """P (NVIDIA model.py:186)."""
    NEGATIVES = "negatives"
    """The negatives that there are (Caffe, MMDetection, SSD.TensorFlow)."""
    NONZERO_NEGATIVES = "nonzero-negatives"
    """The negatives whose score is not 0 (ssd_keras keras_ssd_loss.py:142-153)."""


class MiningSelection(StrEnum):
    """How the ranked negatives are taken."""

    RANKED = "ranked"
    """The first so many."""
    WITH_TIES = "with-ties"
    """All whose score is at least that of the last one wanted (SSD.TensorFlow train_ssd.py:318-323)."""
    NON_MAXIMUM_SUPPRESSION = "non-maximum-suppression"
    """Priors are ranked all together, those whose decoded box nearly repeats a higher one are dropped, positives
    too, and so many negatives per surviving positive are taken (TensorFlow object detection losses.py:583-674)."""


@dataclass(frozen=True)
class MiningSpec:
    """How hard negatives are chosen.

    Attributes:
        ratio: negatives wanted per positive.
        minimum: negatives wanted at least, in each scope.
        whole: whether ratio times positives is cut to a whole number; else a started negative counts.
        count_ignored: whether ignored priors count as positives in the number wanted.
        nms_iou: overlap of decoded boxes above which the lower one is dropped.
        nms_limit: priors that survive at most, positives and negatives together.
    """

    ratio: float = 3.0
    minimum: int = 0
    whole: bool = False
    count_ignored: bool = False
    score: MiningScore = MiningScore.GLOBAL_MAX_CROSS_ENTROPY
    positives: MiningPositives = MiningPositives.AS_ZERO
    scope: MiningScope = MiningScope.IMAGE
    cap: MiningCap = MiningCap.PRIORS_MINUS_ONE
    selection: MiningSelection = MiningSelection.RANKED
    nms_iou: float = 0.99
    nms_limit: int = 3000


class LocalizationLoss(StrEnum):
    """What a coordinate's offset costs."""

    SMOOTH_L1 = "smooth-l1"
    """Quadratic below beta, linear above (paper, equation 2)."""
    SMOOTH_L1_MASKED = "smooth-l1-masked"
    """Both pieces, each times a mask of 0 and 1, added: an infinite difference gives 0 * inf = NaN (SSD.TensorFlow
    train_ssd.py, modified_smooth_l1)."""


class ConfidenceLoss(StrEnum):
    """What a prior's logits cost."""

    SOFTMAX = "softmax"
    """Cross-entropy of the softmax over all classes, background included (paper, equation 3)."""
    SIGMOID = "sigmoid"
    """Binary cross-entropies of all columns, background included, summed (TensorFlow object detection)."""


class Normalizer(StrEnum):
    """What the summed terms are divided by."""

    POSITIVES = "positives"
    """The positives of the whole batch, unguarded: 0/0 is NaN (ssd.pytorch multibox_loss.py:114-116)."""
    POSITIVES_OR_ONE = "positives-or-one"
    """The positives of the whole batch, at least 1 (Caffe multibox_loss_layer.cpp:242-252)."""
    IMAGE_POSITIVES_OR_ONE = "image-positives-or-one"
    """The sum over images of their positives, at least 1 each (MMDetection sampling_result.py:96)."""
    MEAN_OF_IMAGES = "mean-of-images"
    """Each image by its own positives, images without any as 0, then the mean over images (NVIDIA model.py:193-196)."""
    MEAN_OF_SELECTED = "mean-of-selected"
    """Localisation by the positives, confidence by the selected priors times ratio + 1 (SSD.TensorFlow
    train_ssd.py:352-360)."""


@dataclass(frozen=True)
class LossSpec:
    """How matched and mined priors become a number.

    Attributes:
        localization_weight: alpha of the paper's equation 1.
        smooth_l1_beta: difference at which smooth L1 turns from quadratic to linear.
        probability_floor: the least probability whose logarithm is taken, which caps a term; 0 for none.
        positives_counted_twice: whether a positive that mining also picked counts twice (torchvision ssd.py:311-324).
    """

    localization_weight: float = 1.0
    localization: LocalizationLoss = LocalizationLoss.SMOOTH_L1
    smooth_l1_beta: float = 1.0
    confidence: ConfidenceLoss = ConfidenceLoss.SOFTMAX
    probability_floor: float = 0.0
    positives_counted_twice: bool = False
    normalizer: Normalizer = Normalizer.POSITIVES


@dataclass(frozen=True)
class WeightDecaySpec:
    """The L2 term that training adds to the multibox loss: rate times the sum of the squared parameters.

    A name counts as listed if it contains one of the texts. Most codebases leave this term to the optimiser, which
    adds it to the gradient and never to the loss that training prints; theirs is a rate of 0 here.

    Attributes:
        rate: what the sum is multiplied by; 0 where the loss has no such term.
        halved: whether half the sum is taken, as tf.nn.l2_loss does.
        only: names of the parameters that take part; empty for all.
        skip: names of those that do not, whatever `only` says.
        scaled: names of those whose share is multiplied by `scale`.
        scale: the factor of those.
    """

    rate: float = 0.0
    halved: bool = False
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    scaled: tuple[str, ...] = ()
    scale: float = 1.0


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
class DetectSpec:
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
    score_threshold: float = 0.01
    candidates: int = 200
    candidates_of: CandidateScope = CandidateScope.CLASS
    nms_iou: float = 0.45
    iou: IouRule = IouRule.PLAIN
    iou_epsilon: float = 0.0
    suppression: Suppression = Suppression.NOT_AT_MOST
    keep_per_class: int = 0
    keep_per_image: int = 0
    clip: BoxClip = BoxClip.NEVER
    small_boxes: SmallBoxes = SmallBoxes.NEVER
    minimum_size: float = 0.0
    smallest_scale: float = -inf
    largest_scale: float = inf


MOST_TRIALS = 1000


class CropChoice(StrEnum):
    """How a training crop comes to be chosen."""

    UNKNOWN = "unknown"
    """Not written down: training crops cannot be drawn."""
    REDRAWN = "redrawn"
    """The photo as it is, with its probability, or else one of the minimum overlaps, each as likely; where all its
    trials fail, again (ssd.pytorch augmentations.py:236-309)."""
    ONCE = "once"
    """The same, but where all trials fail, the photo as it is (TensorFlow object detection preprocessor.py:2748)."""
    CANDIDATES = "candidates"
    """A crop is looked for at every minimum overlap; of those found and the photo as it is, each is as likely (Caffe
    annotated_data_layer.cpp:175-192)."""


class CropShape(StrEnum):
    """How width and height of a crop are drawn."""

    SIDES = "sides"
    """Each side as a share of the photo's; a trial fails if width over height, in pixels, is out of range (ssd.pytorch
    augmentations.py:252-257)."""
    RELATIVE_SIDES = "relative-sides"
    """The same, but the shares are divided, not the pixels (NVIDIA utils.py:335-339, DALI's RandomBBoxCrop)."""
    SCALE_AND_ASPECT = "scale-and-aspect"
    """Shares scale * sqrt(aspect) and scale / sqrt(aspect), with the aspect drawn from that part of its range that
    keeps the crop in the photo (GluonCV bbox.py:75-80)."""
    SCALE_AND_CLAMPED_ASPECT = "scale-and-clamped-aspect"
    """The same, but the aspect is drawn from all its range, then clamped to that part (Caffe sampler.cpp:86-107)."""
    AREA_AND_ASPECT = "area-and-aspect"
    """The aspect in pixels, then a height such that the share of the photo's area is in range (TensorFlow's
    sample_distorted_bounding_box)."""


class CropOverlap(StrEnum):
    """What of an object and a crop is held against the minimum overlap."""

    IOU = "iou"
    COVERAGE = "coverage"
    """The share of the object that lies in the crop (TensorFlow object detection preprocessor.py:1180)."""


class CropDemand(StrEnum):
    """Which objects of the photo must reach the minimum overlap with a crop."""

    NONE = "none"
    """None: a condition joined by `and` with one that never holds (ssd.pytorch augmentations.py:269)."""
    ANY = "any"
    """At least one (Caffe sampler.cpp:38-83)."""
    ANY_KEPT = "any-kept"
    """At least one of those that the crop keeps (torchvision v2/_geometry.py:1222-1228)."""
    ALL = "all"
    """Every one, those too that the crop does not keep (MMDetection transforms.py:1432, NVIDIA utils.py:351)."""


class CropKeep(StrEnum):
    """Which objects stay in a crop."""

    CENTRE = "centre"
    """Those whose centre lies in it (paper, section 2.2, "Data augmentation")."""
    OVERLAP = "overlap"
    """Those that touch it and reach the minimum overlap with it (TensorFlow object detection
    preprocessor.py:1258-1264)."""


@dataclass(frozen=True)
class AugmentSpec:
    """How training changes where objects are: zoom out, then crop, then flip; colours do not matter here.

    A photo taken as it is keeps all objects. Those that a crop keeps are clipped to it, in all codebases.

    Attributes:
        zoom_out_probability: of placing the photo somewhere on a larger canvas.
        zoom_out_range: the canvas's sides over the photo's, both by the same factor, cut to whole pixels.
        choice: how the crop is chosen.
        photo_probability: of leaving the photo as it is, whenever a minimum overlap would be drawn.
        minimum_overlaps: the ones to choose from; 0 demands nothing.
        overlap: what must reach the minimum.
        demanded_of: the objects that must reach it.
        keep: the objects that stay.
        keep_one: whether a crop that keeps no object fails; under `candidates`, whether it is then not chosen.
        shape: how width and height are drawn.
        size_range: shares that the shape is drawn from: of the photo's sides, or of its area.
        aspect_range: the least and the greatest width over height.
        trials: crops drawn for one minimum overlap at most.
        whole_pixels: whether the crop's corners are cut to whole pixels.
        flip_probability: of mirroring left and right.

    Raises:
        ValueError: a probability, overlap, range or number of trials that cannot be.
    """

    zoom_out_probability: float = 0.0
    zoom_out_range: tuple[float, float] = (1.0, 4.0)
    choice: CropChoice = CropChoice.UNKNOWN
    photo_probability: float = 0.0
    minimum_overlaps: tuple[float, ...] = (0.0,)
    overlap: CropOverlap = CropOverlap.IOU
    demanded_of: CropDemand = CropDemand.ALL
    keep: CropKeep = CropKeep.CENTRE
    keep_one: bool = True
    shape: CropShape = CropShape.SIDES
    size_range: tuple[float, float] = (0.3, 1.0)
    aspect_range: tuple[float, float] = (0.5, 2.0)
    trials: int = 50
    whole_pixels: bool = True
    flip_probability: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no probability, range or number of trials."""
        for name in ("zoom_out_probability", "photo_probability", "flip_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1")
        if not 1 <= self.zoom_out_range[0] <= self.zoom_out_range[1] < inf:
            raise ValueError("zoom_out_range must rise from 1 or more")
        if not 0 < self.size_range[0] <= self.size_range[1] <= 1:
            raise ValueError("size_range must rise from above 0 to 1 at most")
        if not 0 < self.aspect_range[0] <= self.aspect_range[1] < inf:
            raise ValueError("aspect_range must rise from above 0")
        if not self.minimum_overlaps or not all(0 <= minimum <= 1 for minimum in self.minimum_overlaps):
            raise ValueError("minimum_overlaps must be numbers from 0 to 1, at least one")
        if not 1 <= self.trials <= MOST_TRIALS:
            raise ValueError(f"trials must be from 1 to {MOST_TRIALS}")
