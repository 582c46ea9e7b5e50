"""`ssdlossdbg identify`: whose rules give the loss that training had of a saved batch."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import ssdlossdbg
from ssdlossdbg.analysis.identity.saved import whose_loss
from tests.cli.conftest import Run
from tests.cli.test_compare import parse
from tests.live.conftest import grid

PRIORS = grid()


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    """A batch with the loss of rules, by hand: two images on a small grid."""
    random = torch.Generator().manual_seed(4)
    loc = torch.randn((2, len(PRIORS), 4), generator=random)
    conf = torch.randn((2, len(PRIORS), 5), generator=random) * 2
    objects = [
        {
            "boxes": torch.tensor([[0.1, 0.1, 0.33, 0.3], [0.5, 0.52, 0.9, 0.8]]),
            "labels": torch.tensor([2, 1]),
        },
        {"boxes": torch.tensor([[0.3, 0.35, 0.5, 0.6]]), "labels": torch.tensor([3])},
    ]

    def save(*rules: Any, name: str = "batch.pt", parts: bool = True) -> Path:
        terms = ssdlossdbg.multibox_loss(loc, conf, PRIORS, objects, *rules, validate=False)
        loss: Any = {"loc": terms.localization, "conf": terms.confidence} if parts else terms.total
        file = tmp_path / name
        torch.save({"loc": loc, "conf": conf, "priors": PRIORS, "targets": objects, "loss": loss}, file)
        return file

    return save


def found(report: Any) -> dict[str, dict[str, Any]]:
    """The changes by the dialects that are listed."""
    return {
        name: {change["rule"]: change["value"] for change in each["changes"]}
        for each in report["dialects"]
        for name in (each["name"], *each["same_as"])
    }


def test_the_dialects_that_have_that_very_loss(good: Callable[..., str], saved: Any) -> None:
    report = parse(good("identify", saved("nvidia"), "--changes", "0", "--format", "json"))
    assert set(found(report)) >= {"nvidia", "nvidia-dali"}
    assert not set(found(report)) & {"ssd.pytorch", "torchvision", "caffe"}
    assert all(not changes for changes in found(report).values())
    assert report["probed"]["cases"] == 1
    assert report["probed"]["complete"]


def test_a_rule_that_is_another(good: Callable[..., str], saved: Any) -> None:
    spec = ssdlossdbg.load_dialect("ssd.pytorch").loss
    other = ssdlossdbg.LossSpec(**{**vars(spec), "localization_weight": 1.75})
    file = saved("ssd.pytorch", other)
    report = parse(good("identify", file, "--dialects", "ssd.pytorch,ssd-keras", "--format", "json"))
    assert found(report)["ssd.pytorch"] == {"loss.localization_weight": 1.75}
    assert 'base = "ssd.pytorch"\n\n[loss]\nlocalization_weight = 1.75' in report["dialects"][0]["toml"]
    text = good("identify", file, "--dialects", "ssd.pytorch,ssd-keras")
    assert "ssd.pytorch with loss.localization_weight 1.75" in " ".join(text.split())


def test_what_was_printed_goes_before_what_was_saved(good: Callable[..., str], saved: Any) -> None:
    file = saved("ssd.pytorch")
    other = ssdlossdbg.loss(file, dialect="nvidia", whose=False).loss.total
    report = parse(good("identify", file, "--printed", f"{other:.4f}", "--changes", "0", "--format", "json"))
    assert "nvidia" in found(report)
    assert "ssd.pytorch" not in found(report)


def test_nobody(good: Callable[..., str], saved: Any) -> None:
    text = good("identify", saved("caffe"), "--printed", "1234.5", "--changes", "0")
    assert "It is none of the dialects, even with as many rules changed as were tried." in text
    assert "comes nearest" in text


def test_time_that_is_up_is_no_answer(saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = torch.load(saved("caffe"), weights_only=True)
    file = saved("caffe")
    torch.save(batch | {"loss": 1234.5}, file)
    monkeypatch.setattr("ssdlossdbg.analysis.identity.saved.whose_loss", partial(whose_loss, seconds=0.0))
    told = ssdlossdbg.loss(file).findings[0].cases[0].message
    wanted = "none of the dialects, even with one rule changed, as far as that was tried in 0 s"
    assert told.endswith(f"; yours is that of {wanted}; `ssdlossdbg identify` tries on")


def test_no_loss_is_refused(refused: Callable[..., str], saved: Any, tmp_path: Path) -> None:
    batch = torch.load(saved("caffe"), weights_only=True)
    del batch["loss"]
    torch.save(batch, tmp_path / "bare.pt")
    assert "--printed" in refused("identify", tmp_path / "bare.pt")


def test_reports_say_whose_it_is(saved: Any) -> None:
    result = ssdlossdbg.loss(saved("nvidia"))
    assert "nvidia" in result.whose
    (finding,) = (each for each in result.findings if each.code == "REC001")
    assert re.search(r"yours is that of .*nvidia", finding.cases[0].message)
    assert not ssdlossdbg.loss(saved("ssd.pytorch", name="own.pt")).whose


def test_compare_marks_yours(run: Run, saved: Any) -> None:
    outcomes = ssdlossdbg.compare(saved("nvidia"), dialects=["nvidia", "ssd.pytorch"]).dialects
    assert [each.is_yours for each in outcomes] == [True, False]
    table = run("compare", saved("nvidia"), "--dialects", "nvidia,ssd.pytorch").out
    assert re.search(r"^dialect .* yours", table, flags=re.MULTILINE)
    assert re.search(r"^nvidia .* yes", table, flags=re.MULTILINE)
