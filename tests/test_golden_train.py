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
# The dialect beside this batch says all but that d2l divides by all priors, which no dialect can.
OTHER_DIVISOR = "d2l"
# Dialects that are neither shipped nor beside their batch, as a file of today says their loss: nets/ssd_training.py.
OWN = {
    "bubbliiiing": """
base = "ssd.pytorch"
[mining]
score = "background-probability"
positives = "last"
scope = "batch"
cap = "negatives"
[loss]
probability_floor = 1e-7
normalizer = "image-positives-or-one"
"""
}


def stated(name: str) -> dict[str, Any]:
    """What lies beside a batch."""
    said: dict[str, Any] = json.loads((TRAIN / name / "expected.json").read_text())
    return said


def report(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `loss` says of a batch, with the options that are stated for it and no others."""
    monkeypatch.chdir(TRAIN / name)
    options, dialect = shlex.split(stated(name)["options"]), Path("dialect.toml")
    if name in OWN:
        dialect = tmp_path / f"{name}.toml"
        dialect.write_text(OWN[name])
    if dialect.is_file():
        options[options.index("--dialect") + 1] = str(dialect)
    files = [stated(name)["files"][role] for role in ("preds", "targets")]
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
    return [name for name in BATCHES if name not in (TIED, OTHER_DIVISOR)]


@pytest.mark.parametrize("name", plain() or ["absent"])
def test_printed_loss(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = report(name, tmp_path, monkeypatch)["loss"]
    for part, value in printed(name).items():
        assert found[part] == pytest.approx(value, rel=CLOSE), part


def test_printed_loss_with_another_divisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = report(OTHER_DIVISOR, tmp_path, monkeypatch)
    ratio = found["loss"]["normalizer"] / (len(found["images"]) * found["config"]["priors"])
    for part, value in printed(OTHER_DIVISOR).items():
        assert found["loss"][part] * ratio == pytest.approx(value, rel=CLOSE), part


def test_infinite_loss_of_tied_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, expected = report(TIED, tmp_path, monkeypatch), printed(TIED)
    assert found["loss"]["localization"] == found["loss"]["total"] == "Infinity"
    assert expected["localization"] == expected["total"] == math.inf
    (finding,) = [each for each in found["findings"] if each["code"] == "MIN005"]
    said = re.search(r"anything from ([\d.]+) to ([\d.]+) in the real code", finding["cases"][0]["message"])
    assert said
    least, greatest = map(float, said.groups())
    assert least < expected["confidence"] < greatest
