"""What the functions of the API share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import TypeVar

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.evidence.encoded_table import fitting_priors
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors, PriorSource, check_image_size, default_priors, load_priors
from ssdlossdbg.readers.saved.captured import dialect_of, loss_in, names_in
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.steps import SAVE_BOTH, holds_steps
from ssdlossdbg.readers.saved.tensor_files import Saved
from ssdlossdbg.readers.saved_batches import RecognisedBatch, recognise_batch
from ssdlossdbg.results import AnchorsResult, MatchResult, Recorded, Said, Subject
from ssdlossdbg.rules import Dialect

File = str | PathLike[str]
DEFAULT_DIALECT, TWO_STEPS = "ssd.pytorch", "refinedet"
NEEDS_OBJECTS = "Save the objects instead: a list of mappings with boxes [n, 4] and labels [n]."
Checked = TypeVar("Checked", AnchorsResult, MatchResult)


def checked(result: Checked) -> Checked:
    """The result with what the checks find in it and in its evidence."""
    own: tuple[Subject, ...] = (result,) if isinstance(result, AnchorsResult) else ()
    return replace(result, findings=find((*result.evidence, *own), together=True))


def priors_or_default(
    priors: NamedPriors | str | None, rules: Dialect, datasets: Sequence[Dataset] = (), classes: Sequence[str] = ()
) -> NamedPriors:
    """The priors that the user named, or those that the dialect's codebase takes for so many classes.

    Args:
        priors: what the user named.
        rules: the dialect.
        datasets: what is to be matched. One photo alone says nothing of how many classes there are.
        classes: what the user says the classes are called.

    Raises:
        InputError: unknown name or unusable file.
    """
    if isinstance(priors, NamedPriors):
        return priors
    return load_priors(priors) if priors else default_priors(rules, class_count(datasets, classes))


def class_count(datasets: Sequence[Dataset], classes: Sequence[str]) -> int | None:
    """How many classes there are, background included; None if that is not known."""
    told = any(each.listed or each.names_given for each in datasets) or sum(len(each.names) for each in datasets) > 1
    names = classes or (datasets[0].class_names if told else ())
    return len(names) + 1 if names else None


def as_batch(
    predictions: Saved | None,
    targets: Saved | None,
    priors: NamedPriors | PriorSource | None,
    rules: Dialect,
    layout: SavedLayout,
    *,
    device: str = "auto",
    classes: Sequence[str] = (),
    photos: Sequence[File] = (),
    said: Said | None = None,
    any_label: bool = False,
) -> Batch:
    """What was saved of a batch, ready to be asked about.

    Args:
        predictions: loc and conf, with or without priors.
        targets: boxes and labels, or what they were encoded into; at least one of both.
        priors: what `load_priors` returned or takes; those of the predictions or the dialect if None.
        rules: the dialect that it was saved under.
        layout: what the user says of the tensors.
        device: to compute on.
        classes: class names in the order of their ids, background left out.
        photos: of the first images.
        said: the loss that the user's own code had, over what is in the files.
        any_label: whether to let labels be that are no class of the predictions; no loss can be computed with them.

    Raises:
        InputError: what cannot be used or does not belong together, more photos than images, or no such device.
    """
    known = len(classes) + 1 if classes else None
    found = recognise_batch(predictions, targets, priors, rules, layout, known, any_label)
    if found.priors.assumed and isinstance(found.targets, EncodedTargets):
        fitting = fitting_priors(found.targets, found.priors, rules, found.priors.name)
        found = replace(found, priors=fitting)
    _check_steps(found, rules, predictions)
    captured = next((each.captured for each in (predictions, targets) if each and each.captured), None)
    check_image_size(found.priors, [rules])
    if found.predictions and len(photos) > len(found.predictions.loc):
        what = f"given {len(photos)} times for {len(found.predictions.loc)} images"
        raise InputError("--image", what, "Give one each.")
    return Batch(
        found.priors,
        device,
        predictions=found.predictions,
        targets=found.targets,
        classes=tuple(classes),
        paths=(predictions.where if predictions else "", targets.where if targets else ""),
        photos=[str(photo) for photo in photos],
        images=captured.names if captured else _names(predictions, targets, found),
        recorded=said or said_in(predictions, targets),
        captured=captured,
    )


def steps_apart(two: bool, rules: Dialect) -> str:
    """Why rules do not apply to predictions of two steps, or of one: what they have; empty where they do."""
    if two == rules.refine.first_step:
        return ""
    return "one step, and these predictions hold two" if two else "two steps, and these predictions hold one"


def _check_steps(found: RecognisedBatch, rules: Dialect, saved: Saved | None) -> None:
    """Refuse predictions of as many steps as the rules do not have."""
    if found.predictions is None or saved is None:
        return
    two = found.predictions.first is not None
    if apart := steps_apart(two, rules):
        known = f"Say {TWO_STEPS}, or a dialect file of yours with first_step = true under [refine]."
        what = f"holds {found.predictions.layout}, but {rules.name} has {apart}"
        raise InputError(saved.where, what, known if two else SAVE_BOTH)
    if two and isinstance(found.targets, EncodedTargets):
        what = "comes with targets that are already encoded, and two steps match twice, with priors of their own"
        raise InputError(saved.where, what, NEEDS_OBJECTS)


def _names(predictions: Saved | None, targets: Saved | None, found: RecognisedBatch) -> tuple[str, ...]:
    """What the images are called by what was saved by hand."""
    for saved in (targets, predictions):
        if saved and len(names := names_in(saved.value)) == found.images:
            return names
    return ()


def said_in(predictions: Saved | None, targets: Saved | None) -> Said | None:
    """The loss that was saved beside a batch; None where none was.

    Raises:
        InputError: what was saved as such is no loss.
    """
    for saved in (predictions, targets):
        if saved and saved.captured:
            kept = saved.captured
            return Said(kept.recorded, precision=kept.precision, bare=True) if kept.recorded.known else None
        recorded = loss_in(saved.value, saved.where) if saved else Recorded()
        if recorded.known:
            return Said(recorded)
    return None


def rules_for(dialect: Dialect | str | None, saved: Saved | None, where: str = "--dialect") -> Dialect:
    """The dialect that the user gave or named, or else that of a captured file as its criterion had it, or the usual.

    Predictions of two steps are of the one codebase that is known to have two.

    Raises:
        InputError: unknown name, or a file that cannot be used.
    """
    captured = saved.captured if saved else None
    rules = dialect_of(captured, where) if captured and dialect is None else None
    if captured is None or rules is None:
        usual = TWO_STEPS if saved and holds_steps(saved.value) else DEFAULT_DIALECT
        return as_dialect(usual if dialect is None else dialect, where)
    return override(rules, threshold=captured.threshold, neg_pos=captured.neg_pos, alpha=captured.alpha)


def as_dialect(dialect: Dialect | str, where: str = "--dialect") -> Dialect:
    """The dialect that the user gave or named.

    Raises:
        InputError: unknown name, or a file that cannot be used.
    """
    return dialect if isinstance(dialect, Dialect) else load_dialect(dialect, where)


def override(
    dialect: Dialect, *, threshold: float | None = None, neg_pos: float | None = None, alpha: float | None = None
) -> Dialect:
    """The dialect with the settings that the user overrules.

    Args:
        dialect: what to start from.
        threshold: match threshold.
        neg_pos: negatives mined per positive.
        alpha: weight of the localisation loss.
    """
    matching, mining, weights = dialect.match, dialect.mining, dialect.loss
    return replace(
        dialect,
        match=matching if threshold is None else replace(matching, threshold=threshold),
        mining=mining if neg_pos is None else replace(mining, ratio=neg_pos),
        loss=weights if alpha is None else replace(weights, localization_weight=alpha),
    )
