"""`run --fail-on`: a training that ends well fails on what was seen in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg.live.verdict import Gate, verdict
from tests import warm
from tests.live.conftest import Batches, MultiBoxLoss

ROOT = str(Path(__file__).parents[2])  # where the tests are, wherever the package is installed
TRAINING = """
import sys
import torch
from tests.live.conftest import Batches, MultiBoxLoss

criterion, batches = MultiBoxLoss(), Batches()
for step in range(8):
    targets = batches.targets()
    if step == 5 and "--planted" in sys.argv:
        targets[1][0, 2] = targets[1][0, 0]
    sum(criterion(batches.predictions(), targets)).backward()
sys.exit(0)
"""


def trained(folder: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A script under `run --fail-on error`."""
    (folder / "train.py").write_text(script)
    command = [sys.executable, "-P", "-m", "ssdlossdbg", "run", "--no-identify", "--fail-on", "error"]
    environment = {**os.environ, "PYTHONPATH": ROOT}
    return warm.run([*command, *words], cwd=folder, env=environment)


def test_a_planted_box_fails_the_job_and_is_named(tmp_path: Path) -> None:
    ended = trained(tmp_path, TRAINING, "-o", "my run", "--", "train.py", "--planted")
    assert ended.returncode == 1
    said = ended.stderr.splitlines()
    assert "failed, as --fail-on error says; more by ssdlossdbg loss 'my run':" in said[-3]
    assert said[-2].startswith("error BOX001 my run/step0000005.safetensors, image 1, object 0")
    assert "holds step 5, where the loss is inf" in said[-1]
    assert ended.stdout == ""


def test_a_script_that_fails_keeps_its_exit_code(tmp_path: Path) -> None:
    assert trained(tmp_path, "raise SystemExit(3)", "--", "train.py").returncode == 3


def test_a_history_is_judged_first(tmp_path: Path, batches: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", warm.run)
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "my run", identify=False, history=True):
        for step in range(8):
            targets = batches.targets()
            if step == 5:
                targets[1][0, 2] = targets[1][0, 0]
            sum(criterion(batches.predictions(), targets)).backward()
    code, words = verdict(Gate("error", history=True), Path("my run"), tmp_path)
    assert code == 1
    head, *found = words.splitlines()
    assert head.endswith("says; more by ssdlossdbg history 'my run' and ssdlossdbg loss 'my run':")
    assert found[0].startswith("error HIS001 my run/step0000005.safetensors, step 5")
    assert found[1].startswith("error BOX001 my run/step0000005.safetensors, image 1, object 0")


def test_a_clean_training_passes_and_one_without_a_loss_has_nothing_to_judge(
    tmp_path: Path, batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", warm.run)
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "run", identify=False):
        for _ in range(3):
            sum(criterion(batches.predictions(), batches.targets())).backward()
    assert verdict(Gate("error", history=False), Path("run"), tmp_path) == (
        0,
        "nothing was found that --fail-on error fails on",
    )
    code, words = verdict(Gate("error", history=False), Path("none"), tmp_path)
    assert code == 2
    assert words.startswith("--fail-on has nothing to judge:\nerror: none: ")


@pytest.fixture
def batches() -> Batches:
    return Batches()
