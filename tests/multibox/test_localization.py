"""Losses of offsets and of boxes against plain loops, with gradients by differences, and boxes that are none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import box_losses
from ssdlossdbg.multibox.codec import encode
from ssdlossdbg.multibox.gradients import localization_gradient
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.localization import AtPriors, Frame
from ssdlossdbg.multibox.loss import LossTerms, combine, encode_matched, multibox_loss
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect, LocalizationLoss, LossSpec, Masking
from tests.multibox import box_loss_reference as plain

BOXES = [LocalizationLoss.GIOU, LocalizationLoss.DIOU, LocalizationLoss.CIOU]
BASE = load_dialect("ssd.pytorch")
VARIANCES = BASE.codec.variances
# Priors along a diagonal; an object on each of the first four, and one far from all.
CENTRES = torch.tensor([0.15, 0.3, 0.45, 0.6, 0.75, 0.9], dtype=torch.float64)
PRIORS = torch.stack((CENTRES, CENTRES, torch.full_like(CENTRES, 0.2), torch.full_like(CENTRES, 0.16)), dim=1)
OBJECTS = [
    torch.tensor([[0.05, 0.06, 0.26, 0.25], [0.2, 0.22, 0.41, 0.37]], dtype=torch.float64),
    torch.tensor([[0.34, 0.36, 0.57, 0.55], [0.5, 0.52, 0.7, 0.7]], dtype=torch.float64),
]


def rules_of(loss: LocalizationLoss, **settings: Any) -> Dialect:
    """ssd.pytorch with another loss."""
    return replace(BASE, loss=replace(BASE.loss, localization=loss, **settings))


def offsets(scale: float = 0.7, seed: int = 0) -> Tensor:
    """`[2, 6, 4]` predictions."""
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn((2, 6, 4), generator=generator, dtype=torch.float64)


def compute(rules: Dialect, loc: Tensor, objects: list[Tensor] | None = None, priors: Tensor = PRIORS) -> LossTerms:
    """The loss of two images."""
    objects = OBJECTS if objects is None else objects
    gt = pad_ground_truth(objects, [torch.ones(len(each), dtype=torch.int64) for each in objects])
    conf = torch.zeros((2, 6, 3), dtype=loc.dtype)
    return multibox_loss(loc, conf, priors, gt, rules.match, rules.codec, rules.mining, rules.loss)


def box_costs(rules: Dialect, loc: Tensor, found: LossTerms, objects: list[Tensor], scale: float = 1.0) -> Tensor:
    """`[2, 6]` what a plain loop makes of the positives."""
    costs = torch.zeros((2, 6), dtype=torch.float64)
    rule = getattr(plain, rules.loss.localization.value)
    for image, prior in found.matching.positive.nonzero().tolist():
        aim = objects[image][int(found.matching.gt_index[image, prior])].tolist()
        prior_box = (PRIORS[prior] * scale).tolist()
        box = plain.decode(loc[image, prior].tolist(), prior_box, VARIANCES, rules.loss.largest_scale)
        costs[image, prior] = rule(box, aim, rules.loss.box_epsilon)
    return costs


@pytest.mark.parametrize("scale", [0.1, 1.0, 6.0])
@pytest.mark.parametrize("loss", BOXES)
def test_boxes_cost_what_the_papers_say(loss: LocalizationLoss, scale: float) -> None:
    rules, loc = rules_of(loss, localization_weight=2.0), offsets(scale)
    found = compute(rules, loc)
    expected = box_costs(rules, loc, found, OBJECTS)
    assert int(found.matching.positive.sum()) >= 4
    assert found.localization_terms.shape == (2, 6, 1)
    torch.testing.assert_close(found.localization_terms[..., 0], expected, rtol=1e-10, atol=1e-12)
    assert float(found.localization) == pytest.approx(2 * float(expected.sum()) / float(found.normalizer), rel=1e-10)
    single = compute(rules, loc.float(), [each.float() for each in OBJECTS], PRIORS.float())
    torch.testing.assert_close(single.localization_terms[..., 0].double(), expected, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("loss", BOXES)
def test_the_unit_is_that_of_the_dialect(loss: LocalizationLoss) -> None:
    """An epsilon of 1 px² tells: boxes of 300 px are compared, not fractions."""
    rules, loc, in_pixels = rules_of(loss, box_epsilon=1.0), offsets(), [each * 300 for each in OBJECTS]
    found = compute(rules, loc, in_pixels, PRIORS * 300)
    expected = box_costs(rules, loc, found, in_pixels, 300)
    torch.testing.assert_close(found.localization_terms[..., 0], expected, rtol=1e-10, atol=1e-12)
    assert float(found.localization) != pytest.approx(float(compute(rules, loc).localization), rel=1e-3)


@pytest.mark.parametrize(("alpha", "gamma", "beta"), [(0.5, 1.5, 1.0), (0.3, 2.0, 0.4), (1.0, 1.0, 2.0)])
def test_balanced_l1_of_each_offset(alpha: float, gamma: float, beta: float) -> None:
    weights = {"balanced_alpha": alpha, "balanced_gamma": gamma, "smooth_l1_beta": beta}
    rules, loc = rules_of(LocalizationLoss.BALANCED_L1, **weights), offsets(2.0)
    found = compute(rules, loc)
    assert found.localization_terms.shape == (2, 6, 4)
    for image, prior in found.matching.positive.nonzero().tolist():
        pairs = zip(loc[image, prior].tolist(), found.targets[image, prior].tolist(), strict=True)
        expected = [plain.balanced_l1(value - target, alpha, gamma, beta) for value, target in pairs]
        assert found.localization_terms[image, prior].tolist() == pytest.approx(expected, rel=1e-10)
    assert not found.localization_terms[~found.matching.positive].any()


def test_both_pieces_of_balanced_l1_meet_at_beta() -> None:
    for alpha, gamma, beta in ((0.5, 1.5, 1.0), (0.3, 2.0, 0.4), (1.0, 1.0, 2.0)):
        below, above = (plain.balanced_l1(beta + step, alpha, gamma, beta) for step in (-1e-9, 1e-9))
        assert below == pytest.approx(above, abs=1e-7)


@pytest.mark.parametrize("loss", [*BOXES, LocalizationLoss.BALANCED_L1])
def test_gradients_are_the_slopes_of_the_loss(loss: LocalizationLoss) -> None:
    rules, loc = rules_of(loss, localization_weight=1.5), offsets(0.8, seed=5)
    found = compute(rules, loc)
    gradient = localization_gradient(loc, found, rules.loss).dense
    leaf = loc.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(compute(rules, leaf).localization, leaf)
    torch.testing.assert_close(gradient, by_autograd, rtol=1e-10, atol=1e-14)
    assert not gradient[~found.matching.positive].any()
    if loss is LocalizationLoss.CIOU:  # its weight is no function of the prediction: slopes of the loss are not these
        return
    for image, prior, column in found.matching.positive[..., None].expand(-1, -1, 4).nonzero().tolist():
        up, down = loc.clone(), loc.clone()
        up[image, prior, column] += 1e-6
        down[image, prior, column] -= 1e-6
        slope = (compute(rules, up).localization - compute(rules, down).localization) / 2e-6
        assert float(gradient[image, prior, column]) == pytest.approx(float(slope), rel=1e-5, abs=1e-8)


def test_the_weight_of_the_aspect_ratio_is_a_constant_to_the_gradient() -> None:
    rules, loc = rules_of(LocalizationLoss.CIOU), offsets(0.8, seed=5)
    found = compute(rules, loc)
    gradient = localization_gradient(loc, found, rules.loss).dense * float(found.normalizer)
    image, prior = found.matching.positive.nonzero()[0].tolist()
    aim, own = OBJECTS[image][int(found.matching.gt_index[image, prior])].tolist(), PRIORS[prior].tolist()
    shape = loc[image, prior].tolist()
    box = plain.decode(shape, own, VARIANCES)
    full, bare = plain.ciou(box, aim, 1e-7), plain.ciou(box, aim, 1e-7, alpha=0.0)
    angles = [math.atan2(each[2] - each[0], each[3] - each[1]) for each in (aim, box)]
    weight = (full - bare) / (4 / math.pi**2 * (angles[0] - angles[1]) ** 2)
    for column in range(4):
        sides = []
        for step in (1e-6, -1e-6):
            moved = [value + step * (place == column) for place, value in enumerate(shape)]
            sides.append(plain.ciou(plain.decode(moved, own, VARIANCES), aim, 1e-7, alpha=weight))
        slope = (sides[0] - sides[1]) / 2e-6
        assert float(gradient[image, prior, column]) == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("loss", BOXES)
@pytest.mark.parametrize("side", [2, 3, 0])
def test_a_box_without_area_costs_its_finite_most_as_in_torchvision(loss: LocalizationLoss, side: int) -> None:
    """Width 0, height 0, or both: no overlap, and of the last one no aspect ratio either."""
    objects = [each.clone() for each in OBJECTS]
    if side:
        objects[0][0, side] = objects[0][0, side - 2]
    else:
        objects[0][0, 2:] = objects[0][0, :2]
    rules, loc = rules_of(loss), offsets(0.3)
    found = compute(rules, loc, objects)
    own = found.matching.positive[0] & (found.matching.gt_index[0] == 0)
    assert own.any()
    terms = found.localization_terms[0, own, 0]
    gradient = localization_gradient(loc, found, rules.loss).dense[0, own]
    if side == 0 and loss is LocalizationLoss.CIOU:
        assert bool(terms.isnan().all())
        return
    assert bool(terms.isfinite().all())
    assert bool((terms >= 1).all())
    assert bool(gradient.isfinite().all())
    expected = box_costs(rules, loc, found, objects)[0, own]
    torch.testing.assert_close(terms, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("loss", BOXES)
def test_an_inverted_box_stays_finite_though_its_offsets_are_none(loss: LocalizationLoss) -> None:
    objects = [each.clone() for each in OBJECTS]
    objects[1][1] = objects[1][1][[2, 1, 0, 3]]
    rules, loc = rules_of(loss), offsets(0.3)
    found = compute(rules, loc, objects)
    assert bool(found.targets[1].isnan().any())
    assert bool(found.localization_terms.isfinite().all())
    assert bool(localization_gradient(loc, found, rules.loss).dense.isfinite().all())


@pytest.mark.parametrize("loss", BOXES)
def test_sizes_that_overflow_are_clamped_where_the_codebase_does(loss: LocalizationLoss) -> None:
    """Beyond exp(88.7) float32 is inf, and its corners nan; torchvision clamps the logarithm at ln(1000 / 16)."""
    objects = [each.float() for each in OBJECTS]
    plain = rules_of(loss)
    image, prior = compute(plain, offsets(0.0).float(), objects, PRIORS.float()).matching.positive.nonzero()[0].tolist()
    loc = offsets(0.0).float()
    loc[image, prior, 2] = 500.0
    assert not compute(plain, loc, objects, PRIORS.float()).localization_terms[image, prior].isfinite()
    clamped = rules_of(loss, largest_scale=math.log(1000 / 16))
    found = compute(clamped, loc, objects, PRIORS.float())
    expected = box_costs(clamped, loc.double(), found, OBJECTS)
    torch.testing.assert_close(found.localization_terms[..., 0].double(), expected, rtol=1e-4, atol=2e-6)
    gradient = localization_gradient(loc, found, clamped.loss).dense
    assert bool(gradient.isfinite().all())
    assert float(gradient[image, prior, 2]) == 0


@pytest.mark.parametrize("masking", Masking)
@pytest.mark.parametrize("loss", [*BOXES, LocalizationLoss.BALANCED_L1])
def test_a_mask_of_zeros_lets_nan_through_as_elsewhere(loss: LocalizationLoss, masking: Masking) -> None:
    loc = offsets()
    rules = rules_of(loss, masking=masking)
    sound = compute(rules, loc)
    prior = int((~sound.matching.positive[0] & sound.selected[0]).nonzero()[0])  # a mined negative
    loc[0, prior] = math.nan
    found = compute(rules, loc)
    spoilt = masking is not Masking.INDEXED
    assert bool(found.localization.isnan()) is spoilt
    gradient = localization_gradient(loc, found, rules.loss).dense
    assert bool(gradient[0, prior].isnan().any()) is spoilt
    assert bool(gradient[found.matching.positive].isfinite().all())


@pytest.mark.parametrize("loss", BOXES)
def test_boxes_are_decoded_from_targets_that_came_encoded(loss: LocalizationLoss) -> None:
    rules, loc = rules_of(loss), offsets()
    gt = pad_ground_truth(OBJECTS, [torch.ones(2, dtype=torch.int64)] * 2)
    matching = match(gt, PRIORS, rules.match)
    encoded = encode_matched(gt, PRIORS, matching, rules.codec)
    known = compute(rules, loc)
    frame = Frame(PRIORS, rules.codec, matching, None)
    for aims in (encoded, AtPriors.everywhere(encoded.dense)):
        found = combine(loc, matching, aims, known.cross_entropy, known.mining, rules.mining, rules.loss, frame)
        torch.testing.assert_close(found.localization, known.localization, rtol=1e-9, atol=0)
    with pytest.raises(ValueError, match=f"localisation by {loss} needs the priors and objects"):
        combine(loc, matching, encoded, known.cross_entropy, known.mining, rules.mining, rules.loss)


def test_a_perfect_prediction_costs_nothing() -> None:
    gt = pad_ground_truth(OBJECTS, [torch.ones(2, dtype=torch.int64)] * 2)
    matching = match(gt, PRIORS, BASE.match)
    aims = gt.boxes.gather(1, matching.gt_index[..., None].expand(-1, -1, 4))
    loc = encode(aims, PRIORS, BASE.codec)
    for loss in (*BOXES, LocalizationLoss.BALANCED_L1):
        assert float(compute(rules_of(loss), loc).localization) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"balanced_alpha": 0}, "balanced_alpha must be from 0.001 to 1000"),
        ({"balanced_gamma": -1}, "balanced_gamma must be from 0.001 to 1000"),
        ({"box_epsilon": -1e-9}, "box_epsilon must be 0 or more"),
        ({"localization": "iou"}, "localization must be one of .*giou.*, not 'iou'"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LossSpec(**settings)


@pytest.mark.parametrize("loss", BOXES)
def test_boxes_of_several_images_cost_what_each_does(loss: LocalizationLoss) -> None:
    low = torch.rand((2, 3, 4, 2), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    size = torch.rand((2, 3, 4, 2), generator=torch.Generator().manual_seed(3), dtype=torch.float64) + 0.1
    boxes, aims = torch.cat((low, low + size), -1)
    cost = box_losses.BOXES[loss]
    found = cost(boxes, aims, 1e-7)
    for image in range(3):
        for row in range(4):
            alone = cost(boxes[image, row], aims[image, row], 1e-7)
            assert float(found[image, row]) == pytest.approx(float(alone), rel=1e-12)


@pytest.mark.parametrize("masking", Masking)
def test_a_gradient_over_no_positive_is_nan_where_a_mask_multiplies(masking: Masking) -> None:
    """The slope is finite, what it is divided by 0, and the mask then multiplies infinity by 0."""
    rules = rules_of(LocalizationLoss.SMOOTH_L1, masking=masking)
    found = compute(rules, offsets(), [torch.zeros((0, 4), dtype=torch.float64)] * 2)
    assert float(found.normalizer) == 0
    gradient = localization_gradient(offsets(), found, rules.loss).dense
    # Of no positive ssd.pytorch mines nothing: where the mask covers but the selected, it covers no prior.
    multiplied = masking in (Masking.MULTIPLIED, Masking.LOCALIZATION_MULTIPLIED)
    expected = torch.full_like(gradient, math.nan if multiplied else 0.0)
    torch.testing.assert_close(gradient, expected, equal_nan=True)


def test_numbers_of_some_priors_are_those_among_all() -> None:
    where = torch.tensor([1, 0, 1]), torch.tensor([2, 3, 0])
    some = AtPriors(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, math.inf]]), where, (2, 4))
    image, prior = torch.tensor([0, 1, 1, 1, 0, 1]), torch.tensor([3, 2, 1, 0, 0, 2])
    expected = torch.tensor([[3.0, 4.0], [1.0, 2.0], [0.0, 0.0], [5.0, math.inf], [0.0, 0.0], [1.0, 2.0]])
    for each in (some, AtPriors.everywhere(some.dense)):
        assert torch.equal(each.at(image, prior), expected)
