"""What a capture says while a training runs: a line at a time on stderr."""

from __future__ import annotations

import contextlib
import sys


def say(line: str) -> None:
    """Print a line; where stderr is closed or gone, nobody hears it, and training goes on."""
    with contextlib.suppress(Exception):
        print(f"ssdlossdbg: {line}", file=sys.stderr, flush=True)


def say_last(line: str) -> None:
    """Print a line after all that a script has printed, of which the last may not have ended in one."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        if sys.stderr.isatty():
            print(file=sys.stderr)
    say(line)
