"""Boxes as the codebase's resizing of the photo leaves them, bit for bit."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.readers.annotations import Scaled, resized
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import TargetSpec

SIZES = np.array([(640, 480), (0, 0), (333, 500)])
PIXELS = np.array([(1, 7, 601, 379), (0.1, 0.2, 0.3, 0.4), (13, 101, 14.5, 479), (-3, 5, np.inf, np.nan)])
IMAGE = np.array([0, 1, 2, 2])


def scaled() -> Scaled:
    """Objects of two photos, and of one whose size nobody knows."""
    boxes = PIXELS / np.tile(SIZES.clip(1), 2)[IMAGE]
    nothing, images = np.zeros(0, np.int64), np.zeros(3, np.int64)
    known: dict[str, Any] = {
        "rows": np.arange(len(IMAGE)),
        "image": IMAGE,
        "boxes": boxes,
        "stated": PIXELS,
        "spaces": SIZES.clip(1),
        "photo_sizes": SIZES,
        "sizes": SIZES,
        "unusable": images,
        "refused": (),
    }
    return Scaled(**{field.name: known.get(field.name, nothing) for field in fields(Scaled)})


@pytest.mark.parametrize("name", ["torchvision", "mmdetection"])
def test_pixels_times_the_ratio_of_the_sizes_in_float32(name: str) -> None:
    found = resized(scaled(), load_dialect(name).targets, (320, 300)).boxes
    in_pixels = (found * (320, 300, 320, 300)).astype(np.float32)
    for row, image in ((0, 0), (2, 2), (3, 2)):
        width, height = (np.float32(side) / np.float32(own) for side, own in zip((320, 300), SIZES[image], strict=True))
        wanted = PIXELS[row].astype(np.float32) * np.array([width, height, width, height])
        assert np.array_equal(in_pixels[row], wanted, equal_nan=True)
    once = (scaled().boxes * (320, 300, 320, 300)).astype(np.float32)
    assert not np.array_equal(in_pixels[2], once[2])


def test_where_no_size_is_known_boxes_stay() -> None:
    given, spec = scaled(), load_dialect("torchvision").targets
    assert np.array_equal(resized(given, spec, (320, 300)).boxes[1], given.boxes[1])


def test_fractions_are_rounded_once() -> None:
    given = scaled()
    assert resized(given, TargetSpec(), (300, 300)) is given
    assert resized(given, load_dialect("gluoncv").targets, (300, 300)) is given
