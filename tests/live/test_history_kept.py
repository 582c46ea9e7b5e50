"""What remains of a history whatever happens to its files: kills, full disks, other processes, ranks that end."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ssdlossdbg
from ssdlossdbg.live.rows import RowFile
from ssdlossdbg.readers.history import read_history
from ssdlossdbg.results.history_rows import FIRST, HEAD, OBJECTS, STEPS, TABLES, Rows, rows_in
from tests import warm
from tests.live.conftest import Batches, MultiBoxLoss


def steps(*numbers: int) -> Rows:
    rows = np.zeros(len(numbers), STEPS.dtype)
    rows["step"], rows["time"] = numbers, np.array(numbers) + 1000
    return rows


def write(path: Path, *numbers: int) -> None:
    file = RowFile(path, STEPS, {}, 1 << 20)
    file.append(steps(*numbers))
    file.close()


class Training:
    """Steps of a training, one at a time."""

    def __init__(self, run: Path, **asked: Any) -> None:
        self.batches, self.criterion = Batches(), MultiBoxLoss()
        self.optimiser = torch.optim.SGD([self.batches.weight], 0.01)
        self.capture = ssdlossdbg.capture(self.criterion, run, **{"history": 1.0, "identify": False, **asked})

    def step(self, many: int = 1) -> None:
        """Make so many."""
        for _ in range(many):
            localization, confidence = self.criterion(self.batches.predictions(), self.batches.targets())
            self.optimiser.zero_grad()
            (localization + confidence).backward()
            self.optimiser.step()


def kept(run: Path) -> list[int]:
    return [int(step) for step in read_history(run).steps["step"]]


def test_a_row_is_there_once_its_step_is_made(tmp_path: Path) -> None:
    training = Training(tmp_path)
    for made in range(1, 5):
        training.step()
        assert kept(tmp_path) == list(range(made)), "a kill now loses nothing"


def test_a_file_cut_off_at_any_byte_goes_on_from_its_whole_rows(tmp_path: Path) -> None:
    write(tmp_path / "whole.rows", 0, 1, 2)
    whole = (tmp_path / "whole.rows").read_bytes()
    for size in range(HEAD, len(whole) + 1):
        path = tmp_path / "steps.rows"
        path.write_bytes(whole[:size])
        rows = (size - HEAD) // STEPS.dtype.itemsize
        write(path, rows)
        assert rows_in(path.read_bytes(), STEPS)["step"].tolist() == list(range(rows + 1))
    assert not list(tmp_path.glob("steps.rows.*")), "none was put aside"


@pytest.mark.parametrize("size", [0, 10, HEAD - 1])
def test_a_head_that_was_cut_off_is_put_aside(tmp_path: Path, size: int) -> None:
    write(tmp_path / "steps.rows", 0)
    os.truncate(tmp_path / "steps.rows", size)
    write(tmp_path / "steps.rows", 0, 1)
    assert rows_in((tmp_path / "steps.rows").read_bytes(), STEPS)["step"].tolist() == [0, 1]


def test_rows_that_a_full_disk_refuses_are_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    training = Training(tmp_path)
    training.step(2)
    append = RowFile.append

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(RowFile, "append", refuse)
    training.step(3)
    assert kept(tmp_path) == [0, 1]
    monkeypatch.setattr(RowFile, "append", append)
    training.step()
    assert kept(tmp_path) == list(range(6))
    told = [line for line in capfd.readouterr().err.splitlines() if "history" in line]
    assert len(told) <= 2, "once that it waits, once that it samples no more"


def test_a_folder_that_is_taken_away_is_made_again(tmp_path: Path) -> None:
    training = Training(tmp_path / "run")
    training.step(3)
    shutil.rmtree(tmp_path / "run")
    training.step(2)
    assert kept(tmp_path / "run") == [3, 4]


def test_a_second_process_keeps_its_hands_off(tmp_path: Path) -> None:
    write(tmp_path / "steps.rows", 0)
    file = RowFile(tmp_path / "steps.rows", STEPS, {}, 1 << 20)
    code = (
        "import sys; from pathlib import Path; from ssdlossdbg.live.rows import RowFile\n"
        "from ssdlossdbg.results.history_rows import STEPS\n"
        "RowFile(Path(sys.argv[1]), STEPS, {}, 1 << 20)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "steps.rows")]
    refused = warm.run(command)
    file.close()
    if sys.platform != "win32":
        assert "another process writes to it" in refused.stderr
    assert warm.run(command).returncode == 0


def test_ranks_count_on_from_the_same_step_though_one_was_killed_before(tmp_path: Path) -> None:
    history = tmp_path / "history"
    history.mkdir(parents=True)
    write(history / "steps.rank0.rows", *range(5))
    write(history / "steps.rank1.rows", *range(3))
    training = Training(tmp_path)
    training.step()
    rows = read_history(tmp_path)
    assert rows.steps["step"].tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 5]
    assert rows.rank.tolist() == [0, 1, 0, 1, 0, 1, 0, 0, 0]
    assert (rows.steps["marks"][-1] & FIRST) > 0


def test_what_a_history_takes_on_the_disk_is_bounded(tmp_path: Path) -> None:
    most = HEAD + 100 * OBJECTS.dtype.itemsize
    file = RowFile(tmp_path / "objects.rows", OBJECTS, {}, most)
    for step in range(400):
        rows = np.zeros(7, OBJECTS.dtype)
        rows["step"] = step
        file.append(rows)
        assert file.size <= most
    file.close()
    left = rows_in(file.path.read_bytes(), OBJECTS)["step"]
    assert len(left) > 20
    assert (np.unique(left, return_counts=True)[1] == 7).all(), "an image's objects stay together"
    assert left.max() > 350


def test_who_reads_while_it_is_written_sees_whole_rows(tmp_path: Path) -> None:
    training = Training(tmp_path)
    for _ in range(3):
        training.step()
        result = ssdlossdbg.history(tmp_path, causes=False)
        assert result.steps == len(kept(tmp_path))
    training.step()
    assert kept(tmp_path) == [0, 1, 2, 3], "reading has not stopped the writing"


@pytest.mark.parametrize("kind", ["no optimiser", "two", "accumulated", "skipped"])
def test_each_kind_of_loop_leaves_a_row_a_call(tmp_path: Path, kind: str) -> None:
    training = Training(tmp_path)
    other = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], 0.5)
    for number in range(6):
        localization, confidence = training.criterion(training.batches.predictions(), training.batches.targets())
        (localization + confidence).backward()
        if kind == "two":
            training.optimiser.step()
            other.step()
        elif (kind == "accumulated" and number % 2) or (kind == "skipped" and number != 3):  # as GradScaler skips inf
            training.optimiser.step()
            training.optimiser.zero_grad()
    training.capture.close()
    rows = read_history(tmp_path).steps
    assert rows["step"].tolist() == list(range(6))
    stepped = {"no optimiser": [], "two": [1, 2, 3, 4, 5], "accumulated": [2, 3, 4, 5], "skipped": [1, 2, 3, 4, 5]}[
        kind
    ]
    assert np.flatnonzero(np.isfinite(rows["rate"])).tolist() == stepped, "the rate of the step before"


def test_every_table_is_written_by_rank_and_read_together(tmp_path: Path) -> None:
    for rank in (0, 1):
        for table in TABLES:
            (tmp_path / "history").mkdir(exist_ok=True)
            file = RowFile(tmp_path / "history" / f"{table.name}.rank{rank}.rows", table, {"rank": rank}, 1 << 20)
            rows = np.zeros(2, table.dtype)
            rows["step"] = (0, 1)
            file.append(rows)
            file.close()
    os.truncate(tmp_path / "history" / "objects.rank1.rows", HEAD + OBJECTS.dtype.itemsize + 5)
    history = read_history(tmp_path)
    assert (len(history.steps), len(history.groups), len(history.objects)) == (4, 4, 3)
