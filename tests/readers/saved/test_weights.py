"""State dicts: what is a parameter, and what is said of files that hold none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.tensor_files import load
from ssdlossdbg.readers.saved.weights import decayed_weights, recognise_weights

Refused = Callable[[Callable[[], object]], InputError]
Saved = Callable[..., Path]
WEIGHTS = {"conv.weight": torch.ones((2, 3)), "conv.bias": torch.full((2,), 0.5)}


def read(path: Path) -> dict[str, Tensor]:
    """The weights in a file."""
    return recognise_weights(load(path))


def test_every_format(saved: Saved, tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "w.safetensors")
    arrays: dict[str, Any] = {name: value.numpy() for name, value in WEIGHTS.items()}
    np.savez(tmp_path / "w.npz", **arrays)
    paths = [saved(WEIGHTS, "w.pt"), saved(WEIGHTS, "w.pth"), tmp_path / "w.safetensors", tmp_path / "w.npz"]
    for path in paths:
        found = read(path)
        assert sorted(found) == sorted(WEIGHTS)
        assert all(torch.equal(found[name], value) for name, value in WEIGHTS.items())


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_inside_a_checkpoint(saved: Saved, key: str) -> None:
    assert list(read(saved({"epoch": 3, "optimizer": {}, key: WEIGHTS}))) == list(WEIGHTS)


def test_a_real_state_dict_without_its_statistics(saved: Saved) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))
    assert list(read(saved(model.state_dict()))) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_names_of_tensorflow_and_keras(saved: Saved) -> None:
    kept = ["conv1_1/kernel:0", "conv1_1/bias:0", "conv4_3_scale/weights", "moving_mean_head/kernel"]
    dropped = ["conv1_bn/moving_mean:0", "conv1_bn/moving_variance", "conv1_1/kernel/Momentum:0", "x/RMSProp_1"]
    assert list(read(saved({name: torch.ones(2) for name in kept + dropped}))) == kept


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_is_kept_as_it_is(saved: Saved, dtype: torch.dtype) -> None:
    assert read(saved({"w": torch.ones(2, dtype=dtype)}))["w"].dtype is dtype


class Secret:
    """Something that only pickle can store."""


@pytest.mark.parametrize(
    ("value", "place", "what"),
    [
        (torch.ones((2, 3)), "", "holds one tensor of shape [2, 3]"),
        ([torch.ones(2)], "", "holds a list"),
        (3, "", "holds a int"),
        ({}, "", "holds no float parameter; its keys: none"),
        ({"step": torch.tensor(3)}, "", "holds no float parameter; its keys: step"),
        ({"bn.running_mean": torch.ones(2)}, "", "holds no float parameter; its keys: bn.running_mean"),
        ({"state_dict": {}}, ", state_dict", "holds no float parameter; its keys: none"),
        ({"w": torch.ones(2), "epoch": 3}, ", epoch", "holds a int beside the keys w, epoch"),
        ({"state_dict": {"w": [1.0]}}, ", state_dict, w", "holds a list beside the keys w"),
        ({3: torch.ones(2)}, "", "has the key 3, which is no name"),
        ({"w": Secret()}, "", "holds a pickled "),
    ],
)
def test_bad_files(saved: Saved, refused: Refused, value: Any, place: str, what: str) -> None:
    path = saved(value)
    error = refused(lambda: read(path))
    assert error.where == f"{path}{place}"
    assert error.what.startswith(what)
    assert "torch.save(" in error.fix


@pytest.mark.parametrize(
    ("only", "skip", "which"),
    [
        (("kernel",), (), "have 'kernel' in their names"),
        (("kernel", "w:0"), (), "have 'kernel' or 'w:0' in their names"),
        ((), (".",), "do not have '.'"),
        (("kernel", "conv"), ("conv", "x"), "have 'kernel' or 'conv' in their names and do not have 'conv' or 'x'"),
    ],
)
def test_weights_of_other_names_than_those_that_decay(
    only: tuple[str, ...], skip: tuple[str, ...], which: str, saved: Saved, refused: Refused
) -> None:
    dialect = load_dialect("balancap")
    dialect = replace(dialect, weight_decay=replace(dialect.weight_decay, only=only, skip=skip))
    error = refused(lambda: decayed_weights(load(saved(WEIGHTS)), dialect))
    assert error.what == f"holds no parameter that the weight decay of balancap is over, those that {which}"
    assert "conv.weight" in error.fix
    every = replace(dialect, weight_decay=replace(dialect.weight_decay, only=("weight",), skip=("bias",)))
    assert sorted(decayed_weights(load(saved(WEIGHTS)), every)) == sorted(WEIGHTS)


def test_no_file(refused: Refused, tmp_path: Path) -> None:
    assert refused(lambda: read(tmp_path / "away.pt")).what == "no such file"
    (tmp_path / "w.bin").write_bytes(b"x")
    assert refused(lambda: read(tmp_path / "w.bin")).what.startswith("has the ending '.bin'")
