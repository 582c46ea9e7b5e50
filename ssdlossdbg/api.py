"""The commands as functions: files in, results out. `cli/` parses and prints; `import ssdlossdbg` offers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from ssdlossdbg.analysis.anchors import analyse_anchors
from ssdlossdbg.analysis.loss import analyse_loss
from ssdlossdbg.analysis.match import analyse_match
from ssdlossdbg.analysis.results import AnchorsResult, LossResult, MatchResult
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_annotation
from ssdlossdbg.readers.dialects import Dialect, Units, load_dialect
from ssdlossdbg.readers.photos import Photo, load_photo
from ssdlossdbg.readers.predictions import Predictions, load_predictions
from ssdlossdbg.readers.priors import (
    BoxForm,
    NamedPriors,
    check_prior_count,
    load_priors,
    recognise_priors,
)
from ssdlossdbg.readers.targets import check_batch, load_targets

File = str | PathLike[str]
DEFAULT_CONFIG = "ssd300-voc"
DEFAULT_DIALECT = "ssd.pytorch"


def anchors(priors: NamedPriors | str = DEFAULT_CONFIG, dialect: Dialect | str = DEFAULT_DIALECT) -> AnchorsResult:
    """Describe priors level by level, as `ssdlossdbg anchors` does.

    Args:
        priors: what `load_priors` returned, or a preset, config file or saved tensor.
        dialect: whose match threshold the smallest reachable objects are for.

    Raises:
        InputError: unknown name or unusable file.
    """
    return analyse_anchors(_priors(priors), _dialect(dialect))


def match(
    image: File | Photo,
    annotation: File,
    priors: NamedPriors | str = DEFAULT_CONFIG,
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
        priors: what `load_priors` returned, or a preset, config file or saved tensor.
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
    return analyse_match(str(photo.path), photo.size, objects, _priors(priors), rules, names, device)


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
) -> LossResult:
    """What the loss of a saved batch is made of, as `ssdlossdbg loss` says.

    Args:
        predictions: saved loc and conf, with or without priors.
        targets: saved boxes and labels of the same batch.
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

    Raises:
        InputError: an unusable file, files that do not belong together, an unknown name, or no such device.
    """
    rules = override(_dialect(dialect), threshold=threshold, neg_pos=neg_pos, alpha=alpha)
    predicted = load_predictions(Path(predictions))
    wanted = load_targets(Path(targets), rules.targets.units, rules.targets.label_offset, target_units, label_offset)
    check_batch(wanted, predicted.conf.shape[0], predicted.conf.shape[2], Path(targets))
    named = _priors_of_batch(predicted, Path(predictions), priors, prior_format, image_size, rules)
    if wanted.units is Units.PIXELS and not named.image_size_known:
        raise InputError(targets, "has boxes in pixels", "Say of what input: --image-size 300.")
    if len(images) > len(predicted.loc):
        raise InputError("--image", f"given {len(images)} times for {len(predicted.loc)} images", "Give one each.")
    return analyse_loss(
        predicted,
        wanted,
        named,
        rules,
        tuple(classes),
        device,
        (str(predictions), str(targets)),
        [str(image) for image in images],
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


def _priors(priors: NamedPriors | str) -> NamedPriors:
    return priors if isinstance(priors, NamedPriors) else load_priors(priors)


def _dialect(dialect: Dialect | str) -> Dialect:
    return dialect if isinstance(dialect, Dialect) else load_dialect(dialect)


def _priors_of_batch(
    predicted: Predictions,
    path: Path,
    priors: NamedPriors | str | None,
    form: BoxForm,
    image_size: tuple[int, int] | None,
    rules: Dialect,
) -> NamedPriors:
    if priors is not None:
        named = priors if isinstance(priors, NamedPriors) else load_priors(priors, form, image_size)
        where = f"--config {named.name}"
    elif predicted.priors is not None:
        named = recognise_priors(predicted.priors, path, form, image_size, rules.name)
        where = f"{path}, priors"
    else:
        raise InputError(path, "holds no priors", "Say which they are: --config ssd300, or a saved tensor.")
    check_prior_count(named, predicted.loc.shape[1], where)
    return named
