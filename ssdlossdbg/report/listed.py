"""A cell of a table that lists a few words, none of which is broken where it is not too long by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from ssdlossdbg.report.text import Column


class Listed:
    """Items with commas between; where they do not fit into a line, one in each.

    Args:
        items: what is listed.
    """

    def __init__(self, items: Sequence[str]) -> None:
        self._items, self._line = items, ", ".join(items)

    @property
    def longest(self) -> int:
        """Columns of the terminal that the longest item takes."""
        return max(map(cell_len, self._items), default=0)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        fits = cell_len(self._line) <= options.max_width
        yield Text(self._line if fits else "\n".join(self._items), overflow="fold")

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(self.longest, options.max_width), min(cell_len(self._line), options.max_width))


def listed_column(heading: str, cells: Iterable[Listed], most: int) -> Column:
    """The column of such cells.

    Args:
        heading: above it.
        cells: all of them.
        most: columns of the terminal that it keeps at most, so that on 80 there is room beside it.
    """
    longest = max((cell.longest for cell in cells), default=0)
    return Column(heading, "left", wrap=True, least=max(len(heading), min(longest, most)))
