"""What users may say of saved tensors, in which forms, and what is said of anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.rules import Units

Refused = Callable[[Callable[[], object]], InputError]


def test_nothing_said() -> None:
    assert asdict(SavedLayout()) == {
        "prior_format": "cxcywh",
        "image_size": None,
        "target_units": None,
        "label_offset": None,
        "native": False,
    }
    assert ssdlossdbg.SavedLayout is SavedLayout


@pytest.mark.parametrize("size", [320, (320, 320), [320, 320], np.int64(320), np.array([320, 320])], ids=repr)
def test_one_side_is_a_square(size: Any) -> None:
    found = SavedLayout(image_size=size).image_size
    assert found == (320, 320)
    assert isinstance(found, tuple)
    assert [type(side) for side in found] == [int, int]


def test_a_side_of_one_pixel_is_a_size() -> None:
    assert SavedLayout(image_size=1).image_size == (1, 1)
    assert SavedLayout(image_size=(1, 300)).image_size == (1, 300)


def test_words_become_members() -> None:
    assert SavedLayout(target_units="pixels").target_units is Units.PIXELS
    assert SavedLayout(target_units=Units.NORMALIZED) == SavedLayout(target_units="normalized")


def test_changes_are_checked_too(refused: Refused) -> None:
    layout = replace(SavedLayout("xyxy", 300), image_size=(64, 32))
    assert (layout.prior_format, layout.image_size) == ("xyxy", (64, 32))
    assert refused(lambda: replace(layout, image_size=(0, 1))).where == "image_size"


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        ("prior_format", "xywh", "Say cxcywh or xyxy."),
        ("target_units", "percent", "Say normalized or pixels."),
        ("image_size", 0, "Give one side or (width, height) in pixels: 300, or (320, 240)."),
        ("image_size", (300, 0), "Give one side or (width, height) in pixels: 300, or (320, 240)."),
        ("image_size", (300, -1), "Give one side or (width, height) in pixels: 300, or (320, 240)."),
        ("image_size", (3, 300, 300), "Give one side or (width, height) in pixels: 300, or (320, 240)."),
        ("image_size", 300.5, "Give one side or (width, height) in pixels: 300, or (320, 240)."),
        ("image_size", "300", "Give one side or (width, height) in pixels: 300, or (320, 240)."),
        ("label_offset", 0.5, "Give a whole number, such as 0 or 1."),
        ("label_offset", "1", "Give a whole number, such as 0 or 1."),
    ],
)
def test_what_means_nothing(field: str, value: Any, fix: str, refused: Refused) -> None:
    error = refused(lambda: SavedLayout(**{field: value}))
    assert (error.where, error.what, error.fix) == (field, f"is {value!r}", fix)


def test_own_order_is_of_a_dialect(refused: Refused) -> None:
    dialect = load_dialect("nvidia")
    assert SavedLayout(native=True).own(dialect) is dialect
    assert SavedLayout().own(dialect) is None
    assert refused(lambda: SavedLayout(native=True).own(None)).where == "native"
