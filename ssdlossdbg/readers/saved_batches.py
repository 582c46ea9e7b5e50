"""Predictions, targets and priors of one batch, found to belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import get_args

import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import (
    SAME_PRIORS,
    SAY_IMAGE_SIZE,
    NamedPriors,
    PriorSource,
    load_priors,
    recognise_priors,
)
from ssdlossdbg.readers.prior_count import check_prior_count
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets, recognise_encoded
from ssdlossdbg.readers.saved.layout import BoxForm, SavedLayout
from ssdlossdbg.readers.saved.predictions import Predictions, recognise_predictions
from ssdlossdbg.readers.saved.targets import Targets, check_batch, recognise_targets
from ssdlossdbg.readers.saved.tensor_files import Saved
from ssdlossdbg.rules import Dialect, Units


@dataclass(frozen=True)
class Batch:
    """What was saved of one batch."""

    predictions: Predictions
    targets: Targets | EncodedTargets
    priors: NamedPriors


def recognise_batch(
    predictions: Saved, targets: Saved, priors: NamedPriors | PriorSource | None, dialect: Dialect, layout: SavedLayout
) -> Batch:
    """Predictions and targets of the same images, and their priors.

    Args:
        predictions: loc and conf, with or without priors.
        targets: boxes and labels, or what they were encoded into.
        priors: what `load_priors` returned, or what it takes; those in `predictions` if None.
        dialect: what the targets are laid out for.
        layout: what the user says of both.

    Raises:
        InputError: what cannot be used, or does not belong together.
    """
    predicted, named = recognise_predicted(predictions, priors, dialect, layout)
    images, count, classes = predicted.conf.shape
    wanted = recognise_targets(targets, dialect, layout, shape=(images, count, classes))
    if isinstance(wanted, Targets):
        check_batch(wanted, images, classes, targets.where)
        _check_units(wanted, named, targets.where)
    return Batch(predicted, wanted, named)


def recognise_predicted(
    saved: Saved, priors: NamedPriors | PriorSource | None, dialect: Dialect, layout: SavedLayout
) -> tuple[Predictions, NamedPriors]:
    """Predictions, and the priors that they are for.

    Args:
        saved: loc and conf, with or without priors.
        priors: what `load_priors` returned, or what it takes; those saved with the predictions if None.
        dialect: whose preset to prefer where several are equal.
        layout: what the user says of them.

    Raises:
        InputError: what cannot be used, no priors, or another number of them.
    """
    predicted = recognise_predictions(saved, layout.own(dialect))
    if priors is not None:
        named = priors if isinstance(priors, NamedPriors) else load_priors(priors, layout, dialect)
        where = f"--config {named.name}"
        named = replace(named, overruled=_overruled(predicted, named, saved.where, dialect))
    elif predicted.priors is not None:
        named = recognise_priors(predicted.priors, saved.where, layout, dialect.name)
        where = f"{saved.where}, priors"
    else:
        fix = "Say which they are: --config ssd300, or a saved tensor."
        raise InputError(saved.where, "holds no priors", fix)
    check_prior_count(named, predicted.loc.shape[1], where)
    return predicted, named


def recognise_objects(
    saved: Saved, named: NamedPriors, dialect: Dialect, layout: SavedLayout, classes: int | None = None
) -> Targets | EncodedTargets:
    """Targets whose predictions were not saved.

    Args:
        saved: boxes and labels, or what they were encoded into.
        named: the priors that they are for.
        dialect: what they are laid out for.
        layout: what the user says of them.
        classes: how many there are, background included; as many as the labels ask for if None.

    Raises:
        InputError: what cannot be used, a label beyond the classes, or another number of priors.
    """
    encoded = recognise_encoded(saved.value)
    shape = (0, 0, 0)
    if encoded and encoded[0].numel():
        images, priors = encoded[0].shape
        shape = images, priors, classes or int(encoded[0].max()) + 1
    wanted = recognise_targets(saved, dialect, layout, shape=shape)
    if isinstance(wanted, EncodedTargets):
        check_prior_count(named, wanted.labels.shape[1], saved.where)
    else:
        check_batch(wanted, len(wanted.boxes), classes or _highest(wanted.labels) + 1, saved.where)
        _check_units(wanted, named, saved.where)
    return wanted


def _overruled(predicted: Predictions, named: NamedPriors, where: str, dialect: Dialect) -> NamedPriors | None:
    """The priors that the predictions were saved with, in whichever form they are; None if they are those named."""
    if predicted.priors is None:
        return None
    layouts = [SavedLayout(form, named.priors.image_size) for form in get_args(BoxForm)]
    try:
        saved = [recognise_priors(predicted.priors, where, layout, dialect.name) for layout in layouts]
    except InputError:
        return None
    own = named.priors.boxes
    same = (
        len(each.priors.boxes) == len(own) and torch.allclose(each.priors.boxes, own, 0, SAME_PRIORS) for each in saved
    )
    return None if any(same) else saved[0]


def _check_units(wanted: Targets, named: NamedPriors, where: str) -> None:
    if wanted.units is Units.PIXELS and not named.image_size_known:
        raise InputError(where, "has boxes in pixels", SAY_IMAGE_SIZE)


def _highest(labels: Iterable[Tensor]) -> int:
    return max((int(image.max()) for image in labels if len(image)), default=0)
