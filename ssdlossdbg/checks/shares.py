"""What share of all that was looked at a check's cases concern, whether or not they have been described."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssdlossdbg.checks.cases import EVERYTHING, Cases, ListedCases, TableCases
from ssdlossdbg.results import (
    AnchorsResult,
    ClassUse,
    Costs,
    EncodedTable,
    FloatArray,
    HistoryResult,
    IntArray,
    Objects,
    PhotoFiles,
    PhotoSet,
    Predicted,
    PriorTable,
    Refusal,
    Subject,
    Where,
)


@dataclass(frozen=True)
class Part:
    """What a check found in one of the things that it looks at."""

    subject: Subject
    cases: Cases


def share_of(parts: Sequence[Part], beside: int = 0) -> float:
    """The share that a check's cases concern of the objects, images, priors or loss, whatever it looks at; up to 1.

    Args:
        parts: one for each thing that the check looked at, those without a case too.
        beside: what else there is that it need not look at, as files that were not refused.
    """
    concerned, total = 0.0, float(beside)
    for part in parts:
        weight = WEIGHTS[type(part.subject)](part.subject)
        total += weight.total
        if isinstance(part.cases, TableCases):
            concerned += _of_places(part.cases, weight.total)
        else:
            concerned += min(_stated(part.cases, weight), weight.total)
    return min(concerned / total, 1.0) if total else 1.0


@dataclass(frozen=True)
class _Weight:
    """How much a thing that checks look at counts.

    Attributes:
        total: all of it.
        at: how much of it is at a place.
        key: what makes two places the same part of it.
    """

    total: float
    at: Callable[[Where], float]
    key: Callable[[Where], object]


def _stated(cases: ListedCases, weight: _Weight) -> float:
    """What described cases concern, each part of it once."""
    shares: dict[object, float] = {}
    for number, case in enumerate(cases):
        key = weight.key(case.where) if case.share is None else ("case", number)
        shares[key] = weight.at(case.where) if case.share is None else case.share * weight.total
    return sum(shares.values())


def _of_places(cases: TableCases, total: float) -> float:
    """How many objects there are at the places of a table's cases; an image without any counts as one."""
    if not len(cases.places):
        return 0.0
    of_image = _objects_of_images(cases.objects)
    places = cases.places + 1
    image_and_object = places[:, 1] * (1 + places[:, 2].max()) + places[:, 2]
    # A file may be told by any of its images: only where no image is named does it make a difference.
    number = np.where(places[:, 1] > 0, image_and_object, -places[:, 0])
    _, first = np.unique(number, return_index=True)
    file, image, index = cases.places[first].T
    whole_image, whole_file = (
        (index == EVERYTHING) & (image != EVERYTHING),
        (image == EVERYTHING) & (file != EVERYTHING),
    )
    of_file = np.bincount(cases.objects.file, weights=of_image, minlength=len(cases.objects.files))
    if (file == EVERYTHING).any():
        return total
    number = (index != EVERYTHING).sum() + of_image[image[whole_image]].sum() + of_file[file[whole_file]].sum()
    return min(float(number), total)


def _objects_of_images(objects: Objects) -> IntArray:
    """`[B]` how many objects each image has, at least 1."""
    counts: IntArray = np.bincount(objects.image, minlength=len(objects.images)).clip(1)
    return counts


def _of_objects(objects: Objects) -> _Weight:
    total = float(_objects_of_images(objects).sum())

    def at(where: Where) -> float:
        if where.object is not None:
            return 1.0
        within = (objects.place(image) for image in range(len(objects.images)))
        chosen = [each.file == where.file and where.image in (None, each.image) for each in within]
        # Of no file there is: of a folder of files, or of their classes.
        return float(_objects_of_images(objects)[chosen].sum()) or total

    return _Weight(total, at, lambda where: (where.file, where.image, where.object))


def _of_priors(table: PriorTable | AnchorsResult) -> _Weight:
    counts: FloatArray = np.array([math.prod(level.feature_map) * len(level.shapes) for level in table.levels])
    ends, total = np.cumsum(counts), float(counts.sum()) or 1.0

    def level(where: Where) -> int | None:
        if where.level is None and where.prior is not None and len(ends):
            return int(np.searchsorted(ends, where.prior, side="right"))
        return where.level

    def at(where: Where) -> float:
        place = level(where)
        return total if place is None or place >= len(counts) else float(counts[place])

    return _Weight(total, at, level)


def _of_positives(table: EncodedTable) -> _Weight:
    positives = max(len(table.image), 1)

    def at(where: Where) -> float:
        if where.image is None:
            return positives
        return 1.0 if where.prior is not None else positives / max(table.images, 1)

    return _Weight(positives, at, lambda where: (where.image, where.prior))


def _of_images(predicted: Predicted) -> _Weight:
    def at(where: Where) -> float:
        return predicted.images if where.image is None else 1.0

    return _Weight(max(predicted.images, 1), at, lambda where: where.image)


def _of_loss(costs: Costs) -> _Weight:
    total, even = costs.loss.total, 1 / max(len(costs.images), 1)
    known = 0 < total < math.inf
    images = {image.index: image.parts.total / total if known else even for image in costs.images}
    items = {(item.image, item.index): item.total / total if known else even for item in costs.ground_truth}

    def at(where: Where) -> float:
        if where.object is not None:
            return items.get((int(where.image or 0), where.object), even)
        return images.get(where.image, 1.0) if isinstance(where.image, int) else 1.0

    return _Weight(1.0, at, lambda where: (where.image, where.object))


WEIGHTS: dict[type, Callable[[Any], _Weight]] = {
    Objects: _of_objects,
    PriorTable: _of_priors,
    AnchorsResult: _of_priors,
    EncodedTable: _of_positives,
    Predicted: _of_images,
    Costs: _of_loss,
    **dict.fromkeys(
        (ClassUse, HistoryResult, PhotoFiles, PhotoSet), lambda _: _Weight(1.0, lambda _: 1.0, lambda where: where)
    ),
    Refusal: lambda _: _Weight(1.0, lambda _: 1.0, lambda where: where.file),
}
