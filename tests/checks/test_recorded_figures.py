"""REC001 on losses made by hand: what is another loss, and in which words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Costs, Parts, Recorded, Said

NAN, INF = math.nan, math.inf


def message(recorded: Recorded, own: Parts, precision: float = 0.0) -> str:
    """What is said of a loss; nothing where it is the same."""
    of = Costs("p.pt", "t.pt", "float32", "caffe", 0.5, 9, own, own, 1.0, (), (), (), (), None)
    of = replace(of, said=Said(recorded, precision=precision))
    return next((item.worst.message for item in find([of]) if item.code == "REC001"), "")


@pytest.mark.parametrize(
    ("total", "precision", "same"),
    [
        (4.0, 0.0, True),
        (4.04, 0.02, True),
        (4.04, 0.005, False),
        (4.0003, 0.0, True),
        (4.0005, 0.0, False),
        (4.12, 0.02, False),
        (3.96, 0.02, True),
        (3.96, 0.005, False),
    ],
)
def test_what_half_precision_leaves_open_is_no_other_loss(total: float, precision: float, same: bool) -> None:
    """Beyond a ten thousandth, and what the numbers may be off by themselves."""
    assert (message(Recorded(total), Parts(4.0, 0.0, 0.0), precision) == "") is same


def test_by_how_much_it_is_off_where_that_is_a_number() -> None:
    assert message(Recorded(5.0), Parts(4.0, 0.0, 0.0)) == (
        "your code had 5, and the rules of caffe give 4 (loc 4, conf 0), 20.0% off"
    )
    assert message(Recorded(NAN), Parts(4.0, 0.0, 0.0)) == (
        "your code had nan, and the rules of caffe give 4 (loc 4, conf 0)"
    )


@pytest.mark.parametrize(
    ("said", "own", "words"),
    [
        ((2.0, 4.0), (2.0, 3.0), "only the confidence differs: mining,"),
        ((4.0, 3.0), (2.0, 3.0), "only the localisation differs, 2 times: smooth-L1"),
        ((INF, 3.0), (2.0, 3.0), "only the localisation differs: smooth-L1"),
        ((NAN, 3.0), (2.0, 3.0), "only the localisation differs: smooth-L1"),
        ((2.0, NAN), (2.0, 3.0), "only the confidence differs: mining,"),
        ((2.0, 3.0), (2.0, NAN), "only the confidence differs: mining,"),
        ((NAN, 4.0), (NAN, 3.0), "only the confidence differs: mining,"),
        ((INF, 4.0), (INF, 3.0), "only the confidence differs: mining,"),
        ((4.0, 6.0), (2.0, 3.0), "both parts are 2 times these, so the normaliser is another"),
        ((4.0, 6.005), (2.0, 3.0), "both parts are 2 times these, so the normaliser is another"),
        ((4.0, 6.007), (2.0, 3.0), "both parts differ, by different factors"),
        ((2.001, 6.0), (2.0, 3.0), "only the confidence differs"),
        ((2.003, 6.0), (2.0, 3.0), "both parts differ, by different factors"),
        ((4.0, 0.0), (2.0, 0.0), "only the localisation differs, 2 times"),
        ((1.0, 6.0), (0.0, 3.0), "both parts differ, by different factors"),
        ((None, 6.0), (2.0, 3.0), ""),
        ((4.0, None), (2.0, 3.0), ""),
    ],
)
def test_which_part_is_another(said: tuple[float | None, float | None], own: tuple[float, float], words: str) -> None:
    """Beyond a thousandth."""
    told = message(Recorded(None, *said), Parts(own[0], own[1], 0.0))
    assert told.startswith("your code had")
    assert words in told
    assert (";" in told) is bool(words)
