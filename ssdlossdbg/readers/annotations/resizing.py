"""Boxes as they come out of the codebase's resizing of the photo, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssdlossdbg.readers.annotations.scale import Scaled
from ssdlossdbg.results import BoolArray
from ssdlossdbg.rules import Resizing, TargetSpec


def resized(scaled: Scaled, spec: TargetSpec, input_size: tuple[int, int]) -> Scaled:
    """The same objects, their boxes rounded where the codebase rounds them.

    In float64 a number of float32 survives the way to fractions of the image and back; rounding to float32 restores it.

    Args:
        scaled: what the loader read.
        spec: the codebase's habits.
        input_size: (width, height) of the network's input in pixels.
    """
    if spec.resizing is Resizing.EXACT:
        return scaled
    known: BoolArray = scaled.sizes.min(axis=1) > 0
    image, side = scaled.image, np.array(input_size)
    sizes = np.where(known[:, None], scaled.sizes, 1)
    factors = side.astype(np.float32) / sizes.astype(np.float32)
    with np.errstate(over="ignore"):  # of boxes that are none
        pixels = (scaled.boxes * np.tile(sizes, 2)[image]).astype(np.float32) * np.tile(factors, 2)[image]
    boxes = pixels.astype(np.float64) / np.tile(side, 2)
    return replace(scaled, boxes=np.where(known[image, None], boxes, scaled.boxes))
