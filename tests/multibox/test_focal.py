"""Focal losses against plain loops, and their gradients against differences of those."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.confidence import confidence_loss, cost_of_background, costs_of, probabilities, with_background
from ssdlossdbg.multibox.gradients import confidence_gradient
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import BackgroundTarget, ConfidenceLoss, Dialect, LossSpec, MiningSelection
from tests.multibox import focal_reference as plain

LABELS = torch.tensor([[0, 1, 3, 2, 0, -1], [2, 0, 0, 1, 3, 3]])
# Alpha and gamma of the paper, of the TF2 zoo's mobilenet, none at all, and powers that have a slope of their own.
WEIGHTS = [(0.25, 2.0), (0.75, 2.0), (-1.0, 2.0), (0.25, 0.0), (-1.0, 0.0), (0.5, 1.5), (1.0, 0.5), (0.0, 3.0)]
KINDS = [
    (ConfidenceLoss.SOFTMAX_FOCAL, BackgroundTarget.COLUMN),
    (ConfidenceLoss.SIGMOID_FOCAL, BackgroundTarget.COLUMN),
    (ConfidenceLoss.SIGMOID_FOCAL, BackgroundTarget.ZEROS),
]


def spec_of(kind: tuple[ConfidenceLoss, BackgroundTarget], weights: tuple[float, float]) -> LossSpec:
    """The rules of one of the losses."""
    alpha, gamma = weights
    return LossSpec(confidence=kind[0], background_target=kind[1], focal_alpha=alpha, focal_gamma=gamma)


def expected(conf: Tensor, labels: Tensor, spec: LossSpec) -> Tensor:
    """What a plain loop makes of it; ignored priors as background."""

    def one(logits: list[float], label: int) -> float:
        weights, target = (spec.focal_alpha, spec.focal_gamma), max(label, 0)
        if spec.confidence is ConfidenceLoss.SOFTMAX_FOCAL:
            return float(plain.softmax_focal(logits, target, *weights))
        return float(plain.sigmoid_focal(logits, target, *weights, spec.background_unsaid))

    rows = zip(conf.tolist(), labels.tolist(), strict=True)
    return torch.tensor([[one(*pair) for pair in zip(*row, strict=True)] for row in rows], dtype=torch.float64)


def logits(scale: float = 2.0, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """`[2, 6, 4]`."""
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn((2, 6, 4), generator=generator, dtype=torch.float64)).to(dtype)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind))
def test_terms_are_those_of_a_plain_loop(
    kind: tuple[ConfidenceLoss, BackgroundTarget], weights: tuple[float, float]
) -> None:
    spec = spec_of(kind, weights)
    for scale in (0.1, 2.0, 30.0):
        conf = logits(scale)
        torch.testing.assert_close(
            confidence_loss(conf, LABELS, spec), expected(conf, LABELS, spec), rtol=1e-9, atol=1e-14
        )
        single = confidence_loss(conf.float(), LABELS, spec).double()
        torch.testing.assert_close(single, expected(conf.float().double(), LABELS, spec), rtol=2e-5, atol=2e-7)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind))
def test_the_cost_of_background_at_hand_gives_the_same(kind: tuple[ConfidenceLoss, BackgroundTarget]) -> None:
    spec, conf = spec_of(kind, (0.25, 2.0)), logits(dtype=torch.float32)
    for labels in (LABELS, torch.zeros_like(LABELS), torch.where(torch.arange(LABELS.shape[1]) == 1, 1, 0 * LABELS)):
        at_hand = confidence_loss(conf, labels, spec, cost_of_background(conf, spec))
        assert torch.equal(at_hand, confidence_loss(conf, labels, spec))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind))
@pytest.mark.parametrize("alpha", [-1.0, 0.75])
def test_so_it_does_for_logits_of_any_size(kind: tuple[ConfidenceLoss, BackgroundTarget], alpha: float) -> None:
    """But for the last bit, where a processor computes the last few of a tensor otherwise than the rest."""
    generator = torch.Generator().manual_seed(0)
    for classes in (2, 3, 21, 40):
        conf = 9 * torch.randn((2, 400, classes), generator=generator)
        conf[0, :3, :2] = torch.tensor([math.inf, -math.inf, math.nan])[:, None]
        labels = torch.where(torch.rand((2, 400), generator=generator) < 0.1, 1, 0)
        spec = spec_of(kind, (alpha, 2.0))
        at_hand = confidence_loss(conf, labels, spec, cost_of_background(conf, spec))
        expected = confidence_loss(conf, labels, spec)
        torch.testing.assert_close(at_hand, expected, rtol=5e-7, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_saturated_logits_cost_what_they_are_off_by(dtype: torch.dtype) -> None:
    """Sure and wrong costs alpha times the logit, sure and right next to nothing; nothing overflows."""
    spec = spec_of(KINDS[2], (0.25, 2.0))
    conf = torch.tensor([[[0.0, 200.0, -200.0], [0.0, -200.0, 200.0], [500.0, -500.0, -500.0]]], dtype=dtype)
    labels = torch.tensor([[1, 1, 0]])
    background = 0.75 * 0.25 * math.log(2)  # its column says one half, and is to say 0
    found = confidence_loss(conf, labels, spec)[0].tolist()
    assert found == pytest.approx([background, background + 0.25 * 200 + 0.75 * 200, 0.75 * 500], rel=1e-6)


def test_a_softmax_of_zero_costs_its_true_logarithm() -> None:
    spec = spec_of(KINDS[0], (-1.0, 2.0))
    conf = torch.tensor([[[300.0, 0.0], [0.0, 300.0]]])
    assert confidence_loss(conf, torch.tensor([[1, 1]]), spec)[0].tolist() == pytest.approx([300.0, 0.0])


def test_infinite_logits_are_nan_where_tensorflow_has_them_so() -> None:
    """tf.nn.sigmoid_cross_entropy_with_logits multiplies the logit by a target of 0."""
    spec = spec_of(KINDS[2], (0.25, 2.0))
    conf = torch.tensor([[[0.0, math.inf], [0.0, -math.inf], [0.0, -math.inf]]])
    found = confidence_loss(conf, torch.tensor([[0, 0, 1]]), spec)[0].tolist()
    assert math.isnan(found[0])
    assert math.isnan(found[1])
    assert found[2] == math.inf


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind))
def test_the_floor_caps_the_logarithm_and_the_weights_stay(kind: tuple[ConfidenceLoss, BackgroundTarget]) -> None:
    """Of a column or a softmax that is 40 off and never more than 1 - 4e-18 sure, at a floor of e^-10."""
    floored = replace(spec_of(kind, (0.25, 2.0)), probability_floor=math.exp(-10))
    conf = torch.tensor([[[40.0, 0.0]]], dtype=torch.float64)
    own = float(confidence_loss(conf, torch.tensor([[1]]), floored))
    if kind[0] is ConfidenceLoss.SOFTMAX_FOCAL:
        assert own == pytest.approx(0.25 * 10)
    else:
        assert own == pytest.approx(0.75 * 10 + 0.25 * 0.25 * math.log(2))


def compute(rules: Dialect, conf: Tensor) -> LossTerms:
    """The loss of two images of six priors, two of which are positives."""
    centres = torch.tensor([0.15, 0.3, 0.45, 0.6, 0.75, 0.9], dtype=torch.float64)
    priors = torch.stack((centres, centres, torch.full_like(centres, 0.2), torch.full_like(centres, 0.2)), dim=1)
    boxes = [torch.tensor([[0.05, 0.05, 0.26, 0.25]]).double(), torch.tensor([[0.5, 0.52, 0.7, 0.7]]).double()]
    gt = pad_ground_truth(boxes, [torch.tensor([1]), torch.tensor([3])])
    loc = torch.zeros((2, 6, 4), dtype=torch.float64)
    return multibox_loss(loc, conf, priors, gt, rules.match, rules.codec, rules.mining, rules.loss)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind))
def test_gradients_are_the_slopes_of_the_plain_loop(
    kind: tuple[ConfidenceLoss, BackgroundTarget], weights: tuple[float, float]
) -> None:
    base, conf = load_dialect("tf-object-detection"), logits(1.5, seed=3)
    mining = replace(base.mining, selection=MiningSelection.NONE)
    rules = replace(base, mining=mining, loss=replace(spec_of(kind, weights), normalizer=base.loss.normalizer))
    terms = compute(rules, conf)
    assert int(terms.matching.positive.sum()) == terms.normalizer == 2
    assert terms.selected.all()
    costs = expected(conf, terms.matching.labels, rules.loss)
    assert float(terms.confidence) == pytest.approx(float(costs.sum()) / 2, rel=1e-9)
    images, priors = terms.selected.nonzero(as_tuple=True)
    found = confidence_gradient(conf, terms, rules.loss, images, priors).view_as(conf)
    step = 1e-6
    for column in range(conf.shape[-1]):
        nudge = torch.zeros(conf.shape[-1], dtype=torch.float64)
        nudge[column] = step
        up, down = (expected(conf + sign * nudge, terms.matching.labels, rules.loss) for sign in (1, -1))
        torch.testing.assert_close(found[..., column], (up - down) / (2 * step) / 2, rtol=1e-5, atol=1e-8)
    leaf = conf.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(compute(rules, leaf).confidence, leaf)
    torch.testing.assert_close(by_autograd, found, rtol=1e-10, atol=1e-14)


def test_a_sigmoid_whose_background_is_zeros_has_its_own_gradient() -> None:
    base, conf = load_dialect("tf-object-detection"), logits(1.5, seed=4)
    loss = replace(base.loss, background_target=BackgroundTarget.ZEROS)
    rules = replace(base, mining=replace(base.mining, selection=MiningSelection.NONE), loss=loss)
    terms = compute(rules, conf)
    leaf = conf.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(compute(rules, leaf).confidence, leaf)
    images, priors = terms.selected.nonzero(as_tuple=True)
    found = confidence_gradient(conf, terms, rules.loss, images, priors).view_as(conf)
    torch.testing.assert_close(by_autograd, found, rtol=1e-10, atol=1e-14)
    assert bool((found[..., 0] > 0).all())  # pushed down everywhere
    targets = torch.nn.functional.one_hot(terms.matching.labels, 4).double()
    targets[..., 0] = 0
    plain = torch.nn.functional.binary_cross_entropy_with_logits(conf, targets, reduction="sum")
    assert float(terms.confidence) == pytest.approx(float(plain) / 2, rel=1e-12)


def test_gamma_below_one_has_no_slope_at_certainty_as_in_every_codebase() -> None:
    """(1 - p)^gamma has an infinite slope where p is 1, and 0 times it is nan: torchvision's autograd says so, too."""
    conf = torch.tensor([[[0.0, 60.0]]], requires_grad=True)
    (found,) = torch.autograd.grad(
        confidence_loss(conf, torch.tensor([[1]]), spec_of(KINDS[1], (0.25, 0.5))).sum(), conf
    )
    assert bool(found[0, 0, 1].isnan())
    (found,) = torch.autograd.grad(
        confidence_loss(conf, torch.tensor([[1]]), spec_of(KINDS[1], (0.25, 2.0))).sum(), conf
    )
    assert bool(found.isfinite().all())


