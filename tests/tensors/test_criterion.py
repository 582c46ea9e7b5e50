"""The criterion that trains: its numbers, its gradient under every dialect, and how it gets on with torch."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ssdlossdbg
from ssdlossdbg import InputError, LossSpec, MiningSpec, MultiBoxLoss, load_dialect, multibox_loss
from ssdlossdbg.multibox.gradients import confidence_gradient, localization_gradient
from ssdlossdbg.readers.dialects import dialect_names
from tests.kinds_of_dialects import each_value_of, one_of_each

KINDS = each_value_of("match", "codec", "mining", "loss", among=dialect_names(of_one_step=True))
SAMPLES = Path(__file__).parents[2] / "sample_data"


@pytest.mark.parametrize("name", dialect_names(of_one_step=True))
def test_it_returns_both_losses_of_the_dialect(name: str, small: Any) -> None:
    gt = small.gt(load_dialect(name))
    terms = multibox_loss(small.loc, small.conf, small.priors, gt, name)
    localization, confidence = MultiBoxLoss(name, priors=small.priors)(small.loc, small.conf, gt)
    assert torch.equal(localization, terms.localization)
    assert torch.equal(confidence, terms.confidence)


def test_it_returns_what_the_saved_batch_shows() -> None:
    loc, conf, priors = torch.load(SAMPLES / "preds.pt", weights_only=True)
    targets = torch.load(SAMPLES / "targets.pt", weights_only=True)
    shown = ssdlossdbg.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", device="cpu").loss
    localization, confidence = MultiBoxLoss("ssd.pytorch", priors=priors)(loc, conf, targets)
    assert float(localization) == pytest.approx(shown.localization, rel=1e-6)
    assert float(confidence) == pytest.approx(shown.confidence, rel=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_the_gradient_is_that_of_finite_differences(name: str, small: Any) -> None:
    gt = small.gt(load_dialect(name))
    criterion = MultiBoxLoss(name, priors=small.priors)
    loc, conf = (each.double().requires_grad_() for each in (small.loc, small.conf))
    assert torch.autograd.gradcheck(
        lambda a, b: sum(criterion(a, b, gt)), (loc, conf), eps=1e-7, atol=1e-5, fast_mode=True
    )


@pytest.mark.parametrize("name", KINDS)
def test_the_gradient_is_the_analytic_one(name: str, small: Any) -> None:
    dialect = load_dialect(name)
    gt = small.gt(dialect)
    loc, conf = small.loc.clone().requires_grad_(), small.conf.clone().requires_grad_()
    sum(MultiBoxLoss(name, priors=small.priors)(loc, conf, gt)).backward()
    terms = multibox_loss(small.loc, small.conf, small.priors, gt, name)
    assert loc.grad is not None
    assert conf.grad is not None
    closed = localization_gradient(small.loc, terms, dialect.loss).dense
    torch.testing.assert_close(loc.grad, closed, rtol=1e-5, atol=1e-7)
    images, priors = terms.selected.nonzero(as_tuple=True)
    expected = torch.zeros_like(small.conf)
    expected[images, priors] = confidence_gradient(small.conf, terms, dialect.loss, images, priors)
    torch.testing.assert_close(conf.grad, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("seed", range(6))
def test_the_gradient_is_that_of_plain_loops(seed: int, reference: ModuleType) -> None:
    batch = reference.random_batch(seed)
    gt = ssdlossdbg.pad_ground_truth(batch.boxes, batch.labels)
    ours, theirs = ([batch.loc.clone().requires_grad_(), batch.conf.clone().requires_grad_()] for _ in range(2))
    rules = LossSpec(localization_weight=2.0, smooth_l1_beta=0.5)
    sum(MultiBoxLoss("ssd.pytorch", rules, priors=batch.priors)(*ours, gt)).backward()
    reference.differentiable_loss(batch, *theirs, beta=0.5, alpha=2.0).backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


class Head(nn.Module):
    """The least network that can learn a batch: a linear layer a prior."""

    def __init__(self, priors: int, classes: int) -> None:
        super().__init__()
        self.loc, self.conf = nn.Linear(8, priors * 4), nn.Linear(8, priors * classes)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets and logits of all priors."""
        images = len(features)
        return self.loc(features).view(images, -1, 4), self.conf(features).view(images, self.loc.out_features // 4, -1)


@pytest.mark.parametrize(
    "name",
    one_of_each("loss.localization", "loss.confidence", "loss.normalizer", among=dialect_names(of_one_step=True)),
)
def test_a_network_learns_under_every_dialect(name: str, small: Any) -> None:
    torch.manual_seed(0)
    network, features = Head(len(small.priors.boxes), 4), torch.eye(3, 8)
    criterion, gt = MultiBoxLoss(name, priors=small.priors), small.gt(load_dialect(name))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    losses = []
    for _ in range(10):
        localization, confidence = criterion(*network(features), gt)
        optimiser.zero_grad()
        (localization + confidence).backward()
        optimiser.step()
        losses.append(float((localization + confidence).detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_it_works_under_autocast(small: Any) -> None:
    torch.manual_seed(0)
    network, features = Head(len(small.priors.boxes), 4), torch.eye(3, 8)
    criterion, gt = MultiBoxLoss(priors=small.priors), small.gt(load_dialect("ssd.pytorch"))
    with torch.autocast("cpu", torch.bfloat16):
        loc, conf = network(features)
        localization, confidence = criterion(loc, conf, gt)
    assert loc.dtype is torch.bfloat16
    assert localization.dtype is confidence.dtype is torch.float32
    assert torch.equal(localization, criterion(loc.float(), conf.float(), gt)[0])
    assert torch.equal(confidence, criterion(loc.float(), conf.float(), gt)[1])
    (localization + confidence).backward()
    assert network.loc.weight.grad is not None
    assert network.loc.weight.grad.abs().sum() > 0


def test_casting_it_does_not_cast_its_priors(small: Any) -> None:
    gt = small.gt(load_dialect("ssd.pytorch"))
    expected = MultiBoxLoss(priors=small.priors)(small.loc, small.conf, gt)
    assert MultiBoxLoss(priors=small.priors).half()(small.loc, small.conf, gt) == expected


def test_it_is_copied_pickled_and_saved_without_state(small: Any) -> None:
    criterion = MultiBoxLoss("nvidia", MiningSpec(ratio=2), priors=small.priors)
    gt = small.gt(load_dialect("nvidia"))
    expected = criterion(small.loc, small.conf, gt)
    for other in (copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))):
        assert other(small.loc, small.conf, gt) == expected
    assert criterion.state_dict() == {}
    assert not list(criterion.parameters())
    criterion.load_state_dict({})
    assert "38 priors" in repr(criterion)
    assert "nvidia" in repr(criterion)


def test_its_priors_are_the_dialects_own_where_none_are_given() -> None:
    assert len(MultiBoxLoss("ssd.pytorch").priors.boxes) == 8732
    assert len(MultiBoxLoss("ssd.pytorch", priors="lufficc-ssd512-voc").priors.boxes) == 24564


def test_it_looks_at_values_unless_told_not_to(small: Any) -> None:
    gt = small.gt(load_dialect("torchvision"))
    with pytest.raises(InputError, match="gt: reach 57"):
        MultiBoxLoss("ssd.pytorch", priors=small.priors)(small.loc, small.conf, gt)
    localization, _ = MultiBoxLoss("ssd.pytorch", priors=small.priors, validate=False)(small.loc, small.conf, gt)
    assert localization > 0
    in_pixels = MultiBoxLoss("ssd.pytorch", priors=small.priors, units="pixels")(small.loc, small.conf, gt)
    own = MultiBoxLoss("ssd.pytorch", priors=small.priors)(small.loc, small.conf, small.gt(load_dialect("ssd.pytorch")))
    torch.testing.assert_close(in_pixels, own)


@pytest.mark.parametrize("name", ["ssd.pytorch", "nvidia", "torchvision", "mmdetection"])
def test_without_a_look_at_values_nothing_waits_for_a_device(name: str, small: Any) -> None:
    """Meta tensors have no values, so whatever would make a GPU wait for the host raises on them."""
    dialect = load_dialect(name)
    loc, conf = small.loc.to("meta"), small.conf.to("meta")
    objects = [
        {"boxes": box.to("meta"), "labels": ids.to("meta")} for box, ids in zip(small.boxes, small.labels, strict=True)
    ]
    for targets in (objects, small.gt(dialect).to("meta")):
        criterion = MultiBoxLoss(name, priors=small.priors, validate=False)
        assert [term.device.type for term in criterion(loc, conf, targets)] == ["meta"] * 2
        terms = multibox_loss(loc, conf, small.priors, targets, name, validate=False)
        assert terms.total.device.type == "meta"
    with pytest.raises(RuntimeError, match="meta"):
        MultiBoxLoss(name, priors=small.priors)(loc, conf, objects)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", dialect_names(of_one_step=True))
def test_its_priors_follow_the_predictions(name: str, small: Any) -> None:
    gt = small.gt(load_dialect(name))
    criterion = MultiBoxLoss(name, priors=small.priors)
    on_cpu = criterion(small.loc, small.conf, gt)
    on_gpu = criterion(small.loc.cuda(), small.conf.cuda(), gt)
    assert on_gpu[0].is_cuda
    torch.testing.assert_close([each.cpu() for each in on_gpu], list(on_cpu), rtol=1e-5, atol=1e-6)
    assert criterion(small.loc, small.conf, gt) == on_cpu
