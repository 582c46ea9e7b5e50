"""Ranges of sizes that the photos have and the crops do not, or the other way round; and where legends stand."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import RenderableType

from ssdlossdbg.report.audit.charts import CHARTS, audit_charts
from ssdlossdbg.report.audit.tables import augmented_table
from ssdlossdbg.results import AuditResult, Tally

Render = Callable[[RenderableType], str]


@pytest.mark.parametrize(("photos", "crops", "told"), [(3, 0, True), (0, 3, True), (3, 3, True), (0, 0, False)])
def test_a_size_that_either_has_is_told(photos: int, crops: int, told: bool, render: Render) -> None:
    sides = [SimpleNamespace(name="32 to 64", tally=Tally(ground_truth=number)) for number in (photos, crops)]
    augmented = SimpleNamespace(sizes=sides[1:], totals=Tally(ground_truth=9))
    text = render(augmented_table(cast(Any, sides[:1]), Tally(ground_truth=9), cast(Any, augmented)))
    assert ("32 to 64" in text) is told


def test_legends_stand_in_their_figures(audited: AuditResult, figures: list[Any]) -> None:
    audit_charts(audited)
    assert len(figures) == len(CHARTS)
    for figure in figures:
        figure.canvas.draw()
        for legend in filter(None, (axes.get_legend() for axes in figure.axes)):
            extent, whole = legend.get_window_extent(), figure.bbox
            assert whole.x0 <= extent.x0 < extent.x1 <= whole.x1
            assert whole.y0 <= extent.y0 < extent.y1 <= whole.y1
