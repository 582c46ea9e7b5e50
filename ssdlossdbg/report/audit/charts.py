"""The charts of `audit`, as PNG files of 1200 x 800 pixels."""

from __future__ import annotations

from ssdlossdbg.report.audit.chart_iou_by_size import iou_by_size_chart
from ssdlossdbg.report.audit.chart_positives_by_level import positives_by_level_chart
from ssdlossdbg.report.audit.chart_recall_by_class import recall_by_class_chart
from ssdlossdbg.report.chart_canvas import matplotlib_settings
from ssdlossdbg.results import AuditResult

CHARTS = {
    "iou-by-size.png": iou_by_size_chart,
    "positives-by-level.png": positives_by_level_chart,
    "recall-by-class.png": recall_by_class_chart,
}


def audit_charts(result: AuditResult) -> dict[str, bytes]:
    """Each chart by the name of its file.

    Raises:
        InputError: matplotlib is not installed.
    """
    with matplotlib_settings():
        return {name: draw(result) for name, draw in CHARTS.items()}
