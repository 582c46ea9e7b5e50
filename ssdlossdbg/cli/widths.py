"""How many columns reports and help have: as the user says, as the terminal has, or without a limit."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextvars import ContextVar

from ssdlossdbg.report.view import UNLIMITED

# Below that a table is no table, and rich prints nothing at all in no columns.
LEAST_COLUMNS = 20
# What `--width` says; None where it was not given.
_ASKED: ContextVar[int | None] = ContextVar("width", default=None)


@contextlib.contextmanager
def asked_width(width: int | None) -> Iterator[None]:
    """Hold to what `--width` says while a command runs."""
    token = _ASKED.set(width)
    try:
        yield
    finally:
        _ASKED.reset(token)


def asked() -> int | None:
    """What `--width` says; None where it was not given."""
    return _ASKED.get()


def columns() -> int:
    """Of what is printed to stdout; `report.view.UNLIMITED` where a program reads it and nobody says otherwise."""
    width = _ASKED.get()
    if width is not None:
        return width
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    return UNLIMITED
