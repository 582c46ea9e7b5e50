"""`ssdlossdbg loss --weights`: the L2 term of the dialects that have one, beside the loss and never in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ssdlossdbg import api
from ssdlossdbg.readers.saved.layout import SavedLayout

Good = Callable[..., str]
Refused = Callable[..., str]
Save = Callable[[str, object], Path]
TENSORFLOW = {
    "ssd300/conv1/kernel:0": torch.tensor([100.0, -200.0]),
    "ssd300/conv1/bias:0": torch.tensor([10.0]),
    "ssd300/conv1_bn/gamma:0": torch.tensor([1e6]),
    "ssd300/conv4_3_scale/weights:0": torch.tensor([20.0, 20.0]),
}
WANTED = 5e-4 * 0.5 * (100**2 + 200**2 + 10**2 + 0.1 * 800)
KERAS = {
    "conv1_1/kernel:0": torch.tensor([30.0, 40.0]),
    "conv1_1/bias:0": torch.tensor([1e6]),
    "conv4_3_norm/gamma:0": torch.tensor([20.0]),
}


@pytest.fixture
def batch(sample: Path) -> tuple[object, ...]:
    """The arguments for the sample batch, as a codebase counts its labels."""
    return ("loss", sample / "preds.pt", sample / "targets.pt", "--label-offset", 1, "--device", "cpu")


def parse(text: str) -> dict[str, Any]:
    """Strict JSON."""
    report: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)
    return report


@pytest.mark.parametrize(
    ("dialect", "weights", "wanted"),
    [("ssd.tensorflow", TENSORFLOW, WANTED), ("ssd-keras", KERAS, 5e-4 * 2500)],
)
def test_json(
    good: Good, save: Save, batch: tuple[object, ...], dialect: str, weights: dict[str, Any], wanted: float
) -> None:
    words = (*batch, "--dialect", dialect, "--target-units", "normalized", "--format", "json")
    without = parse(good(*words))["loss"]
    assert (without["weight_decay_rate"], without["weight_decay"], without["total_with_weight_decay"]) == (
        *(5e-4, None, None),
    )
    found = parse(good(*words, "--weights", save("w.pt", {"state_dict": weights})))["loss"]
    assert found["weight_decay"] == pytest.approx(wanted, rel=1e-12)
    assert found["total_with_weight_decay"] == pytest.approx(without["total"] + wanted, rel=1e-12)
    changed = ("weight_decay", "total_with_weight_decay", "parameters", "parameters_decayed")
    assert {**found, **dict.fromkeys(changed)} == without, "no other figure holds it"


def test_a_dialect_without_the_term(good: Good, batch: tuple[object, ...]) -> None:
    loss = parse(good(*batch, "--format", "json"))["loss"]
    assert (loss["weight_decay_rate"], loss["weight_decay"], loss["total_with_weight_decay"]) == (0, None, None)
    assert "eight decay" not in good(*batch)


def test_the_report(good: Good, save: Save, batch: tuple[object, ...]) -> None:
    words = (*batch, "--dialect", "ssd.tensorflow")
    text = good(*words)
    assert max(map(len, text.splitlines())) <= 80
    assert (
        "ssd.tensorflow adds weight decay (0.0005 times half the sum of squares of its weights), which is not "
        "computable from these tensors and in no figure here: give the state dict with --weights FILE."
    ) in " ".join(text.split())
    assert "Loss 1.6645 = " in text
    text = good(*words, "--weights", save("w.pt", TENSORFLOW))
    assert max(map(len, text.splitlines())) <= 80
    assert "Loss 1.6645 = " in text
    flat = " ".join(text.split())
    assert "Weight decay, 0.0005 times half the sum of squares of 3 of 4 parameters: 12.5450; with it" in flat
    assert "the total that training prints is 14.2095. It is in no other figure here." in flat
    assert text.index("Weight decay") < text.index("By image")


@pytest.mark.parametrize(("value", "word"), [("nan", "NaN"), ("inf", "Infinity")])
def test_weights_that_are_not_finite(good: Good, save: Save, batch: tuple[object, ...], value: str, word: str) -> None:
    bad = save("w.pt", {**TENSORFLOW, "bad": torch.tensor([float(value)])})
    words = (*batch, "--dialect", "ssd.tensorflow", "--weights", bad)
    loss = parse(good(*words, "--format", "json"))["loss"]
    assert (loss["weight_decay"], loss["total_with_weight_decay"]) == (word, word)
    assert loss["total"] == pytest.approx(1.6645, abs=1e-3)
    assert f"of 4 of 5 parameters: {value}; with it" in " ".join(good(*words).split())


def test_no_effect(refused: Refused, save: Save, batch: tuple[object, ...]) -> None:
    said = refused(*batch, "--weights", save("w.pt", TENSORFLOW))
    assert "--weights: has no effect: ssd.pytorch adds no weight decay to its loss. " in said
    assert "those that do add it: ssd-keras, ssd.tensorflow." in said


def test_names_of_another_codebase(refused: Refused, save: Save, batch: tuple[object, ...]) -> None:
    torch_names = save("w.pt", {"conv.weight": torch.ones(2), "conv.bias": torch.ones(2)})
    said = refused(*batch, "--dialect", "ssd-keras", "--weights", torch_names)
    assert "w.pt: holds no parameter that the weight decay of ssd-keras is over, those that have 'kernel'" in said
    assert "Its names: conv.weight, conv.bias." in said
    only_bn = save("bn.pt", {"a_bn/gamma": torch.ones(2)})
    said = refused(*batch, "--dialect", "ssd.tensorflow", "--weights", only_bn)
    assert "those that do not have '_bn'. Its names: a_bn/gamma." in said


def test_bad_files(refused: Refused, save: Save, batch: tuple[object, ...], sample: Path) -> None:
    words = (*batch, "--dialect", "ssd.tensorflow", "--weights")
    assert "error: away.pt: no such file. " in refused(*words, "away.pt")
    assert "preds.pt: holds a tuple. Expected a state dict: " in refused(*words, sample / "preds.pt")
    assert "one.pt: holds one tensor of shape [3]. " in refused(*words, save("one.pt", torch.ones(3)))


def test_a_fork_says_its_own(good: Good, save: Save, batch: tuple[object, ...], folder: Path) -> None:
    fork = 'base = "ssd-keras"\n[weight_decay]\nrate = 1e-3\nonly = [".weight"]\nskip = ["L2Norm"]\n'
    (folder / "fork.toml").write_text(fork)
    weights = {"a.weight": torch.tensor([3.0]), "L2Norm.weight": torch.tensor([20.0]), "a.bias": torch.tensor([7.0])}
    words = (*batch, "--dialect", "fork.toml", "--target-units", "normalized", "--weights", save("w.pt", weights))
    assert parse(good(*words, "--format", "json"))["loss"]["weight_decay"] == pytest.approx(1e-3 * 9, rel=1e-12)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rat = 1", "unknown key 'weight_decay.rat'. Did you mean 'weight_decay.rate'?"),
        ('skip = "_bn"', "key weight_decay.skip: expected `array`, got `str`"),
    ],
)
def test_a_bad_fork(refused: Refused, batch: tuple[object, ...], folder: Path, line: str, said: str) -> None:
    (folder / "fork.toml").write_text(f'base = "ssd.tensorflow"\n[weight_decay]\n{line}\n')
    assert f"fork.toml: {said}" in refused(*batch, "--dialect", "fork.toml")


def test_as_a_function(save: Save, sample: Path) -> None:
    files = (sample / "preds.pt", sample / "targets.pt")
    options: dict[str, Any] = {"dialect": "ssd.tensorflow", "device": "cpu", "layout": SavedLayout(label_offset=1)}
    result = api.loss(*files, **options, weights=save("w.pt", TENSORFLOW))
    assert result.weight_decay == pytest.approx(WANTED, rel=1e-12)
    assert result.decayed == (3, 4)
    assert result.total_with_weight_decay == pytest.approx(result.loss.total + WANTED, rel=1e-12)
    assert result.loss == api.loss(*files, **options).loss
