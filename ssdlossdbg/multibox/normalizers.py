"""What the sums of the loss are divided by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.rules import Normalizer


@dataclass(frozen=True)
class Scales:
    """What the sums are divided by, and `[B]` factors of both terms."""

    normalizer: Tensor
    localization: Tensor
    confidence: Tensor


def _by_positives(matching: Matching, weights: Tensor, ratio: float) -> Scales:
    return _same_for_all(matching.positive.sum(), matching)


def _by_positives_or_one(matching: Matching, weights: Tensor, ratio: float) -> Scales:
    return _same_for_all(matching.positive.sum().clamp(min=1), matching)


def _by_image_positives_or_one(matching: Matching, weights: Tensor, ratio: float) -> Scales:
    return _same_for_all(matching.positive.sum(1).clamp(min=1).sum(), matching)


def _by_mean_of_images(matching: Matching, weights: Tensor, ratio: float) -> Scales:
    positives = matching.positive.sum(1).to(matching.prior_iou.dtype)
    factor = torch.where(positives > 0, 1.0 / positives.clamp(min=1), 0.0) / len(positives)
    return Scales(matching.positive.sum(), factor, factor)


def _by_mean_of_selected(matching: Matching, weights: Tensor, ratio: float) -> Scales:
    by_positives = _by_positives(matching, weights, ratio)
    selected = (weights > 0).sum().to(by_positives.confidence.dtype)
    return Scales(by_positives.normalizer, by_positives.localization, ((ratio + 1) / selected).expand(len(weights)))


def _same_for_all(normalizer: Tensor, matching: Matching) -> Scales:
    factor = (1.0 / normalizer.to(matching.prior_iou.dtype)).expand(len(matching.positive))
    return Scales(normalizer, factor, factor)


NORMALIZERS: dict[Normalizer, Callable[[Matching, Tensor, float], Scales]] = {
    Normalizer.POSITIVES: _by_positives,
    Normalizer.POSITIVES_OR_ONE: _by_positives_or_one,
    Normalizer.IMAGE_POSITIVES_OR_ONE: _by_image_positives_or_one,
    Normalizer.MEAN_OF_IMAGES: _by_mean_of_images,
    Normalizer.MEAN_OF_SELECTED: _by_mean_of_selected,
}
