"""What objects of a size cost over batches: their positives alone, for no negative is of an object."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ssdlossdbg.analysis.losses.collect import Collected, size_of
from ssdlossdbg.results import Box


def test_no_negative_is_of_an_object() -> None:
    sides, item = (10.0, 20.0, 40.0, 60.0), {"positives": 3, "localization": 0.5, "confidence": 0.25, "landmarks": 0.0}
    rows = SimpleNamespace(
        config=SimpleNamespace(image_size=(300, 300)), ground_truth=[SimpleNamespace(box=sides, **item)]
    )
    [found] = Collected._sizes(cast(Any, SimpleNamespace(_edges=None)), cast(Any, rows))
    assert (found.positives, found.negatives) == (3, 0)
    parts = found.parts
    assert (parts.localization, parts.confidence_positive, parts.confidence_negative) == (0.5, 0.25, 0.0)


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((5, 5, 5, 20), 0),
        ((0, 0, 31, 32), 0),
        ((0, 0, 16, 64), 1),
        ((10, 10, 73, 74), 1),
        ((0, 0, 32, 128), 2),
        ((0, 0, 900, 900), 2),
        ((20, 5, 5, 200), 0),
        ((math.nan, 0, 100, 100), 0),
    ],
)
def test_a_box_counts_by_the_side_of_a_square_of_its_area(box: Box, place: int) -> None:
    """From 0, 32 and 64 px on; what is no box is among the smallest, and beyond the last edge there is nothing."""
    assert size_of(box, [0.0, 32.0, 64.0, 128.0]) == place
