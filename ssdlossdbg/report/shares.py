"""Shares of large numbers, as the reports of whole datasets write and draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from ssdlossdbg.report.text import count


def many(value: int, noun: str, plural: str | None = None) -> str:
    """A count that may be large, with its noun: `1 object`, `2,000 objects`."""
    return count(value, noun, plural, ",")


def percent(share: float) -> str:
    """A share with a decimal, 0% and 100% only where they are exact; empty for nan, the share of nothing."""
    if math.isnan(share):
        return ""
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


# Shares that have a name, each for what is nearer to it than to others by this much.
NAMED = ((1 / 5, "A fifth"), (1 / 4, "A quarter"), (1 / 3, "A third"), (1 / 2, "Half"), (2 / 3, "Two thirds"),
         (3 / 4, "Three quarters"))  # fmt: skip
NEAR = 0.025


def in_words(share: float) -> str:
    """A share as one says it at the beginning of a sentence: "Half", "A third", "All", else in percent."""
    if share == 1:
        return "All"
    if share >= 1 - NEAR:
        return "Nearly all"
    near = [words for value, words in NAMED if abs(share - value) <= NEAR]
    return near[0] if near else percent(share)


def percent_of(part: float, whole: float) -> str:
    """The share that a part is of a whole; empty where the whole is nothing."""
    return percent(part / whole) if whole else ""


def bar(parts: Sequence[int], marks: Sequence[tuple[str, str]], width: int) -> Text:
    """A whole as a row of characters, which differ by part so that the bar reads without colours.

    Args:
        parts: what the whole consists of. Each that is not nothing gets a character at least, the largest the rest.
        marks: (character, style) of each.
        width: characters in all; no fewer than there are parts.
    """
    whole = sum(parts)
    if not whole:
        return Text(" " * width)
    cells = [max(1, round(width * part / whole)) if part else 0 for part in parts]
    cells[cells.index(max(cells))] += width - sum(cells)
    return Text.assemble(*((mark * cell, style) for cell, (mark, style) in zip(cells, marks, strict=True)))
