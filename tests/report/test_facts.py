"""Lines of a report that say one thing: when a batch was captured, whose loss is right, what the weights cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ssdlossdbg.report.check_text import check_report
from ssdlossdbg.report.loss_text import _weight_decay
from ssdlossdbg.report.recorded_text import captured_line, changed_fact, images_fact, said_line
from ssdlossdbg.results import Captured, Case, CheckedFiles, CheckResult, Finding, LossResult, Recorded, Severity, Where
from ssdlossdbg.rules import WeightDecaySpec

Render = Callable[..., str]


def captured(**changes: Any) -> Captured:
    return replace(Captured(step=341, reason="not finite", criterion="Loss", epoch_time=0.0), **changes)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "step 341, not finite; Loss, 1970-01-01 00:00:00 UTC"),
        ({"detail": "nan"}, "step 341, not finite (nan); Loss, 1970-01-01 00:00:00 UTC"),
        ({"rank": 0, "world": 2}, "step 341, rank 0 of 2, not finite; Loss, 1970-01-01 00:00:00 UTC"),
        ({"rank": 0, "world": 1}, "step 341, not finite; Loss, 1970-01-01 00:00:00 UTC"),
        ({"lr": (0.001,)}, "step 341, not finite; Loss, 1970-01-01 00:00:00 UTC, lr 0.001"),
        ({"lr": (0.001, 0.01, 0.001)}, "step 341, not finite; Loss, 1970-01-01 00:00:00 UTC, lr 0.001, 0.01"),
        (
            {"gradient_norm": 12.34567, "gradient_norm_step": 340},
            "step 341, not finite; Loss, 1970-01-01 00:00:00 UTC, gradient norm 12.35 at the optimiser's step 340",
        ),
        ({"median": 2.0}, "step 341, not finite; Loss, 1970-01-01 00:00:00 UTC"),
        ({"epoch_time": 86399.0}, "step 341, not finite; Loss, 1970-01-01 23:59:59 UTC"),
    ],
)
def test_when_and_why_a_batch_was_captured(changes: dict[str, Any], line: str) -> None:
    assert captured_line(captured(**changes)) == line


def test_facts() -> None:
    assert changed_fact(None) == changed_fact(captured()) == []
    assert changed_fact(captured(changed=("a 1 instead of 2", "b"))) == [("with", "a 1 instead of 2; b")]
    assert images_fact(["", None]) == []
    assert images_fact(["a.jpg", None, "b.jpg"]) == [("images", "0: a.jpg, 1: not known, 2: b.jpg")]


@pytest.mark.parametrize(
    ("recorded", "error", "precision", "words", "style"),
    [
        (Recorded(2.0), 0.0, 0.0, "Your code said 2.0000; recomputed 1.6645, equal", "good"),
        (Recorded(2.0), 5e-6, 0.0, "Your code said 2.0000; recomputed 1.6645, equal to 1e-5", "good"),
        (Recorded(2.0), 1e-4, 0.0, "Your code said 2.0000; recomputed 1.6645, equal to 1e-4", "good"),
        (Recorded(2.0), 2e-4, 0.0, "Your code said 2.0000; recomputed 1.6645: 2e-04 off", "bad"),
        (Recorded(2.0), 2e-4, 1e-3, "Your code said 2.0000; recomputed 1.6645: 2e-04 off", "good"),
        (Recorded(2.0), 0.125, 0.0, "Your code said 2.0000; recomputed 1.6645: 12.5% off", "bad"),
        (Recorded(2.0), math.inf, 0.0, "Your code said 2.0000; recomputed 1.6645: not the same", "bad"),
        (Recorded(2.0), None, 0.0, "recomputed 1.6645, which cannot be compared: yours has weight decay in it", "bad"),
        (Recorded(None, 0.5), 0.0, 0.0, "Your code said loc 0.5000; recomputed loc 0.2493, equal", "good"),
        (Recorded(None, None, 0.5), 0.0, 0.0, "Your code said conf 0.5000; recomputed conf 1.4152, equal", "good"),
        (Recorded(None, 0.5, 1.0), 0.0, 0.0, "loc 0.5000, conf 1.0000; recomputed loc 0.2493, conf 1.4152", "good"),
    ],
)
def test_both_losses_side_by_side(
    recorded: Recorded, error: float | None, precision: float, words: str, style: str, batch: LossResult
) -> None:
    header = captured(precision=precision) if precision else None
    line = said_line(replace(batch, recorded=recorded, recorded_error=error, captured=header))
    assert line is not None
    assert words in line.plain
    assert line.plain.endswith(words) or not words.endswith("equal")
    assert line.style == f"verdict.{style}"


def test_what_the_users_code_raised(batch: LossResult) -> None:
    line = said_line(replace(batch, captured=captured(error="ValueError: no"), recorded=Recorded(2.0)))
    assert line is not None
    assert (line.plain, line.style) == ("Your code raised ValueError: no", "verdict.bad")
    assert said_line(replace(batch, captured=captured(), recorded=None)) is None


@pytest.mark.parametrize(
    ("choice", "ours", "open_to"),
    [
        ((0.9, 1.3), False, True),
        # Which of equal ones are mined changes nothing, or what was said is ours to the bit.
        ((1.0, 1.0), False, False),
        ((0.9, 1.3), True, False),
    ],
)
def test_what_equal_mining_scores_leave_open(
    choice: tuple[float, float], ours: bool, open_to: bool, batch: LossResult
) -> None:
    """In the first image, whose negatives cost 1 by the choice that is ours."""
    first, *others = batch.images
    own = replace(first, any_choice=choice, parts=replace(first.parts, confidence_negative=1.0))
    made = replace(batch, images=(own, *(replace(each, any_choice=None) for each in others)))
    line = said_line(replace(made, recorded=Recorded(made.whole if ours else 2.0), recorded_error=5e-6))
    words = f"from {made.whole - 0.1:.4f} to {made.whole + 0.3:.4f}" if open_to else ", equal to 1e-5"
    assert line is not None
    assert line.plain.endswith(words)
    assert ("where equal mining scores leave open anything" in line.plain) is open_to


NOT_GIVEN = "which is not computable from these tensors and in no figure here: give the state dict with --weights FILE."


def test_what_the_weights_cost(batch: LossResult) -> None:
    halved = replace(batch, decay=WeightDecaySpec(rate=5e-4, halved=True))
    assert _weight_decay(halved) == (
        f"ssd.pytorch adds weight decay (0.0005 times half the sum of squares of its weights), {NOT_GIVEN}"
    )
    whole = replace(batch, decay=WeightDecaySpec(rate=5e-4, halved=False), weight_decay=0.25, decayed=(3, 5))
    assert _weight_decay(whole) == (
        "Weight decay, 0.0005 times the sum of squares of 3 of 5 parameters: 0.2500; with it the total that training "
        "prints is 1.9145. It is in no other figure here."
    )
    for missing in ({"weight_decay": None}, {"decayed": None}):
        assert NOT_GIVEN in _weight_decay(replace(whole, **missing))  # type: ignore[arg-type]
    assert "of 1 of 1 parameter: " in _weight_decay(replace(whole, decayed=(1, 1)))


def test_cases_of_a_file_in_the_order_of_their_places(render: Render) -> None:
    """The file's own first, then images by number or by name, and in each the objects, levels and priors."""
    places = [
        Where("a", 10, 2),
        Where("a", 2, 1),
        Where("a", 2),
        Where("a"),
        Where("a", 2, 0),
        Where("a", level=1),
        Where("a", level=0),
        Where("a", prior=7),
        Where("a", prior=3),
    ]
    cases = tuple(Case(place, "it is so", 1.0, 0.0, "Mend it.") for place in places)
    finding = Finding("BOX001", "box", Severity.ERROR, cases)
    result = CheckResult(CheckedFiles(1, 0, 0), 3, 9, "ssd.pytorch", "cpu", (finding,))
    lines = [line for line in render(check_report(result), 200).splitlines() if "it is so" in line]
    assert all(line.startswith("a: error BOX001 ") for line in lines)
    assert [line.removeprefix("a: error BOX001 ").partition("it is so")[0].rstrip(": ") for line in lines] == [
        "", "prior 3", "prior 7", "level 0", "level 1", "image 2", "image 2, object 0", "image 2, object 1",
        "image 10, object 2",
    ]  # fmt: skip
