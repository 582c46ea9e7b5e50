"""What happened in a run: events, what learns and what does not, and which objects those are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssdlossdbg.analysis.history.curve import Curve, binned, curves, events
from ssdlossdbg.analysis.history.exactness import share_off
from ssdlossdbg.analysis.history.groups import group_histories, right_of_all, with_images
from ssdlossdbg.analysis.history.tracks import object_histories
from ssdlossdbg.readers.history import RunHistory
from ssdlossdbg.results.common import FloatArray, IntArray
from ssdlossdbg.results.history import LEARNT, STATES, HistoryResult
from ssdlossdbg.results.history_course import Course
from ssdlossdbg.results.history_rows import VALIDATION, Rows

# Parts of a run that are told apart.
PARTS = 12
# What the easiest objects cost together, of all.
LITTLE = 0.01


def analyse_history(
    history: RunHistory, classes: Sequence[str] = (), size: tuple[int, int] | None = None
) -> HistoryResult:
    """Say what happened in a run.

    Args:
        history: what a capture kept of it.
        classes: names of the classes from 1; numbers stand in for those that are missing.
        size: of the network's input, (width, height) in pixels; None if not known.
    """
    of_ranks = curves(history)
    first = of_ranks[0]
    starts = _starts(first)
    groups, training = (_of_training(rows, history.steps) for rows in (history.groups, history.objects))
    right = right_of_all(groups, starts)
    known = [share for share in right if not np.isnan(share)]
    objects = tuple(object_histories(training, history.names, classes, size, known))
    told = [event for curve in of_ranks for event in events(curve, history.batches)]
    return HistoryResult(
        run=str(history.folder),
        criterion=str(history.about.get("criterion", "")),
        dialect=str(history.about.get("dialect", "")),
        ranks=len(of_ranks),
        steps=len(first.step),
        first_step=int(first.step[0]),
        last_step=int(first.step[-1]),
        epochs=int(first.epoch.max()),
        seconds=float(first.time[-1] - first.time[0]),
        sampled=len(np.unique(groups["step"])),
        loss=binned(first, _mean_loss(of_ranks), starts),
        rate=binned(first, first.rate, starts),
        norm=binned(first, first.norm, starts),
        right=right,
        part_steps=tuple(starts.tolist()),
        events=tuple(sorted(told, key=lambda event: (event.step, event.rank))),
        groups=tuple(with_images(each, training, history.names) for each in group_histories(groups, starts, classes)),
        states=tuple(sum(each.state == state for each in objects) for state in STATES),
        objects=tuple(sorted((each for each in objects if each.state != LEARNT), key=lambda each: -each.cost)),
        off=share_off(history),
        easiest=_easiest(np.array([each.cost for each in objects])),
        all_objects=objects,
        course=Course(history.steps, history.rank, groups),
    )


def _of_training(rows: Rows, steps: Rows) -> Rows:
    """The rows of samples but those of validation, which teach nothing."""
    validation = steps["step"][(steps["marks"] & np.uint32(VALIDATION)) > 0]
    of_training: Rows = rows[~np.isin(rows["step"], validation)] if len(validation) else rows
    return of_training


def _starts(curve: Curve) -> IntArray:
    """The first step of each part, as equal in steps as can be."""
    steps = np.unique(curve.step)
    places = np.linspace(0, len(steps), min(PARTS, len(steps)), endpoint=False).astype(np.int64)
    starts: IntArray = steps[places]
    return starts


def _mean_loss(of_ranks: Sequence[Curve]) -> FloatArray:
    """Of the first rank's steps, the mean loss of all ranks that have them."""
    first = of_ranks[0]
    sums, counts = np.zeros(len(first.step)), np.zeros(len(first.step))
    for curve in of_ranks:
        place = np.searchsorted(first.step, curve.step).clip(max=len(first.step) - 1)
        same = (first.step[place] == curve.step) & curve.known
        np.add.at(sums, place[same], curve.loss[same])
        np.add.at(counts, place[same], 1)
    mean: FloatArray = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return mean


def _easiest(costs: FloatArray) -> int:
    """How many objects, of the cheapest, cost `LITTLE` of all together."""
    finite = np.sort(costs[np.isfinite(costs)])
    return int((finite.cumsum() <= LITTLE * finite.sum()).sum()) if len(finite) else 0
