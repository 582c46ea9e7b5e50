"""What a chart of a run draws of its losses, and which of many steps are shown."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ssdlossdbg.report.history.chart_course import Drawn, _line, _losses
from ssdlossdbg.report.history.thinned import thinned
from ssdlossdbg.report.html import history
from ssdlossdbg.results.history_course import Course
from ssdlossdbg.results.history_rows import STEPS, TOTAL_KNOWN


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ([1.0] * 5 + [8.0], "linear"),
        ([1.0] * 5 + [8.1], "log"),
        ([1.0] * 5 + [8.1, math.nan, math.inf], "log"),
        ([1.0] * 5 + [8.1, 0.0], "linear"),
        ([1.0] * 5 + [8.1, -1.0], "linear"),
        ([math.nan] * 3, "linear"),
        ([], "linear"),
    ],
)
def test_powers_of_ten_where_the_highest_loss_hides_the_rest(losses: list[float], scale: str) -> None:
    """More than eight times the median, of losses above 0."""
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    nothing = np.full(len(losses), math.nan)
    _losses(axes, Drawn(np.arange(len(losses)), np.array(losses), nothing, nothing, nothing, nothing))
    assert axes.get_yscale() == scale


def test_what_a_strip_is_called_stands_left_of_it() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    _line(axes, np.arange(3), np.array([1.0, 2.0, math.nan]), (0.0, 0.0, 0.0), "rate")
    figure.canvas.draw()
    assert axes.get_ylabel() == "rate"
    assert axes.yaxis.label.get_window_extent().x1 < axes.get_window_extent().x0


@pytest.mark.parametrize("values", [[math.nan, math.inf], []])
def test_a_strip_without_a_number_says_so(values: list[float]) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    _line(axes, np.arange(len(values)), np.array(values), (0.0, 0.0, 0.0), "rate")
    assert [text.get_text() for text in axes.texts] == ["not known"]
    assert not axes.lines


def test_the_last_stretch_of_a_run_keeps_its_highest_loss() -> None:
    """Of thirteen steps in stretches of five the last has three."""
    rows = np.zeros(13, STEPS.dtype)
    rows["step"], rows["marks"], rows["total"] = np.arange(13), TOTAL_KNOWN, np.arange(13, 0, -1)
    rows["total"][11] = 9.0
    kept = thinned(Course(rows, np.zeros(13, dtype=int), np.zeros(0)), 12, np.zeros(0, dtype=np.int64))
    assert kept.tolist() == [0, 4, 5, 9, 10, 11, 12]


@pytest.mark.parametrize(("most", "fitting"), [(2, 0), (3, 1), (4, 2), (5, 3), (9, 3), (10, 4)])
def test_samples_of_objects_fill_the_room_there_is(most: int, fitting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = [SimpleNamespace(samples=many and SimpleNamespace(step=np.arange(many))) for many in (3, 1, 1, 5)]
    monkeypatch.setattr(history, "MOST_SAMPLES", most)
    assert history._fitting(cast(Any, tuple(objects))) == fitting


def test_an_object_without_samples_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = [SimpleNamespace(samples=None), SimpleNamespace(samples=SimpleNamespace(step=np.arange(3)))]
    monkeypatch.setattr(history, "MOST_SAMPLES", 3)
    assert history._fitting(cast(Any, tuple(objects))) == 2
