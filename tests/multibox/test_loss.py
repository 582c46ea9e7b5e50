"""MultiBoxLoss: what the real code returned on small batches, and plain loops on random ones."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.confidence import confidence_loss, cost_of_background
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.landmarks import LandmarkTerms
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import (
    CodecSpec,
    ConfidenceLoss,
    Dialect,
    LocalizationLoss,
    LossSpec,
    MiningSelection,
)
from tests.kinds_of_dialects import each_value_of

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "ssd_pytorch_cases.json").read_text())
CASES = [name for name, case in RECORDED.items() if name != "_about" and "error" not in case]
# Suppression goes in rounds, and asks after each whether there is another.
UNASKING = [
    name
    for name in dialect_names()
    if load_dialect(name).mining.selection is not MiningSelection.NON_MAXIMUM_SUPPRESSION
]
TENSORS = ("targets", "localization_terms", "confidence_terms", "cross_entropy", "localization_scale")


def compute(loc: Tensor, conf: Tensor, priors: Tensor, gt: Any, rules: Dialect) -> LossTerms:
    """The loss under a dialect's rules."""
    return multibox_loss(
        loc=loc,
        conf=conf,
        priors=priors,
        gt=gt,
        match_spec=rules.match,
        codec_spec=rules.codec,
        mining_spec=rules.mining,
        loss_spec=rules.loss,
    )


def compute_batch(batch: Any, rules: Dialect) -> LossTerms:
    """The loss of one of the reference's batches."""
    return compute(batch.loc, batch.conf, batch.priors, pad_ground_truth(batch.boxes, batch.labels), rules)


def numbers(value: Any) -> Any:
    """JSON with the strings inf, -inf and nan turned into numbers."""
    return [numbers(item) for item in value] if isinstance(value, list) else float(value)


def recorded(name: str, rules: Dialect) -> tuple[dict[str, Any], LossTerms]:
    """A recorded case, and what we make of it."""
    case = RECORDED[name]
    boxes = [torch.tensor(rows).reshape(-1, 4) for rows in case["boxes"]]
    labels = [torch.tensor(ids, dtype=torch.long) for ids in case["labels"]]
    loc, conf, priors = (torch.tensor(case[key]) for key in ("loc", "conf", "priors"))
    return case, compute(loc, conf, priors, pad_ground_truth(boxes, labels), rules)


@pytest.mark.parametrize("name", CASES)
def test_losses_of_the_real_code(name: str, rules: Dialect) -> None:
    case, found = recorded(name, rules)
    assert float(found.localization) == pytest.approx(numbers(case["loc_loss"]), rel=2e-6)
    assert float(found.confidence) == pytest.approx(numbers(case["conf_loss"]), rel=2e-6)
    assert float(found.total) == pytest.approx(numbers(case["loc_loss"]) + numbers(case["conf_loss"]), rel=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_roles_of_the_real_code(name: str, rules: Dialect) -> None:
    case, found = recorded(name, rules)
    assert found.matching.labels.tolist() == case["target_labels"]
    assert [row.nonzero().flatten().tolist() for row in found.mining.mined] == case["negatives"]
    for image, offsets in enumerate(numbers(case["positive_targets"])):
        ours = found.targets[image, found.matching.positive[image]]
        torch.testing.assert_close(ours, torch.tensor(offsets).reshape(-1, 4), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(RECORDED) - set(CASES) - {"_about"}))
def test_images_on_which_the_real_code_raises_are_background(name: str, rules: Dialect) -> None:
    case, found = recorded(name, rules)
    assert "IndexError" in case["error"]
    empty = [not ids for ids in case["labels"]]
    assert found.matching.positive.any(1).tolist() == [not is_empty for is_empty in empty]
    assert not found.mining.mined[torch.tensor(empty)].any()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 1e-5)])
