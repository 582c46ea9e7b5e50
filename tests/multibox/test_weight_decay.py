"""Weight decay against sums done by hand, with the names of the codebases that have it in their loss."""

from __future__ import annotations

import math

import pytest
import torch

from ssdlossdbg.multibox.weight_decay import decayed, weight_decay
from ssdlossdbg.rules import WeightDecaySpec

# Sums of squares: 30, 4, 8, 100, 1.
WEIGHTS = {
    "conv1/kernel": torch.tensor([[1.0, 2.0], [3.0, -4.0]]),
    "conv1/bias": torch.tensor([2.0]),
    "conv1_bn/gamma": torch.tensor([2.0, 2.0]),
    "conv4_3_scale/weights": torch.tensor([10.0]),
    "head_bn/kernel": torch.tensor(1.0),
}


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (WeightDecaySpec(), 0.0),
        (WeightDecaySpec(rate=2.0), 2 * 143),
        (WeightDecaySpec(rate=1.0, halved=True), 143 / 2),
        (WeightDecaySpec(rate=1.0, skip=("_bn",)), 134),
        (WeightDecaySpec(rate=1.0, skip=("_bn", "bias")), 130),
        (WeightDecaySpec(rate=1.0, only=("kernel",)), 31),
        (WeightDecaySpec(rate=1.0, only=("kernel", "gamma")), 39),
        (WeightDecaySpec(rate=1.0, only=("kernel",), skip=("_bn",)), 30),
        (WeightDecaySpec(rate=1.0, scaled=("conv4_3_scale",), scale=0.1), 53),
        (WeightDecaySpec(5e-4, True, (), ("_bn",), ("conv4_3_scale",), 0.1), 5e-4 * 0.5 * (30 + 4 + 0.1 * 100)),
        (WeightDecaySpec(rate=1.0, only=("nothing",)), 0.0),
    ],
)
def test_by_hand(spec: WeightDecaySpec, value: float) -> None:
    found = weight_decay(WEIGHTS, spec)
    assert (found.dtype, found.shape) == (torch.float64, ())
    assert float(found) == pytest.approx(value, rel=1e-15)


def test_names_keep_their_order() -> None:
    assert decayed(WEIGHTS, WeightDecaySpec(only=("kernel", "bias"))) == [
        "conv1/kernel",
        "conv1/bias",
        "head_bn/kernel",
    ]
    assert decayed(WEIGHTS, WeightDecaySpec(skip=("conv",))) == ["head_bn/kernel"]


def test_of_nothing() -> None:
    assert float(weight_decay({}, WeightDecaySpec(rate=1.0))) == 0.0
    assert float(weight_decay({"a": torch.zeros((0, 3))}, WeightDecaySpec(rate=1.0))) == 0.0


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_carried(value: float) -> None:
    weights = {**WEIGHTS, "bad": torch.tensor([1.0, value])}
    found = float(weight_decay(weights, WeightDecaySpec(rate=1e-4)))
    assert math.isnan(found) if math.isnan(value) else found == math.inf
    assert math.isfinite(float(weight_decay(weights, WeightDecaySpec(rate=1.0, skip=("bad",))))), "unless left out"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_small_floats_neither_overflow_nor_vanish(dtype: torch.dtype) -> None:
    large, small = torch.full((4096,), 1024.0, dtype=dtype), torch.full((8,), 2.0**-12, dtype=dtype)
    assert float(weight_decay({"w": large}, WeightDecaySpec(rate=1.0))) == 4096 * 1024.0**2
    assert float(weight_decay({"w": large, "v": small}, WeightDecaySpec(rate=1.0, skip=("w",)))) == 8 * 2.0**-24


def test_needs_no_gradient() -> None:
    assert not weight_decay({"w": torch.ones(3, requires_grad=True)}, WeightDecaySpec(rate=1.0)).requires_grad
