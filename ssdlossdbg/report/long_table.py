"""Tables of very many rows, line by line as rich would print them, in a small part of its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# Between two columns: the padding of the first, and what stands for the line.
GAP = Segment("  ")


@dataclass(frozen=True)
class LongTable:
    """A table as `table` makes it. Where nothing in it needs to be wrapped or cut off, rich sets its head alone.

    Attributes:
        made: the table, with all its rows.
    """

    made: Table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The widths that it can have."""
        return self.made.__rich_measure__(console, options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines."""
        cells = [list(column.cells) for column in self.made.columns]
        widths = _widths(self.made, cells)
        if widths is None or sum(widths) + len(GAP.text) * (len(widths) - 1) > options.max_width:
            yield self.made
            return
        *head, _ = Segment.split_lines(console.render(_beginning(self.made, widths), options))
        for line in head:
            yield from line
            yield Segment.line()
        yield from _lines(self.made, cells, widths, console)


def _widths(made: Table, cells: Sequence[Sequence[RenderableType]]) -> list[int] | None:
    """How wide each column is where it has the room; None where a cell is more than a line of one style."""
    widths = []
    for column, own in zip(made.columns, cells, strict=True):
        if not all(isinstance(cell, Text) and not cell.spans and cell.plain.isprintable() for cell in own):
            return None
        longest = max((cell_len(str(cell)) for cell in own), default=0)
        widths.append(max(longest, cell_len(str(column.header)), column.min_width or 0))
    return widths


def _beginning(made: Table, widths: Sequence[int]) -> Table:
    """The table with its first row alone, as wide as with all of them."""
    short = copy(made)
    short.rows = made.rows[:1]
    short.columns = [copy(column) for column in made.columns]
    for column, width in zip(short.columns, widths, strict=True):
        column._cells, column.min_width = column._cells[:1], width
    return short


def _lines(
    made: Table, cells: Sequence[Sequence[RenderableType]], widths: Sequence[int], console: Console
) -> Iterator[Segment]:
    right = [column.justify == "right" for column in made.columns]
    for row in zip(*cells, strict=True):
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            assert isinstance(cell, Text)
            blank = " " * (width - cell_len(cell.plain))
            text = blank + cell.plain if right[place] else cell.plain + blank
            if place:
                yield GAP
            yield Segment(text, console.get_style(cell.style) if cell.style else None)
        yield Segment.line()
