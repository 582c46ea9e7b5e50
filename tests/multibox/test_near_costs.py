"""What background nearly costs, against the cross-entropy in float64, and what is chosen and summed up by it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import loss, near_scores, tiles
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.matching import roles_of_labels
from ssdlossdbg.multibox.near_costs import NEARLY, near_costs, tell_apart
from ssdlossdbg.multibox.near_scores import near_costs_will_do
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import ConfidenceLoss, LevelSpec, Masking, MiningSpec, PriorSpec

ONE_LEVEL = LevelSpec((10, 10), (30, 30), ((60, 60), (110, 80), (190, 210)))


def logits(classes: int, scale: float = 3.0, priors: int = 500) -> Tensor:
    return scale * torch.randn((2, priors, classes), generator=torch.Generator().manual_seed(classes))


def truth(conf: Tensor) -> Tensor:
    """log(1 + the sum of exp(logit - background's)), which loses nothing where that sum is tiny."""
    wide = conf.double()
    return (wide[..., 1:] - wide[..., :1]).exp().sum(-1).log1p()


@pytest.mark.parametrize("classes", [1, 2, 5, 21, 300])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 6.0])
def test_they_are_off_by_a_share_of_a_small_cost_and_by_no_more_of_a_large_one(classes: int, scale: float) -> None:
    conf = logits(classes, scale)
    conf[0, :, 0] += 4 * scale  # those are surely background
    found, expected = near_costs(conf), truth(conf)
    assert found is not None
    assert bool(((found.costs.double() - expected).abs() <= NEARLY * expected.clamp(max=1)).all())


def test_the_share_is_as_small_as_it_can_be() -> None:
    """Exp is 3 % too small at powers of 2, and 3 % too large where the straight line is farthest from the curve."""
    conf = torch.stack((torch.full((30_000,), 12.0), torch.linspace(-15, 15, 30_000)), -1)[None]
    found = near_costs(conf)
    assert found is not None
    off = found.costs.double().expm1() / truth(conf).expm1() - 1
    assert off.min() == pytest.approx(-0.02939, abs=1e-4)  # 1 / 1.03028 - 1
    assert off.max() == pytest.approx(0.03028, abs=1e-4)  # the square root of 2 / (e ln 2), less 1


@pytest.mark.parametrize(
    ("column", "value"), [(0, 79.9), (0, -79.9), (2, 79.9), (2, -79.9), (0, 0.0)], ids=lambda value: f"{value}"
)
def test_large_logits_of_which_exp_holds_the_odds(column: int, value: float) -> None:
    conf = logits(4, 0.01) + math.copysign(40.0, value)
    conf[1, 300, column] = value
    found, expected = near_costs(conf), truth(conf)
    assert found is not None
    assert bool(((found.costs.double() - expected).abs() <= NEARLY * expected.clamp(max=1)).all())
    assert float(found.lowest) == conf.min()
    assert float(found.highest) == conf.max()


@pytest.mark.parametrize("column", [0, 2])
@pytest.mark.parametrize("value", [81.0, -81.0, 75.0, -75.0, 1e30, -1e30, math.inf, -math.inf, math.nan])
def test_of_larger_ones_and_those_farther_apart_there_are_none(column: int, value: float) -> None:
    conf = logits(4)
    conf[1, 300, column] = value
    assert near_costs(conf) is None


def test_logits_that_lie_class_by_class_in_memory() -> None:
    conf = logits(21)
    found, expected = near_costs(conf.permute(2, 0, 1).contiguous().permute(1, 2, 0)), near_costs(conf)
    assert found is not None
    assert expected is not None
    torch.testing.assert_close(found.costs, expected.costs, rtol=1e-6, atol=0)


@pytest.mark.parametrize("all_are", [85.0, -87.5])
def test_of_logits_that_are_all_as_large_there_are_none(all_are: float) -> None:
    assert near_costs(logits(4, 0.01) + all_are) is None


