"""The same rows in another order: which, and how to say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssdlossdbg.results.common import IntArray
from ssdlossdbg.rules import LevelSpec

# Places that a sentence names.
MOST_NAMED = 12


def order_of(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> IntArray | None:
    """`[N]` where each of B's rows stands in A, where both have the same rows, bit for bit; None where they do not.

    Rows that are alike keep their order.

    Args:
        first: `[N, ...]`.
        second: likewise, of B.
    """
    if first.shape != second.shape or first.dtype != second.dtype or not first.size:
        return None
    one, two = _as_keys(first), _as_keys(second)
    here, there = one.argsort(kind="stable"), two.argsort(kind="stable")
    if not np.array_equal(one[here], two[there]):
        return None
    order = np.empty(len(here), np.int64)
    order[there] = here
    return order


def _as_keys(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Each row as a string of its bytes, which NumPy sorts; zeros without a sign, and a last byte, or it cuts ends."""
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1) + 0)
    raw = flat.view(np.uint8).reshape(len(flat), -1)
    closed = np.ascontiguousarray(np.concatenate((raw, np.ones((len(raw), 1), np.uint8)), 1))
    return closed.view(f"S{closed.shape[1]}").reshape(-1)


def is_identity(order: IntArray) -> bool:
    """Whether nothing is in another place."""
    return bool((order == np.arange(len(order))).all())


def order_words(order: IntArray) -> str:
    """An order in words: reversed, or which of A's stands at each place."""
    if (order == np.arange(len(order))[::-1]).all():
        return "in reverse order"
    if len(order) <= MOST_NAMED:
        return f"in the order {', '.join(map(str, order.tolist()))}"
    shift = int(order[0])
    if shift and (order == np.roll(np.arange(len(order)), -shift)).all():
        return f"turned round by {shift}"
    return "in another order"


def prior_order_words(order: IntArray, levels: Sequence[LevelSpec]) -> str:
    """An order of priors in words: of whole levels, where it is one, or inside of them.

    Args:
        order: `[P]` where each of B's priors stands in A.
        levels: A's.
    """
    if (order == np.arange(len(order))[::-1]).all():
        return order_words(order)
    ends = np.cumsum([level.count for level in levels]) if levels else np.array([len(order)])
    starts = np.concatenate(([0], ends[:-1]))
    level = np.searchsorted(ends, order, side="right")
    if len(levels) > 1 and (np.sort(level) == level).all():
        if all(_is_by_shape(order[a:b] - a, each) for a, b, each in zip(starts, ends, levels, strict=True)):
            return "shape after shape instead of cell after cell, inside each level"
        return f"in another order inside {_levels(np.unique(level[order != np.arange(len(order))]))}"
    runs = level[np.concatenate(([0], np.flatnonzero(np.diff(level)) + 1))]
    if len(levels) > 1 and len(runs) == len(levels):
        return f"levels in the order {', '.join(map(str, runs.tolist()))}"
    return order_words(order)


def _is_by_shape(order: IntArray, level: LevelSpec) -> bool:
    wanted = np.arange(level.count).reshape(level.cells, len(level.shapes)).T.reshape(-1)
    return bool((order == wanted).all())


def _levels(which: IntArray) -> str:
    return f"level{'s' * (len(which) > 1)} {', '.join(map(str, which.tolist()))}"
