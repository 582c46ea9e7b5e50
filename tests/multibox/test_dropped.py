"""Positives that suppression takes out of the loss, against what the others cost, one by one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import LevelSpec, PriorSpec

PRIORS = generate_priors(PriorSpec((300, 300), (LevelSpec((10, 10), (30, 30), ((60, 60), (90, 90), (120, 110))),)))
RULES = load_dialect("tf-object-detection")


def compute(limit: int, learns: bool) -> tuple[LossTerms, torch.Tensor, torch.Tensor]:
    """The loss where so many priors survive, and what was predicted."""
    rng = torch.Generator().manual_seed(4)
    count = len(PRIORS.boxes)
    loc, conf = torch.randn((2, count, 4), generator=rng), torch.randn((2, count, 3), generator=rng)
    boxes = torch.tensor([[0.1, 0.1, 0.4, 0.45], [0.4, 0.4, 0.75, 0.8]])
    gt = pad_ground_truth([boxes, boxes[:1]], [torch.tensor([1, 2]), torch.tensor([2])])
    mining = replace(RULES.mining, nms_limit=limit)
    learnt = conf.clone().requires_grad_(learns)
    return multibox_loss(loc, learnt, PRIORS.boxes, gt, RULES.match, RULES.codec, mining, RULES.loss), loc, conf


@pytest.mark.parametrize("learns", [False, True])
def test_they_cost_nothing(learns: bool) -> None:
    found, loc, conf = compute(150, learns)
    dropped = found.mining.dropped
    assert dropped is not None
    positive = found.matching.positive
    assert 0 < int(dropped.sum()) < int(positive.sum())
    assert not bool((dropped & ~positive).any())
    assert torch.equal(found.localized, positive & ~dropped)
    assert torch.equal(found.selected, (positive & ~dropped) | found.mining.mined)
    localization = confidence = 0.0
    for image, prior in (positive & ~dropped).nonzero().tolist():
        for offset in (loc[image, prior] - found.targets[image, prior]).abs().tolist():
            localization += offset - 0.5 if offset >= 1 else 0.5 * offset**2
    for image, prior in found.selected.nonzero().tolist():
        row, label = conf[image, prior].tolist(), int(found.matching.labels[image, prior])
        confidence += sum(math.log1p(math.exp(logit)) for logit in row) - row[label]
    whole = int(positive.sum())
    assert float(found.localization.detach()) == pytest.approx(localization / whole, rel=1e-5)
    assert float(found.confidence.detach()) == pytest.approx(confidence / whole, rel=1e-5)


def test_where_all_survive_none_is_dropped() -> None:
    found, _, _ = compute(3000, learns=False)
    assert found.mining.dropped is not None
    assert not bool(found.mining.dropped.any())
    assert torch.equal(found.localized, found.matching.positive)
