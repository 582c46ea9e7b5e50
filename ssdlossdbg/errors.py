"""The errors a user can cause, and the one place that says what each exit code means.

SsdLossDbgError      anything this package raises on purpose; exit code 2
├── InputError       a file, option or tensor that cannot be used: what, where, how to fix it
├── UnknownNameError a name that nothing answers to, with the nearest one that something does
└── LostRankError    another process of the same job is gone
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

# How Python shows what has no words of its own; libraries put it into their reasons, and it differs from run to run.
OBJECT = re.compile(r"<([\w.]+) object at 0x[0-9a-fA-F]+>")
LEAST_LIKENESS = 0.55
# Letters; to compare longer ones takes their square.
LONGEST_ALIKE = 200
# Shorter names are all alike.
SHORTEST_NAME = 3


class SsdLossDbgError(Exception):
    """Base of every error this package raises on purpose; the message is meant for the user."""

    exit_code = EXIT_BAD_INPUT


class InputError(SsdLossDbgError):
    """An input that cannot be used.

    Args:
        where: the file, option or tensor, with the place inside it.
        what: what is wrong with it.
        fix: what the user can do about it.
        code: of the finding that explains it, if there is one.
    """

    def __init__(self, where: object, what: str, fix: str, code: str = "") -> None:
        self.where = str(where)
        self.what = what = OBJECT.sub(r"\1", what)
        self.fix = fix
        self.code = code
        more = f" More: ssdlossdbg explain {code}." if code else ""
        # A blank at an end of a name is often what is wrong, and nobody sees it.
        place = self.where if self.where == self.where.strip() else repr(self.where)
        super().__init__(f"{place}: {what}. {fix}{more}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Let pickle set the attributes: by default it would call the class, with the message as only argument."""
        return Exception.__new__, (type(self), *self.args), self.__dict__


class SeveralBatchesError(InputError):
    """Two files that were named as the halves of one batch hold a batch each."""


class UnknownNameError(InputError):
    """A name (config, dialect, key, class) that is not among the known ones."""

    def __init__(
        self, where: object, kind: str, name: str, known: Iterable[str], fix: str = "", code: str = ""
    ) -> None:
        options = sorted(known)
        close = nearest(name, options)
        if close:
            hint = f"Did you mean {close!r}?"
        elif options:
            shown = ", ".join(options[:12]) + (", ..." if len(options) > 12 else "")
            hint = f"Known: {shown}."
        else:
            hint = ""
        super().__init__(where, f"unknown {kind} {name!r}", " ".join(part for part in (hint, fix) if part), code)


class LostRankError(InputError):
    """Another of the processes that work together is gone, or never came."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, the first of several, or None where none is similar; see `likeness`.

    Of many names that are held against many, `alike.Names` finds the same.
    """
    best = max(known, key=lambda other: likeness(name, other), default=None)
    return best if best is not None and likeness(name, best) >= LEAST_LIKENESS else None


def likeness(name: str, other: str) -> float:
    """How alike two names are, 0 to 1; of names that are no names but texts, 0.

    A prefix up to a dot that both share (`mining.` of `mining.ratio`) makes them no more alike.
    """
    folded, against = name.casefold(), other.casefold()
    if max(len(folded), len(against)) > LONGEST_ALIKE:
        return 0.0
    prefix = prefix_of(folded)
    shared = len(prefix) if against.startswith(prefix) else 0
    return difflib.SequenceMatcher(None, folded[shared:], against[shared:]).ratio()


def prefix_of(folded: str) -> str:
    """What stands before the last part of a name of several."""
    return folded[: folded.rfind(".") + 1]


def one_slip_apart(name: str, other: str, substituted: int = 0) -> bool:
    """Whether two names are one edit apart: a letter more or less, two exchanged, or one another in a longer name.

    Args:
        name: a name.
        other: another.
        substituted: how long names must be for one letter to be another.
    """
    short, long = sorted((name.casefold(), other.casefold()), key=len)
    if not SHORTEST_NAME <= len(short) <= len(long) <= LONGEST_ALIKE or short == long or len(long) - len(short) > 1:
        return False
    if [letter for letter in short if letter.isdigit()] != [letter for letter in long if letter.isdigit()]:
        return False
    start = next((place for place, pair in enumerate(zip(short, long, strict=False)) if pair[0] != pair[1]), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    exchanged = short[start : start + 2] == long[start : start + 2][::-1] and short[start + 2 :] == long[start + 2 :]
    return exchanged or (len(short) >= substituted and short[start + 1 :] == long[start + 1 :])