@pytest.mark.parametrize("on_grid", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_loss_equals_plain_loops(
    seed: int, on_grid: bool, dtype: torch.dtype, tolerance: float, reference: ModuleType, rules: Dialect
) -> None:
    batch = reference.random_batch(seed, dtype, on_grid=on_grid)
    found, expected = compute_batch(batch, rules), reference.loss(batch)
    assert found.matching.labels.tolist() == [match.labels for match in expected.matches]
    assert found.mining.mined.tolist() == expected.mined
    assert int(found.normalizer) == expected.positives
    assert float(found.localization) == pytest.approx(expected.localization, rel=tolerance)
    assert float(found.confidence) == pytest.approx(expected.confidence, rel=tolerance)
    assert float(found.total) == pytest.approx(expected.localization + expected.confidence, rel=tolerance)
    for ours, theirs in (
        (found.localization_terms, expected.localization_terms),
        (found.confidence_terms, expected.confidence_terms),
    ):
        wanted = torch.tensor(theirs, dtype=dtype)
        torch.testing.assert_close(ours, wanted, rtol=tolerance, atol=10 * tolerance)
        assert torch.equal(ours != 0, wanted != 0)


@pytest.mark.parametrize("beta", [1.0, 0.25, 2.0])
@pytest.mark.parametrize("alpha", [1.0, 0.0, 2.5])
@pytest.mark.parametrize("variances", [(0.1, 0.1, 0.2, 0.2), (0.1, 0.2, 0.3, 0.4)])
def test_settings_reach_the_loss(
    variances: tuple[float, float, float, float], alpha: float, beta: float, reference: ModuleType, rules: Dialect
) -> None:
    batch = reference.random_batch(2)
    changed = replace(
        rules,
        match=replace(rules.match, threshold=0.4),
        codec=CodecSpec(variances=variances),
        mining=replace(rules.mining, ratio=1.5),
        loss=replace(rules.loss, localization_weight=alpha, smooth_l1_beta=beta),
    )
    expected = reference.loss(batch, threshold=0.4, variances=variances, ratio=1.5, beta=beta, alpha=alpha)
    found = compute_batch(batch, changed)
    assert float(found.localization) == pytest.approx(expected.localization, rel=1e-11)
    assert float(found.confidence) == pytest.approx(expected.confidence, rel=1e-11)
    assert float(found.total) == pytest.approx(expected.localization + expected.confidence, rel=1e-11)


def test_l1_is_the_absolute_difference(reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(2)
    found = compute_batch(batch, replace(rules, loss=replace(rules.loss, localization=LocalizationLoss.L1)))
    positive = found.matching.positive
    expected = (batch.loc - found.targets)[positive].abs().sum() / positive.sum()
    assert float(found.localization) == pytest.approx(float(expected), rel=1e-12)


def test_selected_priors_are_those_whose_confidence_counts(reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(0)
    found, expected = compute_batch(batch, rules), reference.loss(batch)
    chosen = [
        [positive or mined for positive, mined in zip(match.positive, row, strict=True)]
        for match, row in zip(expected.matches, expected.mined, strict=True)
    ]
    assert found.selected.tolist() == chosen


def test_cross_entropy_is_there_for_every_prior(reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(1)
    found = compute_batch(batch, rules)
    for image, rows in enumerate(batch.conf.tolist()):
        labels = found.matching.labels[image].tolist()
        expected = [reference.cross_entropy(row, label) for row, label in zip(rows, labels, strict=True)]
        assert found.cross_entropy[image].tolist() == pytest.approx(expected, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("images", [1, 3])
def test_no_positive_in_the_batch_gives_nan(images: int, rules: Dialect) -> None:
    gt = pad_ground_truth([torch.zeros((0, 4))] * images, [torch.zeros(0, dtype=torch.long)] * images)
    found = compute(torch.rand(images, 6, 4), torch.rand(images, 6, 3), torch.rand(6, 4), gt, rules)
    assert int(found.normalizer) == 0
    assert math.isnan(found.localization)
    assert math.isnan(found.confidence)
    assert math.isnan(found.total)
    assert not found.selected.any()


def test_an_object_labelled_background_alone_gives_nan(rules: Dialect) -> None:
    gt = pad_ground_truth([torch.tensor([[0.1, 0.1, 0.6, 0.6]])], [torch.tensor([0])])
    found = compute(torch.rand(1, 6, 4), torch.rand(1, 6, 3), torch.rand(6, 4), gt, rules)
    assert math.isnan(found.total)


@pytest.mark.parametrize("seed", range(4))
def test_image_without_objects_adds_nothing(seed: int, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed)
    before = compute_batch(batch, rules)
    empty, no_labels = batch.priors.new_zeros((0, 4)), torch.zeros(0, dtype=torch.long)
    larger = reference.Batch(
        loc=torch.cat((batch.loc[:1] + 1, batch.loc)),
        conf=torch.cat((batch.conf[:1], batch.conf)),
        priors=batch.priors,
        boxes=[empty, *batch.boxes],
        labels=[no_labels, *batch.labels],
    )
    after = compute_batch(larger, rules)
    assert float(after.total) == pytest.approx(float(before.total), rel=1e-13)
    assert not after.selected[0].any()
    assert not after.confidence_terms[0].any()
    assert torch.equal(after.localization_terms[1:], before.localization_terms)
    assert torch.equal(after.confidence_terms[1:], before.confidence_terms)


@pytest.mark.parametrize("seed", range(4))
def test_terms_of_a_batch_are_those_of_each_image_alone(seed: int, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed)
    whole = compute_batch(batch, rules)
    for image in range(len(batch.loc)):
        gt = pad_ground_truth(batch.boxes[image : image + 1], batch.labels[image : image + 1])
        own = slice(image, image + 1)
        alone = compute(batch.loc[own], batch.conf[own], batch.priors, gt, rules)
        assert torch.equal(alone.localization_terms[0], whole.localization_terms[image])
        assert torch.equal(alone.mining.mined[0], whole.mining.mined[image])
        torch.testing.assert_close(alone.confidence_terms[0], whole.confidence_terms[image], rtol=1e-13, atol=0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_predicted_for_a_prior_without_a_part_does_not_matter(
    value: float, reference: ModuleType, rules: Dialect
) -> None:
    batch = reference.random_batch(0)
    before = compute_batch(batch, rules)
    loc = torch.where(before.matching.positive[..., None], batch.loc, value)
    after = compute(loc, batch.conf, batch.priors, pad_ground_truth(batch.boxes, batch.labels), rules)
    assert torch.equal(after.localization_terms, before.localization_terms)
    assert float(after.total) == float(before.total)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_predicted_for_a_positive_is_carried(value: float, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(0)
    image, prior = compute_batch(batch, rules).matching.positive.nonzero()[0].tolist()
    loc = batch.loc.clone()
    loc[image, prior, 2] = value
    after = compute(loc, batch.conf, batch.priors, pad_ground_truth(batch.boxes, batch.labels), rules)
    assert float(after.localization) == pytest.approx(value, nan_ok=True)
    assert (~after.localization_terms.isfinite()).nonzero().tolist() == [[image, prior, 2]]
    assert math.isfinite(after.confidence)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_keeps_the_dtype(dtype: torch.dtype, reference: ModuleType, rules: Dialect) -> None:
    found = compute_batch(reference.random_batch(0, dtype), rules)
    tensors = [getattr(found, name) for name in (*TENSORS, "confidence_scale", "localization", "confidence", "total")]
    assert {tensor.dtype for tensor in (*tensors, found.mining.score)} == {dtype}


def test_loss_leaves_its_inputs_alone(reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(0)
    gt = pad_ground_truth(batch.boxes, batch.labels)
    inputs = {"loc": batch.loc, "conf": batch.conf, "priors": batch.priors}
    before = {name: tensor.clone() for name, tensor in inputs.items()}
    objects = {field.name: getattr(gt, field.name).clone() for field in fields(gt)}
    compute(**inputs, gt=gt, rules=rules)
    assert all(torch.equal(tensor, before[name]) for name, tensor in inputs.items())
    assert all(torch.equal(getattr(gt, name), tensor) for name, tensor in objects.items())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("on_grid", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_loss_on_a_gpu(seed: int, on_grid: bool, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed, on_grid=on_grid)
    gt = pad_ground_truth(batch.boxes, batch.labels)
    expected = compute(batch.loc, batch.conf, batch.priors, gt, rules)
    found = compute(batch.loc.to("cuda"), batch.conf.to("cuda"), batch.priors.to("cuda"), gt.to("cuda"), rules)
    assert torch.equal(found.matching.labels.cpu(), expected.matching.labels)
    assert torch.equal(found.mining.mined.cpu(), expected.mining.mined)
    assert int(found.normalizer) == int(expected.normalizer)
    for name in ("localization_terms", "confidence_terms", "localization", "confidence", "total"):
        torch.testing.assert_close(getattr(found, name).cpu(), getattr(expected, name), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dialect", dialect_names())
def test_what_other_devices_do_gives_the_same(
    dialect: str, reference: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules, batch = load_dialect(dialect), reference.random_batch(3)
    expected = compute_batch(batch, rules)
    monkeypatch.setattr(tiles, "on_host", lambda tensor: False)  # noqa: ARG005
    found = compute_batch(batch, rules)
    assert torch.equal(found.matching.labels, expected.matching.labels)
    assert torch.equal(found.mining.mined, expected.mining.mined)
    for name in ("targets", "localization_terms", "confidence_terms", "localization", "confidence"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("dialect", each_value_of("match", "codec", "mining", "loss", among=UNASKING))
def test_away_from_the_cpu_nothing_asks_for_a_value(dialect: str, reference: ModuleType) -> None:
    """Meta tensors have no values, so whatever would make a GPU wait for the host raises on them."""
    rules = load_dialect(dialect)
    batch = reference.random_batch(0)
    gt = pad_ground_truth(batch.boxes, batch.labels).to("meta")
    loc, conf, priors = (tensor.to("meta") for tensor in (batch.loc, batch.conf, batch.priors))
    assert compute(loc, conf, priors, gt, rules).total.shape == ()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_loss_on_a_gpu_asks_the_host_for_nothing(reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(0)
    gt = pad_ground_truth(batch.boxes, batch.labels).to("cuda")
    loc, conf, priors = (tensor.to("cuda") for tensor in (batch.loc, batch.conf, batch.priors))
    compute(loc, conf, priors, gt, rules)  # the first call sets the device up
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        total = compute(loc, conf, priors, gt, rules).total
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert bool(total.isfinite())


def test_a_floor_caps_what_is_summed_and_not_what_is_mined(rules: Dialect) -> None:
    """Both negatives cost as much as the floor allows, but the second one's background is the less likely."""
    conf = torch.tensor([[[0.0, 5.0], [0.0, 10.0], [0.0, 12.0], [0.0, -5.0]]])
    boxes = torch.tensor([[0.0, 0.0, 0.25, 0.25]])
    low = torch.arange(4.0)[:, None].expand(-1, 2) / 4
    priors = torch.cat((low + 0.125, torch.full((4, 2), 0.25)), 1)
    floored = replace(rules, loss=replace(rules.loss, probability_floor=1e-3), mining=replace(rules.mining, ratio=1.0))
    found = compute(torch.zeros(1, 4, 4), conf, priors, pad_ground_truth([boxes], [torch.tensor([1])]), floored)
    assert found.mining.mined.tolist() == [[False, False, True, False]]
    assert float(found.confidence_terms[0, 2]) == pytest.approx(-math.log(1e-3), rel=1e-6)


@pytest.mark.parametrize("kind", [ConfidenceLoss.SOFTMAX, ConfidenceLoss.SOFTMAX_FOCAL])
def test_what_background_costs_is_enough_to_look_up_the_cross_entropy(kind: ConfidenceLoss) -> None:
    rng = torch.Generator().manual_seed(5)
    for shape in ((1, 1, 2), (3, 37, 21), (2, 130, 91)):
        conf = torch.randn(shape, generator=rng) * 9
        labels = torch.randint(-1, shape[2], shape[:2], generator=rng)
        spec = LossSpec(confidence=kind)
        expected = confidence_loss(conf, labels, spec)
        assert torch.equal(confidence_loss(conf, labels, spec, cost_of_background(conf, spec)), expected)


def test_what_landmarks_cost_is_part_of_the_total(reference: ModuleType) -> None:
    found = compute_batch(reference.random_batch(0), load_dialect("ssd.pytorch"))
    nothing = torch.zeros(())
    terms = LandmarkTerms(costs=found.smooth_l1, normalizer=nothing + 1, scale=nothing + 0.5, aims=found.smooth_l1)
    more = float(found.smooth_l1.by_image().sum()) / 2
    assert more > 0.1
    assert float(replace(found, landmarks=terms).total) == pytest.approx(float(found.total) + more)
