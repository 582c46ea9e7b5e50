"""What the page of `detect` needs beyond its document: what enters suppression."""

from __future__ import annotations

from typing import Any

from ssdlossdbg.report.html.arrays import packed
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import DetectResult


def detect_extra(result: DetectResult, view: View = USUAL) -> dict[str, Any]:
    """The candidates, and what they are measured in.

    Args:
        result: what `analyse_detect` returned; without its detail, one that was read from JSON.
        view: says how many detections are drawn at first.
    """
    from ssdlossdbg.report.detect_picture import MOST_DRAWN

    extra: dict[str, Any] = {"arrays": {}, "unit": None, "drawn": view.top or MOST_DRAWN}
    detail = result.detail
    if detail is None:
        return extra
    names = ("image", "class_id", "prior", "score", "boxes")
    left = detail.left_out
    return {
        **extra,
        "arrays": {name: packed(getattr(detail, name)) for name in names},
        "unit": detail.unit,
        "leastScore": detail.least_score,
        "left_out": [f"the {left:,} candidates of the lowest scores"] if left else [],
    }
