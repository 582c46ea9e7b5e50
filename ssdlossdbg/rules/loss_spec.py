"""How matched and mined priors become a number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Annotated

from ssdlossdbg.rules.spec import NotNegative, Positive, Probability, Spec, Within


class LocalizationLoss(StrEnum):
    """What a coordinate's offset costs."""

    SMOOTH_L1 = "smooth-l1"
    """Quadratic below beta, linear above (paper, equation 2), with a slope of 1 at most, at infinity too: PyTorch's
    F.smooth_l1_loss, Caffe's layer (smooth_L1_loss_layer.cpp:73-98), TensorFlow's Huber loss."""
    SMOOTH_L1_WHERE = "smooth-l1-where"
    """Both pieces, of which `where` takes one: the same loss, but the gradient of the piece that is not taken is
    0 * inf = NaN at an infinite difference (MMDetection smooth_l1_loss.py:11-35; GluonCV loss.py:184-187; ssd_keras
    keras_ssd_loss.py:52-72)."""
    SMOOTH_L1_MASKED = "smooth-l1-masked"
    """Both pieces, each times a mask of 0 and 1, added: an infinite difference gives 0 * inf = NaN, loss and gradient
    (SSD.TensorFlow train_ssd.py, modified_smooth_l1)."""
    L1 = "l1"
    """The absolute difference, whose slope is its sign, 0 for NaN (a-PyTorch-Tutorial-to-Object-Detection
    model.py:549; d2l ssd.md:651-660)."""
    BALANCED_L1 = "balanced-l1"
    """Grows as a (b d + 1) ln(b d + 1) / b - a d below beta and as g d above, a and g being `balanced_alpha` and
    `balanced_gamma`, and b such that both meet (Pang et al., Libra R-CNN, equations 9 to 11; MMDetection
    balanced_l1_loss.py). `where` takes one of both pieces, as in smooth-l1-where."""
    GIOU = "giou"
    """1 - IoU + the share of the smallest enclosing box that neither box fills (Rezatofighi et al., algorithm 1;
    torchvision ops/giou_loss.py). Boxes are compared, not offsets, so nothing falls to a coordinate."""
    DIOU = "diou"
    """1 - IoU + the squared distance of the centres over the squared diagonal of the smallest enclosing box (Zheng et
    al., Distance-IoU Loss, equation 7; torchvision ops/diou_loss.py)."""
    CIOU = "ciou"
    """The same + alpha v, v being how far the aspect ratios are apart and alpha a weight that learns nothing (Zheng et
    al., equations 8 to 11; torchvision ops/ciou_loss.py)."""


class ConfidenceLoss(StrEnum):
    """What a prior's logits cost."""

    SOFTMAX = "softmax"
    """Cross-entropy of the softmax over all classes, background included (paper, equation 3)."""
    SIGMOID = "sigmoid"
    """Binary cross-entropies of all columns, background included, summed (TensorFlow object detection)."""
    SOFTMAX_FOCAL = "softmax-focal"
    """The cross-entropy of the softmax times (1 - p)^gamma, p being the probability of the target's class (Lin et al.,
    Focal Loss for Dense Object Detection, equations 4 and 5); times alpha at objects and 1 - alpha at background. From
    logits whose softmax is 0, forks that take the logarithm of it get inf, log_softmax and this the true cost."""
    SIGMOID_FOCAL = "sigmoid-focal"
    """Each column's binary cross-entropy times (1 - p)^gamma, p being the probability of what the column is to say, and
    times alpha where that is 1 and 1 - alpha where it is 0; summed (TensorFlow object detection core/losses.py,
    SigmoidFocalClassificationLoss; torchvision ops/focal_loss.py)."""


class BackgroundTarget(StrEnum):
    """What the background's column is to say, where each column is judged by itself: under a sigmoid."""

    COLUMN = "column"
    """1 at negatives, as the columns of classes at objects of theirs."""
    ZEROS = "zeros"
    """0 everywhere: at a negative no column is to be 1, and what the column of the background says is looked at in the
    loss alone (TensorFlow object detection ssd_meta_arch.py:393-399, encode_background_as_zeros)."""


