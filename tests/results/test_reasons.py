"""What matching made of an object of a run, at the figures that decide it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ssdlossdbg.results.history import LOST_PRIOR, NO_POSITIVE, ONLY_FORCED, POSITIVE, ObjectHistory


@pytest.mark.parametrize(
    ("positives", "best_iou", "forced_only", "reason"),
    [
        (0.0, 0.5, 0.0, LOST_PRIOR),
        (0.0, 0.499, 1.0, NO_POSITIVE),
        (0.1, 0.9, 0.51, ONLY_FORCED),
        (0.1, 0.9, 0.5, POSITIVE),
        (5.0, 0.1, 0.0, POSITIVE),
    ],
)
def test_half_decides(positives: float, best_iou: float, forced_only: float, reason: str) -> None:
    """Of the overlap with its best prior where no prior learns it, or else of its samples with forced ones alone."""
    of = SimpleNamespace(positives=positives, best_iou=best_iou, forced_only=forced_only)
    assert ObjectHistory.reason.fget(of) == reason  # type: ignore[attr-defined]
