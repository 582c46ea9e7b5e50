"""The losses and rates of a run, step by step: what is usual, and what stands out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ssdlossdbg.readers.history import RunHistory, SavedBatch
from ssdlossdbg.results.captured import RAISED as RAISED_BATCH
from ssdlossdbg.results.common import BoolArray, FloatArray, IntArray
from ssdlossdbg.results.history import NOT_FINITE, RAISED, RATE, SPIKE, Event
from ssdlossdbg.results.history_rows import FIRST, PARTS_KNOWN, TOTAL_KNOWN, VALIDATION, losses

# What a loss is held against: the steps before it, at least so many.
WINDOW, ENOUGH = 101, 20
# A spike is so many times the median, and so many median absolute deviations above it.
TIMES, DEVIATIONS = 2.0, 6.0
# A falling loss is not what it was a hundred steps before: so many steps on either side of one say what is usual there,
# if so many of them are known, and a loss that is less of a multiple of that stands out, too.
NEAR, ENOUGH_NEAR = 10, 5
# What is noise there is told by the steps from one to the next, since a falling loss departs from its median anyway.
NEAR_TIMES, NEAR_STEPS = 1.6, 6.0
# A learning rate that is so many times the highest of the steps just before it is no schedule's.
RATE_TIMES, RATE_BEFORE = 5.0, 5
# One that is over after so many steps is an accident; one that stays, and is no higher than this times the highest
# before, may be a schedule that begins anew.
BRIEF, AS_HIGH = 20, 1.2
# Steps on either side of an event that say what it changed.
AROUND = 20
# Rows of a window at once.
BLOCK = 20_000


@dataclass(frozen=True, eq=False)
class Curve:
    """The training steps of one rank, `[N]` each.

    Attributes:
        rank: whose.
        step, time, epoch: of each.
        loss, rate, norm: nan where it is not known, and a loss that is itself nan where `known`.
        known: whether the loss is.
        first: whether a process began there.
    """

    rank: int
    step: IntArray
    time: FloatArray
    epoch: IntArray
    loss: FloatArray
    known: BoolArray
    rate: FloatArray
    norm: FloatArray
    first: BoolArray


def curves(history: RunHistory) -> list[Curve]:
    """The training steps of each rank."""
    rows = history.steps
    training = (rows["marks"] & np.uint32(VALIDATION)) == 0
    ranks = np.unique(history.rank[training])
    return [_curve(rows[training & (history.rank == rank)], int(rank)) for rank in ranks]


def _curve(rows: np.ndarray[Any, Any], rank: int) -> Curve:
    return Curve(
        rank=rank,
        step=rows["step"].astype(np.int64),
        time=rows["time"],
        epoch=rows["epoch"].astype(np.int64),
        loss=losses(rows),
        known=(rows["marks"] & np.uint32(TOTAL_KNOWN | PARTS_KNOWN)) > 0,
        rate=rows["rate"].astype(np.float64),
        norm=rows["norm"].astype(np.float64),
        first=(rows["marks"] & np.uint32(FIRST)) > 0,
    )


def events(curve: Curve, batches: tuple[SavedBatch, ...]) -> Iterator[Event]:
    """The steps of a rank that stand out, in their order.

    Args:
        curve: its steps.
        batches: that were saved; one that is of such a step is named with it.
    """
    saved = {batch.captured.epoch_time: batch for batch in batches if batch.captured.rank == curve.rank}
    finite = np.where(np.isfinite(curve.loss), curve.loss, np.nan)
    usual, spread = running(finite)
    odd = curve.known & ~np.isfinite(curve.loss)
    near = _near(finite)
    far = curve.known & (curve.loss > np.maximum(TIMES * usual, usual + DEVIATIONS * spread))
    high = far | (curve.known & near)
    usual_rate = _highest_before(curve.rate)
    fast = curve.rate > RATE_TIMES * usual_rate
    kinds = [(_edges(odd), NOT_FINITE, usual), (_edges(high & ~odd), SPIKE, usual), (_edges(fast), RATE, usual_rate)]
    places = sorted((int(place), kind, level) for where, kind, level in kinds for place in np.flatnonzero(where))
    for place, kind, level in places:
        event = _event(curve, place, kind, float(level[place]), saved.get(float(curve.time[place])))
        yield _of_rate(event, curve, place) if kind == RATE else event
    for batch in batches:
        if batch.captured.reason == RAISED_BATCH and batch.captured.rank == curve.rank:
            yield _raised(curve, batch)


def running(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The median of the values before each, and their median absolute deviation from it; nan where there are few.

    Args:
        values: `[N]`; nan where there is none.
    """
    padded = np.concatenate((np.full(WINDOW, np.nan), values))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: len(values)]
    medians, spreads = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for start in range(0, len(values), BLOCK):
        block = windows[start : start + BLOCK]
        enough = np.isfinite(block).sum(1) >= ENOUGH
        if enough.any():
            rows = block[enough]
            middle = np.nanmedian(rows, 1)
            medians[start : start + BLOCK][enough] = middle
            spreads[start : start + BLOCK][enough] = np.nanmedian(np.abs(rows - middle[:, None]), 1)
    return medians, spreads


