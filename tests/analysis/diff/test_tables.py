"""Which priors, objects and groups of a loss changed, on three priors by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import ssdlossdbg
from ssdlossdbg import DiffResult

# Three priors apart, and an object that is just as each: of class 1, 1 and 2.
PRIORS = torch.tensor([[0.15, 0.15, 0.1, 0.1], [0.5, 0.5, 0.2, 0.2], [0.85, 0.85, 0.1, 0.1], [0.15, 0.85, 0.1, 0.1]])
ROWS = torch.cat([PRIORS[:3, :2] - PRIORS[:3, 2:] / 2, PRIORS[:3, :2] + PRIORS[:3, 2:] / 2], 1)
LABELS = torch.tensor([0.0, 0, 1])
THIRD = math.log(3)  # what each costs where all logits are 0


def batch(labels: Any = (0.0, 0, 1), conf: Any = None, images: int = 1) -> Any:
    conf = torch.zeros(images, 4, 3) if conf is None else conf
    rows = torch.cat([ROWS, torch.tensor(labels)[:, None]], 1)
    return (torch.zeros(images, 4, 4), conf, PRIORS), [rows] * images


def diff(one: Any, two: Any) -> DiffResult:
    return ssdlossdbg.diff(one, two, device="cpu")


def raised(image: int, prior: int, column: int, by: float, images: int = 1) -> torch.Tensor:
    conf = torch.zeros(images, 4, 3)
    conf[image, prior, column] = by
    return conf


def test_a_label_changes_its_prior_its_object_and_its_classes() -> None:
    conf = raised(0, 1, 2, math.log(2))  # of prior 1 class 2 is half, and class 1 a quarter
    result = diff(batch(conf=conf), batch((0.0, 1, 1), conf))
    [prior] = result.priors
    assert (prior.image, prior.prior, prior.level, prior.roles) == ("image 0", 1, 0, ("positive", "positive"))
    assert [prior.first, prior.second] == pytest.approx([math.log(4) / 3, math.log(2) / 3])
    assert prior.change == pytest.approx(-math.log(2) / 3)
    assert result.roles == ()
    [item] = result.objects
    assert (item.index, item.other, item.became, item.found) == (1, 1, "relabelled", ("class 2", "class 2"))
    assert item.positives == (1, 1)
    assert item.change == pytest.approx(-math.log(2) / 3)
    groups: dict[Any, Any] = {(each.by, each.name): (each.first, each.second) for each in result.groups}
    whole = (THIRD + THIRD + math.log(4)) / 3
    assert groups["class", "class 1"] == pytest.approx(((THIRD + math.log(4)) / 3, THIRD / 3))
    assert groups["class", "class 2"] == pytest.approx((THIRD / 3, (THIRD + math.log(2)) / 3))
    assert groups["part", "confidence of positives"] == pytest.approx((whole, whole - math.log(2) / 3))
    assert ("class", "background") not in groups
    assert groups["part", "localization"] == pytest.approx((0, 0), abs=1e-9), "parts are there, changed or not"


def test_roles_that_changed_the_most_first() -> None:
    result = diff(batch(), (batch()[0], [batch()[1][0][2:]]))
    counted = [(each.first, each.second, each.priors) for each in result.roles]
    assert counted == [("positive", "mined", 2)]
    assert [(each.prior, each.roles) for each in result.priors if each.roles[0] != each.roles[1]] == [
        (0, ("positive", "mined")),
        (1, ("positive", "mined")),
    ]
    assert sorted((each.index, each.other, each.became) for each in result.objects if each.became) == [
        (0, None, "removed"),
        (1, None, "removed"),
    ]
    [first, second, stays] = sorted(result.objects, key=lambda each: each.index or 0)
    for gone in (first, second):
        assert (gone.second, gone.new_box, gone.new_label, gone.positives, gone.found[1]) == (
            None,
            None,
            "",
            (1, None),
            "",
        )
        assert gone.change == pytest.approx(-THIRD / 3)
    assert stays.change == pytest.approx(THIRD - THIRD / 3), "it is all that the loss is divided by"


def test_the_greatest_change_comes_first_and_what_is_no_number_before_it() -> None:
    conf = raised(0, 2, 2, -1.0) + raised(0, 0, 1, -3.0)
    result = diff(batch(), batch(conf=conf))
    assert [each.prior for each in result.priors] == [0, 2]
    assert [each.index for each in result.objects] == [0, 2]
    conf[0, 1, 0] = math.nan
    broken = diff(batch(), batch(conf=conf))
    assert [each.prior for each in broken.priors][:3] == [1, 0, 2]
    assert broken.objects[0].index == 1


def test_images_by_their_place_and_of_other_images_only_sums() -> None:
    conf = raised(1, 0, 1, 2.0, images=2)
    result = diff(batch(images=2), batch(conf=conf, images=2))
    assert [(each.by, each.name) for each in result.groups if each.by == "image"] == [("image", "image 1")]
    assert {each.image for each in result.objects} == {"image 1"}
    assert [(each.image, each.prior) for each in result.priors] == [("image 1", 0)]


def test_what_changed_by_no_more_than_rounding_is_none() -> None:
    sure = raised(0, 1, 2, 5.0)
    for by, told in ((1e-7, 0), (1e-4, 1)):
        result = diff(batch(conf=sure), batch(conf=sure + raised(0, 1, 1, by)))
        assert (len(result.priors), len(result.objects)) == (told, told)
        assert len([each for each in result.groups if each.by == "class"]) == told
