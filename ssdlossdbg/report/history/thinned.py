"""A long run in as many steps as a page or a tracker shows, those that stand out among them."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.results.common import FloatArray, IntArray
from ssdlossdbg.results.history_course import Course


def thinned(course: Course, most: int, kept: IntArray) -> IntArray:
    """Places of the rows to show, in their order.

    Of each stretch these are the first, its lowest and highest loss, and the highest learning rate.

    Args:
        course: of the run.
        most: about so many rows of each rank; all of a run that has no more.
        kept: steps to show in any case.
    """
    places = [_of_rank(np.flatnonzero(course.rank == rank), course, most) for rank in np.unique(course.rank)]
    wanted = np.flatnonzero(np.isin(course.steps["step"], kept))
    return np.unique(np.concatenate([*places, wanted]))


def _of_rank(rows: IntArray, course: Course, most: int) -> IntArray:
    if len(rows) <= most:
        return rows
    stretch = -(-len(rows) * 4 // most)
    starts = np.arange(0, len(rows), stretch)
    loss, rate = course.loss[rows], course.steps["rate"][rows].astype(np.float64)
    rate = np.where(np.isnan(rate), -np.inf, rate)  # not known; a loss that is not a number stands out
    chosen = [starts, *(_highest(values, starts, stretch) for values in (loss, -loss, rate))]
    kept: IntArray = rows[np.unique(np.concatenate(chosen))]
    return kept


def _highest(values: FloatArray, starts: IntArray, stretch: int) -> IntArray:
    """Where each stretch has its highest value, or the first that is not a number."""
    padded = np.full(len(starts) * stretch, -np.inf)
    padded[: len(values)] = values
    at: IntArray = (starts + padded.reshape(-1, stretch).argmax(1)).clip(max=len(values) - 1)
    return at
