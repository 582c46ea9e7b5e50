"""Of saved batches: what `ssdlossdbg loss`, `compare` and `detect` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ssdlossdbg.analysis.compare import analyse_compare
from ssdlossdbg.analysis.detect import analyse_detect
from ssdlossdbg.analysis.evidence.predicted import describe_predictions
from ssdlossdbg.analysis.evidence.priors import describe_priors
from ssdlossdbg.analysis.loss import analyse_loss
from ssdlossdbg.api.common import DEFAULT_DIALECT, File, as_dialect, checked, override
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.weight_decay import decayed
from ssdlossdbg.readers.batches import check_image_size, load_batch, load_predicted
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.encoded import EncodedTargets
from ssdlossdbg.readers.predictions import Predictions
from ssdlossdbg.readers.priors import NamedPriors
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.targets import Targets
from ssdlossdbg.readers.tensors import keys_of
from ssdlossdbg.readers.weights import load_weights
from ssdlossdbg.results import CompareResult, DetectResult, LossResult
from ssdlossdbg.rules import Dialect

NEEDS_OBJECTS = "Save the objects instead: a list of mappings with boxes [n, 4] and labels [n]."


def loss(
    predictions: File,
    targets: File,
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    neg_pos: float | None = None,
    alpha: float | None = None,
    device: str = "auto",
    images: Sequence[File] = (),
    layout: SavedLayout = SavedLayout(),
    weights: File | None = None,
) -> LossResult:
    """What the loss of a saved batch is made of, as `ssdlossdbg loss` says.

    Args:
        predictions: saved loc and conf, with or without priors.
        targets: saved boxes and labels of the same batch, or what they were encoded into.
        priors: what `load_priors` returned, or a preset, config file or saved tensor; those in `predictions` if None.
        dialect: what `load_dialect` returned, or its name or file.
        classes: class names in the order of their ids, background left out.
        threshold: match threshold, over the dialect's.
        neg_pos: negatives mined per positive, over the dialect's.
        alpha: weight of the localisation loss, over the dialect's.
        device: auto, cpu, cuda, cuda:N or mps.
        images: photos of the first images, named in the result.
        layout: how the tensors were saved, over what is recognised.
        weights: the state dict of the network, for a dialect that adds weight decay to its loss.

    Raises:
        InputError: an unusable file, files that do not belong together, an unknown name, or no such device.
    """
    rules = override(as_dialect(dialect), threshold=threshold, neg_pos=neg_pos, alpha=alpha)
    batch = load_batch(Path(predictions), Path(targets), priors, rules, layout)
    check_image_size(batch.priors, [rules])
    if threshold is not None and isinstance(batch.targets, EncodedTargets):
        raise InputError(
            "--threshold", f"has no effect: {targets} holds targets that are already encoded", NEEDS_OBJECTS
        )
    _check_photos(images, batch.predictions)
    result = analyse_loss(
        batch.predictions,
        batch.targets,
        batch.priors,
        rules,
        tuple(classes),
        device,
        (str(predictions), str(targets)),
        [str(image) for image in images],
        None if weights is None else _weights(Path(weights), rules),
    )
    return checked(result)


def _weights(path: Path, rules: Dialect) -> Mapping[str, Tensor]:
    """The parameters in a file, some of which the dialect's weight decay is over."""
    if not rules.weight_decay.rate:
        what = f"has no effect: {rules.name} adds no weight decay to its loss"
        adding = ", ".join(name for name in dialect_names() if load_dialect(name).weight_decay.rate)
        raise InputError("--weights", what, f"Leave it out; those that do add it: {adding}.")
    weights = load_weights(path)
    if not decayed(weights, rules.weight_decay):
        only, skip = (" or ".join(map(repr, texts)) for texts in (rules.weight_decay.only, rules.weight_decay.skip))
        which = " and ".join(
            [*([f"have {only} in their names"] if only else []), *([f"do not have {skip}"] if skip else [])]
        )
        what = f"holds no parameter that the weight decay of {rules.name} is over, those that {which}"
        fix = (
            f"Its names: {keys_of(weights)}. Other names are a matter of [weight_decay] in a dialect file of your own."
        )
        raise InputError(path, what, fix)
    return weights


