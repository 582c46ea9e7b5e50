"""How matched and mined priors become a number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ssdlossdbg.rules.spec import NotNegative, Probability, Spec


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


class ConfidenceLoss(StrEnum):
    """What a prior's logits cost."""

    SOFTMAX = "softmax"
    """Cross-entropy of the softmax over all classes, background included (paper, equation 3)."""
    SIGMOID = "sigmoid"
    """Binary cross-entropies of all columns, background included, summed (TensorFlow object detection)."""


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


@dataclass(frozen=True)
class LossSpec(Spec):
    """How matched and mined priors become a number.

    Attributes:
        localization_weight: alpha of the paper's equation 1.
        smooth_l1_beta: difference at which smooth L1 turns from quadratic to linear.
        probability_floor: the least probability whose logarithm is taken, which caps a term; 0 for none.
        floor_stops_gradient: whether a probability below the floor learns nothing, as autograd has it; Caffe's backward
            pass is written by hand, and does not look at the floor.
        positives_counted_twice: whether a positive that mining also picked counts twice (torchvision ssd.py:311-324).
        masking: what becomes of priors that a term does not count.
    """

    localization_weight: NotNegative = 1.0
    localization: LocalizationLoss = LocalizationLoss.SMOOTH_L1
    smooth_l1_beta: NotNegative = 1.0
    confidence: ConfidenceLoss = ConfidenceLoss.SOFTMAX
    probability_floor: Probability = 0.0
    floor_stops_gradient: bool = True
    positives_counted_twice: bool = False
    masking: Masking = Masking.INDEXED
    normalizer: Normalizer = Normalizer.POSITIVES


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
