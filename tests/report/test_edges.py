"""Where a report turns: the median of a few, one image more than are listed, dots of a width, marks of direction."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssdlossdbg import api
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.anchors_picture import MOST_DOTS, anchors_picture
from ssdlossdbg.report.anchors_text import presets_report
from ssdlossdbg.report.audit.tables import groups_table, quantiles
from ssdlossdbg.report.audit.text import MOST_IMAGES, audit_report
from ssdlossdbg.report.canvas import Canvas
from ssdlossdbg.report.command_line import CommandLine
from ssdlossdbg.report.detect_text import detect_report
from ssdlossdbg.report.documents import from_json
from ssdlossdbg.report.visible import visible
from ssdlossdbg.results import AnchorsResult, AuditResult, MatchResult, Presets, PresetSummary

SAMPLE = Path(__file__).parents[2] / "sample_data"
Render = Callable[..., str]
RED = (255, 0, 0)


def test_a_tenth_the_median_and_nine_tenths() -> None:
    """Of a hundred objects, so many have 0, 1, 2, 3 positives."""
    assert quantiles((10, 40, 39, 11)) == (0, 1, 3)
    assert quantiles((9, 40, 42, 9)) == (1, 2, 2)


@pytest.mark.parametrize(("more", "said"), [(0, False), (1, True), (2, True)])
def test_images_that_are_not_listed(more: int, said: bool, audited: AuditResult, render: Render) -> None:
    images = (audited.images_first[0],) * (MOST_IMAGES + more)
    text = render(audit_report(replace(audited, images_first=images)))
    assert (f"The next {more} are in --format json." in text) is said


@pytest.mark.parametrize(("units", "reach"), [(2, 1), (4, 2)])
def test_dots_are_squares_about_their_points(units: int, reach: int) -> None:
    canvas = Canvas((60, 40), 1)
    canvas.dots([(20, 10), (50, 30)], RED, units)
    painted = np.asarray(canvas.image)[..., 1] < 100
    expected = np.zeros((40, 60), dtype=bool)
    for x, y in ((20, 10), (50, 30)):
        expected[y - reach : y + reach + 1, x - reach : x + reach + 1] = True
    assert (painted == expected).all()


@pytest.mark.parametrize("code", [0x61C, 0x200E, 0x200F, 0x202A, 0x202E, 0x2066, 0x2069, 0xFEFF, 0x80, 0x9F])
def test_marks_of_direction_are_shown(code: int) -> None:
    assert visible(f"a{chr(code)}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_long_value_is_cut_in_an_error(astronaut: MatchResult) -> None:
    document = json.loads(astronaut.to_json())
    document["threshold"] = "x" * 60
    with pytest.raises(InputError) as caught:
        from_json(json.dumps(document))
    assert f'holds "{"x" * 39}, and float belongs there' in str(caught.value)


def test_a_fate_that_nobody_met_has_no_column(audited: AuditResult, render: Render) -> None:
    def heading(**fates: int) -> list[str]:
        none = {"matched": 0, "forced_only": 0, "without_positive": 0, "invalid": 0}
        tally = replace(audited.totals, **(none | fates))
        return render(groups_table("class", [replace(audited.classes[0], tally=tally)])).splitlines()[0].split()

    assert heading(matched=1) == ["class", "objects", "matched", "recall", "shape", "each"]
    assert heading(invalid=1, forced_only=2) == ["class", "objects", "forced", "invalid", "recall", "shape", "each"]


def test_a_command_goes_on_indented(render: Render) -> None:
    text = render(CommandLine(("ssdlossdbg", "match", "a b.jpg", "c" * 20, "d")), 40)
    assert text == "  ssdlossdbg match 'a b.jpg' \\\n    cccccccccccccccccccc d\n"


def test_a_description_is_folded_and_a_name_is_not(render: Render) -> None:
    summary = PresetSummary("a" * 20, "a network of many words", "caffe", (), (300, 300), 8732)
    text = render(presets_report(Presets((summary,))), 52)
    assert "a" * 20 in text
    assert max(map(len, text.splitlines())) <= 52
    assert all(word in text for word in ["a", "network", "of", "many", "words"])


@pytest.mark.parametrize(("broken", "said"), [(0, True), (3, False)])
def test_values_that_are_not_finite_are_no_silence(broken: int, said: bool, render: Render) -> None:
    """Where scores are nan, that none is above the threshold tells nothing."""
    result = api.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", device="cpu", score_threshold=1.0)
    images = tuple(replace(image, non_finite=broken) for image in result.images)
    assert ("No score is above 1;" in render(detect_report(replace(result, images=images)))) is said


@pytest.mark.parametrize(("columns", "dotted"), [(80, True), (81, False)])
def test_so_many_cells_have_dots(
    columns: int, dotted: bool, ssd300: AnchorsResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(Canvas, "dots", lambda _, points, *__: drawn.append(len(points)))
    level = replace(ssd300.levels[0], feature_map=(columns, 50))
    anchors_picture(replace(ssd300, levels=(level,)))
    assert drawn == [MOST_DOTS] * dotted
