"""Shares in words and as bars."""

from __future__ import annotations

import pytest

from ssdlossdbg.report.shares import bar, many, percent, percent_of

MARKS = (("a", ""), ("b", ""), ("c", ""))


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0%"),
        (1e-9, "<0.1%"),
        (0.000499, "<0.1%"),
        (0.001, "0.1%"),
        (0.0435, "4.3%"),
        (0.5, "50.0%"),
        (0.9994, "99.9%"),
        (0.99999, ">99.9%"),
        (1.0, "100%"),
        (float("nan"), ""),
    ],
)
def test_percent_is_0_or_100_only_where_that_is_exact(share: float, words: str) -> None:
    assert percent(share) == words


def test_share_of_nothing() -> None:
    assert (percent_of(0, 0), percent_of(1, 4)) == ("", "25.0%")


@pytest.mark.parametrize(("value", "words"), [(0, "0 boxes"), (1, "1 box"), (12345, "12,345 boxes")])
def test_many(value: int, words: str) -> None:
    assert many(value, "box", "boxes") == words


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((0, 0, 0), "          "),
        ((5, 0, 5), "aaaaaccccc"),
        ((0, 7, 0), "bbbbbbbbbb"),
        ((1, 10**6, 1), "abbbbbbbbc"),
        ((1, 1, 1), "aaaabbbccc"),
    ],
)
def test_a_bar_shows_every_part(parts: tuple[int, int, int], text: str) -> None:
    assert bar(parts, MARKS, 10).plain == text
