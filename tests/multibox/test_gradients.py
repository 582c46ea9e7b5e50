"""The closed-form gradients against autograd through the loss as ssd.pytorch writes it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.gradients import confidence_gradient, localization_gradient
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import LossTerms, multibox_loss
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import Dialect, LocalizationLoss


def compute(batch: Any, rules: Dialect, device: str = "cpu") -> LossTerms:
    """The loss of one of the reference's batches."""
    return multibox_loss(
        loc=batch.loc.to(device),
        conf=batch.conf.to(device),
        priors=batch.priors.to(device),
        gt=pad_ground_truth(batch.boxes, batch.labels).to(device),
        match_spec=rules.match,
        codec_spec=rules.codec,
        mining_spec=rules.mining,
        loss_spec=rules.loss,
    )


def scattered(conf: Tensor, result: LossTerms, rules: Dialect) -> Tensor:
    """The gradient of the selected priors' logits, in the place of those logits."""
    images, priors = result.selected.nonzero(as_tuple=True)
    rows = confidence_gradient(conf=conf, result=result, spec=rules.loss, images=images, priors=priors)
    return torch.zeros_like(conf).index_put_((images, priors), rows)


@pytest.mark.parametrize("alpha", [1.0, 2.5])
@pytest.mark.parametrize("beta", [1.0, 0.3, 4.0, 0.0])
@pytest.mark.parametrize("seed", range(4))
def test_gradients_equal_autograd(seed: int, beta: float, alpha: float, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed)
    written = LocalizationLoss.SMOOTH_L1 if beta else LocalizationLoss.L1
    spec = replace(rules.loss, localization=written, smooth_l1_beta=beta or 1.0, localization_weight=alpha)
    loc, conf = batch.loc.clone().requires_grad_(), batch.conf.clone().requires_grad_()
    total = reference.differentiable_loss(batch, loc, conf, beta=beta, alpha=alpha)
    by_loc, by_conf = torch.autograd.grad(total, (loc, conf))
    result = compute(batch, replace(rules, loss=spec))
    assert float(result.total) == pytest.approx(float(total.detach()), rel=1e-12)
    found = localization_gradient(loc=batch.loc, result=result, spec=spec).dense
    torch.testing.assert_close(found, by_loc, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(scattered(batch.conf, result, rules), by_conf, rtol=1e-10, atol=1e-14)
    assert torch.equal(found.any(-1), result.matching.positive)


def test_confidence_gradient_of_chosen_rows(reference: ModuleType, rules: Dialect) -> None:
    """Rows come back in the order asked for, each adding up to 0, as softmax minus one hot does."""
    batch = reference.random_batch(0)
    result = compute(batch, rules)
    images, priors = result.selected.nonzero(as_tuple=True)
    inputs = {"conf": batch.conf, "result": result, "spec": rules.loss}
    forwards = confidence_gradient(**inputs, images=images, priors=priors)
    backwards = confidence_gradient(**inputs, images=images.flip(0), priors=priors.flip(0))
    assert torch.equal(forwards.flip(0), backwards)
    assert forwards.shape == (len(images), batch.conf.shape[-1])
    torch.testing.assert_close(forwards.sum(-1), torch.zeros(len(images)).double(), rtol=0, atol=1e-15)
    target = result.matching.labels[images, priors]
    assert bool((forwards.gather(1, target[:, None]) < 0).all())


def test_gradient_of_an_infinite_target_is_bounded(reference: ModuleType, rules: Dialect) -> None:
    """A zero-width object makes the loss infinite, but smooth L1 pulls with slope 1 at most."""
    batch = reference.random_batch(0)
    image = next(index for index, boxes in enumerate(batch.boxes) if len(boxes))
    batch.boxes[image][-1, 2] = batch.boxes[image][-1, 0]
    result = compute(batch, rules)
    assert float(result.localization) == float("inf")
    found = localization_gradient(loc=batch.loc, result=result, spec=rules.loss).dense
    assert bool(found.isfinite().all())
    at_width = found[image, :, 2][result.targets[image, :, 2].isinf() & result.matching.positive[image]]
    assert at_width.tolist() == pytest.approx([1 / int(result.normalizer)] * len(at_width), rel=1e-12)
    assert len(at_width) >= 1


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_itself_can_be_trained_on(seed: int, reference: ModuleType, rules: Dialect) -> None:
    """Autograd goes through our own loss too, and agrees with the closed forms."""
    batch = reference.random_batch(seed)
    loc, conf = batch.loc.clone().requires_grad_(), batch.conf.clone().requires_grad_()
    result = compute(reference.Batch(loc, conf, batch.priors, batch.boxes, batch.labels), rules)
    by_loc, by_conf = torch.autograd.grad(result.total, (loc, conf))
    plain = compute(batch, rules)
    closed = localization_gradient(loc=batch.loc, result=plain, spec=rules.loss).dense
    torch.testing.assert_close(by_loc, closed, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(by_conf, scattered(batch.conf, plain, rules), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_keep_the_dtype(dtype: torch.dtype, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(0, dtype)
    result = compute(batch, rules)
    assert localization_gradient(loc=batch.loc, result=result, spec=rules.loss).dense.dtype == dtype
    assert scattered(batch.conf, result, rules).dtype == dtype


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("seed", range(4))
def test_gradients_on_a_gpu(seed: int, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed)
    expected, found = compute(batch, rules), compute(batch, rules, "cuda")
    torch.testing.assert_close(
        localization_gradient(loc=batch.loc.to("cuda"), result=found, spec=rules.loss).dense.cpu(),
        localization_gradient(loc=batch.loc, result=expected, spec=rules.loss).dense,
        rtol=1e-5,
        atol=1e-8,
    )
    by_conf = scattered(batch.conf.to("cuda"), found, rules).cpu()
    torch.testing.assert_close(by_conf, scattered(batch.conf, expected, rules), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_no_gradient_passes_a_probability_floor(seed: int, reference: ModuleType, rules: Dialect) -> None:
    """A term that the floor caps is a constant: the plain sum of clamped terms, differentiated, says so."""
    batch = reference.random_batch(seed)
    plain = compute(batch, rules)
    conf, picked = batch.conf.clone().requires_grad_(), plain.selected
    chosen = conf[picked].softmax(-1).gather(1, plain.matching.labels[picked][:, None])
    floor = float(chosen.detach().median()) * 1.01
    spec = replace(rules.loss, probability_floor=floor)
    result = compute(batch, replace(rules, loss=spec))
    total = -chosen.clamp(min=floor).log().sum() / int(result.normalizer)
    (expected,) = torch.autograd.grad(total, conf)
    capped = (chosen < floor).sum()
    assert 0 < int(capped) < len(chosen)
    torch.testing.assert_close(scattered(batch.conf, result, replace(rules, loss=spec)), expected)
    own = batch.conf.clone().requires_grad_()
    trained = compute(
        reference.Batch(batch.loc, own, batch.priors, batch.boxes, batch.labels), replace(rules, loss=spec)
    )
    torch.testing.assert_close(torch.autograd.grad(trained.total, own)[0], expected)


@pytest.mark.parametrize("seed", range(3))
def test_a_floor_of_the_value_alone_teaches_on(seed: int, reference: ModuleType, rules: Dialect) -> None:
    """Caffe's backward pass: p - 1 at the target class and p elsewhere, by the normaliser, whatever was capped."""
    batch = reference.random_batch(seed)
    plain = compute(batch, rules)
    picked, own = plain.selected, batch.conf.clone().requires_grad_()
    chosen = batch.conf[picked].softmax(-1)
    target = plain.matching.labels[picked]
    floor = float(chosen.gather(1, target[:, None]).median()) * 1.01
    expected = torch.zeros_like(batch.conf)
    expected[picked] = (chosen - torch.eye(chosen.shape[1])[target]) / int(plain.normalizer)

    spec = replace(rules, loss=replace(rules.loss, probability_floor=floor, floor_stops_gradient=False))
    trained = compute(reference.Batch(batch.loc, own, batch.priors, batch.boxes, batch.labels), spec)
    stopped = compute(batch, replace(spec, loss=replace(spec.loss, floor_stops_gradient=True)))
    assert trained.total == stopped.total < plain.total
    torch.testing.assert_close(torch.autograd.grad(trained.total, own)[0], expected)
    torch.testing.assert_close(scattered(batch.conf, trained, spec), expected)


def test_caffe_alone_teaches_below_its_floor() -> None:
    stops = {name: load_dialect(name).loss.floor_stops_gradient for name in dialect_names()}
    assert [name for name, stopped in stops.items() if not stopped] == ["caffe"]
