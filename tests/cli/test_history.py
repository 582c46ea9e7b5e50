"""`history` on a run in a folder: what it writes, where, and what it refuses before anything is read."""

from __future__ import annotations

import csv
import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from ssdlossdbg.results.captured import HEADER_KEY, Captured
from ssdlossdbg.results.history_rows import GROUPS, HEAD, OBJECTS, SIDES, SIZE, STEPS, Table, rows_in
from tests.cli.conftest import Run
from tests.cli.test_pages import document
from tests.fuzz.headers import history_file

Good = Callable[..., str]
Refused = Callable[..., str]
HISTORY = ("history", "hist", "--fail-on", "never", "--image-size", "64")


@pytest.fixture(autouse=True)
def kept(folder: Path) -> Path:
    """The folder of a run of sixty steps; each object is in one of four images."""
    made = folder / "hist" / "history"
    made.mkdir(parents=True)
    for name in ("steps.rows", "groups.rows", "objects.rows", "images.jsonl"):
        (made / name).write_bytes(history_file(Path(name).stem))
    return made.parent


def test_a_page_holds_the_document_and_the_photos_that_are_found(good: Good, folder: Path, photo: Any) -> None:
    said = json.loads(good(*HISTORY, "--format", "json"))
    first = said["objects"][0]["name"]
    assert "\nWrote run.html\n" in good(*HISTORY, "-o", "run.html")
    page = (folder / "run.html").read_text()
    assert document(page) == {**said, "files": []}
    assert page.count("data:image/jpeg") == 0
    (folder / "photos").mkdir()
    Image.new("RGB", (80, 60)).save(folder / "photos" / first)
    good(*HISTORY, "-o", "run.html", "--photos", "photos")
    assert (folder / "run.html").read_text().count("data:image/jpeg") == 1
    photo(first)  # its name is a path from here
    assert good(*HISTORY, "--format", "html").count("data:image/jpeg") == 1


@pytest.mark.parametrize(
    ("table", "rows"),
    [("steps", 60), ("group_samples", 60), ("object_samples", 60), ("events", None), ("groups", None)],
)
def test_tables_are_written_and_replaced(table: str, rows: int | None, good: Good, folder: Path) -> None:
    said = json.loads(good(*HISTORY, "--format", "json"))
    for _ in range(2):
        assert "\nWrote table.csv\n" in good(*HISTORY, "--csv", "table.csv", "--table", table)
    with (folder / "table.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == (len(said[table]) if rows is None else rows)


def test_the_usual_table_is_of_every_object(run: Run) -> None:
    outcome = run(*HISTORY, "--csv", "-")
    lines = list(csv.DictReader(outcome.out.splitlines()))
    states = {row["state"] for row in lines}
    assert len(lines) == json.loads(run(*HISTORY, "--format", "json").out)["known_objects"]
    assert states <= {"learnt", "never learnt", "forgotten", "taken for another", "open"}
    assert "criterion" in outcome.err, "the report goes where the table does not"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--table", "steps"), "--table: says what --csv writes, and there is none. Add --csv FILE."),
        (("--photos", "."), "--photos: is for a page, and there is none"),
        (("--photos", "none", "-o", "run.html"), "none: is no folder"),
        (("-o", "charts"), "-o: is where charts go, and there is none to draw. Add --charts."),
        (("-o", "run.csv"), "run.csv: is one file, and --charts draws several."),
        (("-o", "-"), "-: is one file"),
        (("--csv", "hist/history/steps.rows", "--overwrite"), "is an input and would be overwritten"),
        (("--csv", "mine.csv"), "mine.csv: exists and is no file of ssdlossdbg's"),
    ],
)
def test_what_does_nothing_or_harm_is_refused(options: tuple[str, ...], said: str, refused: Refused) -> None:
    Path("mine.csv").write_text("step,mine\n")
    assert said in refused(*HISTORY, *options)


def test_charts_go_where_they_are_asked_for(good: Good, folder: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra `charts`)")
    good(*HISTORY, "--charts", "-o", "drawn")
    assert sorted(each.name for each in (folder / "drawn").iterdir()) == [
        "course.png",
        "not-learnt-by-size.png",
        "right-by-class.png",
    ]


def test_the_report_ends_with_what_to_run_next(good: Good, folder: Path) -> None:
    assert good(*HISTORY).endswith("\nNext:\n  ssdlossdbg history hist -o history.html --image-size 64\n")
    assert "Next:" not in good(*HISTORY, "-o", "history.html")
    header = Captured(40, "spike", epoch_time=40.0).to_json()
    save_file({"loc": torch.zeros(1)}, folder / "hist" / "step0000040.safetensors", {HEADER_KEY: header})
    rows = np.frombuffer(history_file("steps")[HEAD:], STEPS.dtype).copy()
    rows["time"], rows["total"][40] = np.arange(60.0), 9.0
    (folder / "hist" / "history" / "steps.rows").write_bytes(STEPS.head({}) + rows.tobytes())
    assert good(*HISTORY, "--no-causes").endswith("  ssdlossdbg loss hist/step0000040.safetensors --image-size 64\n")


