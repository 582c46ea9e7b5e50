"""The files of one batch, read and found to belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.encoded import EncodedTargets, recognise_encoded
from ssdlossdbg.readers.predictions import Predictions, load_predictions
from ssdlossdbg.readers.priors import (
    SAME_PRIORS,
    NamedPriors,
    check_prior_count,
    load_priors,
    recognise_priors,
)
from ssdlossdbg.readers.saved.layout import BoxForm, SavedLayout
from ssdlossdbg.readers.targets import Targets, check_batch, load_targets
from ssdlossdbg.readers.tensors import load_tensors
from ssdlossdbg.rules import Dialect, Units, settings_in_pixels

SAY_IMAGE_SIZE = "Say of what input: --image-size 300."


@dataclass(frozen=True)
class Batch:
    """What the files of one batch hold."""

    predictions: Predictions
    targets: Targets | EncodedTargets
    priors: NamedPriors


def load_batch(
    predictions: Path, targets: Path, priors: NamedPriors | str | None, rules: Dialect, layout: SavedLayout
) -> Batch:
    """Predictions and targets of the same images, and their priors.

    Args:
        predictions: saved loc and conf, with or without priors.
        targets: saved boxes and labels, or what they were encoded into.
        priors: what `load_priors` returned, or what it takes; those in `predictions` if None.
        rules: the dialect that the targets are laid out for.
        layout: what the user says of the files.

    Raises:
        InputError: an unusable file, or files that do not belong together.
    """
    predicted, named = load_predicted(predictions, priors, rules, layout)
    images, count, classes = predicted.conf.shape
    wanted = _load_targets(targets, rules, layout, (images, count, classes))
    if isinstance(wanted, Targets):
        check_batch(wanted, images, classes, targets)
        _check_units(wanted, named, targets)
    return Batch(predicted, wanted, named)


def load_predicted(
    path: Path, priors: NamedPriors | str | None, rules: Dialect, layout: SavedLayout
) -> tuple[Predictions, NamedPriors]:
    """Predictions, and the priors that they are for.

    Args:
        path: saved loc and conf, with or without priors.
        priors: what `load_priors` returned, or what it takes; those in the file if None.
        rules: whose preset to prefer where several are equal.
        layout: what the user says of the file.

    Raises:
        InputError: an unusable file, no priors, or another number of them.
    """
    predicted = load_predictions(path, layout.own(rules))
    if priors is not None:
        named = priors
        if isinstance(named, str):
            named = load_priors(named, layout, rules)
        where = f"--config {named.name}"
        named = replace(named, overruled=_overruled(predicted, named, path, rules))
    elif predicted.priors is not None:
        named = recognise_priors(predicted.priors, path, layout, rules.name)
        where = f"{path}, priors"
    else:
        raise InputError(path, "holds no priors", "Say which they are: --config ssd300, or a saved tensor.")
    check_prior_count(named, predicted.loc.shape[1], where)
    return predicted, named


def load_objects(
    path: Path, named: NamedPriors, rules: Dialect, layout: SavedLayout, classes: int | None = None
) -> Targets | EncodedTargets:
    """Targets whose predictions were not saved.

    Args:
        path: saved boxes and labels, or what they were encoded into.
        named: the priors that they are for.
        rules: the dialect that they are laid out for.
        layout: what the user says of the file.
        classes: how many there are, background included; as many as the labels ask for if None.

    Raises:
        InputError: an unusable file, a label beyond the classes, or another number of priors.
    """
    encoded = recognise_encoded(load_tensors(path))
    shape = (0, 0, 0)
    if encoded and encoded[0].numel():
        images, priors = encoded[0].shape
        shape = images, priors, classes or int(encoded[0].max()) + 1
    wanted = _load_targets(path, rules, layout, shape)
    if isinstance(wanted, EncodedTargets):
        check_prior_count(named, wanted.labels.shape[1], str(path))
    else:
        check_batch(wanted, len(wanted.boxes), classes or _highest(wanted.labels) + 1, path)
        _check_units(wanted, named, path)
    return wanted


def check_image_size(named: NamedPriors, dialects: Iterable[Dialect]) -> None:
    """Refuse to assume the size of the input where figures depend on it.

    Raises:
        InputError: the size is not known, and a dialect has a setting in pixels.
    """
    for dialect in dialects:
        settings = settings_in_pixels(dialect)
        if settings and not named.image_size_known:
            what = f"say nothing of the input's size, but {dialect.name} has {' and '.join(settings)} in pixels"
            raise InputError(f"the priors of {named.name}", what, SAY_IMAGE_SIZE)


def _overruled(predicted: Predictions, named: NamedPriors, path: Path, rules: Dialect) -> NamedPriors | None:
    """The priors that the predictions were saved with, in whichever form they are; None if they are those named."""
    if predicted.priors is None:
        return None
    layouts = [SavedLayout(form, named.priors.image_size) for form in get_args(BoxForm)]
    try:
        saved = [recognise_priors(predicted.priors, path, layout, rules.name) for layout in layouts]
    except InputError:
        return None
    own = named.priors.boxes
    same = (
        len(each.priors.boxes) == len(own) and torch.allclose(each.priors.boxes, own, 0, SAME_PRIORS) for each in saved
    )
    return None if any(same) else saved[0]


def _load_targets(
    path: Path, rules: Dialect, layout: SavedLayout, shape: tuple[int, int, int]
) -> Targets | EncodedTargets:
    return load_targets(
        path,
        rules.targets.units,
        rules.targets.label_offset,
        layout.target_units,
        layout.label_offset,
        shape=shape,
        native=layout.own(rules),
    )


def _check_units(wanted: Targets, named: NamedPriors, path: Path) -> None:
    if wanted.units is Units.PIXELS and not named.image_size_known:
        raise InputError(path, "has boxes in pixels", SAY_IMAGE_SIZE)


def _highest(labels: Iterable[Tensor]) -> int:
    return max((int(image.max()) for image in labels if len(image)), default=0)
