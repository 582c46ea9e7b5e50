"""Whatever strangers' files call things, no control character of theirs reaches a terminal, a picture or a cell."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ssdlossdbg.cli.app import app
from ssdlossdbg.report.visible import UNKNOWN, _fields, cell, shown, visible
from ssdlossdbg.results import Case, Finding, RoleChanges, Severity, Where
from tests.report.make_up import MakeUp

SAMPLE = Path(__file__).parents[2] / "sample_data"
# Colour, window title, clipboard, a C1 control sequence, right to left, a line of its own, and the end of a string.
HOSTILE = "a\x1b[31m\x1b]0;t\x07\x1b]52;c;eA==\x07\x9b2J\u202eb\nforged: line\rc\x00\u2028d"
HARMLESS = "猫 \N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN} é {red}[bold]"


def is_control(character: str) -> bool:
    bidi = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    return unicodedata.category(character) in {"Cc", "Zl", "Zp"} or unicodedata.bidirectional(character) in bidi


def test_every_control_character_is_replaced_by_one_that_shows() -> None:
    every = [chr(code) for code in range(0x3000) if is_control(chr(code))]
    assert len(every) > 70
    for character in every:
        made = visible(f"a{character}b")
        assert len(made) == 3
        assert not any(map(is_control, made))


def test_what_is_no_control_character_stays() -> None:
    assert visible(HARMLESS) == HARMLESS


def test_results_are_made_visible_through_and_through() -> None:
    finding = Finding(
        "BOX001", "n", Severity.ERROR, (Case(Where(HOSTILE, HOSTILE, 0, HOSTILE), "m", 1.0, 2.0, HOSTILE),)
    )
    assert not any(is_control(character) for character in repr(shown((finding,))))
    sound = Finding("BOX001", "n", Severity.ERROR, (Case(Where("f", None, 0, "c"), "m", 1.0, 2.0, "x"),))
    assert shown(sound) is sound


class Name(str):
    """A text of a kind of its own."""


@pytest.mark.parametrize("among", [lambda text: text, Name])
def test_one_text_among_others_is_made_visible(among: Callable[[str], str]) -> None:
    text = among(HOSTILE)
    for holds in ([1, "a", text], ("a", [(text,), "b"]), {"a": text}, {text: 1}, [{"a": 1}, {"a": 1.0, text: "b"}]):
        made = shown(holds)
        assert not any(is_control(character) for character in str(made).replace("\\n", "\n"))
        assert UNKNOWN in str(made)
    assert shown(text) == visible(HOSTILE)


def test_objects_that_a_report_lists_are_made_visible() -> None:
    changes = MakeUp().make(RoleChanges)
    hostile = replace(changes, objects=tuple(replace(each, label=HOSTILE) for each in changes.objects))
    assert not any(is_control(character) for each in shown(hostile).objects for character in each.label)


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(formula: str) -> None:
    assert cell(formula)[0] == "'"


@pytest.mark.parametrize(("name", "expected"), [("dog", "dog"), ("a-b", "a-b"), ("3=4", "3=4"), ("", "")])
def test_other_cells_stay(name: str, expected: str) -> None:
    assert cell(name) == expected


def write_hostile(folder: Path) -> Path:
    """coins.json, whose class and photo are called so that a terminal would obey."""
    (folder / "coins.jpg").write_bytes((SAMPLE / "coins.jpg").read_bytes())
    document = {
        "images": [{"id": 1, "file_name": "coins.jpg", "width": 384, "height": 303}],
        "categories": [{"id": 1, "name": HOSTILE}, {"id": 2, "name": "=cmd|' /C calc'!A0"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 20, 60, 60]},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [200, 100, 0, 60]},
            {"id": 3, "image_id": 1, "category_id": 2, "bbox": [100, 100, 60, 60]},
        ],
    }
    path = folder / "coins.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ("match", "{folder}/coins.jpg", "{file}", "--no-overlay"),
        ("audit", "{file}"),
        ("check", "{file}", "--notes"),
        ("check", "{file}", "--notes", "--format", "github"),
        ("match", "{folder}/coins.jpg", "{file}", "--classes", "x"),
        ("match", HOSTILE.replace("\x00", ""), "{file}"),
        ("loss", "{preds}", "{targets}", "--classes", HOSTILE.replace("\x00", "")),
        ("detect", "{preds}", "{targets}", "--classes", HOSTILE.replace("\x00", "")),
    ],
    ids=lambda given: " ".join((given[0], *(word for word in given[1:] if word.startswith("-")))),
)
def test_no_command_says_a_control_character(arguments: tuple[str, ...], tmp_path: Path) -> None:
    places = {"preds": SAMPLE / "preds.pt", "targets": SAMPLE / "targets.pt"}
    filled = [
        each.format(folder=tmp_path, file=write_hostile(tmp_path), **places) if each.startswith("{") else each
        for each in arguments
    ]
    result = CliRunner().invoke(app, filled)
    assert result.exit_code in {0, 1, 2}, result.output
    lines = (result.stdout + result.stderr).split("\n")
    assert not [character for line in lines for character in line if is_control(character)]
    assert not any(line.startswith("forged: line") for line in lines)  # a cell may wrap, and its row goes on


def test_a_csv_holds_no_formula_and_a_row_an_object(tmp_path: Path) -> None:
    table = tmp_path / "out.csv"
    result = CliRunner().invoke(app, ["audit", str(write_hostile(tmp_path)), "--csv", str(table)])
    assert result.exit_code == 1, result.output  # a box without width
    rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8"), newline="")))
    assert len(rows) == 4
    assert rows[3][3].startswith("'=cmd")
    assert table.read_text(encoding="utf-8").count("\n") == 4
    assert "\r" not in table.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Mixed:
    """Fields that by their types hold text, numbers alone, or either."""

    box: tuple[float, float]
    words: tuple[str, ...] | None
    either: float | str
    pairs: tuple[tuple[int, str], ...]
    anything: Any


def test_fields_are_passed_over_that_by_their_types_hold_no_text() -> None:
    made = shown(Mixed((1.0, 2.0), ("a\n",), "b\n", ((1, "c\n"),), {"d\n": ("e\n",)}))
    assert made == Mixed((1.0, 2.0), ("a␊",), "b␊", ((1, "c␊"),), {"d␊": ("e␊",)})
    assert _fields(Mixed) == ("words", "either", "pairs", "anything")
