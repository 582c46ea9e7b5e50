"""How likely it is that one name of a class is another one misspelt, by their letters alone."""

from __future__ import annotations

import re
from enum import IntEnum

from ssdlossdbg.errors import one_slip_apart

BETWEEN_WORDS = re.compile(r"[\s_-]+")
# Words of fewer letters are often one letter apart and both words: cat and bat, car and cart, god and good.
DOUBLED_IN, ADDED_TO, SUBSTITUTED_IN = 4, 5, 5


class Slip(IntEnum):
    """What two names differ in, the surest sign of a slip last."""

    POSSIBLE = 1
    """A letter, by which many words differ: mouse and house, bear and beard."""
    LIKELY = 2
    """A letter more or less in a longer word, as an s at its end."""
    TYPING = 3
    """Two letters in each other's place, or one of two alike left out: nobody calls two classes so."""


def in_words(name: str) -> str:
    """A name as `slip` sees it: its words, whatever stands between them, in lower case."""
    return " ".join(BETWEEN_WORDS.split(name.casefold()))


def slip(name: str, other: str) -> Slip | None:
    """What two names differ in, if one may be the other misspelt; None where they are equal, or further apart.

    Of names of several words, one word is to differ: "type a" and "type b" are as far apart as a and b. Names that
    differ in a digit are taken for two.
    """
    words, others = (BETWEEN_WORDS.split(each.casefold()) for each in (name, other))
    different = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    if len(words) != len(others) or len(different) != 1:
        return None
    [(word, instead)] = different
    if not one_slip_apart(word, instead, SUBSTITUTED_IN):
        return None
    short, long = sorted((word, instead), key=len)
    if len(short) == len(long):
        return Slip.TYPING if sorted(short) == sorted(long) else Slip.POSSIBLE
    place = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) >= DOUBLED_IN and place and long[place] == long[place - 1]:
        return Slip.TYPING
    return Slip.LIKELY if len(short) >= ADDED_TO else Slip.POSSIBLE
