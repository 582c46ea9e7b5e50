"""What a loss is computed from, as parts that can be taken from one batch into another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import Batch, SavedObjects
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.two_steps import SecondScene, scene_of
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results.common import IntArray
from ssdlossdbg.results.diff import Difference
from ssdlossdbg.rules import Dialect, Units


@dataclass(frozen=True, eq=False)
class Given:
    """What a loss is computed from.

    Attributes:
        named: the P priors.
        predictions: `[B, P, 4]` and `[B, P, C]`.
        targets: of the same images.
        rules: the dialect.
        device: to compute on.
    """

    named: NamedPriors
    predictions: Predictions
    targets: Targets | EncodedTargets
    rules: Dialect
    device: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """(B, P, C)."""
        images, priors, classes = self.predictions.conf.shape
        return images, priors, classes

    @property
    def encoded(self) -> bool:
        """Whether the targets are."""
        return isinstance(self.targets, EncodedTargets)

    def with_predictions(self, **tensors: Any) -> Given:
        """The same with other tensors in the predictions."""
        return replace(self, predictions=replace(self.predictions, **tensors))

    def with_targets(self, **parts: Any) -> Given:
        """The same with other parts of the targets."""
        return replace(self, targets=replace(self.targets, **parts))

    def of_images(self, order: IntArray) -> Given:
        """The images at some places, in that order."""
        at, first, marks = torch.from_numpy(order), self.predictions.first, self.predictions.landmarks
        given = self.with_predictions(
            loc=self.predictions.loc[at],
            conf=self.predictions.conf[at],
            landmarks=None if marks is None else marks[at],
            first=first and replace(first, loc=first.loc[at], conf=first.conf[at]),
        )
        if isinstance(self.targets, EncodedTargets):
            return given.with_targets(labels=self.targets.labels[at], offsets=self.targets.offsets[at])
        parts = (self.targets.boxes, self.targets.labels)
        boxes, labels = (tuple(part[image] for image in order.tolist()) for part in parts)
        points = self.targets.landmarks
        return given.with_targets(
            boxes=boxes, labels=labels, landmarks=points and tuple(points[image] for image in order.tolist())
        )

    def with_images(self, order: IntArray, other: Given) -> Given:
        """The same with another's images at some places; both have the same priors and classes."""
        at, mine, theirs = torch.from_numpy(order), self.predictions, other.predictions

        def put(into: Tensor, of: Tensor) -> Tensor:
            return into.index_copy(0, at, of)

        first = mine.first
        if first is not None and theirs.first is not None:
            first = replace(first, loc=put(first.loc, theirs.first.loc), conf=put(first.conf, theirs.first.conf))
        marks = mine.landmarks
        if marks is not None and theirs.landmarks is not None:
            marks = put(marks, theirs.landmarks)
        given = other.with_predictions(
            loc=put(mine.loc, theirs.loc), conf=put(mine.conf, theirs.conf), landmarks=marks, first=first
        )
        if isinstance(self.targets, EncodedTargets) and isinstance(other.targets, EncodedTargets):
            return given.with_targets(
                labels=put(self.targets.labels, other.targets.labels),
                offsets=put(self.targets.offsets, other.targets.offsets),
            )
        parts = {}
        for name in ("boxes", "labels", "landmarks"):
            own, new = getattr(self.targets, name), getattr(other.targets, name)
            if own is not None and new is not None:
                places = dict(zip(order.tolist(), new, strict=True))
                parts[name] = tuple(places.get(place, each) for place, each in enumerate(own))
        return given.with_targets(**parts)

    def of_priors(self, order: IntArray, named: NamedPriors) -> Given:
        """The priors in another order, which are called otherwise."""
        at, first, marks = torch.from_numpy(order), self.predictions.first, self.predictions.landmarks
        given = replace(self, named=named).with_predictions(
            loc=self.predictions.loc[:, at],
            conf=self.predictions.conf[:, at],
            landmarks=None if marks is None else marks[:, at],
            first=first and replace(first, loc=first.loc[:, at], conf=first.conf[:, at]),
        )
        if isinstance(self.targets, EncodedTargets):
            return given.with_targets(labels=self.targets.labels[:, at], offsets=self.targets.offsets[:, at])
        return given

    def objects(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Per image `[n, 4]` float64 xyxy as fractions of the image, and `[n]` labels, of targets that are objects."""
        assert isinstance(self.targets, Targets)
        width, height = self.named.priors.image_size
        size = torch.tensor((width, height, width, height), dtype=torch.float64)
        pixels = self.targets.units is Units.PIXELS
        boxes = tuple(image.double() / size if pixels else image.double() for image in self.targets.boxes)
        return boxes, self.targets.labels

    @property
    def refused(self) -> str:
        """Why no loss can be computed of it, in words; empty where it can."""
        classes = self.shape[2]
        labels = self.targets.labels if isinstance(self.targets, EncodedTargets) else torch.cat(self.targets.labels)
        least = -1 if self.encoded else 0
        wrong = labels[(labels < least) | (labels >= classes)]
        if not len(wrong):
            return ""
        number = "a label is" if len(wrong) == 1 else f"{len(wrong):,} labels are"
        found = ", ".join(map(str, sorted(set(wrong.tolist()))[:3]))
        return f"{number} {found}, and its predictions have {classes} classes, 0 (background) to {classes - 1}"

    def batch(self, like: Batch | None = None) -> Batch:
        """All but the rules, with names of classes and images as of another batch."""
        return Batch(
            self.named,
            self.device,
            predictions=self.predictions,
            targets=self.targets,
            classes=like.classes if like else (),
            paths=like.paths if like else ("", ""),
            images=like.images if like else (),
        )

    def scene(self, like: Batch | None = None) -> Scene:
        """The batch under its rules."""
        return scene_of(self.batch(like), self.rules)


def whole_loss(scene: Scene) -> float:
    """The loss of a batch, of both steps where there are two."""
    first = scene.first.sums.total().total if isinstance(scene, SecondScene) else 0.0
    return scene.sums.total().total + first


def given_of(batch: Batch, rules: Dialect) -> Given:
    """What a batch was read as, on the CPU, where the two are held against each other."""
    own = batch.predictions
    predictions = replace(
        own,
        loc=own.loc.cpu(),
        conf=own.conf.cpu(),
        landmarks=None if own.landmarks is None else own.landmarks.cpu(),
        first=own.first and own.first.to(torch.device("cpu")),
    )
    targets = batch.encoded or (batch.source.targets if isinstance(batch.source, SavedObjects) else None)
    assert targets is not None
    return Given(batch.named, predictions, targets, rules, str(batch.device))


# (into, of): the first with something of the second.
Take = Callable[[Given, Given], Given]
# What is another in B, and how that is taken over; None of a mere note, and of parts of objects, which go together.
Changes = Iterator[tuple[Difference, Take | None]]


def bits(values: Tensor | Sequence[float]) -> np.ndarray[Any, Any]:
    """A tensor as NumPy has it."""
    array: np.ndarray[Any, Any] = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return array


def equal(first: Tensor | None, second: Tensor | None) -> bool:
    """Whether two tensors hold the same numbers, nan being nan."""
    if first is None or second is None:
        return first is second
    if first.shape != second.shape:
        return False
    same = first == second
    return bool((same | (first.isnan() & second.isnan())).all()) if first.is_floating_point() else bool(same.all())
