"""What the checks look at in annotations of any number of images, or in targets without predictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from ssdlossdbg.analysis.batch import Batch, Loaded
from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.analysis.evidence.objects import state_annotations
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.readers.annotated import AnnotatedImage
from ssdlossdbg.readers.classes import class_id, guess_classes
from ssdlossdbg.readers.loader import LoadedObjects, load_like
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results import SEVERITIES, Case, Finding, Objects, Refusal
from ssdlossdbg.rules import Dialect

# Bounds the memory that roles and targets of all priors take, and is enough to keep the device busy.
IMAGES_AT_ONCE = 32


@dataclass(frozen=True)
class _Ready:
    """An image, ready to be matched."""

    image: AnnotatedImage
    loaded: LoadedObjects
    ids: list[int]


def analyse_annotations(
    images: Sequence[AnnotatedImage],
    named: NamedPriors,
    dialect: Dialect,
    classes: tuple[str, ...] = (),
    device: str = "auto",
) -> tuple[tuple[Objects, ...], tuple[Refusal, ...]]:
    """Match the objects of all images, and describe them together, so that checks can compare them.

    Args:
        images: annotated images, whether or not their photos were found.
        named: the priors.
        dialect: the rules.
        classes: class names in the order of their ids; guessed from all images together where empty.
        device: auto, cpu, cuda, cuda:N or mps.

    Returns:
        The objects, one table for each annotation format; and the images that could not be used.

    Raises:
        InputError: no such device.
    """
    classes = classes or _guess_together(images)
    formats: dict[str, list[_Ready]] = {}
    refusals = []
    for image in images:
        try:
            formats.setdefault(image.annotation.format, []).append(_ready(image, dialect, classes))
        except InputError as error:
            refusals.append(refusal(str(image.annotation.path), error))
    tables = [
        join([_describe(part, named, device, dialect) for part in _parts(ready)]) for ready in formats.values() if ready
    ]
    return tuple(tables), tuple(refusals)


def refusal(file: str, error: InputError) -> Refusal:
    """What a reader refused, for the checks."""
    return Refusal(file, error.where, error.what, error.fix, error.code)


def by_file(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, one for each file and code, in the order of the files' names; the gravest of a file stays first."""
    cases: dict[tuple[str, str], dict[Case, None]] = {}
    known: dict[str, Finding] = {}
    for finding in findings:
        known[finding.code] = finding
        for case in finding.cases:  # a dict, since several batches may share priors, whose cases come up again
            cases.setdefault((case.where.file, finding.code), {})[case] = None
    told = (
        (file, Finding(code, known[code].name, known[code].severity, tuple(own))) for (file, code), own in cases.items()
    )
    return tuple(finding for _, finding in sorted(told, key=lambda pair: (pair[0], SEVERITIES.index(pair[1].severity))))


def join(tables: Sequence[Objects]) -> Objects:
    """Tables of objects as one, of all their images; at least one table, all of the same format and rules."""
    # What each table counts from 0, and where that is to go on.
    first = {
        "image": np.cumsum([0, *(len(table.images) for table in tables[:-1])]),
        "lost_to": np.cumsum([0, *(len(table.labels) for table in tables[:-1])]),
    }
    columns: dict[str, Any] = {}
    for field in fields(Objects):
        parts = [getattr(table, field.name) for table in tables]
        if field.name in first:
            starts = zip(parts, first[field.name], strict=True)
            parts = [np.where(part >= 0, part + start, part) for part, start in starts]
        if isinstance(parts[0], np.ndarray):
            columns[field.name] = np.concatenate(parts)
        elif field.name in {"images", "labels"}:
            columns[field.name] = tuple(item for part in parts for item in part)
        else:
            columns[field.name] = parts[0]
    return Objects(**columns)


def _guess_together(images: Sequence[AnnotatedImage]) -> tuple[str, ...]:
    """The classes that all files list, followed by those that their objects have beside them; or a guess."""
    labels = sorted({item.label for image in images for item in image.annotation.objects})
    listed = dict.fromkeys(name for image in images for name in image.annotation.class_names)
    return guess_classes(tuple(dict.fromkeys([*listed, *labels])) if listed else (), labels)


def _ready(image: AnnotatedImage, dialect: Dialect, classes: tuple[str, ...]) -> _Ready:
    """The image as the dialect's loader reads it; without its photo, the size that the file declares stands in.

    Raises:
        InputError: a class that is not in the list, or pixels of a size that nothing tells.
    """
    annotation = image.annotation
    where = f"{annotation.path}, {image.name}" if image.name else str(annotation.path)
    size = image.photo_size or annotation.size
    if size is None and annotation.format == "COCO":
        raise InputError(where, "has no width and height, and its photo was not found", "Add them to its entry.")
    loaded = load_like(dialect.targets, annotation, size or (1, 1))
    return _Ready(
        image, loaded, [class_id(item.label, classes, f"{where}, object {item.index}") for item in loaded.kept]
    )


def _parts(ready: Sequence[_Ready]) -> Iterator[Sequence[_Ready]]:
    return (ready[start : start + IMAGES_AT_ONCE] for start in range(0, len(ready), IMAGES_AT_ONCE))


def _describe(ready: Sequence[_Ready], named: NamedPriors, device: str, dialect: Dialect) -> Objects:
    loaded = [each.loaded for each in ready]
    stated = state_annotations(
        [each.image.annotation for each in ready],
        loaded,
        [each.image.photo_size for each in ready],
        [each.image.name for each in ready],
    )
    unit = unit_of(dialect, named.priors).cpu()
    boxes = [(torch.tensor(each.boxes, dtype=torch.float64).reshape(-1, 4) * unit).to(unit.dtype) for each in loaded]
    gt = pad_ground_truth(boxes, [torch.tensor(each.ids, dtype=torch.long) for each in ready])
    return Scene(Batch(named, device, targets=Loaded(gt, stated)), dialect).objects