def _near(values: FloatArray) -> BoolArray:
    """Which values stand out of those on either side, be these falling or rising."""
    padded = np.concatenate((np.full(NEAR, np.nan), values, np.full(NEAR, np.nan)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, NEAR)
    found = np.zeros(len(values), bool)
    for start in range(0, len(values), BLOCK):
        own = values[start : start + BLOCK]
        sides = windows[start : start + len(own)], windows[start + NEAR + 1 : start + NEAR + 1 + len(own)]
        enough = (np.isfinite(sides[0]).sum(1) >= ENOUGH_NEAR) & np.isfinite(own)
        if not enough.any():
            continue
        bounds = [_bound(side[enough]) for side in sides]
        found[start : start + BLOCK][enough] = own[enough] > np.fmax(*bounds)
    return found


def _bound(near: FloatArray) -> FloatArray:
    """`[N]` what stands out of rows of values, `[N, K]`; nan where there are too few."""
    bound = np.full(len(near), np.nan)
    enough = np.isfinite(near).sum(1) >= ENOUGH_NEAR
    if enough.any():
        median = np.nanmedian(near[enough], 1)
        noise = np.abs(np.diff(near[enough], axis=1))
        noise[np.isnan(noise).all(1)] = 0
        bound[enough] = np.maximum(NEAR_TIMES * median, median + NEAR_STEPS * np.nanmedian(noise, 1))
    return bound


def _highest_before(rates: FloatArray) -> FloatArray:
    """The highest of the few rates before each; nan where there are fewer, as at a start."""
    if len(rates) <= RATE_BEFORE:
        return np.full(len(rates), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(rates, RATE_BEFORE)[:-1]
    # Some are not known where a run was begun again.
    return np.concatenate((np.full(RATE_BEFORE, np.nan), np.fmax.reduce(windows, axis=1)))


def _edges(where: BoolArray) -> BoolArray:
    """Where it begins to be so."""
    return where & ~np.concatenate(([False], where[:-1]))


def _event(curve: Curve, place: int, kind: str, usual: float, saved: SavedBatch | None) -> Event:
    value = curve.rate[place] if kind == RATE else curve.loss[place]
    return Event(
        step=int(curve.step[place]),
        epoch=int(curve.epoch[place]) or None,
        rank=curve.rank,
        kind=kind,
        value=float(value),
        usual=_known(usual),
        rate=_known(curve.rate[place]),
        norm=_known(curve.norm[place]),
        before=_median(curve.loss[max(0, place - AROUND) : place]),
        after=_median(curve.loss[place + 1 : place + 1 + AROUND]),
        file=None if saved is None else str(saved.path),
        images=() if saved is None else saved.captured.names,
    )


@np.errstate(invalid="ignore")  # a rate of a damaged file may be any number
def _of_rate(event: Event, curve: Curve, place: int) -> Event:
    """An event of the learning rate, with how long it lasted, and whether it may have been meant."""
    usual = float(event.usual or 0.0)
    # Halfway, as factors go, between what it was and what it is.
    back = np.flatnonzero(curve.rate[place:] < np.sqrt(usual * event.value))
    lasted = int(back[0]) if len(back) and back[0] <= BRIEF else None
    highest = np.fmax.reduce(curve.rate[:place])
    resumed = curve.first[max(0, place - RATE_BEFORE) : place + 1].any()
    planned = lasted is None and event.value <= AS_HIGH * highest and not resumed
    return replace(event, lasted=lasted, planned=bool(planned))


def _raised(curve: Curve, batch: SavedBatch) -> Event:
    place = int(np.searchsorted(curve.time, batch.captured.epoch_time))
    step = int(curve.step[place - 1]) + 1 if place else int(curve.step[0])
    return Event(
        step=step,
        epoch=(int(curve.epoch[place - 1]) or None) if place else None,
        rank=curve.rank,
        kind=RAISED,
        value=float("nan"),
        usual=batch.captured.median,
        rate=None,
        norm=None,
        before=_median(curve.loss[max(0, place - AROUND) : place]),
        after=_median(curve.loss[place : place + AROUND]),
        file=str(batch.path),
        images=batch.captured.names,
        cause=batch.captured.error,
    )


def _median(values: FloatArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def binned(curve: Curve, values: FloatArray, starts: IntArray) -> tuple[float, ...]:
    """The median of values in each part of a run, nan where there is none.

    Args:
        curve: whose steps they are of.
        values: `[N]`.
        starts: the first step of each part.
    """
    part = np.searchsorted(starts, curve.step, side="right") - 1
    medians = (_median(values[part == each]) for each in range(len(starts)))
    return tuple(float("nan") if median is None else median for median in medians)
