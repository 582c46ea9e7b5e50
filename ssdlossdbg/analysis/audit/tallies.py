"""Counting what became of objects: all of them, and by class, size and aspect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ssdlossdbg.analysis.size_ranges import size_edges, size_names
from ssdlossdbg.results import BoolArray, FloatArray, Group, IntArray, RecallAt, Tally, became, sound_boxes
from ssdlossdbg.rules import Comparison, MatchSpec, Precision

THRESHOLDS = tuple(round(0.3 + 0.05 * step, 2) for step in range(13))
TALLIED = tuple(each.name for each in fields(Tally))
ASPECTS = (0.0, 1 / 3, 2 / 3, 3 / 2, 3.0, math.inf)
ASPECT_NAMES = ("1:3 and taller", "1:3 to 2:3", "2:3 to 3:2", "3:2 to 3:1", "3:1 and wider")


@dataclass(frozen=True)
class Outcomes:
    """What is counted of N objects; `[N]` each.

    Attributes:
        side: root of the area, in pixels of the network's input.
        aspect: width over height, in those pixels.
        valid: whether the box is one; side and aspect mean nothing where it is not.
        class_id: output column.
        positives, forced, best_iou, shape_iou: as in `Objects`.
        rules: threshold and comparison.
    """

    side: FloatArray
    aspect: FloatArray
    valid: BoolArray
    class_id: IntArray
    positives: IntArray
    forced: IntArray
    best_iou: FloatArray
    shape_iou: FloatArray
    rules: MatchSpec

    def reached(self, iou: FloatArray, threshold: float) -> BoolArray:
        """`[N]` whether sound objects reach a threshold, as the dialect compares."""
        bound = threshold if self.rules.precision is Precision.FLOAT64 else float(np.float32(threshold))
        enough = iou >= bound if self.rules.comparison is Comparison.AT_LEAST else iou > bound
        return np.asarray(self.valid & enough)

    @property
    def counted(self) -> dict[str, IntArray | BoolArray]:
        """What each field of `Tally` adds up, `[N]` each."""
        matched, forced_only, without_positive = became(self.valid, self.positives, self.forced)
        threshold = self.rules.threshold
        return {
            "ground_truth": np.ones_like(self.valid),
            "matched": matched,
            "forced_only": forced_only,
            "without_positive": without_positive,
            "invalid": ~self.valid,
            "unmatched": self.positives == 0,
            "positives": self.positives,
            "forced": self.forced,
            "reached": self.reached(self.best_iou, threshold),
            "shape_reached": self.reached(self.shape_iou, threshold),
        }


def outcomes(
    boxes: FloatArray, class_id: IntArray, columns: Mapping[str, Any], size: tuple[int, int], rules: MatchSpec
) -> Outcomes:
    """What is counted of N objects.

    Args:
        boxes: `[N, 4]` xyxy, normalised.
        class_id: `[N]` output columns.
        columns: `[N]` each, what became of them, under the names of the fields of `Objects`.
        size: (width, height) of the network's input in pixels.
        rules: threshold and comparison.
    """
    valid = sound_boxes(boxes)
    with np.errstate(invalid="ignore", over="ignore"):  # of boxes that are not finite
        sides = (boxes[:, 2:] - boxes[:, :2]) * size
    width, height = np.where(valid[:, None], sides, 1.0).T
    return Outcomes(
        side=np.sqrt(width * height),
        aspect=width / height,
        valid=valid,
        class_id=class_id,
        positives=columns["positives"],
        forced=columns["forced"],
        best_iou=columns["best_iou"],
        shape_iou=columns["shape_iou"],
        rules=rules,
    )


def count(outcome: Outcomes, key: IntArray, groups: int) -> IntArray:
    """`[F, K]` the fields of `Tally` for each of K groups; objects whose key is K or more are in none."""
    rows = [np.bincount(key, values, groups + 1)[:groups] for values in outcome.counted.values()]
    return np.asarray(rows).astype(np.int64)


def tally(counts: Sequence[int]) -> Tally:
    """A column of `count`."""
    return Tally(**dict(zip(TALLIED, counts, strict=True)))


def total(outcome: Outcomes) -> Tally:
    """All objects."""
    return tally(count(outcome, np.zeros_like(outcome.class_id), 1)[:, 0].tolist())


def recalls(outcome: Outcomes) -> tuple[RecallAt, ...]:
    """Best possible recall at thresholds around the usual one."""
    sound = int(outcome.valid.sum())

    def reached(iou: FloatArray, threshold: float) -> float:
        return _share(int(outcome.reached(iou, threshold).sum()), sound)

    return tuple(
        RecallAt(each, reached(outcome.best_iou, each), reached(outcome.shape_iou, each)) for each in THRESHOLDS
    )


def by_class(outcome: Outcomes, names: Sequence[str]) -> tuple[Group, ...]:
    """The classes that have objects, in the order of their ids."""
    groups = _groups(outcome, outcome.class_id - 1, list(names), [None] * len(names), [None] * len(names))
    return tuple(group for group in groups if group.tally.ground_truth)


def size_key(outcome: Outcomes, edges: Sequence[float]) -> IntArray:
    """`[N]` the range of each object's side; one more than there are for boxes that are none."""
    return _key(outcome, outcome.side, edges)


def by_size(outcome: Outcomes, size: tuple[int, int]) -> tuple[Group, ...]:
    """All ranges of the side, ascending; sound boxes only."""
    edges = size_edges(size)
    return _groups(outcome, size_key(outcome, edges), size_names(edges), *_ends(edges))


def ranges_of(counts: IntArray, edges: Sequence[float]) -> tuple[Group, ...]:
    """The ranges of the side from `[F, K]` counts alone, without recalls at other thresholds."""
    rows = zip(size_names(edges), *_ends(edges), counts.T.tolist(), strict=True)
    return tuple(Group(name, low, high, tally(column), ()) for name, low, high, column in rows)


def by_aspect(outcome: Outcomes) -> tuple[Group, ...]:
    """All ranges of width over height, tall before wide; sound boxes only."""
    return _groups(outcome, _key(outcome, outcome.aspect, ASPECTS), ASPECT_NAMES, *_ends(ASPECTS))


def _key(outcome: Outcomes, values: FloatArray, edges: Sequence[float]) -> IntArray:
    places = np.searchsorted(np.asarray(edges[1:-1]), values, side="right")
    return np.where(outcome.valid, places, len(edges) - 1)


def _ends(edges: Sequence[float]) -> tuple[list[float | None], list[float | None]]:
    low = [edge if edge > 0 else None for edge in edges[:-1]]
    return low, [edge if math.isfinite(edge) else None for edge in edges[1:]]


def _groups(
    outcome: Outcomes, key: IntArray, names: Sequence[str], low: Sequence[float | None], high: Sequence[float | None]
) -> tuple[Group, ...]:
    number = len(names)
    counts = count(outcome, key, number)
    sound = np.bincount(key[outcome.valid], minlength=number + 1)[:number]
    reached = [
        np.bincount(key[outcome.reached(outcome.best_iou, threshold)], minlength=number + 1)[:number]
        for threshold in THRESHOLDS
    ]
    shares = np.asarray(reached).T.tolist()
    rows = zip(names, low, high, counts.T.tolist(), sound.tolist(), shares, strict=True)
    return tuple(
        Group(name, start, end, tally(column), tuple(_share(part, whole) for part in row))
        for name, start, end, column, whole, row in rows
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
