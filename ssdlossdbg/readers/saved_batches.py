"""Predictions, targets and priors of one batch, found to belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import (
    SAME_PRIORS,
    SAY_IMAGE_SIZE,
    NamedPriors,
    PriorSource,
    as_named,
    default_priors,
    normalised_priors,
    recognise_priors,
)
from ssdlossdbg.readers.prior_configs import presets_with
from ssdlossdbg.readers.prior_count import check_prior_count
from ssdlossdbg.readers.saved.captured import dialect_of
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets, recognise_encoded
from ssdlossdbg.readers.saved.layout import MOST_CLASSES, BoxForm, SavedLayout
from ssdlossdbg.readers.saved.predictions import Predictions, recognise_predictions
from ssdlossdbg.readers.saved.targets import Targets, check_batch, recognise_targets
from ssdlossdbg.readers.saved.tensor_files import Saved
from ssdlossdbg.rules import Dialect, Units


@dataclass(frozen=True)
class RecognisedBatch:
    """What was saved of one batch; at least one of predictions and targets."""

    predictions: Predictions | None
    targets: Targets | EncodedTargets | None
    priors: NamedPriors

    @property
    def images(self) -> int:
        """How many there are."""
        if self.predictions is not None:
            return len(self.predictions.loc)
        return len(self.targets.labels) if self.targets else 0


def recognise_batch(
    predictions: Saved | None,
    targets: Saved | None,
    priors: NamedPriors | PriorSource | None,
    dialect: Dialect,
    layout: SavedLayout,
    classes: int | None = None,
    any_label: bool = False,
) -> RecognisedBatch:
    """Predictions and targets of the same images, or either alone, and their priors.

    Args:
        predictions: loc and conf, with or without priors.
        targets: boxes and labels, or what they were encoded into.
        priors: what `load_priors` returned or takes; if None, those saved with the predictions, or the dialect's own
            where only targets were saved.
        dialect: what the targets are laid out for, and whose preset to prefer where several are equal.
        layout: what the user says of the tensors.
        classes: how many there are, background included, for targets alone; as many as the labels ask for if None.
        any_label: whether to let objects be whose label is no class of the predictions.

    Raises:
        InputError: what cannot be used, or does not belong together.
    """
    dialect, layout = _laid_out(predictions or targets, dialect, layout)
    if predictions is None:
        assert targets is not None
        named = default_priors(dialect, classes) if priors is None else as_named(priors, layout, dialect)
        return RecognisedBatch(None, _targets_alone(targets, named, dialect, layout, classes), named)
    predicted = recognise_predictions(predictions, layout.own(dialect), dialect)
    if priors is None and predicted.priors is None:
        priors = _assumed_priors(predictions, predicted, dialect)
    named = _priors_of(predicted, predictions.where, priors, dialect, layout)
    if targets is None:
        return RecognisedBatch(predicted, None, named)
    images, count, columns = predicted.conf.shape
    wanted = recognise_targets(targets, dialect, layout, shape=(images, count, columns))
    if isinstance(wanted, Targets):
        fitting = any_label and len(wanted.boxes) == images
        _check_objects(wanted, images, columns, named, targets.where, any_label=fitting)
    return RecognisedBatch(predicted, wanted, named)


def _laid_out(saved: Saved | None, dialect: Dialect, layout: SavedLayout) -> tuple[Dialect, SavedLayout]:
    """Whose tensors they are and how they are laid out, where a capture says so; whatever the user says goes before.

    A captured file keeps tensors as its codebase had them, whichever dialect is then asked about them.
    """
    captured = saved.captured if saved else None
    if captured is None:
        return dialect, layout
    told = SavedLayout(
        captured.prior_format if layout.prior_format == SavedLayout().prior_format else layout.prior_format,
        layout.image_size or captured.image_size,
        layout.target_units or captured.target_units or None,
        layout.label_offset,
        layout.native or captured.native,
    )
    return dialect_of(captured, saved.where if saved else "") or dialect, told


def _priors_of(
    predicted: Predictions,
    where: str,
    priors: NamedPriors | PriorSource | None,
    dialect: Dialect,
    layout: SavedLayout,
) -> NamedPriors:
    """The priors that the predictions are for, as many as those."""
    if priors is not None:
        named = as_named(priors, layout, dialect)
        place = f"--config {named.name}"
        named = replace(named, overruled=_overruled(predicted, named, where, dialect))
    else:
        assert predicted.priors is not None
        named = recognise_priors(predicted.priors, where, layout, dialect.name)
        place = f"{where}, priors"
    check_prior_count(named, predicted.loc.shape[1], place)
    return named


def _assumed_priors(saved: Saved, predicted: Predictions, dialect: Dialect) -> NamedPriors:
    """Those that the dialect's codebase takes, of a captured batch whose criterion has none, if they are as many.

    Whoever saves by hand is asked: that their dialect is the usual one says nothing of their network.

    Raises:
        InputError: nobody knows which; it says which to give.
    """
    _, count, classes = predicted.conf.shape
    usual, known = dialect.priors_for(classes), saved.captured is not None and saved.captured.dialect
    if not known:
        fix = f"Say which they are: --config {usual}, if you kept those of {dialect.name}, or a saved tensor."
        raise InputError(saved.where, "holds no priors", fix)
    named = default_priors(dialect, classes)
    if len(named.priors.boxes) == count:
        assumed = f"assumed, as the criterion had none and {dialect.name} takes these: --config says otherwise"
        return replace(named, choice=assumed, chosen_for=None, assumed=True)
    what = f"holds no priors, and {usual}, which {dialect.name} takes, has {len(named.priors.boxes)}, not {count}"
    fitting = presets_with(count)
    fix = f"a preset of so many ({', '.join(fitting)}), " if fitting else ""
    raise InputError(saved.where, what, f"Say which they are: --config with {fix}a config of yours or a saved tensor.")


def _targets_alone(
    saved: Saved, named: NamedPriors, dialect: Dialect, layout: SavedLayout, classes: int | None
) -> Targets | EncodedTargets:
    encoded = recognise_encoded(saved.value)
    shape = (0, 0, 0)
    if encoded and encoded[0].numel():
        images, priors = encoded[0].shape
        shape = images, priors, classes or _columns(encoded[0])
    wanted = recognise_targets(saved, dialect, layout, shape=shape)
    if isinstance(wanted, EncodedTargets):
        check_prior_count(named, wanted.labels.shape[1], saved.where)
    else:
        highest = max([0, *(int(image.max()) for image in wanted.labels if len(image))])
        _check_objects(wanted, len(wanted.boxes), classes or highest + 1, named, saved.where)
    return wanted


def _columns(labels: torch.Tensor) -> int:
    """How many classes labels ask for, background included; those that no network has are refused later."""
    return int(labels.double().nan_to_num(0).clamp(0, MOST_CLASSES).max()) + 1


def _check_objects(
    wanted: Targets, images: int, classes: int, named: NamedPriors, where: str, any_label: bool = False
) -> None:
    if not any_label:
        check_batch(wanted, images, classes, where)
    if wanted.units is Units.PIXELS and not named.image_size_known:
        raise InputError(where, "has boxes in pixels", SAY_IMAGE_SIZE)


def _overruled(predicted: Predictions, named: NamedPriors, where: str, dialect: Dialect) -> NamedPriors | None:
    """The priors that the predictions were saved with, in whichever form they are; None if they are those named."""
    if predicted.priors is None:
        return None
    own, layouts = named.priors.boxes, [SavedLayout(form, named.priors.image_size) for form in get_args(BoxForm)]
    try:
        saved = [normalised_priors(predicted.priors, where, layout) for layout in layouts]
    except InputError:
        return None
    if any(len(boxes) == len(own) and torch.allclose(boxes, own, 0, SAME_PRIORS) for boxes in saved):
        return None
    return recognise_priors(predicted.priors, where, layouts[0], dialect.name)
