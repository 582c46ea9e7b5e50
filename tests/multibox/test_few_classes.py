"""What background costs where classes are few, against the cross-entropy in float64, and against torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.confidence import FEW_CLASSES, log_softmax_of_background, nearly_cost_of_background
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import LevelSpec, PriorSpec


def logits(classes: int, scale: float = 3.0, priors: int = 500) -> Tensor:
    return scale * torch.randn((2, priors, classes), generator=torch.Generator().manual_seed(classes))


def truth(conf: Tensor) -> Tensor:
    """log(1 + the sum of exp(logit - background's)), which loses nothing where that sum is tiny."""
    wide = conf.double()
    return (wide[..., 1:] - wide[..., :1]).exp().sum(-1).log1p()


@pytest.mark.parametrize("classes", [1, 2, 5, FEW_CLASSES - 1])
def test_it_is_as_near_to_the_truth_as_float32_goes(classes: int) -> None:
    for scale in (1e-3, 1.0, 6.0):
        conf = logits(classes, scale)
        conf[..., 0] += 4 * scale  # most are surely background
        torch.testing.assert_close(nearly_cost_of_background(conf).double(), truth(conf), rtol=1e-6, atol=0)
        wide = conf.double()
        torch.testing.assert_close(nearly_cost_of_background(wide), truth(wide), rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("column", "value"), [(0, 66.0), (0, -66.0), (2, 66.0), (2, -66.0), (2, -1e30), (2, -math.inf)]
)
def test_large_logits_of_which_exp_holds_the_odds(column: int, value: float) -> None:
    conf = logits(4)
    conf[1, 300, column] = value
    torch.testing.assert_close(nearly_cost_of_background(conf).double(), truth(conf), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("column", "value"),
    [(0, 75.0), (0, -75.0), (0, math.inf), (0, -math.inf), (2, 95.0), *((column, math.nan) for column in (0, 2))],
)
def test_larger_ones_are_left_to_torch(column: int, value: float) -> None:
    conf = logits(4)
    conf[1, 300, column] = value
    found, expected = nearly_cost_of_background(conf), log_softmax_of_background(conf)
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "conf",
    [logits(FEW_CLASSES), logits(4).bfloat16(), logits(4).half(), logits(4)[:, :0]],
    ids=["not few", "bfloat16", "float16", "none"],
)
def test_what_else_is_left_to_torch(conf: Tensor) -> None:
    assert torch.equal(nearly_cost_of_background(conf), log_softmax_of_background(conf))


def test_autocast_takes_no_digits_from_it() -> None:
    conf = logits(4)
    with torch.autocast("cpu", torch.bfloat16):
        found = nearly_cost_of_background(conf)
    assert torch.equal(found, nearly_cost_of_background(conf))


@pytest.mark.parametrize("name", dialect_names(of_one_step=True))
@pytest.mark.parametrize("large", [1, 15, 70], ids=["", "beyond a floor", "beyond what float32 holds"])
def test_no_dialect_chooses_others_or_sums_up_to_more_for_it(name: str, large: float) -> None:
    """With a gradient the loss takes torch's cross-entropy, whatever the classes."""
    rules = load_dialect(name)
    priors = generate_priors(PriorSpec((300, 300), (LevelSpec((10, 10), (30, 30), ((60, 60), (110, 80), (190, 210))),)))
    rng = torch.Generator().manual_seed(0)
    low = torch.rand((2, 9, 2), generator=rng) * 0.6
    boxes = torch.cat((low, low + 0.05 + 0.3 * torch.rand((2, 9, 2), generator=rng)), -1)
    gt = pad_ground_truth(list(boxes), [torch.randint(1, 4, (9,), generator=rng) for _ in boxes])
    loc, conf = torch.randn((2, len(priors.boxes), 4), generator=rng), logits(4, 1.0, len(priors.boxes))
    conf[:, ::3] = conf[:, :1]  # a third tie
    conf[:, 1::3] *= large
    specs = rules.match, rules.codec, rules.mining, rules.loss
    found = multibox_loss(loc, conf, priors.boxes, gt, *specs, priors.grid)
    slow = multibox_loss(loc, conf.clone().requires_grad_(), priors.boxes, gt, *specs, priors.grid)
    assert torch.equal(found.mining.mined, slow.mining.mined)
    assert torch.equal(found.selected, slow.selected)
    # Of a sigmoid, a processor may compute the last few of a tensor otherwise than the rest.
    torch.testing.assert_close(found.total, slow.total.detach(), rtol=5e-7 if rules.loss.by_column else 0, atol=0)
