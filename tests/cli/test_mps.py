"""On a Mac: `auto` is mps, which has no float64; what needs that is computed on the CPU, and it is said."""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ssdlossdbg.analysis.common import resolve_device
from tests.cli.conftest import SAMPLE, Run
from tests.stand_in_for_mps import OnMps, StandIn

BATCH = "preds.pt targets.pt"
PHOTO = f"match {SAMPLE}/astronaut.jpg {SAMPLE}/astronaut.xml"
INSTEAD = "cpu, as mps has no float64"


@pytest.fixture(autouse=True)
def _one_image(folder: Path) -> None:
    """A batch of one image, which is quick."""
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    torch.save((loc[:1], conf[:1], priors), folder / "preds.pt")
    torch.save(torch.load(SAMPLE / "targets.pt", weights_only=True)[:1], folder / "targets.pt")


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose torch has that device alone."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with StandIn():
        yield


def alike(one: Any, other: Any) -> bool:
    """Whether two documents say the same, but for rounding, and for which of equal ones comes first."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(key == "device" or alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=2e-5, abs_tol=1e-6)
    return bool(one == other)


@pytest.mark.parametrize(
    ("line", "device"),
    [
        (PHOTO, "mps"),
        (f"{PHOTO} --dialect ssd-keras", INSTEAD),
        (f"{PHOTO} --dialects caffe,ssd-keras", "mps"),
        (f"loss {BATCH}", "mps"),
        (f"loss {BATCH} --dialect faceboxes", "mps"),
        (f"loss {BATCH} --dialect chainercv", INSTEAD),
        (f"detect {BATCH} --dialect caffe", "mps"),
        (f"compare {BATCH} --dialects nvidia,bubbliiiing", f"mps; bubbliiiing on {INSTEAD}"),
        (f"audit {SAMPLE} --dialect caffe", "mps"),
        (f"audit {SAMPLE} --dialect ssd-keras", INSTEAD),
        (f"check {BATCH} {SAMPLE}/cat.xml", "mps"),
    ],
)
def test_each_command_says_the_same(line: str, device: str, run: Run, request: pytest.FixtureRequest) -> None:
    words = [*shlex.split(line), "--format", "json", "--fail-on", "never"]
    on_cpu = run(*words, "--device", "cpu")
    request.getfixturevalue("mac")
    on_mps = run(*words)
    assert on_mps.code == on_cpu.code == 0, on_mps.err
    said = json.loads(on_mps.out)
    assert said["device"] == device
    assert alike(said, json.loads(on_cpu.out))


@pytest.mark.usefixtures("mac")
def test_the_device_is_as_strict_as_the_real_one() -> None:
    assert resolve_device("auto").type == "mps"
    assert resolve_device("auto", torch.float32, torch.float64).type == "cpu"
    there = torch.ones(3, device="mps")
    assert isinstance(there, OnMps)
    assert there.sum().item() == 3
    for breaks in (there.double, lambda: torch.zeros(2, dtype=torch.float64, device="mps"), there.numpy):
        with pytest.raises(TypeError):
            breaks()
    with pytest.raises(RuntimeError, match="same device"):
        there + torch.ones(3)


def test_what_the_device_cannot_do_yet_the_cpu_does(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setenv("PYTORCH_ENABLE_MPS_FALLBACK", "")  # so that it is as it was afterwards
    monkeypatch.delenv("PYTORCH_ENABLE_MPS_FALLBACK")
    assert run(*shlex.split(f"{PHOTO} --fail-on never --device cpu --format json")).code == 0
    assert os.environ["PYTORCH_ENABLE_MPS_FALLBACK"] == "1"


@pytest.mark.usefixtures("mac")
def test_what_is_saved_in_float64_is_computed_in_it(run: Run, tmp_path: Any) -> None:
    loc, conf, priors = torch.load(SAMPLE / "preds.pt", weights_only=True)
    for name, parts in {
        "all": (loc.double(), conf.double(), priors.double()),
        "loc": (loc.double(), conf, priors),
    }.items():
        torch.save(parts, tmp_path / f"{name}.pt")
        out = json.loads(run("loss", tmp_path / f"{name}.pt", SAMPLE / "targets.pt", "--format", "json").out)
        assert out["device"] == INSTEAD
        assert out["loss"]["total"] == pytest.approx(1.6645, abs=1e-4)
