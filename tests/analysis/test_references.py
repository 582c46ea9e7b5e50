"""What a loss is held against, by formulas and files that do not know how it is computed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import ssdlossdbg
from ssdlossdbg.readers.files import noting
from ssdlossdbg.results import LossResult

SAMPLE = Path(__file__).parents[2] / "sample_data"


def loss(targets: list[torch.Tensor], dialect: str = "ssd.pytorch") -> LossResult:
    predictions = torch.load(SAMPLE / "preds.pt", weights_only=True)
    with noting():
        return ssdlossdbg.loss(predictions, targets, dialect=dialect)


@pytest.fixture
def targets() -> list[torch.Tensor]:
    stored: list[torch.Tensor] = torch.load(SAMPLE / "targets.pt", weights_only=True)
    return stored


def test_an_untrained_network_costs_ln_c_a_prior(targets: list[torch.Tensor]) -> None:
    result = loss(targets)
    known = result.untrained
    assert known is not None
    counted = sum(image.positives + image.negatives for image in result.images)
    assert known.prior == pytest.approx(math.log(7))
    assert known.classes == 7
    assert known.confidence == pytest.approx(math.log(7) * counted / result.normalizer, rel=1e-5)
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    zeros = ssdlossdbg.loss((torch.zeros_like(loc), torch.zeros_like(conf), priors), targets)
    assert known.total == pytest.approx(zeros.loss.total, rel=1e-5)


def test_sigmoid_and_focal_cost_what_theirs_do(targets: list[torch.Tensor]) -> None:
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    for dialect in ("tf2-object-detection", "d2l", "bubbliiiing"):
        zeros = ssdlossdbg.loss((torch.zeros_like(loc), torch.zeros_like(conf), priors), targets, dialect=dialect)
        known = loss(targets, dialect).untrained
        assert known is not None
        assert known.total == pytest.approx(zeros.loss.total, rel=1e-4), dialect


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "nvidia", "lufficc"])
def test_without_bad_boxes_it_is_the_loss_of_a_file_without_them(targets: list[torch.Tensor], dialect: str) -> None:
    assert loss(targets, dialect).without is None
    broken = [image.clone() for image in targets]
    broken[2][3, 2], broken[2][20, 3] = broken[2][3, 0], broken[2][20, 1]
    result = loss(broken, dialect)
    assert result.without is not None
    assert set(result.without.objects) == {(2, 3), (2, 20)}
    kept = [row for row in range(len(broken[2])) if row not in (3, 20)]
    rest = loss([*broken[:2], broken[2][kept]], dialect)
    assert result.without.loss == rest.loss
    assert result.untrained == rest.untrained


def test_means_are_those_of_the_priors(targets: list[torch.Tensor]) -> None:
    result = loss(targets)
    for group in (*result.levels, *result.classes):
        if group.positives:
            assert group.means.localization == pytest.approx(
                group.parts.localization * result.normalizer / group.positives, rel=1e-6
            )
        assert (group.means.confidence_negative is None) == (group.negatives == 0)


def test_an_object_is_taken_for_the_likeliest_class_where_it_costs_most(targets: list[torch.Tensor]) -> None:
    predictions = torch.load(SAMPLE / "preds.pt", weights_only=True)
    result = loss(targets)
    first = result.ground_truth[0]
    assert first.predicted_label in {"background", *(each.label for each in result.classes)}
    assert first.probability is not None
    assert 1 / predictions[1].shape[-1] < first.probability <= 1
    sharp = predictions[0], torch.full_like(predictions[1], -20.0).index_fill(2, torch.tensor([4]), 20.0)
    taken = ssdlossdbg.loss((*sharp, predictions[2]), targets)
    assert {each.predicted_label for each in taken.ground_truth} == {"class 4"}
    assert all(each.probability == pytest.approx(1.0) for each in taken.ground_truth)