@pytest.mark.parametrize(
    ("option", "library"), [("--charts", "matplotlib"), ("--tensorboard", "tensorboard"), ("--wandb", "wandb")]
)
def test_a_library_that_is_missing_is_said(
    option: str, library: str, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    said = refused(*HISTORY, option, *(() if option == "--charts" else ("there",)))
    extra = "charts" if option == "--charts" else library
    assert f"{option}: needs {library}, which is not installed. pip install 'ssdlossdbg[{extra}]'" in said


def test_a_folder_of_its_name_is_no_library(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", ModuleType("wandb"))  # as Python imports a folder that is no package
    assert "--wandb: needs wandb, which is not installed" in refused(*HISTORY, "--wandb", "project")


def test_tensorboard_reads_what_is_written(good: Good, folder: Path) -> None:
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed (the extra `tensorboard`)",
    )
    good(*HISTORY, "--csv", "steps.csv", "--table", "steps")
    for _ in range(2):
        assert "Wrote board/events.out.tfevents.0.ssdlossdbg" in good(*HISTORY, "--tensorboard", "board")
    assert len(list((folder / "board").iterdir())) == 1, "ours is replaced"
    events = reader.EventAccumulator(str(folder / "board"), size_guidance={"scalars": 0})
    events.Reload()
    with (folder / "steps.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for tag, name in (("loss/total", "loss"), ("loss/confidence", "confidence"), ("optimizer/learning_rate", "rate")):
        told = [(event.step, event.value) for event in events.Scalars(tag)]
        assert told == [(int(row["step"]), pytest.approx(float(row[name]))) for row in rows]
    assert {"all_objects/right", "level/1/positives", "class/1_class_1/right"} <= set(events.Tags()["scalars"])
    [text] = events.Tensors("ssdlossdbg/findings/text_summary")
    assert b"**History** 60 steps" in text.tensor_proto.string_val[0]


def test_another_file_in_the_place_of_ours_stays(refused_at_the_end: Any, folder: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed (the extra `tensorboard`)")
    (folder / "board").mkdir()
    (folder / "board" / "events.out.tfevents.0.ssdlossdbg").write_bytes(b"mine")
    said = refused_at_the_end(*HISTORY, "--tensorboard", "board")
    assert "exists and is no file of ssdlossdbg's" in said
    assert (folder / "board" / "events.out.tfevents.0.ssdlossdbg").read_bytes() == b"mine"


@pytest.fixture
def refused_at_the_end(run: Run) -> Callable[..., str]:
    """Run a command whose file cannot be written, which is said after its report."""

    def invoke(*words: object) -> str:
        outcome = run(*words)
        assert outcome.code == 2
        assert "criterion" in outcome.out
        return outcome.err

    return invoke


def test_wandb_stays_on_this_machine(good: Good, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed (the extra `wandb`)")
    for name in ("WANDB_MODE", "WANDB_DIR", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    report = good(*HISTORY, "--wandb", "project-x")
    [run_folder] = (folder / "wandb").glob("offline-run-*")
    assert f"Wrote wandb/{run_folder.name}" in report
    [log] = run_folder.glob("*.wandb")
    held = log.read_bytes()
    for words in (b"project-x", b"loss/total", b"class/1 class 1/right", b"MultiBoxLoss"):
        assert words in held
    assert held.count(b"loss/total") >= 60
    tables = [json.loads(path.read_text()) for path in (run_folder / "files" / "media" / "table").iterdir()]
    said = json.loads(good(*HISTORY, "--format", "json"))
    objects = next(each for each in tables if "state" in each["columns"])
    place = objects["columns"].index("cost")
    assert [row[place] for row in objects["data"]] == pytest.approx([each["cost"] for each in said["objects"]])


@pytest.mark.parametrize(
    ("table", "fields"),
    [
        (GROUPS, {"kind": SIZE, "key": len(SIDES) + 1}),
        (GROUPS, {"kind": SIZE, "key": -1}),
        (GROUPS, {"objects": -5}),
        (GROUPS, {"step": 1 << 41}),
        (OBJECTS, {"label": 1 << 25}),
        (OBJECTS, {"rival": -1}),
        (OBJECTS, {"box": np.nan}),
        (STEPS, {"time": np.inf}),
    ],
)
def test_a_row_that_no_training_writes_is_left_out(
    good: Good, folder: Path, table: Table, fields: dict[str, Any]
) -> None:
    path = folder / "hist" / "history" / f"{table.name}.rows"
    sound = json.loads(good(*HISTORY, "--format", "json"))
    row = rows_in(path.read_bytes(), table)[-1:].copy()
    for name, value in fields.items():
        row[name] = value
    path.write_bytes(path.read_bytes() + row.tobytes())
    assert json.loads(good(*HISTORY, "--format", "json")) == sound


def test_the_largest_class_costs_no_more_than_another(good: Good, folder: Path) -> None:
    path = folder / "hist" / "history" / "objects.rows"
    data = path.read_bytes()
    rows = rows_in(data, OBJECTS).copy()
    rows["label"][0] = rows["rival"][1] = (1 << 24) - 1
    path.write_bytes(data[:HEAD] + rows.tobytes())
    tracemalloc.start()
    try:
        good(*HISTORY)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
