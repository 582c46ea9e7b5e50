"""Captures of criteria with another term or another step: stubs that return the codebases' own figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ssdlossdbg
from ssdlossdbg.live.recognise import is_loss_call
from tests.live.conftest import steps

DATA = Path(__file__).parents[1] / "data"
CASE: dict[str, Any] = json.loads((DATA / "dialect_cases.json").read_text())["batch_norm_1_4"]
BOTH: dict[str, Any] = json.loads((DATA / "two_steps_cases.json").read_text())["batch_norm_1_4"]
LOC, CONF, PRIORS = (torch.tensor(CASE[name]) for name in ("loc", "conf", "priors"))
BOXES = [torch.tensor(boxes).reshape(-1, 4) for boxes in CASE["boxes"]]
# Where the points of the case stand in their boxes, as shares of width and height.
PLACES = torch.tensor([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]])


def drawn(seed: int, *shapes: tuple[tuple[int, ...], float]) -> list[Tensor]:
    """Numbers as they were drawn where the figures were taken."""
    state = np.random.RandomState(seed)
    return [torch.tensor(state.standard_normal(shape) * scale, dtype=torch.float32) for shape, scale in shapes]


class RetinaFace(nn.Module):
    """Called as Pytorch_Retinaface's; it returns what that did."""

    def __init__(self) -> None:
        super().__init__()
        self.threshold, self.negpos_ratio, self.variance = 0.35, 7, [0.1, 0.2]

    def forward(self, predictions: Any, priors: Any, targets: Any) -> tuple[Tensor, ...]:
        """(localisation, confidence, landmarks), none weighted."""
        del predictions, priors, targets
        figures = CASE["results"]["retinaface"]
        return tuple(
            torch.tensor(each) for each in (figures["localization"] / 2, figures["confidence"], figures["landmarks"])
        )


def of_retinaface() -> tuple[Any, ...]:
    (landmarks,) = drawn(4242, ((*LOC.shape[:2], 10), 0.5))
    targets = []
    for boxes, labels in zip(BOXES, CASE["labels"], strict=True):
        points = boxes[:, None, :2] + (boxes[:, None, 2:] - boxes[:, None, :2]) * PLACES
        targets.append(torch.cat((boxes, points.flatten(1), torch.tensor(labels)[:, None].float()), 1))
    return (LOC, CONF, landmarks), PRIORS, targets


class RefineDet(nn.Module):
    """Called as RefineDet.PyTorch's; it returns what that did in one of its steps."""

    def __init__(self, second: bool) -> None:
        super().__init__()
        self.use_ARM, self.threshold, self.negpos_ratio, self.variance = second, 0.5, 3, [0.1, 0.2]

    def forward(self, predictions: Any, targets: Any) -> tuple[Tensor, Tensor]:
        """(localisation, confidence) of the step."""
        del predictions, targets
        step = BOTH["odm" if self.use_ARM else "arm"]
        return torch.tensor(step["localization"]), torch.tensor(step["confidence"])


def of_refinedet() -> tuple[Any, ...]:
    moves, objectness = drawn(777, (tuple(LOC.shape), 0.3), ((*LOC.shape[:2], 2), 3))
    labels = [torch.tensor(each)[:, None].float() - 1 for each in CASE["labels"]]  # its classes count from 0
    targets = [torch.cat((boxes, each), 1) for boxes, each in zip(BOXES, labels, strict=True)]
    return (moves, objectness, LOC, CONF, PRIORS), targets


CALLS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Any, ...]]]] = {
    "retinaface": (RetinaFace, of_retinaface),
    "refinedet": (lambda: RefineDet(second=True), of_refinedet),
}


@pytest.mark.parametrize("dialect", CALLS)
def test_the_captured_loss_is_the_one_that_is_recomputed(dialect: str, tmp_path: Path) -> None:
    make, arguments = CALLS[dialect]
    criterion = make()
    with ssdlossdbg.capture(criterion, tmp_path, every=1):
        criterion(*arguments())
    assert steps(tmp_path) == [0]
    (file,) = tmp_path.glob("step*")
    result = ssdlossdbg.loss(file, device="cpu")
    assert (result.dialect, result.landmarks_left_out) == (dialect, "")
    assert result.recorded is not None
    assert result.recorded_error is not None
    assert result.recorded_error < 2e-6
    assert "REC001" not in {finding.code for finding in result.findings}
    assert ssdlossdbg.check([file]).total == 1
    if dialect == "refinedet":
        assert result.whole == pytest.approx(BOTH["total"], rel=2e-6)
        assert result.recorded.total is None, "which is of both steps, and this criterion knows one"
    else:
        assert result.recorded.total == pytest.approx(result.loss.total, rel=2e-6)


def test_the_first_step_alone_is_not_captured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    criterion = RefineDet(second=False)
    with ssdlossdbg.capture(criterion, tmp_path, every=1):
        criterion(*of_refinedet())
    assert not list(tmp_path.glob("step*"))
    assert "give the second's, whose use_ARM is True" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("dialect", CALLS)
def test_their_calls_are_recognised_as_an_ssd_s(dialect: str) -> None:
    make, arguments = CALLS[dialect]
    names = ("predictions", "priors", "targets") if dialect == "retinaface" else ("predictions", "targets")
    assert is_loss_call(make(), names, arguments(), {})
    assert not is_loss_call(RefineDet(second=False), ("predictions", "targets"), of_refinedet(), {})
