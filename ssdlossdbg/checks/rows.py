"""Rows of a table, chosen and put in order."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.analysis.results import BoolArray, FloatArray, IntArray


def rows_of(chosen: BoolArray) -> list[int]:
    """The rows that `chosen`, `[N]`, is true of, in their order."""
    found: list[int] = np.flatnonzero(chosen).tolist()
    return found


def lowest_first(chosen: BoolArray, measure: FloatArray | IntArray) -> list[int]:
    """The same, those of the lowest `measure`, `[N]`, first; where that is equal, in their order."""
    found = np.flatnonzero(chosen)
    ordered: list[int] = found[np.argsort(measure[found], kind="stable")].tolist()
    return ordered
