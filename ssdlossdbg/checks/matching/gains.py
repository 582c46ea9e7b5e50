"""How many objects priors of other shapes would reach, from where these would stand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssdlossdbg.results import BoolArray, FloatArray, IntArray, Objects
from ssdlossdbg.rules import LevelSpec

# Where in its cell a prior stands, in nearly all codebases: the middle.
MIDDLE = 0.5


def reached(objects: Objects, rows: IntArray, shapes: Sequence[tuple[float, float]], level: LevelSpec) -> BoolArray:
    """`[K]` which rows, `[K]`, would reach the threshold with priors of some shapes in each cell of a level.

    Args:
        objects: the table.
        rows: of objects whose boxes are sound.
        shapes: (width, height) in pixels of the network's input.
        level: whose cells.
    """
    boxes = (objects.boxes[rows] * np.tile(objects.image_size, 2)).reshape(-1, 2, 2)
    cells, stride = np.asarray(level.feature_map), np.asarray(level.stride)
    nearest = np.clip(np.rint(boxes.mean(axis=1) / stride - MIDDLE), 0, cells - 1)
    centres = ((nearest + MIDDLE) * stride)[:, None]  # [K, 1, 2], beside shapes [S, 2]
    half = np.asarray(shapes, dtype=float) / 2
    low, high = np.maximum(boxes[:, :1], centres - half), np.minimum(boxes[:, 1:], centres + half)
    shared = np.maximum(high - low, 0).prod(axis=2)
    own: FloatArray = (boxes[:, 1] - boxes[:, 0]).prod(axis=1)[:, None]
    overlap = shared / (own + 4 * half.prod(axis=1) - shared)
    return np.asarray((overlap >= objects.rules.match.threshold).any(axis=1))
