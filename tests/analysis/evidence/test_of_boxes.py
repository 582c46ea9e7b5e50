"""Where a number that is none first shows under a loss of boxes, which has one term for four offsets."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ssdlossdbg.analysis.evidence.nonfinite import find_non_finite
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import LocalizationLoss


@pytest.mark.parametrize("loss", [LocalizationLoss.GIOU, LocalizationLoss.DIOU, LocalizationLoss.CIOU])
@pytest.mark.parametrize("coordinates", [[0], [3], [0, 1, 2, 3]])
def test_the_term_is_no_cause_where_an_offset_of_it_is_one(loss: LocalizationLoss, coordinates: list[int]) -> None:
    """Whether one of the four is no number or all are."""
    rules = load_dialect("ssd.pytorch")
    rules = replace(rules, loss=replace(rules.loss, localization=loss))
    cells = torch.tensor([[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.5, 1.0]])
    loc, conf = torch.zeros((1, 2, 4)), torch.zeros((1, 2, 3))
    loc[0, 1, coordinates] = math.nan
    gt = pad_ground_truth([torch.tensor([[0.5, 0.1, 0.9, 0.9]])], [torch.tensor([1])])
    found = multibox_loss(
        loc=loc,
        conf=conf,
        priors=cells,
        gt=gt,
        match_spec=rules.match,
        codec_spec=rules.codec,
        mining_spec=rules.mining,
        loss_spec=rules.loss,
    )
    assert math.isnan(found.localization)
    told = find_non_finite(loc=loc, conf=conf, gt=gt, loss=found, priors=Priors(cells, (100, 100), ()))
    assert [(each.term, each.ground_truth, each.prior) for each in told] == [("loc", 0, 1)]
