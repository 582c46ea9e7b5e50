"""Whose rules a criterion follows is found out as the training pays for it, and no sample is taken before."""

from __future__ import annotations

import contextlib
import gc
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ssdlossdbg
from ssdlossdbg.live.above import uncollected
from ssdlossdbg.live.budget import Budget
from ssdlossdbg.live.whose import Whose
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.history import read_history
from ssdlossdbg.results.history_rows import SAMPLED, STEPS, TABLES, WHOLE, describes, head_of
from tests.live.conftest import Batches, MultiBoxLoss, header, matched, terms

ONCE = 0.0


class Halved(MultiBoxLoss):
    """Weighs localisation by a half, which its attributes do not say."""

    def forward(self, predictions: Any, targets: Any) -> tuple[Tensor, Tensor]:
        """Both parts."""
        loc, conf, priors = predictions
        pairs = [matched(rows[:, :4], rows[:, 4].long() + 1, priors) for rows in targets]
        localization, confidence = terms(loc, conf, *(torch.stack(part) for part in zip(*pairs, strict=True)))
        return localization / 2, confidence


def halved() -> dict[str, Any]:
    """What a header says of it."""
    rules = asdict(load_dialect("ssd.pytorch"))
    rules["loss"]["localization_weight"] = 0.5
    return {"dialect": "ssd.pytorch", "rules": rules, "threshold": None, "neg_pos": None, "alpha": None}


