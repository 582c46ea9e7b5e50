"""A pass over a data set without gradients, each batch of which is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import ssdlossdbg
from tests.live.conftest import Batches, MultiBoxLoss, header, reasons, steps

NUMBER = 5


class Loader:
    """Knows how many batches it has."""

    def __len__(self) -> int:
        return NUMBER


def passed(criterion: Any, batches: Batches, gradients: bool = False) -> None:
    """Call it for each batch."""
    with torch.set_grad_enabled(gradients):
        for _ in range(NUMBER):
            criterion(batches.predictions(), batches.targets())


def test_each_batch_is_kept_where_none_has_gradients(tmp_path: Path, batches: Batches) -> None:
    criterion = MultiBoxLoss().eval()
    with ssdlossdbg.capture(criterion, tmp_path / "run", every=1):
        passed(criterion, batches)
    assert reasons(tmp_path / "run") == dict.fromkeys(range(NUMBER), "every")
    assert all(header(file)["validation"] for file in (tmp_path / "run").glob("step*"))


def test_in_a_training_they_are_none_of_its_steps(tmp_path: Path, batches: Batches) -> None:
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "run", every=1):
        passed(criterion, batches, gradients=True)
        passed(criterion, batches)
        passed(criterion, batches, gradients=True)
    assert steps(tmp_path / "run") == list(range(2 * NUMBER))
    assert not any(header(file)["validation"] for file in (tmp_path / "run").glob("step*"))


@pytest.mark.parametrize("asked", [{"validation": False, "every": 1}, {}])
def test_that_none_was_looked_at_is_said(
    asked: Any, tmp_path: Path, batches: Batches, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "run", **asked):
        passed(criterion, batches)
    assert not (tmp_path / "run").exists()
    assert f"called {NUMBER} times, always without gradients: validation=True" in capsys.readouterr().err


def test_the_room_that_a_pass_takes_is_said_beforehand(
    tmp_path: Path, batches: Batches, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion = MultiBoxLoss()
    with ssdlossdbg.capture(criterion, tmp_path / "a", every=1, loader=Loader(), identify=False), torch.no_grad():
        criterion(batches.predictions(), batches.targets())
        said = capsys.readouterr().err
    assert f"every=1: a pass over the loader saves {NUMBER} batches, about " in said
    size = next((tmp_path / "a").glob("step*")).stat().st_size
    most: Any = {"most_bytes": 2 * size + 99}
    with ssdlossdbg.capture(criterion, tmp_path / "b", every=1, loader=Loader(), identify=False, **most):
        passed(criterion, batches)
    said = capsys.readouterr().err
    assert "so ever fewer of them will be kept; say most_bytes=" in said
    assert steps(tmp_path / "b") == [0, 4]
    assert ssdlossdbg.losses(tmp_path / "b").absent.startswith("2 of 5 batches are here, one in 4")
