"""A table is printed as rich prints it."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ssdlossdbg.report.quick_table import QuickTable
from ssdlossdbg.report.text import Column, Columns, Trimmed, number, table
from ssdlossdbg.report.theme import TERMINAL

WORDS = ("", "cat", "a longer class", "猫と犬", "e\u0301", "[bold]", ":100:", "─" * 9)
STYLES = ("", "gt.unmatched", "number.bad", "bold red on white")


def made(seed: int, several_lines: bool = False, rows: int = 40) -> QuickTable:
    """A table of rows of every kind of cell."""
    drawn = random.Random(seed)
    columns: Columns = [
        "#",
        Column("class", "left", wrap=True, least=8),
        Column("", "left"),
        "[of] :100:",
        "IoU",
        "bar",
        Column("status", "left", least=drawn.randint(0, 9)),
        *([Column("", "left")] if seed else []),
    ]
    whole = table(
        columns,
        [
            (
                row,
                Text(drawn.choice(WORDS)),
                drawn.choice(WORDS[:3]) if seed else "",
                drawn.randint(0, 9),
                number(drawn.choice((drawn.random(), float("nan")))) if row % 3 else None,
                _styled(drawn, False),
                _styled(drawn, several_lines),
                *([""] if seed else []),
            )
            for row in range(rows)
        ],
    )
    assert isinstance(whole, QuickTable)
    return whole


def _styled(drawn: random.Random, several_lines: bool) -> Text:
    words = drawn.choice(WORDS) + ("\nand more" if several_lines else "")
    parts = [(words, drawn.choice(STYLES)), ("▆" * drawn.randint(0, 3), "gt.matched")]
    return Text(words, style=drawn.choice(STYLES)) if drawn.random() < 0.5 else Text.assemble(*parts, style="dim")


def printed(report: RenderableType, width: int, terminal: bool, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding)
    console = Console(theme=TERMINAL, file=file, width=width, force_terminal=terminal, highlight=False)
    console.print(report)
    file.seek(0)
    return file.read()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [200, 72, 43, 30])
@pytest.mark.parametrize("several_lines", [False, True])
def test_as_rich_has_it(width: int, terminal: bool, several_lines: bool) -> None:
    for seed, rows in enumerate((40, 1, 0)):
        quick = made(seed, several_lines, rows)
        assert printed(Trimmed(quick), width, terminal) == printed(Trimmed(quick.whole), width, terminal)


def test_as_rich_has_it_where_only_ascii_is_known() -> None:
    quick = table(["#", "IoU"], [(1, 2), (3, 44)])
    assert isinstance(quick, QuickTable)
    assert printed(quick, 80, False, "ascii") == printed(quick.whole, 80, False, "ascii")
    assert "|" in printed(quick, 80, False, "ascii")


def test_rich_sets_what_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else: it is what the time goes into."""
    quick, asked = made(0), list[int]()
    render = Table.__rich_console__

    def noting(self: Table, *rest: Any) -> Any:
        asked.append(self.row_count)
        return render(self, *rest)

    monkeypatch.setattr(Table, "__rich_console__", noting)
    lines = printed(Trimmed(quick), 200, terminal=False).splitlines()
    assert asked == []
    widest = len(lines[1])
    printed(quick, widest, terminal=False)
    assert asked == []
    printed(quick, widest - 1, terminal=False)
    assert set(asked) == {40}