class Masking(StrEnum):
    """What becomes of priors that a term does not count, which matters where their predictions are no numbers."""

    INDEXED = "indexed"
    """They are left out before the sum (ssd.pytorch multibox_loss.py:84-112)."""
    MULTIPLIED = "multiplied"
    """Both terms are computed everywhere and multiplied by 0 or 1: 0 * inf and 0 * NaN are NaN (NVIDIA
    model.py:172-190; ssd_keras keras_ssd_loss.py:127-200)."""
    LOCALIZATION_MULTIPLIED = "localization-multiplied"
    """Localisation is multiplied, confidence left out (MMDetection ssd_head.py:256-275; GluonCV loss.py:175-190)."""
    LOCALIZATION_OF_SELECTED = "localization-of-selected"
    """Localisation is multiplied, then picked out at the positives and at the mined negatives, as confidence is
    (TensorFlow object detection core/losses.py:583-674)."""


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
    IMAGES = "images"
    """The images of the batch, positives or not (SSD-Tensorflow of balancap ssd_vgg_300.py:641-655)."""
    PRIORS = "priors"
    """All priors of the batch, whatever their role (d2l ssd.md:651-660)."""
    SELECTED_AND_NONZERO = "selected-and-nonzero"
    """Confidence by the selected priors, localisation by its numbers that are not 0, each at least 1: what MXNet's
    SoftmaxOutput and MakeLoss, normalised by "valid", divide gradients by (mxnet-ssd symbol_builder.py)."""
    MEAN_OF_SELECTED_IMAGES = "mean-of-selected-images"
    """Confidence of each image by its positives and its mined priors, one that is both counting twice where its cost
    does; localisation by its positives; each at least 1, then the mean over images (ssd_keras of rykov8
    ssd_training.py:132-137)."""


@dataclass(frozen=True)
class LossSpec(Spec):
    """How matched and mined priors become a number.

    Attributes:
        localization_weight: alpha of the paper's equation 1.
        smooth_l1_beta: difference at which smooth L1 turns from quadratic to linear, and balanced L1 to linear, too.
        balanced_alpha, balanced_gamma: of balanced L1, how much small differences count, and the slope of large ones.
        box_epsilon: added to what losses of boxes divide by, in the dialect's unit.
        ignore_nan_targets: whether an offset to learn that is nan, as of an inverted box, costs and teaches nothing.
        largest_scale: what the predicted logarithm of a size ratio is clamped to before losses of boxes decode it, as
            torchvision does at ln(1000 / 16) (models/detection/_utils.py, BoxCoder).
        probability_floor: the least probability whose logarithm is taken, which caps a term; 0 for none.
        floor_stops_gradient: whether a probability below the floor learns nothing, as autograd has it; Caffe's backward
            pass is written by hand, and does not look at the floor.
        focal_alpha: of a focal loss, what terms are multiplied by whose target is an object, or 1; those of the
            background, or 0, by 1 - alpha. -1 for neither, as torchvision writes it.
        focal_gamma: of a focal loss, the power of 1 - p.
        background_target: what the column of the background is to say under a sigmoid.
        positives_counted_twice: whether a positive that mining also picked counts twice (torchvision ssd.py:311-324).
        masking: what becomes of priors that a term does not count.
        landmark_weight: of the smooth L1 of the points of objects, over how many positives know theirs; 0 for no such
            term (Pytorch_Retinaface multibox_loss.py:80-86, 123).
    """

    localization_weight: NotNegative = 1.0
    localization: LocalizationLoss = LocalizationLoss.SMOOTH_L1
    smooth_l1_beta: Positive = 1.0
    balanced_alpha: Annotated[float, Within(0.001, 1000)] = 0.5
    balanced_gamma: Annotated[float, Within(0.001, 1000)] = 1.5
    ignore_nan_targets: bool = False
    box_epsilon: NotNegative = 1e-7
    largest_scale: float = inf
    confidence: ConfidenceLoss = ConfidenceLoss.SOFTMAX
    probability_floor: Probability = 0.0
    floor_stops_gradient: bool = True
    focal_alpha: Annotated[float, Within(-1, 1)] = 0.25
    focal_gamma: NotNegative = 2.0
    background_target: BackgroundTarget = BackgroundTarget.COLUMN
    positives_counted_twice: bool = False
    masking: Masking = Masking.INDEXED
    normalizer: Normalizer = Normalizer.POSITIVES
    landmark_weight: NotNegative = 0.0

    def __post_init__(self) -> None:
        """Check all fields, and that alpha is a share or the sign for none."""
        super().__post_init__()
        if -1 < self.focal_alpha < 0:
            raise ValueError("focal_alpha must be from 0 to 1, or -1 for none")

    @property
    def compares_boxes(self) -> bool:
        """Whether localisation is a loss of boxes, rather than of four offsets."""
        return self.localization in (LocalizationLoss.GIOU, LocalizationLoss.DIOU, LocalizationLoss.CIOU)

    @property
    def by_column(self) -> bool:
        """Whether each column is judged by itself, rather than all by their softmax."""
        return self.confidence in (ConfidenceLoss.SIGMOID, ConfidenceLoss.SIGMOID_FOCAL)

    @property
    def focal(self) -> bool:
        """Whether terms that are nearly right count next to nothing."""
        return self.confidence in (ConfidenceLoss.SOFTMAX_FOCAL, ConfidenceLoss.SIGMOID_FOCAL)

    @property
    def background_unsaid(self) -> bool:
        """Whether no column says how likely the background is."""
        return self.by_column and self.background_target is BackgroundTarget.ZEROS


@dataclass(frozen=True)
class WeightDecaySpec(Spec):
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

    rate: NotNegative = 0.0
    halved: bool = False
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    scaled: tuple[str, ...] = ()
    scale: NotNegative = 1.0
