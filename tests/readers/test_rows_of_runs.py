"""The history of a run as it is read: the order of its rows, damaged ones, names, and batches that were saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ssdlossdbg.analysis.history.history import analyse_history
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.history import MOST_HEADER, read_history
from ssdlossdbg.results.captured import HEADER_KEY, Captured
from ssdlossdbg.results.history_rows import GROUPS, OBJECTS, SAMPLED, SIZE, STEPS, VALIDATION, Table

Refused = Callable[[Callable[[], object]], InputError]
# No training takes as many steps; what is counted is less than what single precision counts.
MOST_STEPS, MOST_COUNT = 2**40, 2**24
DAMAGED = [
    ("step", -1, MOST_STEPS - 1),
    ("step", MOST_STEPS, MOST_STEPS - 1),
    ("epoch", -1, 0),
    ("epoch", MOST_COUNT, MOST_COUNT - 1),
    ("time", np.nan, 0),
    ("time", np.inf, 1e300),
]
DAMAGED_GROUPS = [
    (name, bad, good)
    for name in ("kind", "key", "objects", "unmatched", "forced_only", "right", "positives", "negatives")
    for bad, good in ((-1, 0), (MOST_COUNT, MOST_COUNT - 1))
]
DAMAGED_OBJECTS = [
    (name, bad, good)
    for name in ("label", "level", "positives", "forced", "taken", "rival")
    for bad, good in ((-1, 0), (MOST_COUNT, MOST_COUNT - 1))
] + [
    ("box", (0, 0, 0, np.nan), (0, 0, 0, 1)),
    ("box", (-np.inf, 0, 0, 0), (-5, 0, 0, 0)),
    ("box", (0, MOST_COUNT, 0, 0), (0, MOST_COUNT - 1, 0, 0)),
    ("box", (0, 0, -MOST_COUNT, 0), (0, 0, 1 - MOST_COUNT, 0)),
    ("image", None, -1),
]


def write(run: Path, name: str, table: Table, *rows: dict[str, Any], **about: Any) -> Path:
    """A file of rows, each field 0 but for those that are given."""
    kept = np.zeros(len(rows), table.dtype)
    for place, row in enumerate(rows):
        for field, value in row.items():
            kept[field][place] = value
    path = run / "history" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table.head(about) + kept.tobytes())
    return path


def batch(path: Path, epoch_time: float, step: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = Captured(step, "every", epoch_time=epoch_time).to_json()
    save_file({"loc": torch.zeros(1)}, path, {HEADER_KEY: header})
    return path


def test_rows_of_ranks_in_the_order_of_steps_and_then_of_ranks(tmp_path: Path) -> None:
    write(tmp_path, "steps.rank1.rows", STEPS, {"step": 2, "total": 1}, {"step": 0, "total": 2})
    write(tmp_path, "steps.rank0.rows", STEPS, {"step": 2, "total": 3}, {"step": 1, "total": 4}, criterion="Loss")
    write(tmp_path, "steps.rank1.rows.old", STEPS, {"step": 7})
    write(tmp_path, "groups.rank0.rows", GROUPS, {"step": 3, "objects": 1}, {"step": 1, "objects": 2})
    write(tmp_path, "objects.rank1.rows", OBJECTS, {"step": 5, "label": 3}, {"step": 4, "label": 9})
    found = read_history(tmp_path)
    assert found.steps["total"].tolist() == [2, 4, 3, 1]
    assert found.rank.tolist() == [1, 0, 0, 1]
    assert found.rank.dtype == np.int64
    assert found.groups["objects"].tolist() == [2, 1]
    assert found.objects["label"].tolist() == [9, 3]
    assert found.about == {"criterion": "Loss"}
    assert found.folder == tmp_path


def test_what_the_heads_say_is_that_of_the_first_file_that_says_anything(tmp_path: Path) -> None:
    write(tmp_path, "steps.rank0.rows", STEPS, {"step": 0})
    write(tmp_path, "steps.rank1.rows", STEPS, {"step": 0}, dialect="ssd.pytorch")
    write(tmp_path, "steps.rank2.rows", STEPS, {"step": 0}, dialect="caffe")
    assert read_history(tmp_path).about == {"dialect": "ssd.pytorch"}


@pytest.mark.parametrize(
    ("table", "field", "bad", "good"),
    [(STEPS, *each) for each in DAMAGED]
    + [(GROUPS, *each) for each in DAMAGED_GROUPS]
    + [(OBJECTS, *each) for each in DAMAGED_OBJECTS],
    ids=str,
)
def test_a_row_that_no_training_wrote_is_left_out(
    table: Table, field: str, bad: Any, good: Any, tmp_path: Path
) -> None:
    write(tmp_path, "steps.rows", STEPS, {"step": 1})
    rows = [{field: good}, *([{field: bad}] if bad is not None else [])]
    write(tmp_path, f"{table.name}.rows", table, *rows)
    found = read_history(tmp_path)
    kept = {"steps": found.steps, "groups": found.groups, "objects": found.objects}[table.name]
    assert kept[field].tolist() == np.array([good], table.dtype[field].base).tolist()


def test_a_size_that_there_is_not_is_left_out_and_a_class_of_that_number_kept(tmp_path: Path) -> None:
    write(tmp_path, "steps.rows", STEPS, {"step": 1})
    write(tmp_path, "groups.rows", GROUPS, *({"kind": kind, "key": key} for kind in (SIZE, SIZE - 1) for key in (5, 6)))
    found = read_history(tmp_path).groups
    assert list(zip(found["kind"].tolist(), found["key"].tolist(), strict=True)) == [(3, 5), (2, 5), (2, 6)]


def test_a_nan_of_a_damaged_file_is_the_usual_one(tmp_path: Path) -> None:
    signalling = np.array([0x7FA00000], np.uint32).view(np.float32)
    write(tmp_path, "steps.rows", STEPS, {"step": 1, "total": signalling[0], "rate": 0.5})
    path = tmp_path / "history" / "steps.rows"
    data = bytearray(path.read_bytes())
    place = len(data) - STEPS.dtype.itemsize + STEPS.dtype.fields["total"][1]  # type: ignore[index]
    data[place : place + 4] = signalling.tobytes()
    path.write_bytes(data)
    row = read_history(tmp_path).steps
    assert row["total"].tobytes() == np.float32(np.nan).tobytes()
    assert row["rate"][0] == 0.5


def test_no_history(tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: read_history(tmp_path))
    assert (error.where, error.what) == (str(tmp_path), "holds no history (a folder history with steps.rows)")
    write(tmp_path, "groups.rows", GROUPS, {"step": 1})
    assert refused(lambda: read_history(tmp_path)).what == "holds no step yet"
    write(tmp_path, "steps.rows", GROUPS, {"step": 1})
    error = refused(lambda: read_history(tmp_path))
    assert error.where == str(tmp_path / "history" / "steps.rows")
    assert error.what == "is no file of steps that this version writes"


def test_steps_of_validation_alone(tmp_path: Path, refused: Refused) -> None:
    write(tmp_path, "steps.rows", STEPS, {"step": 1, "marks": VALIDATION}, {"step": 2, "marks": VALIDATION | SAMPLED})
    assert "its 2 steps are all of validation" in refused(lambda: read_history(tmp_path)).what
    write(tmp_path, "steps.rank1.rows", STEPS, {"step": 1})
    result = analyse_history(read_history(tmp_path), (), None)
    assert (result.steps, result.first_step) == (1, 1)


def test_names_of_images_without_the_lines_that_are_torn(tmp_path: Path) -> None:
    write(tmp_path, "steps.rows", STEPS, {"step": 1})
    history = tmp_path / "history"
    torn = ["[]", '{"image": 4}', '{"image": "x", "name": "b"}', '{"image": 1e999, "name": "b"}', "[" * 99999]
    lines = ['{"image": 3, "name": "a.jpg"}', *torn, '{"name": 5, "image": "6"}', '{"image": 8, "na']
    (history / "images.rank0.jsonl").write_text("\n".join(lines))
    (history / "images.rank1.jsonl").write_text('{"image": 9, "name": "é.jpg"}\n', encoding="utf-8")
    (history / "other.jsonl").write_text('{"image": 1, "name": "no"}\n')
    assert read_history(tmp_path).names == {3: "a.jpg", 6: "5", 9: "é.jpg"}


def test_batches_of_the_run_and_of_what_was_before_by_their_times(tmp_path: Path) -> None:
    write(tmp_path, "steps.rows", STEPS, {"step": 1})
    late = batch(tmp_path / "step0000001.safetensors", 30)
    early = batch(tmp_path / "earlier-1" / "step0000009.rank1.safetensors", 10)
    batch(tmp_path / "other" / "step0000001.safetensors", 1)
    batch(tmp_path / "step1.safetensors", 1)
    save_file({"loc": torch.zeros(1)}, tmp_path / "step0000005.safetensors")
    (tmp_path / "step0000006.safetensors").mkdir()
    for name, size in (("step0000007.safetensors", MOST_HEADER + 1), ("step0000008.safetensors", 2**63)):
        (tmp_path / name).write_bytes(size.to_bytes(8, "little"))
    assert [(each.path, each.captured.epoch_time) for each in read_history(tmp_path).batches] == [
        (early, 10.0),
        (late, 30.0),
    ]


def test_a_header_of_all_the_bytes_that_it_may_have(tmp_path: Path) -> None:
    write(tmp_path, "steps.rows", STEPS, {"step": 1})
    path = batch(tmp_path / "step0000001.safetensors", 30)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    for longer, kept in ((MOST_HEADER, 1), (MOST_HEADER + 8, 0)):
        path.write_bytes(longer.to_bytes(8, "little") + data[8 : 8 + size].ljust(longer) + data[8 + size :])
        assert len(read_history(tmp_path).batches) == kept
