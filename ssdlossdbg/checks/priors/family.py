"""What the checks of priors share."""

from __future__ import annotations

import math

from ssdlossdbg.checks.registry import Family

PRIORS = Family("PRI", "priors")

# Corner form and float32 move a normalised value by 1e-7.
ROUNDING = 1e-6
# Two positions on a grid closer than this, as a fraction of the image, are one: strides are rounded to 0.001 pixel.
SAME_POSITION = 1e-3


def size_range(shapes: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """The smallest and the largest square root of width times height."""
    sides = [math.sqrt(max(width * height, 0.0)) for width, height in shapes]
    return min(sides), max(sides)