def test_parts_that_threads_take_make_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = logits(21)
    whole = near_costs(conf)
    monkeypatch.setattr(tiles, "TILE_OF_LOGITS", 21 * 64)
    parts = near_costs(conf)
    assert whole is not None
    assert parts is not None
    assert (parts.lowest, parts.highest) == (whole.lowest, whole.highest)
    torch.testing.assert_close(parts.costs, whole.costs, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        (logits(21, 1.0, priors=20_000), True),
        (logits(21, 1.0, priors=19_999), False),
        (logits(21, 1.0, priors=20_000).transpose(0, 1), True),
        (logits(21, 0.02, priors=20_000), False),
        (torch.cat((logits(21, 1.0, priors=500), logits(21, 0.02, priors=20_000)), 1), False),
        (torch.zeros((2, 20_000, 21)), False),
        (logits(21)[:, :0], False),
        (logits(21, 1.0, priors=20_000).double(), False),
        (logits(21, 1.0, priors=20_000).bfloat16(), False),
    ],
    ids=["as trained", "few", "of a view", "drawn small", "most alike", "all tie", "none", "float64", "bfloat16"],
)
def test_whether_they_tell_priors_apart(conf: Tensor, expected: bool) -> None:
    assert tell_apart(conf) is expected


def test_autocast_takes_no_digits_from_them() -> None:
    conf = logits(4)
    with torch.autocast("cpu", torch.bfloat16):
        found = near_costs(conf)
    expected = near_costs(conf)
    assert found is not None
    assert expected is not None
    assert torch.equal(found.costs, expected.costs)


def batch(classes: int, large: float) -> tuple[Tensor, Tensor, Priors, GroundTruthBatch]:
    """Offsets, logits of which a third tie and a third are large, priors and objects."""
    priors = generate_priors(PriorSpec((300, 300), (ONE_LEVEL,)))
    rng = torch.Generator().manual_seed(0)
    low = torch.rand((2, 9, 2), generator=rng) * 0.6
    boxes = torch.cat((low, low + 0.05 + 0.3 * torch.rand((2, 9, 2), generator=rng)), -1)
    gt = pad_ground_truth(list(boxes), [torch.randint(1, 4, (9,), generator=rng) for _ in boxes])
    loc, conf = torch.randn((2, len(priors.boxes), 4), generator=rng), logits(classes, 1.0, len(priors.boxes))
    conf[:, ::3] = conf[:, :1]
    conf[:, 1::3] *= large
    return loc, conf, priors, gt


