"""A captured batch of this package's own criterion, which knows its rules and its priors, says both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import ssdlossdbg
from ssdlossdbg.cli.app import app
from tests.live.conftest import Batches, header

FILE = "step0000000.safetensors"
# Every kind of rule that a dialect may have otherwise, with units, precision, corners and y first among them.
DIALECTS = (
    "ssd.pytorch",
    "pytorch-ssd",
    "torchvision",
    "mmdetection",
    "nvidia",
    "ssd-keras",
    "ssd.tensorflow",
    "caffe",
)


def captured(batches: Batches, folder: Path, criterion: Any, targets: Any = None) -> Any:
    """What `loss` says of the first batch that a criterion saw, and that it is what this returned."""
    with ssdlossdbg.capture(criterion, folder):
        loc, conf, _ = batches.predictions()
        criterion(loc[:, : len(criterion.priors.boxes)], conf, batches.targets() if targets is None else targets)
    result = ssdlossdbg.loss(folder / FILE)
    assert result.recorded is not None
    assert result.recorded_error is not None
    assert result.recorded_error < 2e-6
    assert all(finding.code != "REC001" for finding in result.findings)
    return result


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_with_priors_of_the_users_own(batches: Batches, tmp_path: Path, dialect: str) -> None:
    criterion = ssdlossdbg.MultiBoxLoss(dialect, priors=batches.priors, units="normalized", image_size=300)
    result = captured(batches, tmp_path, criterion)
    assert result.dialect == criterion.rules.name
    assert result.captured.changed == ()
    assert result.config.priors == len(batches.priors)
    assert result.config.image_size == (300, 300)


def test_corners_and_double_precision_of_a_preset_are_kept_to_the_bit(tmp_path: Path) -> None:
    for dialect in ("mmdetection", "ssd-keras"):
        criterion = ssdlossdbg.MultiBoxLoss(dialect)
        measured: Any = criterion.priors.measured
        rows = torch.tensor([[0.1, 0.1, 0.5, 0.6, 1.0]]) * torch.tensor([300.0, 300, 300, 300, 1])
        with ssdlossdbg.capture(criterion, tmp_path / dialect):
            count = len(criterion.priors.boxes)
            criterion(torch.zeros(1, count, 4).requires_grad_(), torch.zeros(1, count, 21), [rows])
        saved = load_file(tmp_path / dialect / FILE)["priors"]
        assert torch.equal(saved, getattr(measured, "xyxy", measured))
        result = ssdlossdbg.loss(tmp_path / dialect / FILE)
        assert result.recorded_error is not None
        assert result.recorded_error < 2e-6
        assert result.config.name == criterion.rules.prior_config


def test_rules_that_were_changed_are_followed_and_named(batches: Batches, tmp_path: Path) -> None:
    match = ssdlossdbg.MatchSpec(threshold=0.3)
    mining = ssdlossdbg.MiningSpec(ratio=1)
    criterion = ssdlossdbg.MultiBoxLoss("ssd.pytorch", match, mining, priors=batches.priors)
    result = captured(batches, tmp_path, criterion)
    assert (result.dialect, result.threshold) == ("ssd.pytorch", 0.3)
    assert "match.threshold 0.3 instead of 0.5" in result.captured.changed
    shown = CliRunner().invoke(app, ["loss", str(tmp_path / FILE)], env={"COLUMNS": "200"}).output
    assert "match.threshold 0.3 instead of 0.5; " in shown
    assert "equal" in next(line for line in shown.splitlines() if line.startswith("Your code said"))
    other = ssdlossdbg.loss(tmp_path / FILE, dialect="ssd.pytorch", whose=False)
    assert other.threshold == 0.5
    assert other.findings[0].code == "REC001"


def test_rules_of_ones_own_need_no_file_afterwards(batches: Batches, tmp_path: Path) -> None:
    file = tmp_path / "margin.toml"
    file.write_text('base = "torchvision"\n[match]\nthreshold = 0.45\n[targets]\nunits = "normalized"\n')
    criterion = ssdlossdbg.MultiBoxLoss(str(file), priors=batches.priors)
    file.unlink()
    assert captured(batches, tmp_path / "a", criterion).dialect == "margin"
    bare = ssdlossdbg.MultiBoxLoss(ssdlossdbg.MatchSpec(threshold=0.4), priors=batches.priors)
    assert captured(batches, tmp_path / "b", bare).dialect == "own rules"


@pytest.mark.parametrize("layout", ["rows", "mappings", "padded"])
def test_targets_in_pixels_however_they_are_given(batches: Batches, tmp_path: Path, layout: str) -> None:
    criterion = ssdlossdbg.MultiBoxLoss(
        "ssd.pytorch", priors=batches.priors * 300, units="pixels", image_size=300, validate=False
    )
    rows = batches.targets()
    scaled = [torch.cat((each[:, :4] * 300, each[:, 4:]), 1) for each in rows]
    pairs: list[dict[str, Any]] = [
        {"boxes": each[:, :4], "labels": each[:, 4].long() + 1, "path": f"{len(each)}.jpg"} for each in scaled
    ]
    padded = ssdlossdbg.pad_ground_truth([each["boxes"] for each in pairs], [each["labels"] for each in pairs])
    targets: Any = {"rows": scaled, "mappings": pairs, "padded": padded}[layout]
    result = captured(batches, tmp_path, criterion, targets)
    assert [image.ground_truth for image in result.images] == [1, 2]
    assert {item.class_id for item in result.ground_truth} == {1, 2, 3}
    if layout == "mappings":
        assert [image.name for image in result.images] == ["1.jpg", "2.jpg"]


def test_every_command_takes_the_file_alone(batches: Batches, tmp_path: Path) -> None:
    criterion = ssdlossdbg.MultiBoxLoss("torchvision", priors=batches.priors, units="normalized", image_size=300)
    captured(batches, tmp_path, criterion)
    for command in ("loss", "detect", "compare", "check"):
        said = CliRunner().invoke(app, [command, str(tmp_path / FILE), "--format", "json"])
        assert said.exit_code in (0, 1), said.output
        document = json.loads(said.stdout)
        assert all(finding["code"] not in ("REC001", "FILE001") for finding in document["findings"])
    assert ssdlossdbg.detect(tmp_path / FILE).dialect == "torchvision"


def test_rules_that_cannot_be_are_refused(batches: Batches, tmp_path: Path) -> None:
    criterion = ssdlossdbg.MultiBoxLoss("ssd.pytorch", priors=batches.priors)
    captured(batches, tmp_path, criterion)
    file = tmp_path / FILE
    assert header(file)["rules"]["match"]["threshold"] == 0.5
    file.write_bytes(file.read_bytes().replace(b'\\"threshold\\": 0.5', b'\\"threshold\\": 9.5'))
    with pytest.raises(ssdlossdbg.InputError, match="threshold"):
        ssdlossdbg.loss(file)
