"""Names that are like a name, found among thousands by the letters that both have, before any two are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ssdlossdbg.errors import LEAST_LIKENESS, LONGEST_ALIKE, likeness, prefix_of

# Letters are counted by their number modulo this; two that fall together make names seem more alike, never less.
KINDS = 64

Counts = npt.NDArray[np.int64]


class Names:
    """Names that others are held against, one after the other.

    Attributes:
        names: those, the first preferred among equals.
    """

    def __init__(self, names: Sequence[str], folded: Callable[[str], str] = str.casefold) -> None:
        self.names, self._fold = names, folded
        self._folded = [folded(name) for name in names]
        self._lengths = np.array([len(name) for name in self._folded], dtype=np.int64)
        self._letters = np.zeros((len(names), KINDS), dtype=np.uint8)
        for row, name in enumerate(self._folded):
            if len(name) <= LONGEST_ALIKE:
                self._letters[row] = _letters(name)
        self._beginning: dict[str, npt.NDArray[np.bool_]] = {}

    def nearest(self, name: str) -> str | None:
        """What `errors.nearest` finds among them."""
        folded = self._fold(name)
        if len(folded) > LONGEST_ALIKE or not self.names:
            return None
        common, together = self._common(folded), self._lengths + len(folded)
        if prefix := prefix_of(folded):  # which counts on neither side
            shared = len(prefix) * self._begin_with(prefix)
            common, together = common - shared, together - 2 * shared
        bounds = np.where(together > 0, 2.0 * common / np.maximum(together, 1), 1.0)
        bounds[self._lengths > LONGEST_ALIKE] = -1
        best, found = LEAST_LIKENESS, len(self.names)
        for place in np.argsort(-bounds, kind="stable").tolist():
            if bounds[place] < best:
                break
            alike = likeness(name, self.names[place])
            if (alike, -place) > (best, -found):
                best, found = alike, place
        return self.names[found] if found < len(self.names) else None

    def one_letter_apart(self, name: str) -> Iterator[str]:
        """Those that may be one edit away, in their order: all that are, and few that are not."""
        folded = self._fold(name)
        if len(folded) > LONGEST_ALIKE or not self.names:
            return
        longer = np.maximum(self._lengths, len(folded))
        near = (np.abs(self._lengths - len(folded)) <= 1) & (self._common(folded) >= longer - 1)
        yield from (self.names[place] for place in np.flatnonzero(near).tolist())

    def _common(self, folded: str) -> Counts:
        """`[N]` at most so many letters each has in common with a name."""
        common: Counts = np.minimum(self._letters, _letters(folded)).sum(1, dtype=np.int64)
        return common

    def _begin_with(self, prefix: str) -> npt.NDArray[np.bool_]:
        if prefix not in self._beginning:
            self._beginning[prefix] = np.array([name.startswith(prefix) for name in self._folded], dtype=np.bool_)
        return self._beginning[prefix]


def _letters(name: str) -> npt.NDArray[np.uint8]:
    """`[KINDS]` how many letters of each kind."""
    return np.bincount([ord(letter) % KINDS for letter in name] or [0], minlength=KINDS).astype(np.uint8) * bool(name)
