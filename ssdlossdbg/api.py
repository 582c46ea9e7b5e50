"""The commands as functions: files in, results out. `cli/` parses and prints; `import ssdlossdbg` offers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from torch import Tensor

from ssdlossdbg.analysis.anchors import analyse_anchors
from ssdlossdbg.analysis.compare import analyse_compare
from ssdlossdbg.analysis.detect import analyse_detect
from ssdlossdbg.analysis.loss import analyse_loss
from ssdlossdbg.analysis.match import analyse_match
from ssdlossdbg.analysis.results import AnchorsResult, CompareResult, DetectResult, LossResult, MatchResult, RoleChanges
from ssdlossdbg.analysis.roles import compare_roles
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.weight_decay import decayed
from ssdlossdbg.readers.annotations import load_annotation
from ssdlossdbg.readers.dialects import Dialect, Units, dialect_names, load_dialect, settings_in_pixels
from ssdlossdbg.readers.encoded import EncodedTargets
from ssdlossdbg.readers.photos import Photo, load_photo
from ssdlossdbg.readers.predictions import Predictions, load_predictions
from ssdlossdbg.readers.priors import (
    BoxForm,
    NamedPriors,
    check_prior_count,
    load_priors,
    recognise_priors,
)
from ssdlossdbg.readers.targets import Targets, check_batch, load_targets
from ssdlossdbg.readers.tensors import keys_of
from ssdlossdbg.readers.weights import load_weights

File = str | PathLike[str]
DEFAULT_DIALECT = "ssd.pytorch"
NEEDS_OBJECTS = "Save the objects instead: a list of mappings with boxes [n, 4] and labels [n]."


def anchors(priors: NamedPriors | str | None = None, dialect: Dialect | str = DEFAULT_DIALECT) -> AnchorsResult:
    """Describe priors level by level, as `ssdlossdbg anchors` does.

    Args:
        priors: what `load_priors` returned, or a preset, config file or saved tensor; the dialect's own if None.
        dialect: whose match threshold the smallest reachable objects are for.

    Raises:
        InputError: unknown name or unusable file.
    """
    rules = _dialect(dialect)
    return analyse_anchors(_priors(priors, rules), rules)


def match(
    image: File | Photo,
    annotation: File,
    priors: NamedPriors | str | None = None,
    dialect: Dialect | str = DEFAULT_DIALECT,
    *,
    classes: Sequence[str] = (),
    threshold: float | None = None,
    device: str = "auto",
) -> MatchResult:
    """Which priors each object of a photo gets, as `ssdlossdbg match` says.

    Args:
        image: the photo, or what `load_photo` returned.
        annotation: its objects: Pascal VOC XML, COCO JSON or YOLO txt.
        priors: what `load_priors` returned, or a preset, config file or saved tensor; the dialect's own if None.
        dialect: what `load_dialect` returned, or its name or file.
        classes: class names in the order of their ids, background left out.
        threshold: match threshold, over the dialect's.
        device: auto, cpu, cuda, cuda:N or mps.

    Raises:
        InputError: an unusable file, an unknown name, or no such device.
    """
    photo = image if isinstance(image, Photo) else load_photo(Path(image))
    rules, names = override(_dialect(dialect), threshold=threshold), tuple(classes)
    objects = load_annotation(Path(annotation), photo.path, photo.size, names)
    return analyse_match(str(photo.path), photo.size, objects, _priors(priors, rules), rules, names, device)


def match_roles(
    reference: MatchResult,
    image: File | Photo,
    annotation: File,
    priors: NamedPriors | str | None = None,
    dialects: Sequence[Dialect | str] = (),
    *,
    classes: Sequence[str] = (),
    device: str = "auto",
) -> tuple[RoleChanges, ...]:
    """What other dialects' matching does differently to a photo, as `ssdlossdbg match --dialects` shows.

    Args:
        reference: what `match` returned.
        image: the same photo.
        annotation: the same objects.
        priors: the same priors; those of the reference's config if None.
        dialects: whom to ask; each matches at its own threshold.
        classes: class names in the order of their ids, background left out.
        device: auto, cpu, cuda, cuda:N or mps.

    Raises:
        InputError: an unusable file, an unknown name, or no such device.
    """
    named = priors if isinstance(priors, NamedPriors) else load_priors(priors or reference.config.name)
    photo = image if isinstance(image, Photo) else load_photo(Path(image))
    asked = [_dialect(dialect, "--dialects") for dialect in dialects]
    return tuple(
        compare_roles(reference, match(photo, annotation, named, dialect, classes=classes, device=device))
        for dialect in asked
    )


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
    image_size: tuple[int, int] | None = None,
    prior_format: BoxForm = "cxcywh",
    target_units: Units | None = None,
    label_offset: int | None = None,
    native: bool = False,
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
        image_size: (width, height) of the network's input in pixels, where the priors do not say it.
        prior_format: how the boxes of a saved prior tensor are written.
        target_units: of the target boxes, over what is recognised.
        label_offset: what to add to target labels so that 0 is background, over what is recognised.
        native: whether the files are in the dialect's own order, where that differs from the canonical one.
        weights: the state dict of the network, for a dialect that adds weight decay to its loss.

    Raises:
        InputError: an unusable file, files that do not belong together, an unknown name, or no such device.
    """
    rules = override(_dialect(dialect), threshold=threshold, neg_pos=neg_pos, alpha=alpha)
    batch = _load_batch(
        predictions, targets, priors, rules, prior_format, image_size, target_units, label_offset, native
    )
    _check_image_size(batch.priors, [rules])
    if threshold is not None and isinstance(batch.targets, EncodedTargets):
        raise InputError(
            "--threshold", f"has no effect: {targets} holds targets that are already encoded", NEEDS_OBJECTS
        )
    _check_photos(images, batch.predictions)
    return analyse_loss(
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
    image_size: tuple[int, int] | None = None,
    prior_format: BoxForm = "cxcywh",
    target_units: Units | None = None,
    label_offset: int | None = None,
    native: bool = False,
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
        image_size: (width, height) of the network's input in pixels, where the priors do not say it.
        prior_format: how the boxes of a saved prior tensor are written.
        target_units: of the target boxes, over what is recognised.
        label_offset: what to add to target labels so that 0 is background, over what is recognised.
        native: whether the files are in the reference's own order, where that differs from the canonical one.

    Raises:
        InputError: an unusable file, files that do not belong together, an unknown name, or no such device.
    """
    base = _dialect(reference, "--reference")
    asked = [_dialect(each, "--dialects") for each in (dialect_names() if dialects is None else dialects)]
    batch = _load_batch(
        predictions, targets, priors, base, prior_format, image_size, target_units, label_offset, native
    )
    _check_image_size(batch.priors, [base, *asked])
    paths = (str(predictions), str(targets))
    return analyse_compare(batch.predictions, batch.targets, batch.priors, asked, base, device, paths)


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
    image_size: tuple[int, int] | None = None,
    prior_format: BoxForm = "cxcywh",
    target_units: Units | None = None,
    label_offset: int | None = None,
    native: bool = False,
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
        image_size: (width, height) of the network's input in pixels, where the priors do not say it.
        prior_format: how the boxes of a saved prior tensor are written.
        target_units: of the target boxes, over what is recognised.
        label_offset: what to add to target labels so that 0 is background, over what is recognised.
        native: whether the files are in the dialect's own order, where that differs from the canonical one.

    Raises:
        InputError: an unusable file, files that do not belong together, an unknown name, or no such device.
    """
    rules = _dialect(dialect)
    if score_threshold is not None:
        rules = replace(rules, detect=replace(rules.detect, score_threshold=score_threshold))
    if nms is not None:
        rules = replace(rules, detect=replace(rules.detect, nms_iou=nms))
    wanted: Targets | None = None
    if targets is None:
        own = rules if native else None
        predicted = load_predictions(Path(predictions), own)
        named = _priors_of_batch(predicted, Path(predictions), priors, prior_format, image_size, rules, own)
    else:
        batch = _load_batch(
            predictions, targets, priors, rules, prior_format, image_size, target_units, label_offset, native
        )
        if isinstance(batch.targets, EncodedTargets):
            what = "holds targets that are already encoded, and detections are held against objects"
            raise InputError(targets, what, NEEDS_OBJECTS)
        predicted, wanted, named = batch.predictions, batch.targets, batch.priors
    _check_image_size(named, [rules])
    _check_photos(images, predicted)
    paths = (str(predictions), None if targets is None else str(targets))
    return analyse_detect(
        predicted, wanted, named, rules, tuple(classes), device, paths, [str(image) for image in images]
    )


def override(
    dialect: Dialect,
    *,
    threshold: float | None = None,
    neg_pos: float | None = None,
    alpha: float | None = None,
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


def _priors(priors: NamedPriors | str | None, rules: Dialect) -> NamedPriors:
    return priors if isinstance(priors, NamedPriors) else load_priors(priors or rules.prior_config)


def _dialect(dialect: Dialect | str, where: str = "--dialect") -> Dialect:
    return dialect if isinstance(dialect, Dialect) else load_dialect(dialect, where)


@dataclass(frozen=True)
class _LoadedBatch:
    """Files of one batch, read and found to belong together."""

    predictions: Predictions
    targets: Targets | EncodedTargets
    priors: NamedPriors


def _load_batch(
    predictions: File,
    targets: File,
    priors: NamedPriors | str | None,
    rules: Dialect,
    form: BoxForm,
    image_size: tuple[int, int] | None,
    units: Units | None,
    label_offset: int | None,
    native: bool = False,
) -> _LoadedBatch:
    own = rules if native else None
    predicted = load_predictions(Path(predictions), own)
    images, count, classes = predicted.conf.shape
    wanted = load_targets(
        Path(targets),
        rules.targets.units,
        rules.targets.label_offset,
        units,
        label_offset,
        shape=(images, count, classes),
        native=own,
    )
    named = _priors_of_batch(predicted, Path(predictions), priors, form, image_size, rules, own)
    if isinstance(wanted, EncodedTargets):
        return _LoadedBatch(predicted, wanted, named)
    check_batch(wanted, images, classes, Path(targets))
    if wanted.units is Units.PIXELS and not named.image_size_known:
        raise InputError(targets, "has boxes in pixels", "Say of what input: --image-size 300.")
    return _LoadedBatch(predicted, wanted, named)


def _check_photos(photos: Sequence[File], predicted: Predictions) -> None:
    """Refuse more photos than the batch has images.

    Raises:
        InputError: there are more.
    """
    if len(photos) > len(predicted.loc):
        raise InputError("--image", f"given {len(photos)} times for {len(predicted.loc)} images", "Give one each.")


def _check_image_size(named: NamedPriors, dialects: Sequence[Dialect]) -> None:
    """Refuse to assume the size of the input where figures depend on it.

    Raises:
        InputError: the size is not known, and a dialect has a setting in pixels.
    """
    for dialect in dialects:
        settings = settings_in_pixels(dialect)
        if settings and not named.image_size_known:
            what = f"say nothing of the input's size, but {dialect.name} has {' and '.join(settings)} in pixels"
            raise InputError(f"the priors of {named.name}", what, "Say of what input: --image-size 300.")


def _priors_of_batch(
    predicted: Predictions,
    path: Path,
    priors: NamedPriors | str | None,
    form: BoxForm,
    image_size: tuple[int, int] | None,
    rules: Dialect,
    native: Dialect | None = None,
) -> NamedPriors:
    if priors is not None:
        named = priors if isinstance(priors, NamedPriors) else load_priors(priors, form, image_size, native)
        where = f"--config {named.name}"
    elif predicted.priors is not None:
        named = recognise_priors(predicted.priors, path, form, image_size, rules.name)
        where = f"{path}, priors"
    else:
        raise InputError(path, "holds no priors", "Say which they are: --config ssd300, or a saved tensor.")
    check_prior_count(named, predicted.loc.shape[1], where)
    return named
