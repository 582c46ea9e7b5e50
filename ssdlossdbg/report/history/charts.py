"""The charts of `history`, as PNG files of 1200 x 800 pixels."""

from __future__ import annotations

from ssdlossdbg.report.chart_canvas import matplotlib_settings
from ssdlossdbg.report.history.chart_course import course_chart
from ssdlossdbg.report.history.chart_right_by_class import right_by_class_chart
from ssdlossdbg.report.history.chart_states_by_size import states_by_size_chart
from ssdlossdbg.results import HistoryResult

CHARTS = {
    "course.png": course_chart,
    "right-by-class.png": right_by_class_chart,
    "not-learnt-by-size.png": states_by_size_chart,
}


def history_charts(result: HistoryResult) -> dict[str, bytes]:
    """Each chart by the name of its file.

    Raises:
        InputError: matplotlib is not installed.
    """
    with matplotlib_settings():
        return {name: draw(result) for name, draw in CHARTS.items()}
