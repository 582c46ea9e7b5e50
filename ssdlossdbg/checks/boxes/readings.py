"""What four numbers of a box can mean, and whether they then lie inside their image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ssdlossdbg.results import BoolArray, FloatArray, corners

# How far a box may reach out of its image, in parts of it, before it counts as one that does not fit.
SLACK = 0.01
Convert = Callable[[FloatArray], FloatArray]


def _turned(read: Convert) -> Convert:
    """The same, of numbers that name y before x."""
    return lambda numbers: read(numbers[:, [1, 0, 3, 2]])


def _wide(numbers: FloatArray) -> FloatArray:
    return np.concatenate((numbers[:, :2], numbers[:, :2] + numbers[:, 2:]), axis=1)


def _same(numbers: FloatArray) -> FloatArray:
    return numbers


def _pairs(numbers: FloatArray) -> FloatArray:
    return numbers[:, [0, 2, 1, 3]]


# From what a file writes to corners, and back for the layouts that files are read in.
READS: dict[str, Convert] = {
    "xyxy": _same,
    "xywh": _wide,
    "cxcywh": corners,
    "xxyy": _pairs,
    "yxyx": _turned(_same),
    "yxhw": _turned(_wide),
    "cycxhw": _turned(corners),
    "yyxx": lambda numbers: numbers[:, [2, 0, 3, 1]],
    "xyxy-ends-first": lambda numbers: numbers[:, [2, 3, 0, 1]],
    "xyxy-bottom-first": lambda numbers: numbers[:, [0, 3, 2, 1]],
    "xyxy-right-first": lambda numbers: numbers[:, [2, 1, 0, 3]],
}
WRITES: dict[str, Convert] = {
    "xyxy": _same,
    "xywh": lambda boxes: np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1),
    "cxcywh": lambda boxes: np.concatenate(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]), axis=1),
}
NAMES = {
    "xyxy": "x1 y1 x2 y2",
    "xywh": "x y width height",
    "cxcywh": "cx cy width height",
    "xxyy": "x1 x2 y1 y2",
    "yxyx": "y1 x1 y2 x2",
    "yxhw": "y x height width",
    "cycxhw": "cy cx height width",
    "yyxx": "y1 y2 x1 x2",
    "xyxy-ends-first": "x2 y2 x1 y1",
    "xyxy-bottom-first": "x1 y2 x2 y1",
    "xyxy-right-first": "x2 y1 x1 y2",
}
# A layout that names y before x fits the turned image, which is what the layout itself does if the declared width and
# height are exchanged.
TURNED = {"xyxy": "yxyx", "xywh": "yxhw", "cxcywh": "cycxhw"}
# Of two that fit, the first is the simpler: y first is doubted only where x first does not do, and corners that are
# merely swapped, which fit wherever the others do, last.
TIERS = (
    ("xyxy", "xywh", "cxcywh", "xxyy"),
    ("yxyx", "yxhw", "cycxhw", "yyxx"),
    ("xyxy-ends-first", "xyxy-bottom-first", "xyxy-right-first"),
)


def tiers_beside(layout: str) -> tuple[tuple[str, ...], ...]:
    """The other layouts that a file may be written in, those of one tier being equally simple."""
    own = TURNED[layout]
    first = tuple(name for name in (*TIERS[0], own) if name != layout)
    return first, tuple(name for name in TIERS[1] if name != own), TIERS[2]


def inside(boxes: FloatArray, sizes: FloatArray) -> BoolArray:
    """`[N]` whether each box ends where it begins or later, and lies inside its image but for a hundredth of it.

    Args:
        boxes: `[N, 4]` xyxy.
        sizes: `[N, 2]` (width, height) of their images.
    """
    (x1, y1, x2, y2), (width, height) = boxes.T, sizes.T
    across, down = width * SLACK, height * SLACK
    within = (x1 >= -across) & (y1 >= -down) & (x2 <= width + across) & (y2 <= height + down)
    return np.asarray((x2 >= x1) & (y2 >= y1) & within)


def has_sides(boxes: FloatArray) -> BoolArray:
    """`[N]` whether a box is finite, and neither its width nor its height is 0."""
    x1, y1, x2, y2 = boxes.T
    return np.asarray(np.logical_and.reduce([*map(np.isfinite, boxes.T), x1 != x2, y1 != y2]))
