"""What is said to follow a target that is no number, dialect by dialect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ssdlossdbg.checks.aftermath import loss_after, weights_after
from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import LocalizationLoss

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("name", "target", "loss", "finite"),
    [
        ("ssd.pytorch", -INF, "inf", True),
        ("ssd.pytorch", NAN, "nan", False),
        ("lufficc", -INF, "inf", True),
        ("nvidia", -INF, "inf", True),
        ("mmdetection", -INF, "inf", False),
        ("gluoncv", -INF, "inf", False),
        ("gluoncv", NAN, "nan", False),
        ("ssd.tensorflow", -INF, "nan", False),
        ("tf-object-detection", -INF, "inf", True),
    ],
)
def test_what_follows(name: str, target: float, loss: str, finite: bool) -> None:
    rules = load_dialect(name)
    assert loss_after(target, rules) == loss
    assert ("weights stay finite" in weights_after(target, rules)) is finite
    assert ("every weight" in weights_after(target, rules)) is not finite


def test_an_offset_that_is_passed_over_does_nothing() -> None:
    rules = load_dialect("tf2-object-detection")
    assert loss_after(NAN, rules) == "finite, since an offset that is nan costs nothing"
    assert weights_after(NAN, rules) == "nor does it teach anything"


def test_a_loss_of_boxes_is_finite_but_for_what_is_no_number() -> None:
    usual = load_dialect("ssd.pytorch")
    rules = replace(usual, loss=replace(usual.loss, localization=LocalizationLoss.GIOU))
    assert loss_after(-INF, rules) == "finite, since it compares boxes"
    assert loss_after(NAN, rules) == "nan"
    assert "every weight" in weights_after(NAN, rules)


def test_an_absolute_difference_has_a_sign_for_its_gradient() -> None:
    rules = load_dialect("ssd.pytorch")
    assert "stay finite" in weights_after(
        NAN, replace(rules, loss=replace(rules.loss, localization=LocalizationLoss.L1))
    )


@pytest.mark.parametrize("code", ["BOX001", "ENC001"])
def test_pages_say_that_it_depends_on_how_smooth_l1_is_written(code: str) -> None:
    page = CHECKS[code].sections["Why it matters"]
    assert "F.smooth_l1_loss" in page
    assert "torch.where" in page
