"""Captured files of each codebase, through every command, and of criteria that have no priors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import ssdlossdbg
from ssdlossdbg import load_priors
from ssdlossdbg.cli.app import app
from tests.live.conftest import Batches, matched
from tests.live.test_recipes import Encoded

FILE = "step0000000.safetensors"
COMMANDS = ("loss", "detect", "compare", "check")
pytestmark = pytest.mark.usefixtures("hasty")


def answers(file: Path, *options: str) -> None:
    """Every command takes the file alone."""
    for command in COMMANDS:
        said = CliRunner().invoke(app, [command, str(file), "--format", "json", *options])
        assert said.exit_code in (0, 1), said.output
        assert all(finding["code"] != "FILE001" for finding in json.loads(said.stdout)["findings"])


class Keras(nn.Module):
    """Called as bubbliiiing's."""

    def __init__(self) -> None:
        pass

    def forward(self, y_true: Any, y_pred: Any) -> Any:
        """Some loss."""
        return y_true.mean() + y_pred[0].mean()


def seen(folder: Path, kind: str, priors: str, classes: int = 21) -> Path:
    """What is captured of a criterion that is given matched targets and has no priors."""
    boxes = load_priors(priors).priors.boxes
    count = len(boxes)
    labels, offsets = matched(torch.tensor([[0.1, 0.2, 0.5, 0.6]]), torch.tensor([2]), boxes)
    random = torch.Generator().manual_seed(0)
    loc, conf = (torch.randn((1, count, width), generator=random) for width in (4, classes))
    conf[..., 0] += 9  # a network that says background is quick to detect with
    loc, conf = loc.requires_grad_(), conf.requires_grad_()
    criterion: Any = Encoded() if kind == "lufficc" else Keras()
    with ssdlossdbg.capture(criterion, folder):
        if kind == "lufficc":
            criterion(conf, loc, labels[None], offsets[None])
        else:
            one_hot = nn.functional.one_hot(labels, classes).float()
            criterion.forward(torch.cat((offsets, one_hot, (labels > 0)[:, None].float()), -1)[None], (loc, conf))
    return folder / FILE


@pytest.mark.parametrize(("kind", "usual"), [("lufficc", "lufficc-ssd300-voc"), ("bubbliiiing", "bubbliiiing-ssd300")])
def test_the_dialects_own_are_assumed_where_they_are_as_many(tmp_path: Path, kind: str, usual: str) -> None:
    file = seen(tmp_path, kind, usual)
    result = ssdlossdbg.loss(file)
    assert (result.dialect, result.config.name) == (kind, usual)
    assert "assumed" in result.config.choice
    assert result.recorded_error is not None
    answers(file)
    assert "assumed" not in ssdlossdbg.loss(file, priors="ssd300-coco").config.choice


def test_those_that_the_offsets_were_made_from_are_taken_instead(tmp_path: Path) -> None:
    file = seen(tmp_path, "bubbliiiing", "ssd300-coco")
    result = ssdlossdbg.loss(file)
    assert result.config.name == "ssd300-coco"
    assert "found: the offsets give 1 box from these, 11 from those of bubbliiiing-ssd300" in result.config.choice
    assert all(finding.code != "ENC016" for finding in result.findings)
    overruled = ssdlossdbg.loss(file, priors="bubbliiiing-ssd300")
    assert any(finding.code == "ENC016" for finding in overruled.findings)


def test_it_is_said_what_to_give_where_they_are_not(tmp_path: Path) -> None:
    file = seen(tmp_path, "lufficc", "lufficc-ssd512-voc")
    with pytest.raises(ssdlossdbg.InputError) as error:
        ssdlossdbg.loss(file)
    assert "lufficc-ssd300-voc, which lufficc takes, has 8732, not 24564" in str(error.value)
    assert "lufficc-ssd512-voc" in str(error.value)
    assert ssdlossdbg.loss(file, priors="lufficc-ssd512-voc").images[0].positives > 0


def test_a_criterion_of_nobody_knows_whom_is_asked_about(batches: Batches, tmp_path: Path) -> None:
    def criterion(cls_preds: Any, bbox_preds: Any, gt: Any) -> Any:
        return cls_preds.mean() + bbox_preds.mean() + 0 * gt[0].sum()

    run: Any = ssdlossdbg.capture(criterion, tmp_path)
    loc, conf, priors = batches.predictions()
    run(conf, loc, batches.targets())
    run.close()
    with pytest.raises(ssdlossdbg.InputError, match="holds no priors"):
        ssdlossdbg.loss(tmp_path / FILE)
    assert ssdlossdbg.loss(tmp_path / FILE, priors=priors).images[1].ground_truth == 2
