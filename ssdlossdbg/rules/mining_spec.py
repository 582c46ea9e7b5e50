"""How hard negatives are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from ssdlossdbg.rules.spec import Count, NotNegative, Probability, Spec, Within


class MiningScore(StrEnum):
    """What negatives are ranked by."""

    GLOBAL_MAX_CROSS_ENTROPY = "global-max-cross-entropy"
    """log sum exp(z - m) + m - z[target] with ONE m, the largest logit of the whole batch (ssd.pytorch
    box_utils.py:168): rows far below it underflow to -inf and are never mined."""
    CONFIDENCE_LOSS = "confidence-loss"
    """The prior's own confidence loss, which for a negative is -log of its background probability."""
    BACKGROUND_PROBABILITY = "background-probability"
    """Minus the background probability (SSD.TensorFlow train_ssd.py:312-317)."""
    FOREGROUND_PROBABILITY = "foreground-probability"
    """The sum of the probabilities of all classes but background (bubbliiiing/ssd-pytorch ssd_training.py:100-109)."""
    HIGHEST_PROBABILITY = "highest-probability"
    """The highest probability of a class that is not background (ssd_keras of rykov8 ssd_training.py:112-117)."""


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
    NOT_POSITIVE = "not-positive"
    """The priors that are not positive, ignored ones among them (MXNet multibox_target.cc)."""


class MiningQuota(StrEnum):
    """Whose positives decide how many negatives a scope is to give, capped before they are put together."""

    SCOPE = "scope"
    """Those of the scope."""
    SUM_OF_IMAGES = "sum-of-images"
    """Each image's for itself, and the scope gives their sum (bubbliiiing/ssd-pytorch ssd_training.py:78-94)."""
    LEAST_OF_IMAGES = "least-of-images"
    """Those of the image of the batch that wants fewest, but some: every image gives as many, one without positives,
    too (ssd_keras of rykov8 ssd_training.py:100-109)."""


class MiningSelection(StrEnum):
    """How the ranked negatives are taken."""

    RANKED = "ranked"
    """The first so many."""
    WITH_TIES = "with-ties"
    """All whose score is at least that of the last one wanted (SSD.TensorFlow train_ssd.py:318-323)."""
    ABOVE_LAST = "above-last"
    """All whose score is above that of the last one wanted, which is itself left out (SSD-Tensorflow of balancap
    ssd_vgg_300.py:617-635)."""
    NON_MAXIMUM_SUPPRESSION = "non-maximum-suppression"
    """Priors are ranked all together, those whose decoded box nearly repeats a higher one are dropped, positives
    too, and so many negatives per surviving positive are taken (TensorFlow object detection losses.py:583-674)."""
    NONE = "none"
    """None is chosen: every negative counts, whatever the ratio, the minimum, the cap and the score say (RetinaNet, and
    TensorFlow object detection without a miner, ssd_meta_arch.py:855-858; d2l)."""


@dataclass(frozen=True)
class MiningSpec(Spec):
    """How hard negatives are chosen.

    Attributes:
        ratio: negatives wanted per positive.
        minimum: negatives wanted at least, in each scope.
        per_image: negatives wanted besides, for each image of a scope.
        fallback: negatives wanted in a scope where the quota is 0.
        fallback_share: the same, as a share of the scope's priors, cut to a whole number.
        whole: whether ratio times positives is cut to a whole number; else a started negative counts.
        count_ignored: whether ignored priors count as positives in the number wanted.
        nms_iou: overlap of decoded boxes above which the lower one is dropped.
        nms_limit: priors that survive at most, positives and negatives together.
    """

    ratio: NotNegative = 3.0
    minimum: Count = 0
    per_image: Count = 0
    fallback: Count = 0
    fallback_share: Probability = 0.0
    whole: bool = False
    count_ignored: bool = False
    score: MiningScore = MiningScore.GLOBAL_MAX_CROSS_ENTROPY
    positives: MiningPositives = MiningPositives.AS_ZERO
    scope: MiningScope = MiningScope.IMAGE
    cap: MiningCap = MiningCap.PRIORS_MINUS_ONE
    quota: MiningQuota = MiningQuota.SCOPE
    selection: MiningSelection = MiningSelection.RANKED
    nms_iou: Annotated[float, Within(0, 1, above=True)] = 0.99
    nms_limit: Annotated[int, Within(1)] = 3000

    @property
    def takes_all(self) -> bool:
        """Whether every negative counts, so that there is nothing to choose."""
        return self.selection is MiningSelection.NONE