def test_what_no_column_says_of_the_background_is_told_by_the_others() -> None:
    unsaid, said = (spec_of(kind, (0.25, 2.0)) for kind in (KINDS[2], KINDS[1]))
    conf = torch.tensor([[9.0, -2.0, -3.0], [-9.0, 2.0, -3.0], [9.0, 0.1, 0.0]])
    told = with_background(conf, unsaid)
    assert told.argmax(-1).tolist() == [0, 1, 1]
    chances = probabilities(told, unsaid)
    torch.testing.assert_close(chances[:, 0], 1 - chances[:, 1:].amax(-1))
    assert torch.equal(with_background(conf, said), conf)
    assert torch.equal(with_background(conf, replace(unsaid, confidence=ConfidenceLoss.SOFTMAX)), conf)


@pytest.mark.parametrize(
    ("change", "matters"),
    [
        ({"focal_gamma": 1.0}, True),
        ({"focal_alpha": 0.5}, True),
        ({"background_target": BackgroundTarget.COLUMN}, True),
        ({"probability_floor": 1e-6}, True),
        ({"localization_weight": 3.0}, False),
    ],
)
def test_costs_are_computed_anew_where_a_setting_of_theirs_differs(change: dict[str, float], matters: bool) -> None:
    spec = spec_of(KINDS[2], (0.25, 2.0))
    assert (costs_of(replace(spec, **change)) != costs_of(spec)) is matters  # type: ignore[arg-type]
    plain = LossSpec()
    focal = {name: value for name, value in change.items() if name.startswith(("focal", "background"))}
    assert costs_of(replace(plain, **focal)) == costs_of(plain)  # type: ignore[arg-type]


REFUSED: list[tuple[Callable[[], LossSpec], str]] = [
    (lambda: LossSpec(focal_alpha=-0.5), "focal_alpha must be from 0 to 1, or -1 for none"),
    (lambda: LossSpec(focal_alpha=1.5), "focal_alpha must be from -1 to 1"),
    (lambda: LossSpec(focal_gamma=-1), "focal_gamma must be 0 or more"),
    (
        lambda: LossSpec(confidence="focal"),  # type: ignore[arg-type]
        "confidence must be one of .*softmax-focal, .*not 'focal'",
    ),
]


@pytest.mark.parametrize(("make", "said"), REFUSED)
def test_settings_out_of_range_are_refused(make: Callable[[], LossSpec], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
