"""Charts as matplotlib holds them, before they are pictures."""

from __future__ import annotations

from typing import Any

import pytest

from ssdlossdbg.report.audit import chart_iou_by_size, chart_positives_by_level, chart_recall_by_class


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every figure that is drawn in a test, in order; none becomes a PNG file."""
    kept: list[Any] = []

    def keep(figure: Any) -> bytes:
        kept.append(figure)
        return b""

    for module in (chart_iou_by_size, chart_positives_by_level, chart_recall_by_class):
        monkeypatch.setattr(module, "png_of", keep)
    return kept
