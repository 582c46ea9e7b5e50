"""What objects of a size cost over batches: their positives alone, for no negative is of an object."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from ssdlossdbg.analysis.losses.collect import Collected


def test_no_negative_is_of_an_object() -> None:
    sides, item = (10.0, 20.0, 40.0, 60.0), {"positives": 3, "localization": 0.5, "confidence": 0.25, "landmarks": 0.0}
    rows = SimpleNamespace(
        config=SimpleNamespace(image_size=(300, 300)), ground_truth=[SimpleNamespace(box=sides, **item)]
    )
    [found] = Collected._sizes(cast(Any, SimpleNamespace(_edges=None)), cast(Any, rows))
    assert (found.positives, found.negatives) == (3, 0)
    parts = found.parts
    assert (parts.localization, parts.confidence_positive, parts.confidence_negative) == (0.5, 0.25, 0.0)
