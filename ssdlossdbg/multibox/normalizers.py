"""What the sums of the loss are divided by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.rules import Normalizer


@dataclass(frozen=True)
class Scales:
    """What the sums are divided by, and `[B]` factors of both terms."""

    normalizer: Tensor
    localization: Tensor
    confidence: Tensor


@dataclass(frozen=True)
class Counted:
    """What there is to divide by.

    Attributes:
        matching: the roles of the priors.
        chosen: `[B, P]` bool: the priors whose confidence counts.
        twice: `[B, P]` bool: those whose confidence counts once more; None where none does.
        offsets: `[..., 4]` what the offsets of some priors cost; those of all others cost 0.
        ratio: negatives wanted per positive.
    """

    matching: Matching
    chosen: Tensor
    twice: Tensor | None
    offsets: Tensor
    ratio: float

    @property
    def positives(self) -> Tensor:
        """`[B]` of each image."""
        return self.matching.positives

    @property
    def selected(self) -> Tensor:
        """`[B]` priors of each image whose confidence counts."""
        return tiles.counts(self.chosen)

    def inverse(self, number: Tensor) -> Tensor:
        """1 over it, in the precision of the overlaps."""
        return 1.0 / number.to(self.matching.dtype)


def _by_positives(counted: Counted) -> Scales:
    return _same_for_all(counted.positives.sum(), counted)


def _by_positives_or_one(counted: Counted) -> Scales:
    return _same_for_all(counted.positives.sum().clamp(min=1), counted)


def _by_image_positives_or_one(counted: Counted) -> Scales:
    return _same_for_all(counted.positives.clamp(min=1).sum(), counted)


def _by_images(counted: Counted) -> Scales:
    return _same_for_all(torch.ones_like(counted.positives).sum(), counted)


def _by_priors(counted: Counted) -> Scales:
    return _same_for_all(torch.ones_like(counted.matching.labels).sum(), counted)


def _by_mean_of_images(counted: Counted) -> Scales:
    positives = counted.positives.to(counted.matching.dtype)
    factor = torch.where(positives > 0, 1.0 / positives.clamp(min=1), 0.0) / len(positives)
    return Scales(counted.matching.positive.sum(), factor, factor)


def _by_mean_of_selected_images(counted: Counted) -> Scales:
    images, terms = len(counted.chosen), counted.selected
    if counted.twice is not None:  # a positive that mining also picked is one of the positives and one of the mined
        terms = terms + tiles.counts(counted.twice)
    localization, confidence = (counted.inverse(each.clamp(min=1)) / images for each in (counted.positives, terms))
    return Scales(counted.positives.sum(), localization, confidence)


def _by_mean_of_selected(counted: Counted) -> Scales:
    by_positives = _by_positives(counted)
    factor = (counted.ratio + 1) * counted.inverse(counted.selected.sum())
    return Scales(by_positives.normalizer, by_positives.localization, factor.expand(len(counted.chosen)))


def _by_selected_and_nonzero(counted: Counted) -> Scales:
    selected, nonzero = (each.sum().clamp(min=1) for each in (counted.selected, counted.offsets != 0))
    by_selected = _same_for_all(selected, counted)
    localization = counted.inverse(nonzero).expand(len(counted.chosen))
    return Scales(selected, localization, by_selected.confidence)


def _same_for_all(normalizer: Tensor, counted: Counted) -> Scales:
    factor = counted.inverse(normalizer).expand(len(counted.chosen))
    return Scales(normalizer, factor, factor)


NORMALIZERS: dict[Normalizer, Callable[[Counted], Scales]] = {
    Normalizer.POSITIVES: _by_positives,
    Normalizer.POSITIVES_OR_ONE: _by_positives_or_one,
    Normalizer.IMAGE_POSITIVES_OR_ONE: _by_image_positives_or_one,
    Normalizer.MEAN_OF_IMAGES: _by_mean_of_images,
    Normalizer.MEAN_OF_SELECTED: _by_mean_of_selected,
    Normalizer.IMAGES: _by_images,
    Normalizer.PRIORS: _by_priors,
    Normalizer.SELECTED_AND_NONZERO: _by_selected_and_nonzero,
    Normalizer.MEAN_OF_SELECTED_IMAGES: _by_mean_of_selected_images,
}
