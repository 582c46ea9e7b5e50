"""Which files of a folder are batches, in what order, that of a step, and what a full folder did not keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.saved.batch_files import absent_steps, batch_files, step_file

Refused = Callable[[Callable[[], object]], InputError]


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def names(files: tuple[Path, ...]) -> list[str]:
    return [file.name for file in files]


def test_files_of_a_folder_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    fill(tmp_path, "preds10.pt", "preds9.pt", "weights.pt", ".preds1.pt", "preds.txt", "below/preds2.pt", "2preds.PT")
    assert names(batch_files([tmp_path])) == ["2preds.PT", "preds9.pt", "preds10.pt"]


def test_numbers_that_are_the_same_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    fill(tmp_path, "preds01.pt", "preds1.pt", "preds001.pt")
    assert names(batch_files([tmp_path])) == ["preds001.pt", "preds01.pt", "preds1.pt"]


def test_all_of_tensors_where_none_is_called_a_batch(tmp_path: Path) -> None:
    assert names(batch_files([fill(tmp_path, "b.pt", "a.npz", "notes.json")])) == ["a.npz", "b.pt"]


def test_each_file_once_whatever_it_is_called_if_it_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "x.bin", "preds1.pt", "preds2.pt")
    named = [tmp_path / "x.bin", tmp_path / "preds2.pt", tmp_path]
    assert names(batch_files(named)) == ["x.bin", "preds2.pt", "preds1.pt"]


def test_a_folder_of_none(tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: batch_files([fill(tmp_path, "a.txt", ".b.pt")]))
    assert error.where == str(tmp_path)
    assert error.what.startswith("is a folder without captured batches (step0000341.safetensors)")


def test_the_file_of_a_step_is_that_of_the_first_rank(tmp_path: Path, refused: Refused) -> None:
    steps = ("step0000001.rank1", "step0000001.rank0", "step0000010", "step0000020", "step0000021", "step0000040")
    fill(tmp_path, *(f"{step}.safetensors" for step in steps), "preds20.pt")
    assert step_file(tmp_path, 1).name == "step0000001.rank0.safetensors"
    assert step_file(tmp_path, 20).name == "step0000020.safetensors"
    error = refused(lambda: step_file(tmp_path, 22))
    assert (error.where, error.what) == ("--step", f"is 22, and {tmp_path} holds no batch of that step")
    assert error.fix == "Those nearest to it: 10, 20, 21."


def test_a_step_of_a_folder_without_steps(tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: step_file(fill(tmp_path, "preds1.pt"), 1))
    assert error.fix == "Name files of saved batches, or the folder that ssdlossdbg.capture writes to."


def summary(steps: Any = 100, every: Any = 4, reasons: Any = ("every", "exit")) -> dict[str, Any]:
    return {"steps": steps, "every": every, "batches": [{"reason": each} for each in reasons]}


def test_what_was_not_kept_of_all_ranks(tmp_path: Path) -> None:
    assert absent_steps(tmp_path) == ""
    (tmp_path / "run.rank0.json").write_text(json.dumps(summary()))
    (tmp_path / "run.rank1.json").write_text(json.dumps(summary(50, 2, ["every", "every", "every"])))
    (tmp_path / "other.json").write_text(json.dumps(summary(7, 9)))
    words = "5 of 150 batches are here, one in 4: most_bytes of capture says how much a folder may hold."
    assert absent_steps(tmp_path) == words


@pytest.mark.parametrize(
    "said",
    [
        summary(every=1),
        summary(every=None),
        summary(steps="many"),
        summary(reasons=["exit", "spike"]),
        {**summary(), "batches": {}},
        {**summary(), "batches": ["every"]},
        [summary()],
        "{",
    ],
)
def test_a_run_that_was_not_to_keep_each_batch_lacks_none(said: Any, tmp_path: Path) -> None:
    text = said if isinstance(said, str) else json.dumps(said)
    (tmp_path / "run.json").write_text(text)
    assert absent_steps(tmp_path) == ""
    (tmp_path / "run.json").write_text(json.dumps(summary(every=2)))
    assert absent_steps(tmp_path).startswith("2 of 100 batches are here, one in 2:")
