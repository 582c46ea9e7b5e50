"""The charts of `audit`: drawn whatever the numbers and the names are; the words on them say what is so."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg.errors import InputError
from ssdlossdbg.report.audit import chart_recall_by_class
from ssdlossdbg.report.audit.charts import CHARTS, audit_charts
from ssdlossdbg.report.chart_canvas import matplotlib_settings, short_name, spread
from ssdlossdbg.results import AuditResult, Group, Tally

NAN = float("nan")
Words = Callable[..., list[str]]


def nothing(result: AuditResult) -> AuditResult:
    """The result of a dataset without objects."""
    return replace(
        result,
        totals=Tally(),
        classes=(),
        recalls=tuple(replace(each, grid=NAN, shape=NAN) for each in result.recalls),
        levels=tuple(replace(level, positives=0, forced=0, best_of=0) for level in result.levels),
        iou_by_size=replace(result.iou_by_size, counts=result.iou_by_size.counts * 0),
    )


def without_grid(result: AuditResult) -> AuditResult:
    level = replace(result.levels[0], feature_map=(0, 0), stride=(0.0, 0.0))
    none = np.zeros(0)
    return replace(
        result, levels=(level,), iou_by_size=replace(result.iou_by_size, best_placed=none, worst_placed=none)
    )


def one_bin(result: AuditResult) -> AuditResult:
    counts = result.iou_by_size.counts * 0
    counts[20, 10] = 860_001
    return replace(result, iou_by_size=replace(result.iou_by_size, counts=counts))


def many_classes(result: AuditResult) -> AuditResult:
    names = ["猫", "a$b$c", "two\nlines", "x" * 80, "half \udcff", *(f"class {place}" for place in range(75))]
    return replace(result, classes=tuple(replace(result.classes[0], name=name) for name in names))


def test_every_chart_is_drawn_in_full(audited: AuditResult) -> None:
    charts = audit_charts(nothing(audited))
    assert list(charts) == list(CHARTS)
    with matplotlib_settings():
        odd = [
            CHARTS[name](change(audited))
            for name, change in (
                ("iou-by-size.png", without_grid),
                ("positives-by-level.png", without_grid),
                ("iou-by-size.png", one_bin),
                ("recall-by-class.png", many_classes),
            )
        ]
    for png in (*charts.values(), *odd):
        picture = Image.open(io.BytesIO(png))
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (1200, 800))


@pytest.fixture
def words(figures: list[Any]) -> Words:
    """All that is written on a chart."""
    from matplotlib.text import Text

    def read(result: AuditResult, name: str) -> list[str]:
        CHARTS[name](result)
        (figure,) = figures
        return [" ".join(text.get_text().split()) for text in figure.findobj(Text) if text.get_text()]

    return read


def test_words_of_iou_by_size(audited: AuditResult, words: Words) -> None:
    said = words(audited, "iou-by-size.png")
    # Priors of 80 pixels: a square of side s reaches (s / 80)^2, so half of it from 80 / sqrt(2) = 56.6 pixels.
    assert "60.0% of 5 objects stay under IoU 0.5; squares below 57 px always do" in said
    assert "threshold 0.5" in said
    assert "blind zone: squares of this size stay under IoU 0.5 wherever they lie" in said
    assert {"square placed best", "square placed worst", "blind zone: neither reaches it"} <= set(said)
    assert "depends on the place" in said


@pytest.mark.parametrize(
    ("change", "title"),
    [
        (nothing, "No object to fit"),
        (without_grid, "60.0% of 5 objects stay under IoU 0.5"),
        (lambda result: replace(result, threshold=1.0), "60.0% of 5 objects stay under IoU 1; squares always do"),
        (
            lambda result: without_grid(replace(result, totals=Tally(1234, 1234, reached=1234, shape_reached=1234))),
            "All objects (1,234) reach IoU 0.5",
        ),
        (
            lambda result: replace(result, totals=Tally(5, 5, reached=5, shape_reached=5)),
            "All objects (5) reach IoU 0.5; squares below 57 px never would",
        ),
    ],
)
def test_titles_of_iou_by_size(
    audited: AuditResult, words: Words, change: Callable[[AuditResult], AuditResult], title: str
) -> None:
    assert title in words(change(audited), "iou-by-size.png")


def test_words_of_positives_by_level(audited: AuditResult, words: Words) -> None:
    said = words(audited, "positives-by-level.png")
    assert {"Level 2x2 has 83.3% of 6 positives", "5 (83.3%) 2 forced", "1 (16.7%)"} <= set(said)
    assert {"2x2 stride 100, 4 priors", "1x1 stride 200, 1 prior", "forced only"} <= set(said)


def test_idle_levels_are_named(audited: AuditResult, words: Words) -> None:
    idle = replace(audited, levels=(audited.levels[0], replace(audited.levels[1], positives=0)))
    assert "Level 2x2 has 100% of 5 positives; 1x1 has none" in words(idle, "positives-by-level.png")


def test_words_of_recall_by_class(audited: AuditResult, words: Words) -> None:
    said = words(audited, "recall-by-class.png")
    assert "At IoU 0.5 the priors can reach 40.0% of the objects, 0% of dog" in said
    assert {"cat: 66.7%", "dog: 0%", "all objects: 40.0%", "all, by shape alone: 60.0%"} <= set(said)
    assert not any("bird" in text for text in said), "no sound object, no recall"


def test_the_commonest_classes_are_drawn(audited: AuditResult, words: Words) -> None:
    def named(place: int) -> Group:
        tally = Tally(place, place, reached=place, shape_reached=place)
        return Group(f"class {place}", None, None, tally, (1.0,) * 4)

    said = words(replace(audited, classes=tuple(map(named, range(1, 21)))), "recall-by-class.png")
    assert {text for text in said if text.startswith("class")} == {f"class {place}: 100%" for place in range(13, 21)}
    assert any(text.startswith("All objects, and 8 of 20 classes, those with most objects") for text in said)


def test_words_end_within_the_picture(audited: AuditResult, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.text import Text

    ends: list[float] = []

    def keep(figure: Any) -> bytes:
        ends.extend(text.get_window_extent().x1 for text in figure.findobj(Text) if text.get_text())
        return b""

    wide = tuple(replace(group, name="W" * 60) for group in audited.classes)
    monkeypatch.setattr(chart_recall_by_class, "png_of", keep)
    audit_charts(replace(audited, classes=wide))
    assert ends
    assert max(ends) <= 1200


def test_labels_keep_apart() -> None:
    assert spread([], 0.1, 1) == []
    assert spread([0.2, 0.5], 0.1, 1) == [0.2, 0.5]
    assert spread([0.0, 0.0, 0.0], 0.1, 1) == pytest.approx([0.0, 0.1, 0.2])
    assert spread([0.95, 1.0, 1.0], 0.1, 1) == pytest.approx([0.8, 0.9, 1.0])


def test_names_are_cut_to_a_line() -> None:
    assert short_name("two\n lines") == "two lines"
    assert len(short_name("x" * 80)) == 22


def test_without_matplotlib(audited: AuditResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"--charts: needs matplotlib.*pip install 'ssdlossdbg\[charts\]'"):
        audit_charts(audited)


def test_matplotlib_is_imported_only_to_draw() -> None:
    code = "import sys, ssdlossdbg.report.audit.charts; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_matplotlib_says_of_fonts_reaches_nobody() -> None:
    logger, seen = logging.getLogger("matplotlib.font_manager"), list[str]()
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        with matplotlib_settings():
            logger.warning("a weight that no font here has")
            logger.error("a font that cannot be read")
        logger.warning("afterwards")
    finally:
        logger.removeHandler(handler)
    assert seen == ["a font that cannot be read", "afterwards"]


@pytest.mark.parametrize(
    ("shaded", "spans"), [("0110010", [(2.0, 4.0)]), ("0000010", []), ("1101100", [(1.0, 2.0), (8.0, 16.0)])]
)
def test_a_single_size_is_no_stretch(shaded: str, spans: list[tuple[float, float]]) -> None:
    """Of sides of 1, 2, 4 ... px each stretch is shaded from its first to its last; the legend tells of the first."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    from ssdlossdbg.report.audit.chart_iou_by_size import _shade

    axes = Figure().subplots()
    axes.set_xscale("log")
    axes.set_xlim(1, 64)
    side = 2.0 ** np.arange(7)
    _shade(axes, side, np.array([each == "1" for each in shaded]), "words", "label", "//", (0.5, 0.5, 0.5))
    assert [each.get_label() == "label" for each in axes.patches] == [place == 0 for place in range(len(spans))]
    boxes = sorted(
        (each.get_x(), each.get_x() + each.get_width()) for each in axes.patches if isinstance(each, Rectangle)
    )
    assert boxes == spans
