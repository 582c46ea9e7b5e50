"""What a capture says while a training runs: a line at a time on stderr."""

from __future__ import annotations

import contextlib
import sys
from typing import Any


def say(line: str) -> None:
    """Print a line; where stderr is closed or gone, nobody hears it, and training goes on."""
    with contextlib.suppress(Exception):
        print(f"ssdlossdbg: {line}", file=sys.stderr, flush=True)


def say_last(line: str, stream: Any) -> None:
    """Print a line after all that a script has printed, of which the last may not have ended in one.

    Args:
        line: to print.
        stream: stderr as it was before the script, which may have put another in its place.
    """
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    with contextlib.suppress(Exception):
        gap = "\n" if stream.isatty() else ""
        print(f"{gap}ssdlossdbg: {line}", file=stream, flush=True)
