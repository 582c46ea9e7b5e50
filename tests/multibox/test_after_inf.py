"""The gradient at targets of inf and nan, against autograd through smooth L1 as codebases write it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.analysis.splits import GradientNorms
from ssdlossdbg.multibox.gradients import localization_gradient
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.readers.dialects import load_dialect

INF, NAN = float("inf"), float("nan")
# Two priors far apart, and the box of each: sound, or without width, or inverted in x.
PRIORS = torch.tensor([[0.25, 0.5, 0.2, 0.3], [0.75, 0.5, 0.2, 0.3]])
SOUND, FLAT, INVERTED = [0.65, 0.36, 0.85, 0.64], [0.25, 0.35, 0.25, 0.65], [0.35, 0.35, 0.15, 0.65]
LOC = torch.linspace(-0.7, 0.9, 8).view(1, 2, 4)
CONF = torch.tensor([[[0.3, 0.9], [0.1, -0.4]]])


def picked(loc: Tensor, targets: Tensor, positive: Tensor) -> Tensor:
    """The positives alone: ssd.pytorch, pytorch-ssd, lufficc/SSD."""
    return F.smooth_l1_loss(loc[positive], targets[positive], reduction="sum")


def multiplied(loc: Tensor, targets: Tensor, positive: Tensor) -> Tensor:
    """All priors, times a mask: NVIDIA."""
    return (F.smooth_l1_loss(loc, targets, reduction="none").sum(-1) * positive.float()).sum()


def by_where(loc: Tensor, targets: Tensor, positive: Tensor) -> Tensor:
    """torch.where, and weights of 0 and 1: MMDetection, GluonCV, ssd_keras."""
    distance = torch.abs(loc - targets)
    return (torch.where(distance < 1.0, 0.5 * distance * distance, distance - 0.5).sum(-1) * positive.float()).sum()


def by_masks(loc: Tensor, targets: Tensor, positive: Tensor) -> Tensor:
    """Both pieces times masks, added, on the positives alone: SSD.TensorFlow."""
    difference = loc[positive] - targets[positive]
    near = (difference.abs() < 1.0).float()
    return (difference * difference * 0.5 * near + (difference.abs() - 0.5) * (near - 1.0).abs()).sum()


WRITTEN: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "ssd.pytorch": picked,
    "pytorch-ssd": picked,
    "lufficc": picked,
    "torchvision": picked,
    "nvidia": multiplied,
    "nvidia-dali": multiplied,
    "mmdetection": by_where,
    "gluoncv": by_where,
    "ssd-keras": by_where,
    "ssd.tensorflow": by_masks,
}


def terms(name: str, boxes: list[list[float]], loc: Tensor = LOC) -> LossTerms:
    """The loss of one image under a dialect."""
    rules = load_dialect(name)
    gt = pad_ground_truth([torch.tensor(boxes)], [torch.ones(len(boxes))])
    return multibox_loss(loc, CONF, PRIORS, gt, rules.match, rules.codec, rules.mining, rules.loss)


@pytest.mark.parametrize("boxes", [[SOUND], [FLAT, SOUND], [INVERTED, SOUND]], ids=["sound", "flat", "inverted"])
@pytest.mark.parametrize("name", WRITTEN)
def test_loss_and_gradient_are_those_of_the_codebase(name: str, boxes: list[list[float]]) -> None:
    found = terms(name, boxes)
    loc = LOC.clone().requires_grad_()
    wanted = WRITTEN[name](loc, found.targets.float(), found.matching.positive) * found.localization_scale[0].float()
    (gradient,) = torch.autograd.grad(wanted, loc)
    torch.testing.assert_close(found.localization, wanted.detach(), equal_nan=True)
    spec = load_dialect(name).loss
    torch.testing.assert_close(localization_gradient(LOC, found, spec).dense, gradient, equal_nan=True)
    norm = float(GradientNorms(LOC, CONF, found, spec).loc.sum().sqrt())
    assert norm == pytest.approx(float(gradient.norm()), nan_ok=True)


@pytest.mark.parametrize("name", WRITTEN)
def test_our_own_loss_trains_as_the_codebase_does(name: str) -> None:
    loc = LOC.clone().requires_grad_()
    found = terms(name, [FLAT, SOUND], loc)
    (gradient,) = torch.autograd.grad(found.localization, loc)
    closed = localization_gradient(LOC, terms(name, [FLAT, SOUND]), load_dialect(name).loss).dense
    torch.testing.assert_close(gradient, closed, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "finite"),
    [("ssd.pytorch", True), ("nvidia", True), ("mmdetection", False), ("ssd.tensorflow", False)],
)
def test_weights_after_a_box_without_width(name: str, finite: bool) -> None:
    found = terms(name, [FLAT, SOUND])
    assert bool(found.targets.isinf().any())
    assert bool(localization_gradient(LOC, found, load_dialect(name).loss).dense.isfinite().all()) is finite
