"""Command lines that can be pasted into the shell of this system."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterable

# What Windows' shells take for something else than a part of a word.
SPECIAL = re.compile(r"[\s&|<>^()%!;,'`$@{}#]")


def joined(words: Iterable[str]) -> str:
    """A command line that the shell of this system takes apart into these words."""
    return " ".join(map(quoted, words))


def quoted(word: str) -> str:
    """A word as the shell of this system takes it: on Windows both cmd and PowerShell, but for a $ or % in it."""
    if os.name != "nt":
        return shlex.quote(word)
    made = subprocess.list2cmdline([word])
    return f'"{made}"' if made == word and SPECIAL.search(word) else made


def continues() -> bool:
    """Whether a backslash at its end continues a line: Windows' two shells agree on no such sign."""
    return os.name != "nt"
