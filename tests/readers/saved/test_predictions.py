"""Predictions: every layout that the codebases save, and what is said of other shapes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.predictions import EXPECTED, SAVE_A_DICT, Predictions, recognise_predictions
from ssdlossdbg.readers.saved.tensor_files import load

Refused = Callable[[Callable[[], object]], InputError]
Saved = Callable[..., Path]
B, P, C = 2, 3, 5
LOC = torch.arange(B * P * 4, dtype=torch.float32).reshape(B, P, 4) / 8
CONF = torch.arange(B * P * C, dtype=torch.float32).reshape(B, P, C) / -4
PRIORS = torch.tensor([[0.5, 0.5, 0.25, 0.25]] * P)


def read(path: Path) -> Predictions:
    """The predictions in a file."""
    return recognise_predictions(load(path))


def equal(found: Tensor | None, expected: Tensor | None) -> bool:
    """Same values (or both nothing)."""
    if found is None or expected is None:
        return found is expected
    return torch.equal(found, expected)


@pytest.mark.parametrize(
    ("value", "priors", "layout"),
    [
        ((LOC, CONF, PRIORS), PRIORS, "(loc, conf, priors)"),
        ([LOC, CONF, PRIORS], PRIORS, "(loc, conf, priors)"),
        ((LOC, CONF), None, "(loc, conf)"),
        ((CONF, LOC), None, "(conf, loc)"),
        ((CONF, LOC, PRIORS), PRIORS, "(conf, loc, priors)"),
        ((LOC, CONF, PRIORS[None]), PRIORS, "(loc, conf, priors)"),
        ({"loc": LOC, "conf": CONF, "priors": PRIORS}, PRIORS, "a mapping with loc, conf, priors"),
        ({"conf": CONF, "loc": LOC, "epoch": 3}, None, "a mapping with loc, conf"),
        (OrderedDict(bbox_regression=LOC, cls_logits=CONF), None, "a mapping with bbox_regression, cls_logits"),
        ({"loc": LOC, "conf": CONF, "priors": PRIORS.double()}, PRIORS.double(), "a mapping with loc, conf, priors"),
        ({"loc": LOC, "conf": CONF, "priors": PRIORS.half()}, PRIORS.half(), "a mapping with loc, conf, priors"),
    ],
)
def test_layout(value: Any, priors: Tensor | None, layout: str, saved: Saved) -> None:
    found = read(saved(value))
    assert equal(found.loc, LOC)
    assert equal(found.conf, CONF)
    assert equal(found.priors, priors)
    assert (found.layout, found.dtype) == (layout, "float32")


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
@pytest.mark.parametrize("keys", [("loc", "conf"), ("bbox_regression", "cls_logits")])
def test_archive(ending: str, keys: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / f"preds.{ending}"
    tensors = {keys[0]: LOC, keys[1]: CONF, "priors": PRIORS}
    if ending == "npz":
        np.savez(path, **{key: value.numpy() for key, value in tensors.items()})  # type: ignore[arg-type]
    else:
        save_file(tensors, path)
    found = read(path)
    assert equal(found.loc, LOC)
    assert equal(found.conf, CONF)
    assert equal(found.priors, PRIORS)


# Four logits: both tensors end in 4, so the shapes do not tell. What each codebase hands on, read off its source.
FOUR = CONF[..., :4]
FIRST_IS_LOC = {
    "ssd.pytorch": True,
    "pytorch-ssd": False,
    "lufficc": False,
    "nvidia": True,
    "nvidia-dali": True,
    "mmdetection": True,
    "gluoncv": False,
    "caffe": True,
    "ssd.tensorflow": True,
}
HAVE_NO_TUPLE = ["torchvision", "ssd-keras", "tf-object-detection", "tf-object-detection-v2"]


@pytest.mark.parametrize("priors", [(), (PRIORS,)], ids=["pair", "with priors"])
@pytest.mark.parametrize("name", FIRST_IS_LOC)
def test_four_classes_are_told_by_the_dialect(name: str, priors: tuple[Tensor, ...], saved: Saved) -> None:
    pair = (LOC, FOUR) if FIRST_IS_LOC[name] else (FOUR, LOC)
    found = recognise_predictions(load(saved((*pair, *priors))), dialect=load_dialect(name))
    assert equal(found.loc, LOC)
    assert equal(found.conf, FOUR)
    words = ("loc, conf" if FIRST_IS_LOC[name] else "conf, loc") + (", priors" if priors else "")
    assert found.layout == f"({words}), in the order of {name}"


@pytest.mark.parametrize("name", FIRST_IS_LOC)
def test_shapes_that_tell_win_over_the_dialect(name: str, saved: Saved) -> None:
    for pair in ((LOC, CONF), (CONF, LOC)):
        found = recognise_predictions(load(saved(pair)), dialect=load_dialect(name))
        assert equal(found.loc, LOC)
        assert "order" not in found.layout


def test_four_classes_are_told_by_a_mapping_whatever_the_dialect(saved: Saved) -> None:
    for name in [*FIRST_IS_LOC, *HAVE_NO_TUPLE]:
        found = recognise_predictions(load(saved({"conf": FOUR, "loc": LOC})), dialect=load_dialect(name))
        assert equal(found.loc, LOC)


@pytest.mark.parametrize("name", HAVE_NO_TUPLE)
def test_four_classes_are_not_guessed(name: str, saved: Saved, refused: Refused) -> None:
    path = saved((LOC, FOUR, PRIORS))
    error = refused(lambda: recognise_predictions(load(path), dialect=load_dialect(name)))
    shapes = "holds a tuple of [2, 3, 4] and [2, 3, 4], whose shapes do not tell loc from conf"
    assert (error.where, error.what) == (str(path), f"{shapes}, and {name} does not say which comes first")
    assert error.fix == SAVE_A_DICT
    assert refused(lambda: read(path)).what == shapes


def test_four_classes_of_other_axes(saved: Saved) -> None:
    """As NVIDIA's network returns them, and canonical ones of four priors, which its axes would not tell either."""
    own = load_dialect("nvidia")
    for axes in (None, own):
        pair = (LOC.mT, FOUR.mT) if axes else (LOC, FOUR)
        found = recognise_predictions(load(saved(pair)), axes, own)
        assert equal(found.loc, LOC)
        assert equal(found.conf, FOUR)