@pytest.mark.parametrize("name", dialect_names(of_one_step=True))
@pytest.mark.parametrize("classes", [4, 21])
@pytest.mark.parametrize("large", [0, 1, 15, 70], ids=["all tie", "", "beyond a floor", "beyond what float32 holds"])
def test_no_dialect_chooses_others_or_sums_up_to_more_for_them(
    name: str, classes: int, large: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = load_dialect(name)
    loc, conf, priors, gt = batch(classes, large)
    specs = rules.match, rules.codec, rules.mining, rules.loss

    def both() -> tuple[loss.LossTerms, Tensor, Tensor]:
        learnt = conf.clone().requires_grad_()
        terms = loss.multibox_loss(loc, learnt, priors.boxes, gt, *specs, priors.grid)
        (gradient,) = torch.autograd.grad(terms.total, learnt)
        alone = loss.multibox_loss(loc, conf, priors.boxes, gt, *specs, priors.grid)
        assert torch.equal(alone.mining.mined, terms.mining.mined)
        return alone, terms.total.detach(), gradient

    monkeypatch.setattr(loss, "tell_apart", lambda _: True)
    monkeypatch.setattr(near_scores, "MANY", 0)
    found, total, gradient = both()
    monkeypatch.setattr(loss, "near_costs_will_do", lambda *_: False)
    expected, total_expected, gradient_expected = both()
    assert torch.equal(found.mining.mined, expected.mining.mined)
    assert torch.equal(found.mining.score, expected.mining.score)
    assert torch.equal(found.selected, expected.selected)
    assert torch.equal(found.cross_entropy, expected.cross_entropy)
    for one, other in ((found.total, expected.total), (total, total_expected), (gradient, gradient_expected)):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("learns", [False, True])
def test_costs_above_a_floor_are_computed_exactly(learns: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 63.8 a cost is capped, which near costs do not know of."""
    rules = load_dialect("paddledetection")
    loc, conf, priors, gt = batch(4, 1.0)
    conf[0, 1] = torch.tensor([-35.0, 0.0, 35.0, 0.0])
    specs = rules.match, rules.codec, rules.mining, rules.loss
    expected = loss.multibox_loss(loc, conf.double(), priors.boxes, gt, *specs, priors.grid)
    monkeypatch.setattr(loss, "tell_apart", lambda _: True)
    monkeypatch.setattr(near_scores, "MANY", 0)
    near = near_costs(conf)
    assert near is not None
    assert float(near.costs.max()) > 64
    found = loss.multibox_loss(loc, conf.requires_grad_(learns), priors.boxes, gt, *specs, priors.grid)
    assert torch.equal(found.mining.mined, expected.mining.mined)
    assert not found.mining.score.requires_grad
    torch.testing.assert_close(found.total.detach().double(), expected.total, rtol=1e-6, atol=0)


def test_they_are_asked_for_where_they_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for rules that need every cost, or the order of all; with a gradient not where what is masked has one."""
    asked: list[str] = []

    def asking(_: Tensor) -> None:
        asked.append(name)

    monkeypatch.setattr(loss, "near_costs", asking)
    monkeypatch.setattr(loss, "tell_apart", lambda _: True)
    monkeypatch.setattr(near_scores, "MANY", 0)
    loc, conf, priors, gt = batch(4, 1.0)
    dialects = {name: load_dialect(name) for name in dialect_names(of_one_step=True)}
    for learns in (False, True):
        for name, rules in dialects.items():  # noqa: B007  # which is asking
            specs = rules.match, rules.codec, rules.mining, rules.loss
            loss.multibox_loss(loc, conf.clone().requires_grad_(learns), priors.boxes, gt, *specs, priors.grid)
    kept = {"bubbliiiing", "d2l", "rykov8", "ssd-keras"}
    kept |= {name for name in dialects if name.startswith("tf")}
    without = sorted(set(dialects) - kept)
    with_gradient = [name for name in without if dialects[name].loss.masking is not Masking.MULTIPLIED]
    assert asked == [*(name for name in dialects if name in without), *with_gradient]


@pytest.mark.parametrize(
    ("positives", "ratio", "expected"), [(5, 3.0, False), (4, 3.0, True), (4, 4.0, False), (0, 9.0, True)]
)
def test_they_will_do_where_less_than_a_fifth_of_all_priors_counts(
    positives: int, ratio: float, expected: bool
) -> None:
    labels = torch.zeros((2, 50), dtype=torch.int64)
    labels[0, :positives] = 1
    assert near_costs_will_do(MiningSpec(ratio=ratio), roles_of_labels(labels, torch.float32)) is expected


@pytest.mark.parametrize("confidence", sorted(set(ConfidenceLoss) - {ConfidenceLoss.SOFTMAX}))
def test_they_are_not_asked_for_where_no_softmax_is_what_counts(
    confidence: ConfidenceLoss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(loss, "near_costs")
    loc, conf, priors, gt = batch(4, 1.0)
    rules = load_dialect("torchvision")
    specs = rules.match, rules.codec, rules.mining, replace(rules.loss, confidence=confidence)
    found = loss.multibox_loss(loc, conf, priors.boxes, gt, *specs, priors.grid)
    assert bool(found.mining.mined.any())
