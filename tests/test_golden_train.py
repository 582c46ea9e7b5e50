"""Batches of real training, with the loss that each codebase itself computed, where they lie beside the repository.

They are too large to be part of it. A folder each; its `expected.json` says what was printed, and with which options.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ssdlossdbg.cli.app import app

TRAIN = Path(__file__).parents[2] / "shared" / "golden" / "train"
BATCHES = [path.parent.name for path in sorted(TRAIN.glob("*/expected.json"))]
pytestmark = pytest.mark.skipif(not BATCHES, reason=f"no batches of real training in {TRAIN}")

CLOSE = 1e-6
# Which of equal scores this codebase's unstable sort took is not to be had from the batch: a range is said, see MIN005.
TIED = "ssd.pytorch-inf-ties"


def stated(name: str) -> dict[str, Any]:
    """What lies beside a batch."""
    said: dict[str, Any] = json.loads((TRAIN / name / "expected.json").read_text())
    return said


def report(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `loss` says of a batch, with the options that are stated for it and no others."""
    monkeypatch.chdir(TRAIN / name)
    files = [stated(name)["files"][role] for role in ("preds", "targets")]
    options = shlex.split(stated(name)["options"])
    words = ["loss", *files, *options, "--device", "cpu", "--format", "json", "--fail-on", "never"]
    outcome = CliRunner().invoke(app, words, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.stderr
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def printed(name: str) -> dict[str, float]:
    """The losses that the codebase printed; not all print the parts."""
    keys = {"loc": "localization", "conf": "confidence", "total": "total"}
    return {keys[key]: float(value) for key, value in stated(name)["printed"].items() if value != "-"}


def plain() -> list[Any]:
    """The batches whose printed loss the report is to give, by name."""
    return [name for name in BATCHES if name != TIED]


@pytest.mark.parametrize("name", plain() or ["absent"])
def test_printed_loss(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = report(name, monkeypatch)["loss"]
    for part, value in printed(name).items():
        assert found[part] == pytest.approx(value, rel=CLOSE), part


def test_infinite_loss_of_tied_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    found, expected = report(TIED, monkeypatch), printed(TIED)
    assert found["loss"]["localization"] == found["loss"]["total"] == "Infinity"
    assert expected["localization"] == expected["total"] == math.inf
    (finding,) = [each for each in found["findings"] if each["code"] == "MIN005"]
    said = re.search(r"anything from ([\d.]+) to ([\d.]+) in the real code", finding["cases"][0]["message"])
    assert said
    least, greatest = map(float, said.groups())
    assert least < expected["confidence"] < greatest
