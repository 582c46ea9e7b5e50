"""The report of `loss`: the total first, splits that add up as printed, and where a nan came from."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from ssdlossdbg.report.loss_text import loss_report
from ssdlossdbg.report.recorded_text import run_table
from ssdlossdbg.report.view import View
from ssdlossdbg.results import LossResult, Recorded, RunBatch

Render = Callable[..., str]
TOTAL = """\
The loss (normaliser: 165)
                                  sum  normalised   share
─────────────────────────────────────────────────────────
localisation                  41.1272      0.2493   15.0%
confidence, positives         99.3134      0.6019   36.2%
confidence, mined negatives  134.1971      0.8133   48.9%
total                        274.6376      1.6645  100.0%
"""


def rows(text: str, title: str) -> list[list[str]]:
    """The cells of a table, under its two head lines."""
    lines = text.partition(title)[2].splitlines()[3:]
    return [line.split() for line in lines[: lines.index("")]]


def test_total(render: Render, batch: LossResult) -> None:
    text = render(loss_report(batch))
    assert "Loss 1.6645 = localisation 0.2493 + confidence 1.4152" in text
    assert TOTAL in text


@pytest.mark.parametrize(
    ("title", "columns"),
    [("By image", slice(2, 8)), ("By level", slice(1, 7)), ("By target class", slice(1, 7))],
)
def test_splits_add_up_as_printed(render: Render, batch: LossResult, title: str, columns: slice) -> None:
    table = [[float(cell) for cell in row[columns]] for row in rows(render(loss_report(batch)), title)]
    loss = batch.loss
    expected = (165, 495, loss.localization, loss.confidence_positive, loss.confidence_negative, loss.total)
    rounding = 0.5e-4 * (len(table) + 1)
    assert [sum(column) for column in zip(*table, strict=True)] == pytest.approx(expected, abs=rounding)
    for _, _, localization, positive, negative, total in table:
        assert localization + positive + negative == pytest.approx(total, abs=2e-4)


def test_coordinates_add_up_as_printed(render: Render, batch: LossResult) -> None:
    (row,) = rows(render(loss_report(batch)), "By coordinate")
    *parts, whole = map(float, row[1:])
    assert len(parts) == 4
    assert sum(parts) == pytest.approx(whole, abs=2.5e-4)


def test_a_level_is_written_as_in_every_table(render: Render, batch: LossResult) -> None:
    names = [row[0] for row in rows(render(loss_report(batch)), "By level")]
    assert names == ["38x38", "19x19", "10x10", "5x5", "3x3", "1x1"]


def test_classes_without_a_part_are_left_out(render: Render, batch: LossResult) -> None:
    names = [row[0] for row in rows(render(loss_report(batch)), "By target class")]
    assert names == ["background", "cat", "coin", "cup", "spoon"]


@pytest.mark.parametrize(("top", "objects", "negatives"), [(1, 1, 1), (10, 10, 10), (30, 27, 30)])
def test_top(render: Render, batch: LossResult, top: int, objects: int, negatives: int) -> None:
    text = render(loss_report(batch, View(top)))
    assert f"Costliest objects ({objects} of 27)" in text
    assert f"Costliest mined negatives ({negatives} of 495)" in text
    assert len(rows(text, "Costliest objects")) == objects
    assert len(rows(text, "Costliest mined negatives")) == negatives


def test_the_costliest_come_first(render: Render, batch: LossResult) -> None:
    text = render(loss_report(batch, View(1000)))
    assert "Costliest objects (27 of 27)" in text
    assert "Costliest mined negatives (495 of 495)" in text
    shares = [float(re.findall(r"[\d.]+%", " ".join(row))[0][:-1]) for row in rows(text, "Costliest objects")]
    assert len(shares) == 27
    assert shares == sorted(shares, reverse=True)
    costs = [float(row[4]) for row in rows(text, "Costliest mined negatives")]
    assert len(costs) == 495
    assert costs == sorted(costs, reverse=True)


def test_findings_and_what_the_real_code_does(render: Render, broken: LossResult) -> None:
    text = " ".join(render(loss_report(broken)).split())
    assert "Loss nan = localisation nan + confidence" in text
    places = [text.index(words) for words in ("Loss nan", "BOX001", "! The real ssd.pytorch raises", "By image")]
    assert places == sorted(places)
    assert "(image 1)" in text, "which has no object"


def test_weight(render: Render, batch: LossResult) -> None:
    assert "(normaliser: 165, localisation times 2)" in render(loss_report(replace(batch, localization_weight=2.0)))


def test_an_empty_batch(render: Render, batch: LossResult) -> None:
    nothing = tuple(replace(group, positives=0, negatives=0) for group in batch.classes)
    text = render(loss_report(replace(batch, ground_truth=(), negatives=(), classes=nothing)))
    assert "No object in the batch." in text
    assert "No negative was mined." in text
    assert "By target class" not in text


def test_width_and_names(render: Render, batch: LossResult) -> None:
    name = "[bold]a name of forty characters, bracketed"
    odd = replace(
        batch,
        ground_truth=tuple(replace(item, label=name) for item in batch.ground_truth),
        classes=tuple(replace(item, label=name) for item in batch.classes),
        negatives=tuple(replace(item, predicted_label=name) for item in batch.negatives),
    )
    text = render(loss_report(odd))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert name in render(loss_report(odd), 160)


def test_what_equal_mining_scores_leave_open_is_said_in_the_table_of_a_run(render: Render) -> None:
    rows = [
        (53.8, 44.7, 4e-8),
        (1.0, 1.00001, 1e-5),
        (1.0, 2.0, 0.5),
        (math.inf, math.inf, 0.0),
        (math.nan, math.nan, 0.0),
    ]
    batches = [
        RunBatch(f"step{step:07d}.safetensors", step, "exit", 0, Recorded(said), computed, error, ())
        for step, (said, computed, error) in enumerate(rows)
    ]
    lines = [line.split() for line in render(run_table(batches)).splitlines() if line.startswith("step")]
    assert [line[4] for line in lines] == ["ties", "1e-05", "5e-01", "0e+00", "0e+00"]
