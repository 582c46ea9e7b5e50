"""What the terminal reports share: numbers, tables, sections."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ssdlossdbg.report.command_line import CommandLine
from ssdlossdbg.report.quick_table import QuickTable
from ssdlossdbg.report.quick_table import Row as Row
from ssdlossdbg.report.view import View
from ssdlossdbg.results import Box, ConfigSummary

# Above the command that a report ends with.
NEXT = "Next:"
# Of what `positives` writes.
POSITIVES_MEAN = "after + those that are forced, which are its best priors below the threshold"


@dataclass(frozen=True)
class Column:
    """A table column.

    Attributes:
        heading: above it.
        justify: where its cells stand.
        wrap: whether it gives way in a narrow terminal.
        least: characters that it keeps even so; those of its heading if 0.
    """

    heading: str
    justify: Literal["left", "right"] = "right"
    wrap: bool = False
    least: int = 0


@dataclass(frozen=True)
class Trimmed:
    """A report without the blanks that tables leave at the ends of lines.

    Attributes:
        report: that rich prints.
    """

    report: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Its lines."""
        for line in Segment.split_lines(console.render(self.report, options)):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                yield from line[:-1]
                yield Segment(line[-1].text.rstrip(), line[-1].style)
            yield Segment.line()


Columns = list[Column | str]  # a plain heading stands over numbers

# Those of several tables; what has no heading is a bar, or speaks for itself.
BOX, CLASS, LEVEL = Column("px of input", "left"), Column("class", "left", wrap=True), Column("level", "left")
DIALECT, UNTITLED = Column("dialect", "left", wrap=True, least=14), Column("", "left")


def number(value: float | None, digits: int = 4) -> Text:
    """A value with fixed decimals, a dash for None; inf and nan stand out."""
    if value is None:
        return Text("-")
    if math.isfinite(value):
        return Text(f"{value:.{digits}f}")
    return Text(f"{value}", style="number.bad")


def count(value: int, noun: str, plural: str | None = None, form: str = "") -> str:
    """A count with its noun: `1 object`, `2 objects`.

    Args:
        value: how many.
        noun: of one.
        plural: of several, where it is not the noun and an s.
        form: how the number is written, as in a format string.
    """
    return f"{value:{form}} {noun if value == 1 else plural or noun + 's'}"


def met(parts: Iterable[tuple[int, str]]) -> str:
    """The words of the parts that there are, given how many there are of each."""
    return ", ".join(words for number, words in parts if number)


def size(width: float, height: float) -> str:
    """A size in pixels, each side to a pixel, or to a tenth where that would show nothing."""
    return "x".join(f"{side:.1f}" if 0 < abs(side) < 2 else f"{side:.0f}" for side in (width, height))


def positives(number: int, forced: int) -> str:
    """How many priors are trained on an object: those that reach the threshold, and those that are forced."""
    return f"{number - forced}+{forced}" if forced else str(number)


def stride(spacing: tuple[float, float]) -> str:
    """The spacing of a level's centres in pixels: one number where x and y agree."""
    x, y = spacing
    return f"{x:g}" if x == y else f"{x:g}x{y:g}"


def file_name(path: str) -> str:
    """The last part of a path, of whatever system."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def shared_folder(names: Iterable[str]) -> str:
    """The folder in which all of these files are, with the slash that ends it; empty where there is none, or one file.

    What tables of images leave out, since said once it leaves room for the rest.
    """
    ordered = sorted({min(known), max(known)}) if (known := set(names)) else []
    if len(ordered) < 2:
        return ""
    shared = os.path.commonprefix([name.replace("\\", "/") for name in ordered])  # noqa: RUF071 - cut at a slash next
    return ordered[0][: shared.rfind("/") + 1]


def corners(corner_box: Box) -> str:
    """The corners of a box, to a pixel."""
    return ",".join(f"{value:.0f}" for value in corner_box)


def table(columns: Sequence[Column | str], rows: Iterable[Row]) -> RenderableType:
    """A plain table; the columns that may wrap do so where the terminal is too narrow for all.

    Args:
        columns: its columns.
        rows: a cell for each column.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in (Column(each) if isinstance(each, str) else each for each in columns):
        made.add_column(
            Text(column.heading),
            justify=column.justify,
            min_width=column.least or len(column.heading),
            no_wrap=not column.wrap,
            overflow="fold" if column.wrap else "ellipsis",
        )
    return QuickTable(made, list(rows))


def section(title: str, body: RenderableType) -> Group:
    """A titled part of a report."""
    return Group(Text(title, style="title"), body, Text())


def legend(meanings: Iterable[tuple[str, str]]) -> Text:
    """What the headings of a table mean, below it and a blank line, where the table ends for a program."""
    words = ". ".join(f"{heading}: {meaning}" for heading, meaning in meanings)
    return Text(f"\n{words}.", style="faint")


def hanging(
    rows: Iterable[tuple[RenderableType, RenderableType]], apart: int = 2, styles: tuple[str, str] = ("", "")
) -> Table:
    """Words beside a narrow column of labels, wrapped under themselves.

    Args:
        rows: a label, and its words.
        apart: spaces between the two.
        styles: of the two columns.
    """
    grid = Table.grid(padding=(0, apart, 0, 0))
    grid.add_column(style=styles[0], no_wrap=True)
    grid.add_column(style=styles[1], overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def bullets(lines: Iterable[str]) -> RenderableType:
    """Sentences, one a line, hanging under a mark."""
    return Group(hanging(((Text("!", style="attention"), Text(line)) for line in lines), apart=1), Text())


def priors_line(config: ConfigSummary) -> str:
    """The priors in use, in a line."""
    source = f" ({config.codebase})" if config.codebase else ""
    width, height = config.image_size
    chosen = f", {config.choice}" if config.choice else ""
    known = "" if config.image_size_known else ", assumed: --image-size says otherwise"
    levels = "no recognised grid" if config.levels == ((0, 0),) else count(len(config.levels), "level")
    return f"{config.name}{source}, {config.priors} priors on {levels}, input {width} x {height}{known}{chosen}"


def feature_map(grid: tuple[int, int]) -> str:
    """A feature map, or `all` where there is no grid."""
    return f"{grid[0]}x{grid[1]}" if grid != (0, 0) else "all"


def facts(pairs: Iterable[tuple[str, str]]) -> RenderableType:
    """Labelled facts at the head of a report."""
    return Group(hanging(((label, Text(value)) for label, value in pairs), styles=("faint", "")), Text())


def with_ending(report: RenderableType, view: View) -> RenderableType:
    """The report, followed by the files that were written and the command to run next."""
    parts: list[RenderableType] = []
    if view.files:
        parts.append(Text("Wrote " + ", ".join(view.files), style="faint"))
    if view.next:
        parts += [Text(NEXT, style="title"), CommandLine(view.next)]
    return Group(report, *parts) if parts else report
