"""A command that can be copied from a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.text import Text

from ssdlossdbg.shells import continues, quoted

INDENT = 2
CONTINUED = " \\"


@dataclass(frozen=True)
class CommandLine:
    """A command that can be copied from a terminal of any width: lines end between words, as a shell continues them.

    Attributes:
        words: of the command, not yet quoted.
    """

    words: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """One line, or several that end in a backslash; only a word that is wider than the terminal is broken."""
        line, room = " " * INDENT, options.max_width - len(CONTINUED)
        for position, word in enumerate(map(quoted, self.words)):
            if position and continues() and len(line) + len(word) > room:
                yield Text(line.rstrip() + CONTINUED)
                line = " " * 2 * INDENT
            line += word + " "
        yield Text(line.rstrip(), overflow="fold")
