"""What the checks of boxes share."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import BoolArray, Objects

BOXES = Family("BOX", "boxes")

# Fractions of an image end at 1, a little beyond where a box reaches out; pixels begin far above.
LARGEST_FRACTION = 2.0


def taking_part(objects: Objects) -> BoolArray:
    """`[N]` whether an object is one to the loss: the background counts only where the dialect makes it a positive."""
    return np.asarray((objects.class_id > 0) | (objects.positives > 0))


def corners_in_words(objects: Objects, row: int) -> str:
    """The corners of an object's box, with their unit."""
    return ",".join(f"{value:.4g}" for value in objects.pixels(row)) + " px"
