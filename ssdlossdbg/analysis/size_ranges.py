"""Ranges of the size of objects that reports group them by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

SMALLEST = 8


def size_edges(size: tuple[int, int]) -> tuple[float, ...]:
    """The sides that ranges begin and end at: 0, the powers of two up to the network's input, infinity.

    Args:
        size: (width, height) of the network's input in pixels.
    """
    highest = math.ceil(math.log2(max(*size, 2 * SMALLEST)))
    return (0.0, *(float(2**power) for power in range(int(math.log2(SMALLEST)), highest)), math.inf)


def size_names(edges: Sequence[float]) -> list[str]:
    """The ranges between edges, in words."""
    between = [f"{low:g} to {high:g}" for low, high in pairwise(edges[1:-1])]
    return [f"under {edges[1]:g}", *between, f"{edges[-2]:g} and more"]
