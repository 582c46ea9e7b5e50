"""The detections of an image: columns, and a row only where somebody looks at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, overload

import numpy as np

from ssdlossdbg.results.common import BoolArray, Box, FloatArray, IntArray
from ssdlossdbg.results.contract import at

# What a detection is; an overlap counts from IoU 0.5 on, as Pascal VOC counts it.
FINDS = "finds"
REPEATS = "repeats"
OTHER_CLASS = "other-class"
NOTHING = "nothing"
ROLES = (FINDS, REPEATS, OTHER_CLASS, NOTHING)


@dataclass(frozen=True)
class Detection:
    """One detection.

    Attributes:
        rank: place among its image's detections by score, from 1.
        class_id, label, score: what it is taken for, and how surely.
        box: in input pixels.
        normalized: the same box, normalised.
        prior, level: where it was predicted.
        best_iou: with the nearest object of any class; 0 where there is none.
        ground_truth: that object's index, or None.
        best_iou_of_class: with the nearest object of its own class; 0 where there is none.
        ground_truth_of_class: that object's index, or None.
        role: FINDS the object of its class that no higher detection found, REPEATS such a detection, overlaps an
            object of an OTHER_CLASS, or NOTHING; None without targets.
    """

    rank: int
    class_id: int
    label: str
    score: float
    box: Box
    normalized: Annotated[Box, at("box_normalized")]
    prior: int
    level: int
    best_iou: float
    ground_truth: int | None
    best_iou_of_class: float
    ground_truth_of_class: int | None
    role: str | None


@dataclass(frozen=True, eq=False, repr=False)
class Detections(Sequence[Detection]):
    """The N detections of an image, the highest score first: a sequence that is equal to a tuple of the same.

    A batch of an untrained network has hundreds of thousands, of which a report shows twenty.

    Attributes:
        names: of the output columns, background first.
        image_size: (width, height) of the network's input.
        class_id, score, prior, level, best_iou, ground_truth, best_iou_of_class, ground_truth_of_class: `[N]`, each as
            in `Detection`.
        normalized: `[N, 4]`, likewise.
        roles: `[N]` places in `ROLES`; None without targets.
    """

    names: tuple[str, ...]
    image_size: tuple[int, int]
    class_id: IntArray
    score: FloatArray
    normalized: FloatArray
    prior: IntArray
    level: IntArray
    best_iou: FloatArray
    ground_truth: IntArray
    best_iou_of_class: FloatArray
    ground_truth_of_class: IntArray
    roles: IntArray | None

    def __len__(self) -> int:
        return len(self.score)

    @overload
    def __getitem__(self, place: int) -> Detection: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Detection, ...]: ...
    def __getitem__(self, place: int | slice) -> Detection | tuple[Detection, ...]:
        if isinstance(place, slice):
            return tuple(self.at(np.arange(len(self))[place]))
        return next(self.at(np.array([range(len(self))[place]])))

    def __iter__(self) -> Iterator[Detection]:
        return self.at(np.arange(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (tuple, Detections)) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def at(self, chosen: IntArray) -> Iterator[Detection]:
        """Those at some places, `[K]`."""
        width, height = self.image_size
        roles = [None] * len(chosen) if self.roles is None else [ROLES[role] for role in self.roles[chosen].tolist()]
        columns = (
            *(each[chosen].tolist() for each in (self.class_id, self.score, self.normalized, self.prior, self.level)),
            *(each[chosen].tolist() for each in (self.best_iou, self.ground_truth)),
            *(each[chosen].tolist() for each in (self.best_iou_of_class, self.ground_truth_of_class)),
        )
        for rank, role, *row in zip((chosen + 1).tolist(), roles, *columns, strict=True):
            class_id, score, box, prior, level, iou, nearest, iou_of_class, nearest_of_class = row
            yield Detection(
                rank=rank,
                class_id=class_id,
                label=self.names[class_id],
                score=score,
                box=(box[0] * width, box[1] * height, box[2] * width, box[3] * height),
                normalized=(box[0], box[1], box[2], box[3]),
                prior=prior,
                level=level,
                best_iou=iou,
                # The nearest object, where there is any overlap with it.
                ground_truth=nearest if iou > 0 else None,
                best_iou_of_class=iou_of_class,
                ground_truth_of_class=nearest_of_class if iou_of_class > 0 else None,
                role=role,
            )


def scores_in(detections: Sequence[Detection]) -> FloatArray:
    """`[N]` the scores of an image's detections."""
    if isinstance(detections, Detections):
        return detections.score
    return np.array([item.score for item in detections], dtype=float)


def classes_in(detections: Sequence[Detection]) -> IntArray:
    """`[N]` their class ids."""
    if isinstance(detections, Detections):
        return detections.class_id
    return np.array([item.class_id for item in detections], dtype=np.int64)


def in_role(detections: Sequence[Detection], role: str) -> BoolArray:
    """`[N]` which of them are in a role."""
    if not isinstance(detections, Detections):
        return np.array([item.role == role for item in detections], dtype=bool)
    if detections.roles is None:
        return np.zeros(len(detections), dtype=bool)
    return np.asarray(detections.roles == ROLES.index(role))


def those_in(detections: Sequence[Detection], role: str) -> Iterator[Detection]:
    """Those of them that are in a role."""
    places = np.flatnonzero(in_role(detections, role))
    return detections.at(places) if isinstance(detections, Detections) else (detections[i] for i in places.tolist())


def role_counts(detections: Sequence[Detection]) -> tuple[int, ...]:
    """How many of them are in each of `ROLES`."""
    return tuple(int(in_role(detections, role).sum()) for role in ROLES)