def compare(
    predictions: File,
    targets: File,
    priors: NamedPriors | str | None = None,
    *,
    reference: Dialect | str = DEFAULT_DIALECT,
    dialects: Sequence[Dialect | str] | None = None,
    device: str = "auto",
    layout: SavedLayout = SavedLayout(),
) -> CompareResult:
    """What several codebases say of the same batch and priors, and why, as `ssdlossdbg compare` shows.

    Args:
        predictions: saved loc and conf, with or without priors.
        targets: saved boxes and labels of the same batch, laid out as the reference has them; or what they were encoded
            into, and then the dialects differ only in what comes after that.
        priors: what `load_priors` returned, or a preset, config file or saved tensor; those in `predictions` if None.
        reference: whom to compare with.
        dialects: whom to ask; all shipped ones if None.
        device: auto, cpu, cuda, cuda:N or mps.
        layout: how the tensors were saved, over what is recognised.

    Raises:
        InputError: an unusable file, files that do not belong together, an unknown name, or no such device.
    """
    base = as_dialect(reference, "--reference")
    asked = [as_dialect(each, "--dialects") for each in (dialect_names() if dialects is None else dialects)]
    batch = load_batch(Path(predictions), Path(targets), priors, base, layout)
    check_image_size(batch.priors, [base, *asked])
    paths = (str(predictions), str(targets))
    result = analyse_compare(batch.predictions, batch.targets, batch.priors, asked, base, device, paths)
    of_reference = analyse_loss(batch.predictions, batch.targets, batch.priors, base, device=device, paths=paths)
    return replace(result, findings=checked(of_reference).findings)


def detect(
    predictions: File,
    targets: File | None = None,
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    classes: Sequence[str] = (),
    score_threshold: float | None = None,
    nms: float | None = None,
    device: str = "auto",
    images: Sequence[File] = (),
    layout: SavedLayout = SavedLayout(),
) -> DetectResult:
    """What the dialect's post-processing makes of saved predictions, as `ssdlossdbg detect` shows.

    Args:
        predictions: saved loc and conf, with or without priors.
        targets: saved boxes and labels of the same batch, to hold the detections against; none if None.
        priors: what `load_priors` returned, or a preset, config file or saved tensor; those in `predictions` if None.
        dialect: what `load_dialect` returned, or its name or file.
        classes: class names in the order of their ids, background left out.
        score_threshold: score that a detection must exceed, over the dialect's.
        nms: IoU of non-maximum suppression, over the dialect's.
        device: auto, cpu, cuda, cuda:N or mps.
        images: photos of the first images, named in the result.
        layout: how the tensors were saved, over what is recognised.

    Raises:
        InputError: an unusable file, files that do not belong together, an unknown name, or no such device.
    """
    rules = as_dialect(dialect)
    if score_threshold is not None:
        rules = replace(rules, detect=replace(rules.detect, score_threshold=score_threshold))
    if nms is not None:
        rules = replace(rules, detect=replace(rules.detect, nms_iou=nms))
    wanted: Targets | None = None
    if targets is None:
        predicted, named = load_predicted(Path(predictions), priors, rules, layout)
    else:
        batch = load_batch(Path(predictions), Path(targets), priors, rules, layout)
        if isinstance(batch.targets, EncodedTargets):
            what = "holds targets that are already encoded, and detections are held against objects"
            raise InputError(targets, what, NEEDS_OBJECTS)
        predicted, wanted, named = batch.predictions, batch.targets, batch.priors
    check_image_size(named, [rules])
    _check_photos(images, predicted)
    paths = (str(predictions), None if targets is None else str(targets))
    names = tuple(classes)
    result = analyse_detect(predicted, wanted, named, rules, names, device, paths, [str(image) for image in images])
    if wanted is None:
        evidence = (
            describe_priors(named, rules, predicted.conf.shape[-1]),
            describe_predictions(predicted, named, rules, str(predictions), names),
        )
        return replace(result, findings=find(evidence, together=True))
    in_training = analyse_loss(predicted, wanted, named, rules, names, device, (str(predictions), str(targets)))
    return replace(result, findings=checked(in_training).findings)


def _check_photos(photos: Sequence[File], predicted: Predictions) -> None:
    """Refuse more photos than the batch has images.

    Raises:
        InputError: there are more.
    """
    if len(photos) > len(predicted.loc):
        raise InputError("--image", f"given {len(photos)} times for {len(predicted.loc)} images", "Give one each.")
