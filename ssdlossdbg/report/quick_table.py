"""Tables, line by line as rich would print them, in a small part of its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# What is left free at the end of a column, and then stands for a line between it and the next.
PADDING = DIVIDER = " "


@dataclass(frozen=True)
class QuickTable:
    """A table as `table` makes it, which rich itself sets where something in it has to be wrapped or cut off.

    Attributes:
        made: the table, with all its rows.
    """

    made: Table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The widths that it can have."""
        return self.made.__rich_measure__(console, options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines."""
        columns = [[column.header, *column.cells] for column in self.made.columns]
        widths = _widths(self.made, columns)
        whole = 0 if widths is None else sum(widths) + len(PADDING + DIVIDER) * (len(widths) - 1)
        # Where only ASCII can be printed, rich draws lines.
        plain = box.SIMPLE_HEAD.substitute(options, safe=console.safe_box) is box.SIMPLE_HEAD
        if widths is None or whole > options.max_width or not plain:
            yield self.made
            return
        heading, *rows = zip(*columns, strict=True)
        yield from _line(self.made, heading, widths, console, "table.header")
        yield Segment(box.SIMPLE_HEAD.head_row_horizontal * whole)
        yield Segment.line()
        for row in rows:
            yield from _line(self.made, row, widths, console)


def _widths(made: Table, columns: Sequence[Sequence[RenderableType]]) -> list[int] | None:
    """How wide each column is where it has the room; None where a cell is more than a line of one style."""
    widths = []
    for column, cells in zip(made.columns, columns, strict=True):
        if not all(isinstance(cell, Text) and not cell.spans and cell.plain.isprintable() for cell in cells):
            return None
        widths.append(max(column.min_width or 0, *(cell_len(str(cell)) for cell in cells)))
    return [*widths[:-1], max(widths[-1], 1)]  # which an empty one has by the padding at its end, if it is not the last


def _line(
    made: Table, row: Sequence[RenderableType], widths: Sequence[int], console: Console, beneath: str = ""
) -> Iterator[Segment]:
    """A row, each cell in its own style on that of the row."""
    ground = console.get_style(beneath) if beneath else None
    for place, (column, cell, width) in enumerate(zip(made.columns, row, widths, strict=True)):
        assert isinstance(cell, Text)
        if place:
            yield Segment(PADDING, ground)
            yield Segment(DIVIDER)
        blank = " " * (width - cell_len(cell.plain))
        text = blank + cell.plain if column.justify == "right" else cell.plain + blank
        yield Segment(text, console.get_style(cell.style) if cell.style else ground)
    yield Segment.line()
