"""A capture that is asked to find out whose loss it is first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import ssdlossdbg
from ssdlossdbg.live.probe import Probe
from ssdlossdbg.readers import dialects
from ssdlossdbg.rules import LossSpec
from tests.live.conftest import Batches
from tests.probing.reference import Reference


def test_the_files_say_whose_rules_were_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssdlossdbg.probing.header.dialect_names", lambda **_: ["ssd.pytorch"])
    own = dialects.load_dialect("ssd.pytorch")
    rules = type(own)(**{**vars(own), "loss": LossSpec(**{**vars(own.loss), "localization_weight": 1.5})})
    criterion = Reference(rules)
    capture = ssdlossdbg.capture(criterion, tmp_path, identify=True)
    batches = Batches()
    criterion(batches.predictions(), batches.targets())
    capture.close()
    result = ssdlossdbg.loss(capture.saved[0])
    assert result.dialect == "ssd.pytorch"
    assert result.localization_weight == 1.5
    assert result.recorded_error is not None
    assert result.recorded_error < 2e-6


def test_it_never_keeps_a_training_from_beginning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(torch.nn.Module):
        def forward(self, predictions: Any, targets: Any) -> Any:
            raise RuntimeError(f"{predictions} {targets}")

    for probe in (Probe(Broken(), "ssd.pytorch", insisted=False), Probe(3, "", insisted=True)):
        probe.go_on()
        assert probe.found == {}
    assert "Traceback" not in capsys.readouterr().err
    ssdlossdbg.capture(Broken(), tmp_path, identify=True).close()
