"""What goes to the terminal: reports to stdout, warnings and errors to stderr."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any, TextIO

from ssdlossdbg.cli.widths import columns
from ssdlossdbg.report.visible import visible

# What stands for the characters of our tables and bars where an encoding, as Windows' cp1252, has none of them.
LOOKALIKE = "ssdlossdbg-lookalike"
LOOKALIKES = str.maketrans("─━│█▒░·…→≥≤", "--|#=:.~>><")


def _lookalikes(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end].translate(LOOKALIKES)
    return "".join(each if each.isascii() else "?" for each in text), error.end


# Whether stdout is for a file, as `-o -` asks, so that the report goes to stderr.
_FILE_TO_STDOUT: ContextVar[bool] = ContextVar("file to stdout", default=False)


@contextlib.contextmanager
def stdout_for_a_file(wanted: bool) -> Iterator[None]:
    """Leave stdout to the file that is to be written there, where one is."""
    token = _FILE_TO_STDOUT.set(wanted)
    try:
        yield
    finally:
        _FILE_TO_STDOUT.reset(token)


def write_to_stdout(chunks: Iterable[bytes]) -> None:
    """Write the bytes of a file to stdout."""
    sys.stdout.flush()
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _reports_to() -> TextIO:
    return sys.stderr if _FILE_TO_STDOUT.get() else sys.stdout


def show(report: Any) -> None:
    """Print a rich renderable to stdout."""
    from rich.console import Console

    from ssdlossdbg.report.text import Trimmed
    from ssdlossdbg.report.theme import TERMINAL

    class Terminal(Console):
        def on_broken_pipe(self) -> None:  # rich would exit with 1, which means findings
            raise BrokenPipeError

    with _unencodable_replaced():
        Terminal(theme=TERMINAL, highlight=False, width=columns(), file=_reports_to()).print(Trimmed(report))


def show_plain(text: str) -> None:
    """Print text to stdout, without any of rich's wrapping."""
    with _unencodable_replaced():
        print(text, file=_reports_to())


def say_warning(message: str) -> None:
    """Print what the user should know, though it stops nothing, to stderr."""
    _say("warning: ", "bold yellow", message)


def say_note(message: str) -> None:
    """Print what was understood otherwise than it was written, to stderr."""
    _say("note: ", "bold", message)


def say_error(message: str) -> None:
    """Print what stopped the command to stderr."""
    _say("error: ", "bold red", message)


def say_usage(error: Any) -> None:
    """Print how a command line is to be written, and what is wrong with this one, to stderr.

    Args:
        error: raised by click, or by typer in its place.
    """
    text = io.StringIO()
    error.show(text)
    for line in text.getvalue().splitlines():
        say_line(line)


def say_line(line: str) -> None:
    """Print a line to stderr, where it can take one."""
    with contextlib.suppress(OSError, ValueError):
        print(visible(line), file=sys.stderr, flush=True)


def discard_stdout() -> None:
    """Let what is still to be flushed to stdout go nowhere, where it can go nowhere else."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stdout may be closed, or no file at all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(mark: str, style: str, message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    with contextlib.suppress(OSError, ValueError):  # full or closed; the exit code still says that there was one
        console = Console(stderr=True, highlight=False)
        console.print(Text.assemble((mark, style), visible(message)), soft_wrap=not console.is_terminal)


@contextlib.contextmanager
def _unencodable_replaced() -> Iterator[None]:
    # A terminal that is not UTF-8 gets something like what it cannot show, or a ?, rather than a crash in the middle.
    if hasattr(sys.stdout, "reconfigure"):
        codecs.register_error(LOOKALIKE, _lookalikes)
        sys.stdout.reconfigure(errors=LOOKALIKE)
    yield
    sys.stdout.flush()
