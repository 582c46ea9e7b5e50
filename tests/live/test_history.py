"""The history of a training: rows that only grow, whole or not at all, within their share of time and disk."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import ssdlossdbg
from ssdlossdbg.live.budget import Budget
from ssdlossdbg.live.rows import RowFile
from ssdlossdbg.readers.history import read_history
from ssdlossdbg.results.history_rows import FIRST, GROUPS, HEAD, OBJECTS, SAMPLED, STEPS, TABLES, WHOLE, rows_in
from tests.live.conftest import Batches, MultiBoxLoss


def steps(*numbers: int, marks: int = 0) -> Any:
    rows = np.zeros(len(numbers), STEPS.dtype)
    rows["step"], rows["marks"] = numbers, marks
    return rows


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Callable[..., RowFile]]:
    """Opens the same file of steps, whose rows may take so many bytes."""
    opened: list[RowFile] = []

    def begun(most: int = 1 << 20) -> RowFile:
        opened.append(RowFile(tmp_path / "steps.rows", STEPS, {"dialect": "caffe"}, most))
        return opened[-1]

    yield begun
    for each in opened:
        each.close()


def kept(path: Path) -> list[int]:
    return [int(step) for step in rows_in(path.read_bytes(), STEPS)["step"]]


def test_a_torn_row_is_cut_off_where_a_run_goes_on(file: Any) -> None:
    first = file()
    first.append(steps(0, 1, 2))
    first.close()
    os.truncate(first.path, first.path.stat().st_size - 1)  # killed within a row
    assert kept(first.path) == [0, 1], "who reads takes whole rows"
    second = file()
    assert second.last_step() == 1
    second.append(steps(2, 3))
    assert kept(second.path) == [0, 1, 2, 3]


def test_another_file_of_that_name_is_put_aside(file: Any, tmp_path: Path) -> None:
    (tmp_path / "steps.rows").write_bytes(b"mine")
    assert kept(file().path) == []
    assert (tmp_path / "steps.rows.1").read_bytes() == b"mine"


def test_a_file_that_is_full_keeps_every_other_step_and_those_that_stand_out(file: Any) -> None:
    full = HEAD + 8 * STEPS.dtype.itemsize
    rows = file(full)
    rows.append(steps(3, marks=FIRST))
    for step in range(20, 60):
        rows.append(steps(step))
        assert rows.size <= full
    numbers = kept(rows.path)
    assert numbers[0] == 3
    assert all(step % rows.stride == 0 for step in numbers[1:])
    assert numbers == sorted(numbers)
    assert rows.stride > 1


def test_a_budget_is_spent_and_earned(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    budget = Budget(0.1)
    assert budget.due
    with budget.spending():
        now[0] += 1.0
    assert not budget.due, "one second of one is more than a tenth"
    now[0] += 18.9
    assert not budget.due, "another would make two of 19.9"
    now[0] += 0.2
    assert budget.due
    with budget.spending(counts=False):
        now[0] += 1.0
    assert budget.spent == pytest.approx(2.0)


class Network(nn.Module):
    """Predictions of four images by number, learnt by heart."""

    def __init__(self, priors: int) -> None:
        super().__init__()
        self.table = nn.Embedding(4, priors * 8)

    def forward(self, images: Any) -> Any:
        """Offsets, then logits."""
        return self.table(images).view(len(images), -1, 8)


def trained(run: Path, history: bool | float, many: int = 6) -> tuple[list[tuple[float, float]], Any]:
    """Losses and last weights of a training of so many steps."""
    torch.manual_seed(0)
    batches, criterion = Batches(), MultiBoxLoss()
    network = Network(len(batches.priors))
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    objects = [
        torch.tensor([[0.1, 0.1, 0.4, 0.4, 0.0], [0.5, 0.5, 0.9, 0.9, 1.0]]),
        torch.tensor([[0.2, 0.2, 0.6, 0.6, 2.0]]),
    ]
    losses = []
    with ssdlossdbg.capture(criterion, run, history=history, spike=0):
        for step in range(many):
            images = torch.tensor([step % 2, 2 + step % 2])
            found = network(images)
            parts = criterion((found[..., :4], found[..., 4:], batches.priors), objects)
            optimiser.zero_grad()
            (parts[0] + parts[1]).backward()
            optimiser.step()
            losses.append((float(parts[0].detach()), float(parts[1].detach())))
    return losses, network.table.weight.detach()


def test_a_row_a_step_with_what_the_criterion_returned(tmp_path: Path) -> None:
    losses, _ = trained(tmp_path / "run", history=True)
    history = read_history(tmp_path / "run")
    assert history.steps["step"].tolist() == list(range(6))
    assert np.allclose(history.steps["localization"], [loc for loc, _ in losses], rtol=1e-6)
    assert np.allclose(history.steps["confidence"], [conf for _, conf in losses], rtol=1e-6)
    assert math.isnan(history.steps["rate"][0])
    assert np.allclose(history.steps["rate"][1:], 0.1)
    assert (history.steps["marks"] & FIRST > 0).tolist() == [True] + 5 * [False]
    assert history.about["criterion"].endswith("MultiBoxLoss")


def test_a_training_is_the_same_with_a_history_and_without(tmp_path: Path) -> None:
    losses, weights = trained(tmp_path / "with", history=1.0)
    others, same = trained(tmp_path / "without", history=False)
    assert losses == others
    assert torch.equal(weights, same)
    assert not (tmp_path / "without" / "history").exists()


def test_groups_of_a_sample_add_up_to_the_loss_and_objects_are_all_there(tmp_path: Path) -> None:
    losses, _ = trained(tmp_path / "run", history=1.0)
    history = read_history(tmp_path / "run")
    sampled = history.steps["step"][(history.steps["marks"] & SAMPLED) > 0]
    assert len(sampled) >= 1
    for step in sampled:
        groups = history.groups[history.groups["step"] == step]
        for kind in np.unique(groups["kind"]):
            own = groups[groups["kind"] == kind]
            if kind == 3:
                continue  # sizes leave negatives out
            assert own["localization"].sum() == pytest.approx(losses[step][0], rel=1e-5)
            assert (own["positive"] + own["negative"]).sum() == pytest.approx(losses[step][1], rel=1e-5)
        whole = groups[groups["kind"] == WHOLE]
        objects = history.objects[history.objects["step"] == step]
        assert len(objects) == whole["objects"][0] == 3
        assert objects["localization"].sum() == pytest.approx(losses[step][0], rel=1e-5)
        assert sorted(objects["label"].tolist()) == [1, 2, 3]


def test_a_run_that_is_begun_again_counts_on(tmp_path: Path) -> None:
    trained(tmp_path / "run", history=True)
    trained(tmp_path / "run", history=True, many=3)
    history = read_history(tmp_path / "run")
    assert history.steps["step"].tolist() == list(range(9))
    assert np.flatnonzero(history.steps["marks"] & FIRST).tolist() == [0, 6]
    assert {batch.path.parent.name for batch in history.batches} == {"run", "earlier-1"}


def test_a_folder_without_one_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(ssdlossdbg.InputError, match=r"holds no history .*history=True"):
        read_history(tmp_path)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_is_a_share(share: float, tmp_path: Path) -> None:
    with pytest.raises(ssdlossdbg.InputError, match="history: is"):
        ssdlossdbg.capture(MultiBoxLoss(), tmp_path, history=share)


def test_heads_describe_every_field() -> None:
    for table in TABLES:
        assert len(table.head({"criterion": "x" * 300})) == HEAD
        assert all(words for _, _, words in table.fields)
    assert {OBJECTS.dtype.itemsize, GROUPS.dtype.itemsize, STEPS.dtype.itemsize} == {84, 52, 44}
