"""Offsets next to the largest number there is, where they do not count."""

from __future__ import annotations

from dataclasses import replace

import torch

from ssdlossdbg.multibox.gradients import localization_gradient
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import LocalizationLoss, Masking


def test_what_is_masked_has_no_gradient_whatever_the_weight() -> None:
    """A loss of boxes, masked by zeros: 0 times any number is 0."""
    base = load_dialect("ssd.pytorch")
    boxes, zeros = LocalizationLoss.GIOU, Masking.MULTIPLIED
    rules = replace(base, loss=replace(base.loss, localization=boxes, masking=zeros, localization_weight=1000.0))
    loc = torch.tensor([[[0.1, 0.2, 0.0, 0.1], [1e308, -1e308, 1e308, -1e308]]], dtype=torch.float64)
    found = multibox_loss(
        loc=loc,
        conf=torch.zeros((1, 2, 2), dtype=torch.float64),
        priors=torch.tensor([[0.25, 0.25, 0.3, 0.3], [0.75, 0.75, 0.3, 0.3]], dtype=torch.float64),
        gt=pad_ground_truth([torch.tensor([[0.1, 0.1, 0.4, 0.4]]).double()], [torch.ones(1, dtype=torch.int64)]),
        match_spec=rules.match,
        codec_spec=rules.codec,
        mining_spec=rules.mining,
        loss_spec=rules.loss,
    )
    assert found.localized.tolist() == [[True, False]]
    gradient = localization_gradient(loc, found, rules.loss).dense[0]
    assert bool(gradient[0].any())
    assert gradient[1].tolist() == [0.0] * 4
