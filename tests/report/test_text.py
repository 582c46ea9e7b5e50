"""The small words and tables of which every report is made, and the colours that carry no meaning alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
from rich.text import Text

from ssdlossdbg.report.text import (
    Column,
    bullets,
    corners,
    count,
    facts,
    feature_map,
    number,
    priors_line,
    section,
    shared_folder,
    size,
    stride,
    table,
    with_ending,
)
from ssdlossdbg.report.theme import PALETTE, STATUS_STYLES, TERMINAL
from ssdlossdbg.report.view import View
from ssdlossdbg.results import FORCED_ONLY, INVALID, MATCHED, UNMATCHED, ConfigSummary

Render = Callable[..., str]
CONFIG = ConfigSummary("own", "", (300, 200), True, 12, ((4, 3),))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.00004, "0.0000"), (1234.56789, "1234.5679"), (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan")],
)
def test_number(value: float, shown: str) -> None:
    text = number(value)
    assert text.plain == shown
    assert (text.style == "number.bad") is not math.isfinite(value)


def test_words() -> None:
    assert [count(value, "box", "boxes") for value in (0, 1, 2)] == ["0 boxes", "1 box", "2 boxes"]
    assert count(2, "prior") == "2 priors"
    assert [size(*pair) for pair in ((30, 42.4), (1.25, 9), (0, 5), (-30, 23))] == ["30x42", "1.2x9", "0x5", "-30x23"]
    assert [stride(pair) for pair in ((8, 8), (320, 160), (7.5, 7.5))] == ["8", "320x160", "7.5"]
    assert corners((0.4, 0.6, -3, math.nan)) == "0,1,-3,nan"
    assert [feature_map(pair) for pair in ((38, 19), (0, 0))] == ["38x19", "all"]


def test_priors_line() -> None:
    assert priors_line(CONFIG) == "own, 12 priors on 1 level, input 300 x 200"
    guessed = replace(CONFIG, codebase="caffe", image_size_known=False, levels=((0, 0),))
    assert priors_line(guessed) == (
        "own (caffe), 12 priors on no recognised grid, input 300 x 200, assumed: --image-size says otherwise"
    )


def test_a_table_keeps_its_numbers_and_folds_its_names(render: Render) -> None:
    columns = [Column("name", "left", wrap=True), Column("value")]
    assert render(table(columns, [(Text("abcdefghij"), "1234567")]), 14) == (
        "name     value\n" + "─" * 14 + "\nabcde  1234567\nfghij\n"
    )


def test_markup_in_names_is_text(render: Render) -> None:
    name = "[bold]x[/bold] [/] :cat:"
    for shown in (
        facts([("a", name)]),
        bullets([name]),
        with_ending(Text("report"), View(files=(name,), next=("run", name))),
    ):
        assert name in render(shown)
    assert render(section("title", Text("body"))) == "title\nbody\n\n"


def test_files_come_last(render: Render) -> None:
    assert render(with_ending(Text("report"), View(files=("a.png", "b.png")))) == "report\nWrote a.png, b.png\n"
    assert render(with_ending(Text("report"), View())) == "report\n"
    ending = with_ending(Text("report"), View(files=("a.png",), next=("run", "a b")))
    assert render(ending) == "report\nWrote a.png\nNext:\n  run 'a b'\n"


def test_every_status_has_a_style() -> None:
    assert set(STATUS_STYLES) == {MATCHED, FORCED_ONLY, UNMATCHED, INVALID}
    assert all(name in TERMINAL.styles for name in STATUS_STYLES.values())
    assert len({str(TERMINAL.styles[name]) for name in STATUS_STYLES.values()}) == 4


def luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance, of which the contrast ratio is made (WCAG 2)."""
    linear = [v / 3294.6 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def deuteranope(colour: tuple[int, int, int]) -> tuple[float, ...]:
    """What someone without green cones sees (Machado and others, 2009)."""
    rows = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
    return tuple(sum(weight * channel for weight, channel in zip(row, colour, strict=True)) for row in rows)


def test_the_palette_can_be_told_apart() -> None:
    for one, other in combinations(PALETTE, 2):
        assert math.dist(one, other) > 50
        assert math.dist(deuteranope(one), deuteranope(other)) > 25


def test_readable_on_every_colour() -> None:
    from ssdlossdbg.report.canvas import readable_on

    for colour in PALETTE:
        light, dark = sorted((luminance(colour), luminance(readable_on(colour))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 3


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        (["/a/b/one.jpg", "/a/b/two.jpg"], "/a/b/"),
        (["/a/b/one.jpg", "/a/bc/two.jpg", "/a/b/three.jpg"], "/a/"),
        (["train\\one.jpg", "train\\two.jpg"], "train\\"),
        (["batch.pt #0", "batch.pt #1"], ""),
        (["/a/one.jpg", "/a/one.jpg"], ""),
        (["a/one.jpg", "/a/two.jpg"], ""),
        ([], ""),
    ],
)
def test_a_folder_that_all_names_share_is_said_once(names: list[str], folder: str) -> None:
    assert shared_folder(names) == folder