def test_own_dialect_states_the_order(saved: Saved, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "torchvision"\n[native]\npair = "conf-loc"\n')
    found = recognise_predictions(load(saved((FOUR, LOC))), dialect=load_dialect(str(file)))
    assert equal(found.loc, LOC)
    assert found.layout == "(conf, loc), in the order of mine"


@pytest.mark.parametrize(
    ("loc", "conf", "wide", "said"),
    [
        (torch.float16, torch.float16, torch.float32, "float16"),
        (torch.bfloat16, torch.bfloat16, torch.float32, "bfloat16"),
        (torch.float32, torch.float16, torch.float32, "float16"),
        (torch.float32, torch.float32, torch.float32, "float32"),
        (torch.float64, torch.float32, torch.float64, "float32"),
        (torch.float64, torch.float64, torch.float64, "float64"),
    ],
    ids=str,
)
def test_half_precision_is_widened_and_said(
    loc: torch.dtype, conf: torch.dtype, wide: torch.dtype, said: str, saved: Saved
) -> None:
    found = read(saved((LOC.to(loc), CONF.to(conf))))
    assert (found.loc.dtype, found.conf.dtype, found.dtype) == (wide, wide, said)
    assert found.conf.tolist() == CONF.tolist(), "quarters are exact in every float"


def test_nan_and_inf_are_carried(saved: Saved) -> None:
    loc, conf = LOC.clone(), CONF.clone()
    loc[0, 1, 2], conf[1, 0, 0], conf[1, 0, 1] = float("nan"), float("inf"), float("-inf")
    found = read(saved((loc, conf)))
    torch.testing.assert_close((found.loc, found.conf), (loc, conf), rtol=0, atol=0, equal_nan=True)


def test_graph_is_left_behind(saved: Saved) -> None:
    found = read(saved((LOC.clone().requires_grad_(), torch.nn.Parameter(CONF))))
    assert not found.loc.requires_grad
    assert not found.conf.requires_grad


SPLIT = f"{EXPECTED} Split the last dimension: loc.view(B, -1, 4), conf.view(B, -1, C)."
BATCH = f"{EXPECTED} Add the batch dimension: loc[None], conf[None]."
MIDDLE = f"{EXPECTED} Move the priors to the middle: loc.transpose(1, 2), conf.transpose(1, 2)."
DETECT = f"{EXPECTED} It looks like Detect's output: call the network in its train phase."
NEEDS = "A batch needs an image, a prior, and two classes, background being one."
FLOAT = "Save the network's float output."


@pytest.mark.parametrize(
    ("value", "place", "what", "fix"),
    [
        (None, "", "holds NoneType", EXPECTED),
        ("loc", "", "holds str", EXPECTED),
        (LOC, "", "holds one tensor of shape [2, 3, 4]", EXPECTED),
        (torch.tensor(1.0), "", "holds one tensor of shape []", EXPECTED),
        (torch.zeros(2, 21, 200, 5), "", "holds one tensor of shape [2, 21, 200, 5]", DETECT),
        ([], "", "holds 0 parts: ", EXPECTED),
        ([LOC], "", "holds 1 parts: [2, 3, 4]", EXPECTED),
        ([LOC, CONF, PRIORS, PRIORS], "", "holds 4 parts: [2, 3, 4], [2, 3, 5], [3, 4], [3, 4]", EXPECTED),
        ([LOC, [CONF]], "", "holds 2 parts: [2, 3, 4], list", EXPECTED),
        ([{"loc": LOC, "conf": CONF}], "", "holds 1 parts: dict", EXPECTED),
        ({}, "", "has the keys none", EXPECTED),
        ({"loc": LOC}, "", "has the keys loc", EXPECTED),
        ({"location": LOC, 3: CONF}, "", "has the keys location, 3", EXPECTED),
        ({"loc": LOC, "conf": CONF, "priors": None}, "", "holds 3 parts: [2, 3, 4], [2, 3, 5], NoneType", EXPECTED),
        ((LOC[0], CONF[0]), "", "found loc [3, 4] and conf [3, 5]", BATCH),
        ((LOC.flatten(1), CONF.flatten(1)), "", "found loc [2, 12] and conf [2, 15]", SPLIT),
        ((LOC.mT, CONF.mT), "", "found loc [2, 4, 3] and conf [2, 5, 3]", MIDDLE),
        ((LOC[:1], CONF), "", "found loc [1, 3, 4] and conf [2, 3, 5]", EXPECTED),
        ((LOC[:, :2], CONF), "", "found loc [2, 2, 4] and conf [2, 3, 5]", EXPECTED),
        ((LOC[..., :3], CONF), "", "found loc [2, 3, 3] and conf [2, 3, 5]", EXPECTED),
        ((torch.tensor(1.0), torch.tensor(1.0)), "", "found loc [] and conf []", EXPECTED),
        ((LOC, CONF[..., :1]), "", "found loc [2, 3, 4] and conf [2, 3, 1]", NEEDS),
        ((LOC[:0], CONF[:0]), "", "found loc [0, 3, 4] and conf [0, 3, 5]", NEEDS),
        ((LOC[:, :0], CONF[:, :0]), "", "found loc [2, 0, 4] and conf [2, 0, 5]", NEEDS),
        ((LOC.long(), CONF), ", loc", "holds torch.int64", FLOAT),
        ((LOC, CONF > 0), ", conf", "holds torch.bool", FLOAT),
        ((LOC, CONF, PRIORS[:, :3]), ", priors", "holds torch.float32 of shape [3, 3]", "Expected float [P, 4]."),
        ((LOC, CONF, PRIORS.long()), ", priors", "holds torch.int64 of shape [3, 4]", "Expected float [P, 4]."),
        ((LOC, CONF, PRIORS.expand(2, P, 4)), ", priors", "holds torch.float32 of shape [2, 3, 4]", "Expected float"),
        ((LOC, CONF, torch.tensor(1.0)), ", priors", "holds torch.float32 of shape []", "Expected float [P, 4]."),
    ],
)  # fmt: skip
def test_bad_predictions(value: Any, place: str, what: str, fix: str, saved: Saved, refused: Refused) -> None:
    path = saved(value)
    error = refused(lambda: read(path))
    assert (error.where, error.what) == (f"{path}{place}", what)
    assert error.fix.startswith(fix)


def test_checkpoint_of_many_keys(saved: Saved, refused: Refused) -> None:
    weights = {f"backbone.layer{index}.weight": torch.zeros(1) for index in range(500)}
    error = refused(lambda: read(saved(weights)))
    assert error.what.startswith("has the keys backbone.layer0.weight, ")
    assert error.what.endswith(", ...")
