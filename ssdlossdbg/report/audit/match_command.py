"""The command that shows one image of a dataset, as a shell takes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.text import Text

from ssdlossdbg.results import AuditedDataset, WorstImage

INDENT = 2
CONTINUED = " \\"


def can_match(dataset: AuditedDataset) -> bool:
    """Whether `match` shows images of this dataset as they were audited: it reads no CSV, and pads no photos."""
    return dataset.format != "Open Images" and not dataset.letterbox


def match_command(image: WorstImage, options: Sequence[str] = ()) -> tuple[str, ...]:
    """The words of the command that shows what each object of an image gets.

    Where the photo was not found, the user has to put its path in the place of PHOTO. Of an annotation file that lists
    many images, `match` takes the entry with the photo's name.

    Args:
        image: the image.
        options: that make `match` use the same priors and rules, as words.
    """
    files = ("PHOTO" if image.photo is None else _no_option(image.photo), _no_option(image.annotation))
    return "ssdlossdbg", "match", *files, *options


def _no_option(path: str) -> str:
    return f"./{path}" if path.startswith("-") else path


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
        for position, word in enumerate(map(shlex.quote, self.words)):
            if position and len(line) + len(word) > room:
                yield Text(line.rstrip() + CONTINUED)
                line = " " * 2 * INDENT
            line += word + " "
        yield Text(line.rstrip())
