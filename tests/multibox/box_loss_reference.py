"""Losses of offsets and of boxes in plain loops over floats, from the formulas of their papers."""

from __future__ import annotations

import math
from collections.abc import Sequence

Box = Sequence[float]


def balanced_l1(difference: float, alpha: float, gamma: float, beta: float) -> float:
    """Libra R-CNN, equations 9 to 11, with MMDetection's beta."""
    b, size = math.exp(gamma / alpha) - 1, abs(difference)
    if size < beta:
        return alpha / b * (b * size + 1) * math.log(b * size / beta + 1) - alpha * size
    return gamma * size + gamma / b - alpha * beta


def overlap(box: Box, aim: Box) -> tuple[float, float]:
    """The area that two boxes share, and that of their union."""
    width = min(box[2], aim[2]) - max(box[0], aim[0])
    height = min(box[3], aim[3]) - max(box[1], aim[1])
    shared = width * height if width > 0 and height > 0 else 0.0
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (box, aim)]
    return shared, areas[0] + areas[1] - shared


def enclosing(box: Box, aim: Box) -> tuple[float, float]:
    """Width and height of the smallest box around both."""
    return max(box[2], aim[2]) - min(box[0], aim[0]), max(box[3], aim[3]) - min(box[1], aim[1])


def giou(box: Box, aim: Box, epsilon: float) -> float:
    """Rezatofighi et al., algorithm 1."""
    shared, union = overlap(box, aim)
    width, height = enclosing(box, aim)
    return 1 - shared / (union + epsilon) + (width * height - union) / (width * height + epsilon)


def diou(box: Box, aim: Box, epsilon: float) -> float:
    """Zheng et al., equation 7."""
    shared, union = overlap(box, aim)
    width, height = enclosing(box, aim)
    apart = sum(((box[axis] + box[axis + 2]) / 2 - (aim[axis] + aim[axis + 2]) / 2) ** 2 for axis in (0, 1))
    return 1 - shared / (union + epsilon) + apart / (width**2 + height**2 + epsilon)


def ciou(box: Box, aim: Box, epsilon: float, alpha: float | None = None) -> float:
    """Zheng et al., equations 8 to 11, the weight of the ratio's term given where it is to be a constant."""
    shared, union = overlap(box, aim)
    angles = [math.atan2(each[2] - each[0], each[3] - each[1]) for each in (aim, box)]
    v = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    weight = v / (1 - shared / (union + epsilon) + v + epsilon) if alpha is None else alpha
    return diou(box, aim, epsilon) + weight * v


def decode(offsets: Sequence[float], prior: Box, variances: Sequence[float], most: float = math.inf) -> list[float]:
    """The box that offsets stand for, xyxy; logarithms of sizes clamped."""
    centre = [prior[axis] + offsets[axis] * variances[axis] * prior[axis + 2] for axis in (0, 1)]
    size = [prior[axis] * math.exp(min(offsets[axis] * variances[axis], most)) for axis in (2, 3)]
    return [centre[0] - size[0] / 2, centre[1] - size[1] / 2, centre[0] + size[0] / 2, centre[1] + size[1] / 2]
