"""Boxes as plain numbers: what analyses and checks both ask of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ssdlossdbg.results.common import BoolArray, Box, FloatArray

# In one intermediate result.
MOST_NUMBERS = 2_000_000


def sound_boxes(boxes: FloatArray) -> BoolArray:
    """`[N]` whether corner boxes, `[N, 4]`, are any: finite, and wider and higher than nothing."""
    # Column by column: NumPy is slow at whatever runs along rows of four.
    x1, y1, x2, y2 = boxes.T
    finite_x1, finite_y1, finite_x2, finite_y2 = np.isfinite(boxes).T
    return np.asarray(finite_x1 & finite_y1 & finite_x2 & finite_y2 & (x2 > x1) & (y2 > y1))


def box_areas(boxes: FloatArray) -> FloatArray:
    """`[N]` width times height of corner boxes, `[N, 4]`; nan for some that are infinite."""
    x1, y1, x2, y2 = boxes.T
    with np.errstate(invalid="ignore"):
        areas: FloatArray = (x2 - x1) * (y2 - y1)
    return areas


def corners(boxes: FloatArray) -> FloatArray:
    """The corners of cxcywh boxes, `[N, 4]`: `[N, 4]` xyxy."""
    return np.concatenate((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), axis=1)


def sound_priors(priors: FloatArray) -> BoolArray:
    """`[N]` whether priors `[N, 4]` cxcywh are finite and have a size."""
    return np.asarray(np.isfinite(priors).all(1) & (priors[:, 2:] > 0).all(1))


def outside_share(box: Box, size: tuple[float, float]) -> float:
    """Share of a corner box's area that lies outside an image of that (width, height); 0 for a box without area."""
    x1, y1, x2, y2 = box
    area = (x2 - x1) * (y2 - y1)
    if not (x2 > x1 and y2 > y1 and math.isfinite(area)):
        return 0.0
    width = max(0.0, min(x2, size[0]) - max(x1, 0.0))
    height = max(0.0, min(y2, size[1]) - max(y1, 0.0))
    return 1.0 - width * height / area


def square_iou(shapes: Sequence[tuple[float, float]], sides: FloatArray, offset: FloatArray) -> FloatArray:
    """`[S]` the IoU of squares, each with the prior that fits it best.

    Args:
        shapes: (width, height) of each prior; all have the same centre.
        sides: `[S]` of the squares, above 0, in the same unit.
        offset: `[2, S]` or `[2, 1]` how far in x and y the squares' centres lie from that of the priors.
    """
    best = np.zeros(len(sides))
    few = max(1, MOST_NUMBERS // max(1, len(sides)))
    for first in range(0, len(shapes), few):  # a step a thousand shapes, mostly one
        prior = np.array(shapes[first : first + few]).T[..., None]
        low = np.maximum(-prior / 2, (offset - sides / 2)[:, None])
        high = np.minimum(prior / 2, (offset + sides / 2)[:, None])
        shared = (high - low).clip(0).prod(axis=0)
        np.maximum(best, (shared / (prior.prod(axis=0) + sides**2 - shared)).max(axis=0), out=best)
    return best
