"""REC001: which part of a loss is another, and by how much; silent where both are the same."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Costs, Recorded, Said
from ssdlossdbg.results.costs import Parts
from ssdlossdbg.results.said import is_another

SAMPLE = Path(__file__).parents[2] / "sample_data"
# What ssd.pytorch's own MultiBoxLoss returns for the sample, from sample_data/README.md.
LOC, CONF = 0.249255627, 1.4152149


@pytest.fixture(scope="module")
def costs() -> Costs:
    """What the sample's loss comes to."""
    found = api.loss(SAMPLE / "preds.pt", SAMPLE / "targets.pt")
    return next(seen for seen in found.evidence if isinstance(seen, Costs))


def messages(recorded: Recorded, costs: Costs) -> list[str]:
    found = find([replace(costs, said=Said(recorded))], together=True)
    return [finding.message for finding in found if finding.code == "REC001"]


def test_a_printed_loss_is_held_against_the_sample(costs: Costs) -> None:
    recorded = Recorded(4 * LOC + CONF, 4 * LOC, CONF)
    result = api.loss(SAMPLE / "preds.pt", SAMPLE / "targets.pt", printed=Said(recorded), whose=False)
    (said,) = (finding.message for finding in result.findings if finding.code == "REC001")
    assert [said] == messages(recorded, costs)


@pytest.mark.parametrize(
    ("loc", "conf", "words"),
    [
        (LOC, 2 * CONF, "only the confidence differs"),
        (4 * LOC, CONF, "only the localisation differs, 4 times"),
        (3 * LOC, 3 * CONF, "both parts are 3 times these, so the normaliser is another"),
        (2 * LOC, 3 * CONF, "both parts differ, by different factors"),
        (math.inf, CONF, "only the localisation differs"),
    ],
)
def test_which_part_is_another(loc: float, conf: float, words: str, costs: Costs) -> None:
    (message,) = messages(Recorded(loc + conf, loc, conf), costs)
    assert words in message
    assert "the rules of ssd.pytorch give 1.66447 (loc 0.249256, conf 1.41521)" in message


@pytest.mark.parametrize("same", [0.0, math.nan, math.inf])
def test_a_part_that_is_the_same_odd_number(same: float, costs: Costs) -> None:
    odd = replace(costs, loss=Parts(same, CONF, 0.0))
    (told,) = messages(Recorded(None, same, 2 * CONF), odd)
    assert "only the confidence differs" in told


def test_the_same_loss_is_silent(costs: Costs) -> None:
    for recorded in (
        Recorded(LOC + CONF, LOC, CONF),
        Recorded(LOC + CONF, CONF, LOC),  # a criterion that returns confidence first
        Recorded(None, LOC, None),
        Recorded((LOC + CONF) * (1 + 5e-5)),
        Recorded(),
    ):
        assert not messages(recorded, costs)
    assert messages(Recorded((LOC + CONF) * (1 + 2e-4)), costs)


def test_differences_of_odd_numbers() -> None:
    own = Parts(2.0, 1.0, 1.0)
    assert Said(Recorded(4.0)).error(own) == 0
    assert Said(Recorded(math.nan)).error(own) == math.inf
    assert Said(Recorded(math.nan)).error(Parts(math.nan, 0, 0)) == 0
    assert Said(Recorded(math.inf)).error(Parts(math.inf, 0, 0)) == 0
    assert Said(Recorded(math.inf)).error(Parts(-math.inf, 0, 0)) == math.inf
    assert Said(Recorded(5.0)).error(own, decays=True) is None  # weight decay may be in it
    assert Said(Recorded(5.0), bare=True).error(own, decays=True) == 0.2  # a criterion sees no weights
    assert Said(Recorded(4.0)).error(own, decays=True) == 0
    assert Said(Recorded(4.05), Recorded(0.1)).error(own) == 0
    assert not is_another(Said(Recorded(4.04)).error(own), 0.02)
    assert is_another(Said(Recorded(4.04)).error(own))
    assert not is_another(None)


def test_what_equal_mining_scores_leave_open_is_no_other_loss() -> None:
    own = Parts(2.0, 1.0, 1.0)
    for total, confidence, same in ((4.5, 2.5, True), (3.9, 1.9, True), (4.8, 2.8, False), (3.7, 1.7, False)):
        error = Said(Recorded(total, 2.0, confidence)).error(own, choice=(-0.2, 0.6))
        assert is_another(error) is not same
    assert is_another(Said(Recorded(4.5, 2.5, 2.0)).error(own, choice=(-0.2, 0.6))) is False  # confidence comes first
    assert is_another(Said(Recorded(4.3, 2.3, 2.0)).error(Parts(2.0, 2.0, 0.0), choice=(0.0, 0.0)))
