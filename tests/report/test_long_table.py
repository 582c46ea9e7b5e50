"""A long table is printed as rich prints it."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ssdlossdbg.report import text
from ssdlossdbg.report.long_table import LongTable, filled
from ssdlossdbg.report.text import Column, Columns, Trimmed, number, table
from ssdlossdbg.report.theme import TERMINAL

WORDS = ("", "cat", "a longer class", "猫と犬", "e\u0301", "[bold]", ":100:", "─" * 9)
STYLES = ("", "gt.unmatched", "number.bad", "bold red on white")


def made(seed: int, monkeypatch: pytest.MonkeyPatch, several_lines: bool = False) -> LongTable:
    """A table of rows of every kind of cell."""
    drawn = random.Random(seed)
    columns: Columns = [
        "#",
        Column("class", "left", wrap=True, least=8),
        "IoU",
        Column("status", "left", least=drawn.randint(0, 9)),
    ]
    rows = [
        (row, Text(drawn.choice(WORDS)), number(drawn.random()) if row % 3 else None, _styled(drawn, several_lines))
        for row in range(40)
    ]
    monkeypatch.setattr(text, "MANY_ROWS", len(rows) - 1)
    long = table(columns, rows)
    assert isinstance(long, LongTable)
    return long


def _styled(drawn: random.Random, several_lines: bool) -> Text:
    words = drawn.choice(WORDS) + ("\nand more" if several_lines else "")
    return Text(words, style=drawn.choice(STYLES))


def printed(report: RenderableType, width: int, terminal: bool) -> str:
    file = io.StringIO()
    console = Console(theme=TERMINAL, file=file, width=width, force_terminal=terminal, highlight=False)
    console.print(Trimmed(report))
    return file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [200, 43, 30])
@pytest.mark.parametrize("several_lines", [False, True])
def test_as_rich_has_it(width: int, terminal: bool, several_lines: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(2):
        long = made(seed, monkeypatch, several_lines)
        assert printed(long, width, terminal) == printed(filled(long.head, long.rows), width, terminal)


def test_rich_sets_one_row_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the time goes into is left out, where there is room for all."""
    long, asked = made(0, monkeypatch), list[int]()
    render = Table.__rich_console__

    def noting(self: Table, *rest: Any) -> Any:
        asked.append(self.row_count)
        return render(self, *rest)

    monkeypatch.setattr(Table, "__rich_console__", noting)
    printed(long, 200, terminal=False)
    assert asked == [1]


def test_a_table_of_many_rows_is_a_long_one() -> None:
    rows = [(row,) for row in range(text.MANY_ROWS + 1)]
    assert isinstance(table(["#"], rows), LongTable)
    assert isinstance(table(["#"], rows[1:]), Table)
