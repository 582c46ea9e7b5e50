"""Tables of very many rows, line by line as rich would print them, in a small part of its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from operator import add

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

Row = Sequence[RenderableType | int | None]  # None is a dash
# Between two columns: the padding of the first, and what stands for the line.
GAP = "  "


def cell_of(cell: RenderableType | int | None) -> RenderableType:
    """A cell as it stands: rich would read `[...]` and `:100:` in a string as markup and an emoji."""
    return cell if cell is not None and not isinstance(cell, (str, int)) else Text("-" if cell is None else str(cell))


def filled(head: Table, rows: Sequence[Row]) -> Table:
    """A table with these rows.

    Args:
        head: a table without any.
        rows: a cell for each column.
    """
    made = deepcopy(head)
    for row in rows:
        made.add_row(*map(cell_of, row))
    return made


@dataclass(frozen=True)
class LongTable:
    """A table as `table` makes it. Where nothing in it needs to be wrapped or cut off, rich sets its head alone.

    Attributes:
        head: the table, without its rows.
        rows: a cell for each column.
    """

    head: Table
    rows: Sequence[Row]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The widths that it can have."""
        return filled(self.head, self.rows).__rich_measure__(console, options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines."""
        columns = [_Cells.of(own) for own in zip(*self.rows, strict=True)]
        widths = self._widths(columns)
        if widths is None or sum(widths) + len(GAP) * (len(widths) - 1) > options.max_width:
            yield filled(self.head, self.rows)
            return
        short = filled(self.head, self.rows[:1])
        for column, width in zip(short.columns, widths, strict=True):
            column.min_width = width
        *head, _ = Segment.split_lines(console.render(short, options))
        for line in head:
            yield from line
            yield Segment.line()
        yield from self._lines(columns, widths, console)

    def _widths(self, columns: Sequence[_Cells | None]) -> list[int] | None:
        """How wide each column is where it has the room; None where a cell is more than a line of one style."""
        widths = []
        for column, own in zip(self.head.columns, columns, strict=True):
            if own is None:
                return None
            widths.append(max(own.width, cell_len(str(column.header)), column.min_width or 0))
        return widths

    def _lines(self, columns: Sequence[_Cells | None], widths: Sequence[int], console: Console) -> Iterator[Segment]:
        parts, gaps = list[_Part](), [GAP] * len(self.rows)
        for place, (column, own, width) in enumerate(zip(self.head.columns, columns, widths, strict=True)):
            assert own is not None
            # What goes to a file has no colours.
            styles = own.styles if console.color_system is not None and any(own.styles) else None
            if place:
                _add(parts, gaps, None)
            _add(parts, own.padded(width, column.justify == "right"), styles)
        made = [_segments(*part, console) for part in parts]
        end = Segment.line()
        for line in zip(*made, strict=True):
            yield from line
            yield end


# Of each line some words, and their styles, None where they have none.
_Part = tuple[list[str], Sequence[StyleType] | None]


def _add(parts: list[_Part], texts: list[str], styles: Sequence[StyleType] | None) -> None:
    """What follows on the same line; it joins what is before it where neither has a style."""
    if parts and styles is None and parts[-1][1] is None:
        parts[-1] = list(map(add, parts[-1][0], texts)), None
    else:
        parts.append((texts, styles))


def _segments(texts: list[str], styles: Sequence[StyleType] | None, console: Console) -> Iterator[Segment]:
    if styles is None:
        return map(Segment, texts)
    known = {style: console.get_style(style) if style else None for style in set(styles)}
    return (Segment(text, known[style]) for text, style in zip(texts, styles, strict=True))


@dataclass(frozen=True)
class _Cells:
    """The cells of a column, a line of one style each.

    Attributes:
        words: what they say.
        styles: of each.
        width: of the widest.
        measure: how wide words are.
    """

    words: Sequence[str]
    styles: Sequence[StyleType]
    width: int
    measure: Callable[[str], int]

    @classmethod
    def of(cls, cells: Sequence[RenderableType | int | None]) -> _Cells | None:
        """Cells of a table; None where one is anything else."""
        words, styles = list[str](), list[StyleType]()
        for cell in cells:
            if isinstance(cell, Text):
                if cell.spans:
                    return None
                words.append(cell.plain)
                styles.append(cell.style)
            elif cell is None or isinstance(cell, (str, int)):
                words.append("-" if cell is None else str(cell))
                styles.append("")
            else:
                return None
        together = "".join(words)
        if not together.isprintable():
            return None
        measure = len if together.isascii() else cell_len
        return cls(words, styles, max(map(measure, words), default=0), measure)

    def padded(self, width: int, right: bool) -> list[str]:
        """The words, all so wide."""
        if self.measure is len:
            return [word.rjust(width) for word in self.words] if right else [word.ljust(width) for word in self.words]
        blanks = [" " * (width - self.measure(word)) for word in self.words]
        return [blank + word if right else word + blank for blank, word in zip(blanks, self.words, strict=True)]
