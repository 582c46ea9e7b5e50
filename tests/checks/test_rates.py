"""When a learning rate that jumped is to blame, on headers made by hand: each bound just at it and beyond."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Captured, Case, Costs, Parts, Recorded

NOTHING = Parts(0.0, 0.0, 0.0)
# A rate of eight times the usual, and a loss of three times its median.
JUMPED = Captured(
    7, "spike", recorded=Recorded(30.0, 20.0, 10.0), usual_lr=0.01, peak_lr=0.08, peak_lr_steps_ago=2, median=10.0
)


def cases(captured: Captured | None) -> tuple[Case, ...]:
    """What is found of a batch that nothing is known of but its header."""
    of = Costs(
        "p.pt",
        "t.pt",
        "float32",
        "ssd.pytorch",
        0.5,
        10,
        NOTHING,
        NOTHING,
        1.0,
        (),
        (),
        (),
        (),
        None,
        captured=captured,
    )
    return next((finding.cases for finding in find([of]) if finding.code == "NUM007"), ())


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        ({}, True),
        # Five times the usual rate, or more.
        ({"usual_lr": 0.5, "peak_lr": 2.5}, True),
        ({"usual_lr": 0.5, "peak_lr": 2.49}, False),
        ({"usual_lr": 0.0}, False),
        ({"usual_lr": None}, False),
        ({"peak_lr": None}, False),
        ({"peak_lr": math.nan}, False),
        # More than twice the median loss, which says nothing by its own size.
        ({"recorded": Recorded(20.0)}, False),
        ({"recorded": Recorded(20.1)}, True),
        ({"recorded": Recorded(0.2), "median": 0.1}, False),
        ({"recorded": Recorded(0.21), "median": 0.1}, True),
        ({"median": None}, False),
        ({"recorded": Recorded()}, False),
        # Or no number, in a part as well.
        ({"recorded": Recorded(math.nan), "median": None}, True),
        ({"recorded": Recorded(1.0, math.inf, 1.0)}, True),
        ({"recorded": Recorded(None, None, math.nan)}, True),
        ({"recorded": Recorded(None, 5.0, 5.0)}, False),
    ],
)
def test_a_rate_that_jumped(changes: dict[str, object], fires: bool) -> None:
    assert bool(cases(replace(JUMPED, **changes))) is fires  # type: ignore[arg-type]


def test_what_no_capture_wrote_says_nothing_of_rates() -> None:
    assert cases(None) == ()


def test_the_figures_of_a_rate_that_jumped() -> None:
    (case,) = cases(JUMPED)
    assert case.message.startswith(
        "one of the optimiser's 3 steps before this batch had a learning rate of 0.08, 8 times the usual 0.01, and the "
        "loss went from a median of 10 to 30:"
    )
    assert (case.value, case.bound, case.share, case.where.file) == (0.08, 0.05, 1.0, "p.pt")


def test_the_step_just_before() -> None:
    (case,) = cases(replace(JUMPED, peak_lr_steps_ago=0))
    assert case.message.startswith("the optimiser's step before this batch had a learning rate of 0.08,")


@pytest.mark.parametrize("changes", [{"median": None}, {"recorded": Recorded(None, math.inf)}])
def test_a_loss_of_which_one_figure_is_unknown(changes: dict[str, object]) -> None:
    spoilt = replace(JUMPED, recorded=Recorded(30.0, math.inf))
    (case,) = cases(replace(spoilt, **changes))  # type: ignore[arg-type]
    assert ", and the loss is no number: " in case.message
