"""Names found by their letters are those that are found when each is compared with each."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from ssdlossdbg.alike import Names
from ssdlossdbg.checks.slips import in_words, slip
from ssdlossdbg.errors import LONGEST_ALIKE, nearest, one_slip_apart

ODD = ["", ".", "a", "A", "aa", "mining.ratio", "mining.", "mining.ratios", "ratio", "Mining.ratio", "straße",
       "STRASSE", "İ", "猫", "猫犬", "type a", "type_b", "Type-A", "x" * LONGEST_ALIKE, "x" * (LONGEST_ALIKE + 1),
       "\ud800"]  # fmt: skip


def names(seed: int) -> list[str]:
    """Words of few letters, of which many are alike; some several times, with a prefix, or of two words."""
    rng = Random(seed)
    letters = "abAB1. _-"[: rng.choice((2, 5, 9))] + "\u00e1\u0121"  # the last one falls together with another letter
    words = ["".join(rng.choices(letters, k=rng.randrange(1, 9))) for _ in range(40)]
    return [*words, *(rng.choice(("mining.", "ab.")) + word for word in words[:10]), *rng.sample(ODD, 6), words[3]]


@pytest.mark.parametrize("seed", range(12))
def test_the_nearest_is_that_of_all(seed: int) -> None:
    known, asked = names(seed), [*names(seed + 1000), *ODD]
    several = Names(known)
    for name in asked:
        assert several.nearest(name) == nearest(name, known), name
    assert Names([]).nearest("a") is None


@pytest.mark.parametrize("seed", range(12))
def test_all_that_are_one_letter_apart_are_found_in_their_order(seed: int) -> None:
    known, asked = names(seed), [*names(seed), *ODD]
    several, of_words = Names(known), Names(known, in_words)
    for name in asked:
        for substituted in (0, 4, 99):
            expected = [other for other in known if one_slip_apart(name, other, substituted)]
            near = several.one_letter_apart(name)
            assert [other for other in near if one_slip_apart(name, other, substituted)] == expected, name
        assert [each for each in of_words.one_letter_apart(name) if slip(name, each)] == [
            each for each in known if slip(name, each)
        ]


def test_few_of_many_names_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def counted(_: str, other: str) -> float:
        compared.append(other)
        return 1.0

    monkeypatch.setattr("ssdlossdbg.alike.likeness", counted)
    known = Names(["".join(word) for word in product("abcdefgh", repeat=4)])
    assert known.nearest("hgf") is not None
    assert known.nearest("xyz") is None
    assert len(compared) == 1
    assert len(list(known.one_letter_apart("abcd"))) < len(known.names) // 7