class Slow:
    """Stands in for what asks: knows the rules when it was gone on with so many times, or for as long as it takes."""

    takes = 4
    asked: list[float] = []  # noqa: RUF012  of each test

    def __init__(self, *_: object) -> None:
        type(self).asked = []

    def go_on(self, seconds: float) -> dict[str, Any] | None:
        """The next piece."""
        self.asked.append(seconds)
        return halved() if seconds == math.inf or len(self.asked) > self.takes else None


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step has time for a piece."""
    monkeypatch.setattr("ssdlossdbg.probing.header.Asking", Slow)
    monkeypatch.setattr("ssdlossdbg.live.probe.is_quiet", lambda _: True)
    monkeypatch.setattr("ssdlossdbg.live.whose.LEAST", -math.inf)
    monkeypatch.setattr(Slow, "takes", 4)


def trained(folder: Path, many: int, **asked: Any) -> tuple[Any, list[float]]:
    """A capture that is not closed yet, after so many steps, and their losses."""
    criterion, batches = Halved(), Batches()
    capture = ssdlossdbg.capture(criterion, folder, spike=0, history=1.0, **asked)
    losses = []
    for _ in range(many):
        loc, conf, priors = batches.predictions()
        losses.append(float(sum(criterion((loc, conf, priors), batches.targets())).detach()))
    return capture, losses


def sampled(folder: Path) -> dict[int, float]:
    """Losses by steps that were sampled."""
    kept = read_history(folder)
    whole = kept.groups[kept.groups["kind"] == WHOLE]
    marked = kept.steps["step"][(kept.steps["marks"] & np.uint32(SAMPLED)) > 0]
    assert marked.tolist() == whole["step"].tolist()
    return {int(row["step"]): float(row["localization"] + row["positive"] + row["negative"]) for row in whole}


def test_no_batch_is_sampled_until_the_rules_are_known_and_each_is_exact_then(tmp_path: Path) -> None:
    capture, losses = trained(tmp_path, 8)
    capture.close()
    found = sampled(tmp_path)
    assert Slow.asked[0] == ONCE, "at the first step it is asked for the dialect as it is, and no more"
    assert len(Slow.asked) == 5
    assert min(found) == 4
    assert found == {step: pytest.approx(losses[step], rel=1e-5) for step in found}


def test_of_a_run_that_was_killed_before_there_are_the_losses_alone(tmp_path: Path) -> None:
    capture, losses = trained(tmp_path, 3)
    kept = read_history(tmp_path)
    assert np.allclose(kept.steps["total"], losses[: len(kept.steps)], rtol=1e-6)
    assert len(kept.steps) >= 2
    assert not len(kept.groups)
    result = ssdlossdbg.history(tmp_path)
    assert result.sampled == 0
    assert result.off is None
    capture.close()


def test_what_is_saved_before_says_the_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, _ = trained(tmp_path, 2)
    said = capsys.readouterr().err
    assert "as ssd.pytorch, some of whose rules are others (which, is being found out): loc" in said
    capture.close()
    assert Slow.asked == [ONCE, *Slow.asked[1:-1], math.inf]
    assert header(capture.saved[-1])["rules"]["loss"]["localization_weight"] == 0.5
    assert "Halved follows ssd.pytorch, with rules of its own" in capsys.readouterr().err
    result = ssdlossdbg.loss(capture.saved[-1])
    assert result.recorded_error is not None
    assert result.recorded_error < 2e-6


def test_who_insists_is_answered_at_the_first_step(tmp_path: Path) -> None:
    capture, _ = trained(tmp_path, 1, identify=True)
    assert Slow.asked == [math.inf]
    capture.close()
    assert list(sampled(tmp_path)) == [0]


def test_heads_of_the_history_say_whose_it_is_once_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.halved", lambda: {"dialect": "chainercv"})
    capture, _ = trained(tmp_path, 3)
    assert read_history(tmp_path).about["dialect"] == "ssd.pytorch"
    capture.close()
    for table in TABLES:
        head = head_of((tmp_path / "history" / f"{table.name}.rows").read_bytes())
        assert describes(head, table)
        assert head["dialect"] == "chainercv"
    assert len(read_history(tmp_path).steps) == 3, "the rows are what they were"
    assert ssdlossdbg.history(tmp_path).dialect == "chainercv"


def test_a_piece_is_paid_for_by_the_time_that_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("ssdlossdbg.probing.header.Asking", Slow)
    monkeypatch.setattr("ssdlossdbg.live.probe.is_quiet", lambda _: True)
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    learnt: list[str] = []
    whose = Whose(Budget(0.02), lambda: learnt.append(whose.dialect))
    whose.called_as = "ssd.pytorch"
    whose.ask(MultiBoxLoss(), insisted=False)
    for second in range(1, 6):
        now[0] = 100.0 + 0.5 * second
        whose.go_on()
        assert len(Slow.asked) == 1 + (second > 1) * (second - 1)
    assert all(0.02 <= each <= 0.1 for each in Slow.asked[1:])
    assert not whose.open
    assert learnt == ["ssd.pytorch"]


def test_time_within_time_is_spent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    budget = Budget(0.5)
    with budget.spending(counts=False):
        now[0] += 1
        with budget.spending():
            now[0] += 2
        assert budget.left == 0.5 * 3 - 3, "while it is under way, too"
    assert budget.spent == 3
    assert budget.left == 0.5 * 3 - 3
    now[0] += 6
    assert not budget.due, "the last took 2, of which 1.5 are there"
    now[0] += 1
    assert budget.due
    with budget.spending(), budget.apart():
        now[0] += 5
    assert budget.spent == 3, "what was asked for is none of it"


def test_garbage_is_collected_again_after() -> None:
    for before in (True, False):
        (gc.enable if before else gc.disable)()
        with uncollected():
            assert not gc.isenabled()
        with contextlib.suppress(ValueError), uncollected():
            raise ValueError
        assert gc.isenabled() is before
    gc.enable()


def test_a_head_that_is_described_anew_keeps_its_lock_and_its_rows(tmp_path: Path) -> None:
    from ssdlossdbg.live.rows import RowFile

    file = RowFile(tmp_path / "steps.rows", STEPS, {"dialect": "caffe"}, 1 << 20)
    file.append(np.ones(3, STEPS.dtype))
    file.describe({"dialect": "ssd.pytorch"})
    file.append(np.ones(1, STEPS.dtype))
    file.close()
    data = file.path.read_bytes()
    assert head_of(data)["dialect"] == "ssd.pytorch"
    assert len(data) == 8192 + 4 * STEPS.dtype.itemsize
