"""The feature maps that a network would have on another input, told from those that it has on its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise, product

import numpy as np

from ssdlossdbg.results import IntArray

# Inputs that are tried, in pixels a side.
SIZES: IntArray = np.arange(64, 1601)
# Those that people use, the most usual first.
INPUTS: tuple[int, ...] = (300, 512, 320, 400, 416, 448, 480, 500, 600, 608, 640, 700, 768, 800, 1024, 224, 256, 288)
INPUTS += (352, 384, 544, 576, 704, 896, 960, 1000, 1280)
MOST_CHAINS = 128

Step = Callable[[IntArray], IntArray]


def _halved_up(side: IntArray) -> IntArray:
    """By stride 2 with padding, or a pooling with ceil_mode."""
    return -(-side // 2)


def _halved_down(side: IntArray) -> IntArray:
    """By a pooling without ceil_mode."""
    return side // 2


def _unpadded(side: IntArray) -> IntArray:
    """By 3 x 3 cells without padding, as the last two levels of SSD300."""
    return side - 2


def _less_one(side: IntArray) -> IntArray:
    """By 4 x 4 cells with a padding of 1, as the last level of SSD512."""
    return side - 1


def chains(sides: Sequence[int], size: int) -> Iterator[IntArray]:
    """The maps on every input, by the steps that explain the network's own, the likeliest steps first.

    Args:
        sides: cells a side of its square maps, finest first.
        size: its own input, in pixels a side.

    Yields:
        `[L, S]` cells a side of each map on each of `SIZES`; nothing where no steps explain its own.
    """
    own = int(np.searchsorted(SIZES, size))
    if not (0 < own < len(SIZES) and sides and size >= sides[0]):
        return
    halvings = round(math.log2(size / sides[0]))
    starts = {bytes(start): start for start in _halvings(SIZES, halvings) if start[own] == sides[0]}
    later = [[step for step in STEPS if step(np.array(side)) == following] for side, following in pairwise(sides)]
    if any(_halved_up not in steps for steps in later):  # then small maps, where both fit, come by no padding, too
        for steps in later:
            steps.sort(key=lambda step: step is not _unpadded)
    for start, taken in islice(product(starts.values(), product(*later)), MOST_CHAINS):
        maps = [start]
        for step in taken:
            maps.append(step(maps[-1]))
        yield np.stack(maps)


def rounded_down(sides: Sequence[int], size: int) -> Iterator[list[int]]:
    """The maps on the network's own input if poolings rounded down: those before the first map, or all.

    Args:
        sides: cells a side of its square maps, finest first.
        size: its own input, in pixels a side.
    """
    halvings = round(math.log2(size / sides[0]))
    for everywhere in (False, True):
        maps = [size >> max(halvings, 0)]
        for side, following in pairwise(sides):
            fits = [step for step in STEPS if step(np.array(side)) == following]
            step = _halved_down if everywhere and _halved_up in fits else next(iter(fits), _halved_up)
            maps.append(int(step(np.array(maps[-1]))))
        if min(maps) > 0:
            yield maps


def _halvings(sizes: IntArray, number: int) -> list[IntArray]:
    """`[S]` each of the ways to halve sizes so often, rounding up or down each time."""
    found = [sizes]
    for _ in range(number):
        found = [step(each) for each in found for step in (_halved_up, _halved_down)]
    return found


STEPS: tuple[Step, ...] = (_halved_up, _unpadded, _halved_down, _less_one)
