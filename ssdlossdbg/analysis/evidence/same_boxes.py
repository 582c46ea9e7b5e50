"""Which boxes are the same, but for what rounding does to them."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.results import BoolArray, FloatArray, IntArray

# Times that boxes are told apart along one coordinate.
MOST_CUTS = 8


def same_boxes(image: IntArray, boxes: FloatArray, tolerance: FloatArray) -> IntArray:
    """`[N]` numbers from 0 to N - 1 that are equal where image and box are.

    Args:
        image: `[N]`.
        boxes: `[N, D]` finite, in any form; or a part of each.
        tolerance: `[N, D]` by how much each number may be off.

    Along one coordinate after the other, each group is cut wherever its sorted values leave a gap. What comes after the
    first four cuts what only boxes held together that have meanwhile moved to other groups, until nothing is cut by any
    coordinate. A box that is left alone is done: by a wrong formula, most are so soon.
    """
    group, rows, columns = image.astype(np.int64), np.arange(len(image)), boxes.shape[1]
    turns, settled = [*range(columns)] * (MOST_CUTS // columns), 0
    while turns and len(rows):
        axis = turns.pop(0)
        at = rows[np.lexsort((boxes[rows, axis], group[rows]))]
        value, slack, owner = boxes[at, axis], tolerance[at, axis], group[at]
        starts, ends = np.ones((2, len(at)), dtype=bool)
        others = owner[1:] != owner[:-1]
        np.logical_or(others, value[1:] - value[:-1] > slack[1:] + slack[:-1], out=starts[1:])
        ends[:-1] = starts[1:]
        group[at] = at[starts][np.cumsum(starts) - 1]
        settled = 0 if np.count_nonzero(starts[1:]) > np.count_nonzero(others) else settled + 1
        if settled == columns:
            turns = turns[-1:]  # which decides the numbers
        alone = starts & ends
        if alone.any():
            rows = np.sort(at[~alone])
    return group


def same_boxes_by_each(image: IntArray, boxes: FloatArray, tolerance: FloatArray, usable: BoolArray) -> IntArray:
    """`[F, N]` numbers that are equal where image and box are by one of F formulas, which all take as long as a few.

    Args:
        image: `[N]`.
        boxes: `[F, N, D]` in any form; or a part of each.
        tolerance: `[F, N, D]` by how much each number may be off.
        usable: `[F, N]` whether it is finite, and a box at all; if not, its number is its own.
    """
    formula, row = usable.nonzero()
    apart = formula * (image.max(initial=0) + 1) + image[row]
    group = np.broadcast_to(np.arange(len(image)) + len(image), usable.shape).copy()
    first = np.searchsorted(formula, formula)  # of the formula's own
    group[usable] = same_boxes(apart, boxes[usable], tolerance[usable]) - first
    return group
