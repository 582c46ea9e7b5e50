"""What a user's code said of a loss against what is computed, on either side of each bound."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest

from ssdlossdbg.results import Recorded
from ssdlossdbg.results.said import EXACT, SAME_LOSS, Said, is_another, off_by


class Loss(NamedTuple):
    """What was computed."""

    total: float
    localization: float
    confidence: float


LOSS = Loss(6.0, 2.0, 4.0)
INF, NAN = math.inf, math.nan


def error(*said: float | None, loss: Any = LOSS, rounding: Any = EXACT, bare: bool = False, **more: Any) -> Any:
    return Said(Recorded(*said), rounding, bare=bare).error(loss, **more)


@pytest.mark.parametrize(
    ("said", "apart"),
    [
        ((), None),
        ((6.0,), 0.0),
        ((8.0,), 0.25),
        ((4.0,), 1 / 3),
        ((None, 2.0, 4.0), 0.0),
        ((None, 2.0, 5.0), 0.2),
        ((None, 1.0, None), 0.5),
        ((6.0, 4.0, 2.0), 0.0),
        ((6.0, 4.0, 2.5), 0.2),
        ((6.0, 3.0, 4.0), 1 / 3),
        ((6.00006, None, None), 1e-5),
        ((NAN,), INF),
        ((INF,), INF),
        ((-6.0,), 2.0),
    ],
)
def test_how_far_apart_they_are(said: Any, apart: float | None) -> None:
    assert error(*said) == (apart if apart is None else pytest.approx(apart, rel=1e-4))


def test_what_is_no_number_on_both_sides_is_the_same() -> None:
    for value in (NAN, INF, -INF):
        assert error(value, loss=Loss(value, 1.0, value)) == 0.0
    assert error(-INF, loss=Loss(INF, 1.0, 2.0)) == INF
    assert error(1.0, loss=Loss(NAN, 1.0, 2.0)) == INF
    assert error(None, 0.0, 0.0, loss=Loss(0.0, 0.0, 0.0)) == 0.0


def test_a_small_part_is_held_against_the_whole() -> None:
    loss = Loss(1000.0, 999.9, 0.1)
    assert error(None, None, 0.2, loss=loss) == pytest.approx(0.1)
    assert error(None, None, 3.0, loss=loss) == pytest.approx(2.9 / 3)
    assert error(None, None, 0.2, loss=Loss(INF, INF, 0.1)) == pytest.approx(0.5)
    assert error(None, None, 0.2, loss=Loss(-1000.0, 999.9, 0.1)) == pytest.approx(0.1)


def test_what_was_printed_with_few_digits_may_be_off_by_half_the_last() -> None:
    rounding = Recorded(0.05, 0.5)
    assert error(6.05, rounding=rounding) == pytest.approx(0, abs=1e-9)
    assert error(6.1, rounding=rounding) == pytest.approx(0.05 / 6.1)
    assert error(6.0, 2.5, 4.0, rounding=rounding) == 0.0
    assert error(6.0, 2.0, 4.5, rounding=rounding) == pytest.approx(0.5 / 4.5)


def test_of_equal_scores_another_choice_is_the_same_loss() -> None:
    choice = (-0.5, 1.0)
    for said, apart in ((5.5, 0.0), (5.4, 0.1 / 5.5), (7.0, 0.0), (7.1, 0.1 / 7.1), (6.2, 0.0)):
        assert error(said, choice=choice) == pytest.approx(apart, abs=1e-12)
    assert error(None, 2.5, choice=choice) == pytest.approx(0.2), "the places of boxes do not depend on it"
    assert error(6.0, 2.0, 4.9, choice=choice) == 0.0
    assert error(5.9, choice=(-0.5, 0.0)) == 0.0


def test_a_total_with_another_term_in_it_tells_nothing() -> None:
    assert error(8.0, decays=True) is None
    assert error(8.0, decays=True, bare=True) == 0.25
    assert error(8.0, left_out=True, bare=True) is None
    assert error(8.0, 2.0, 5.0, decays=True) == pytest.approx(0.2)
    assert error(6.0, decays=True) == 0.0
    small = 6 * (1 + SAME_LOSS / 2)
    assert error(small, decays=True) == pytest.approx(SAME_LOSS / 2, rel=1e-3)


@pytest.mark.parametrize(
    ("apart", "precision", "another"),
    [(None, 0.0, False), (1e-4, 0.0, False), (1.01e-4, 0.0, True), (1e-3, 1e-3, False), (1.11e-3, 1e-3, True)],
)
def test_another_loss(apart: float | None, precision: float, another: bool) -> None:
    assert is_another(apart, precision) is another


@pytest.mark.parametrize(("apart", "words"), [(0.001, "0.1% off"), (0.25, "25.0% off"), (0.00099, "1e-03 off")])
def test_in_words(apart: float, words: str) -> None:
    assert off_by(apart) == words
