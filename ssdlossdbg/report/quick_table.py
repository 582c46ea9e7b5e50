"""Tables, column by column and then line by line as rich would print them, in a small part of its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from operator import add

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

Row = Sequence[RenderableType | int | None]  # None is a dash
# What is left free at the end of a column, and then stands for a line between it and the next.
PADDING = DIVIDER = " "
HEADER = "table.header"


@dataclass(frozen=True)
class QuickTable:
    """A table as `table` makes it, which rich itself sets where something in it has to be wrapped or cut off.

    Attributes:
        head: the table, without its rows.
        rows: a cell for each column.
    """

    head: Table
    rows: Sequence[Row]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The widths that it can have."""
        return self.whole.__rich_measure__(console, options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines."""
        headers = [column.header for column in self.head.columns]
        coloured = console.color_system is not None  # what goes to a file is not
        heading = [_Cells.of([each], coloured) for each in headers]
        columns = [_Cells.of(own, coloured) for own in self._columns()]
        widths = self._widths(heading, columns)
        length = 0 if widths is None else sum(widths) + len(PADDING + DIVIDER) * (len(widths) - 1)
        # Where only ASCII can be printed, rich draws lines.
        plain = box.SIMPLE_HEAD.substitute(options, safe=console.safe_box) is box.SIMPLE_HEAD
        if widths is None or length > options.max_width or not plain:
            yield self.whole
            return
        yield from self._lines(heading, widths, console, HEADER)
        yield Segment(box.SIMPLE_HEAD.head_row_horizontal * length)
        yield Segment.line()
        yield from self._lines(columns, widths, console)

    @property
    def whole(self) -> Table:
        """The table that rich would set."""
        made = deepcopy(self.head)
        for row in self.rows:
            made.add_row(*map(_cell, row))
        return made

    def _columns(self) -> list[Sequence[RenderableType | int | None]]:
        return list(zip(*self.rows, strict=True)) or [()] * len(self.head.columns)

    def _widths(self, heading: Sequence[_Cells | None], columns: Sequence[_Cells | None]) -> list[int] | None:
        """How wide each column is where it has the room; None where a cell is more than a line."""
        widths = []
        for column, above, own in zip(self.head.columns, heading, columns, strict=True):
            if above is None or own is None:
                return None
            widths.append(max(above.width, own.width, column.min_width or 0))
        return [*widths[:-1], max(widths[-1], 1)]  # which an empty last one has by the padding at its end

    def _lines(
        self, columns: Sequence[_Cells | None], widths: Sequence[int], console: Console, beneath: StyleType = ""
    ) -> Iterator[Segment]:
        """Rows, each cell in its own style on that of the row."""
        coloured, parts = console.color_system is not None, list[_Part]()
        for place, (column, own, width) in enumerate(zip(self.head.columns, columns, widths, strict=True)):
            assert own is not None
            if place:
                _add(parts, [PADDING] * len(own.words), [beneath] * len(own.words) if coloured else None)
                _add(parts, [DIVIDER] * len(own.words), None)
            styles = [style or beneath for style in own.styles] if coloured else None
            _add(parts, own.padded(width, column.justify == "right"), styles)
        made, end = [_segments(*part, console) for part in parts], Segment.line()
        for line in zip(*made, strict=True):
            yield from line
            yield end


# Of each line some words, and their styles; None where they have none.
_Part = tuple[list[str], Sequence[StyleType] | None]


def _cell(cell: RenderableType | int | None) -> RenderableType:
    """A cell as it stands: rich would read `[...]` and `:100:` in a string as markup and an emoji."""
    return cell if cell is not None and not isinstance(cell, (str, int)) else Text("-" if cell is None else str(cell))


def _add(parts: list[_Part], texts: list[str], styles: Sequence[StyleType] | None) -> None:
    """What follows on the same line; it joins what is before it where neither has a style."""
    styles = styles if styles and any(styles) else None
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
    """The cells of a column, a line of one style each, or of any where there are no colours.

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
    def of(cls, cells: Sequence[RenderableType | int | None], coloured: bool) -> _Cells | None:
        """Cells of a table; None where one is anything else."""
        words, styles = list[str](), list[StyleType]()
        for cell in cells:
            if isinstance(cell, Text):
                if cell.spans and coloured:
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
