"""Results made up from their types, for tests of what is written of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import count, cycle
from types import UnionType
from typing import Any, Union, get_args, get_origin

from ssdlossdbg import results
from ssdlossdbg.report.documents import empty
from ssdlossdbg.results.contract import item_of, members

# The words that reports know, each in turn, by the type and the name of the field.
OF_MATCH = (results.MATCHED, results.UNMATCHED, results.FORCED_ONLY, results.INVALID)
WORDS = {
    ("GroundTruthMatch", "status"): OF_MATCH,
    ("ObjectChange", "status"): OF_MATCH,
    ("GroundTruthDetect", "status"): (results.MISSED, results.FOUND, results.FOUND_AS_OTHER),
    ("Detection", "role"): (results.FINDS, results.REPEATS, results.OTHER_CLASS, results.NOTHING),
    ("DiffResult", "compared"): (results.diff.RUNS, results.diff.BATCHES),
    ("DetectRules", "candidates_of"): ("class", "image", "level"),
}
BOXES = {"box", "input_box", "size", "shape", "round_trip"}


class MakeUp:
    """Makes results of which no two values are alike, so that a document tells when two of its keys are swapped.

    `dealt` are those that a document must show.

    Numbers are below 1, so that specs take them for shares, or from 1001; lists have two items, and flags alternate.
    """

    def __init__(self) -> None:
        self.numbers: Iterator[int] = count(1001)
        self.dealt: list[float | str] = []

    def make(self, hint: Any, name: str = "it") -> Any:
        """A value of a type."""
        origin, options = get_origin(hint) or hint, get_args(hint)
        if origin in (Union, UnionType):
            return self.make(options[0], name)
        item = item_of(hint)
        if origin is tuple or item is not None:
            return tuple(self.make(part, name) for part in ([item] * 2 if item else options))
        if origin is dict:
            return {self.make(str, name): self.make(options[1], name) for _ in range(2)}
        if is_dataclass(hint):
            kind: Any = hint
            stated = {field.name: field for field in fields(kind)}
            return kind(
                **{
                    member.name: empty(stated[member.name], member.hint)
                    if member.key is None
                    else self.make(member.hint, member.name)
                    for member in members(kind)
                    if not member.computed
                }
            )
        number = next(self.numbers)
        if issubclass(hint, Enum):
            return list(hint)[number % len(hint)]
        if hint is bool:
            return number % 2 == 0
        self.dealt.append(number if hint is int else number / 10000 if hint is float else f"{name} {number}")
        return self.dealt[-1]


class Telling(MakeUp):
    """One whose results can be told in words: they use the words that reports know, and levels that there are.

    Two decimals of a share, and the whole pixels of a box, are enough to tell one from another.
    """

    def __init__(self) -> None:
        super().__init__()
        self.of: list[str] = []
        self.turns = {place: cycle(words) for place, words in WORDS.items()}
        self.levels = cycle((0, 1))

    def make(self, hint: Any, name: str = "it") -> Any:
        """A value of a type."""
        if is_dataclass(hint):
            self.of.append(hint.__name__)  # type: ignore[union-attr]
            try:
                return super().make(hint, name)
            finally:
                self.of.pop()
        turn = self.turns.get((self.of[-1], name)) if hint is str or hint == str | None else None
        if turn:
            return next(turn)
        if hint is int and name in ("level", "best_level"):
            return next(self.levels)
        if hint is float:
            number = next(self.numbers)
            return float(number * number % 300) if name in BOXES else number * 0.618034 % 1
        return super().make(hint, name)


class Sparing(Telling):
    """One that leaves out what can be left out, and deals counts of 0, 1 and 2."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = cycle((0, 1, 2, 1, 0))

    def make(self, hint: Any, name: str = "it") -> Any:
        """A value of a type."""
        options = get_args(hint)
        if (get_origin(hint) or hint) in (Union, UnionType) and type(None) in options:
            return None
        if hint is int and name not in ("level", "best_level"):
            return next(self.counts)
        return super().make(hint, name)
