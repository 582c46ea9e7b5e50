"""A run as trackers of trainings take it: numbers by step, each under a tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssdlossdbg.report.history.tables import BY, group_names
from ssdlossdbg.report.history.thinned import thinned
from ssdlossdbg.results.common import BoolArray, FloatArray, IntArray
from ssdlossdbg.results.history import HistoryResult
from ssdlossdbg.results.history_course import Course
from ssdlossdbg.results.history_rows import LEVEL, PARTS_KNOWN, TOTAL_KNOWN, WHOLE, Rows

# Points of a line, about; trackers show fewer. And of all lines of groups together, of which a set of a thousand
# classes has five thousand: each has so many at the least.
MOST_POINTS, MOST_OF_GROUPS, LEAST_POINTS = 10_000, 300_000, 50
OF_A_GROUP = 5


@dataclass(frozen=True, eq=False)
class Scalars:
    """A line of a tracker's chart.

    Attributes:
        tag: what it is called, in groups by slashes.
        step, value, time: `[n]`; seconds since 1970, UTC.
    """

    tag: str
    step: IntArray
    value: FloatArray
    time: FloatArray


def scalars(result: HistoryResult) -> Iterator[Scalars]:
    """Losses, learning rate and gradient norm of each process, then what is learnt of all, each level, class and size.

    Args:
        result: what `history` returned; nothing of one that was read from JSON.
    """
    if result.course is not None:
        yield from _of_steps(result, result.course)
        yield from _of_groups(result, result.course)


def _of_steps(result: HistoryResult, course: Course) -> Iterator[Scalars]:
    places = thinned(course, MOST_POINTS, np.array([event.step for event in result.events], np.int64))
    rows, ranks = course.steps[places], course.rank[places]
    loss, validation = course.loss[places], course.validation[places]
    parts = (rows["marks"] & PARTS_KNOWN) > 0
    known = (rows["marks"] & (PARTS_KNOWN | TOTAL_KNOWN)) > 0
    columns: list[tuple[str, FloatArray, BoolArray]] = [
        ("loss/total", loss, known & ~validation),
        ("loss/localization", rows["localization"], parts & ~validation),
        ("loss/confidence", rows["confidence"], parts & ~validation),
        ("validation/loss", loss, known & validation),
        ("optimizer/learning rate", rows["rate"], ~np.isnan(rows["rate"])),
        ("optimizer/gradient norm", rows["norm"], ~np.isnan(rows["norm"])),
    ]
    for rank in np.unique(ranks):
        whose = f" of process {rank}" if result.ranks > 1 else ""
        for tag, values, kept in columns:
            own = kept & (ranks == rank)
            if own.any():
                yield Scalars(tag + whose, rows["step"][own], values[own].astype(np.float64), rows["time"][own])


def _of_groups(result: HistoryResult, course: Course) -> Iterator[Scalars]:
    rows = course.groups
    lines = OF_A_GROUP * len(np.unique(rows[["kind", "key"]]))
    most = min(MOST_POINTS, max(LEAST_POINTS, MOST_OF_GROUPS // max(1, lines)))
    names = np.array(group_names(result, course), dtype=object)
    for kind in BY:
        for key in np.unique(rows["key"][rows["kind"] == kind]):
            own = (rows["kind"] == kind) & (rows["key"] == key) & ((rows["objects"] > 0) | (rows["positives"] > 0))
            if own.any():
                yield from _of_group(_whose(kind, int(key), names[own][0]), rows[own], course, most)


def _whose(kind: int, key: int, name: str) -> str:
    """The tag of a group: in the order of keys, and one of its own whatever it is called."""
    if kind == WHOLE:
        return "all objects"
    return f"{BY[kind]}/{key}" + ("" if kind == LEVEL else f" {name.replace('/', '_')}")


def _of_group(whose: str, rows: Rows, course: Course, most: int) -> Iterator[Scalars]:
    every, place = np.unique(rows["step"], return_inverse=True)
    apart = -(-len(every) // most)
    steps = every[::apart]
    time = course.steps["time"][np.searchsorted(course.steps["step"], steps).clip(max=len(course.steps) - 1)]

    def summed(*names: str) -> FloatArray:
        values = np.sum([rows[name].astype(np.float64) for name in names], 0)
        sums: FloatArray = np.bincount(place, values).astype(np.float64)[::apart]
        return sums

    objects, positives = summed("objects"), summed("positives")
    lines = [
        ("right", summed("right"), objects),
        ("forced only", summed("forced_only"), objects),
        ("unmatched", summed("unmatched"), objects),
        ("loss per positive", summed("localization", "positive"), positives),
        ("positives", positives, np.ones(len(steps))),
    ]
    for name, sums, of in lines:
        if (of > 0).any():
            yield Scalars(f"{whose}/{name}", steps[of > 0], sums[of > 0] / of[of > 0], time[of > 0])
