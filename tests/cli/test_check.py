"""`check`, as a CI job or a pre-commit hook runs it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import ssdlossdbg
from ssdlossdbg.results import CheckResult

GOOD = ("cat", (40, 20, 160, 90))
FLAT = ("cat", (30, 20, 30, 60))
COCO = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 200, "height": 100},
        {"id": 2, "file_name": "b c.jpg", "width": 200, "height": 100},
    ],
    "annotations": [
        {"image_id": 1, "category_id": 3, "bbox": [40, 20, 120, 70]},
        {"image_id": 2, "category_id": 3, "bbox": [40, 20, 120, 70]},
        {"image_id": 2, "category_id": 3, "bbox": [50, 30, 0, 40]},
    ],
    "categories": [{"id": 3, "name": "cat"}],
}
Write = Callable[..., Path]


@pytest.fixture
def text(folder: Path) -> Callable[[str, str], Path]:
    """Write a text file."""

    def write(name: str, content: str) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    return write


def lines(out: str) -> list[str]:
    """Those of the cases."""
    return out.split("\n\nChecked")[0].splitlines() if "\n\nChecked" in out else []


def told(out: str) -> list[list[str]]:
    """The file and the code of each case."""
    return [[line.split(":")[0], line.split(" error ")[1].split(" ")[0]] for line in lines(out)]


def test_clean_files(good: Callable[..., str], annotation: Write) -> None:
    annotation([GOOD])
    assert good("check", "photo.xml") == "Checked 1 file, 1 object: nothing found.\n"


def test_line_and_exit_code_of_an_error(run: Any, annotation: Write) -> None:
    annotation([GOOD, FLAT], name="ö b.xml")
    outcome = run("check", "ö b.xml")
    (line,) = lines(outcome.out)
    assert re.match(r"ö b\.xml:\d+: error BOX001 object 1 \(", line)
    assert outcome.code == 1
    summary = ": 1 error.\n  BOX001  error    1  box without width or height\n"
    assert outcome.out.endswith(f"{summary}Next: ssdlossdbg explain BOX001\n")
    assert run("check", "ö b.xml", "--fail-on", "never").code == 0


def test_only_the_broken_file_of_a_folder_is_named(run: Any, annotation: Write) -> None:
    for name in "abc":
        annotation([GOOD, FLAT] if name == "b" else [GOOD], name=f"{name}.xml")
    outcome = run("check", ".")
    assert [line.split(": ")[0] for line in lines(outcome.out)] == ["b.xml:1"]
    assert "Checked 3 files, 4 objects: 1 error." in outcome.out


@pytest.mark.parametrize("content", ["<annotation><size>", "", "<html/>"])
def test_unreadable_file_stops_none_of_the_others(run: Any, annotation: Write, text: Any, content: str) -> None:
    annotation([GOOD, FLAT], name="b.xml")
    text("a.xml", content)
    outcome = run("check", "a.xml", "b.xml")
    assert told(outcome.out) == [["a.xml", "FIL001"], ["b.xml", "BOX001"]]
    assert "Checked 2 files (1 unreadable)" in outcome.out
    assert (outcome.code, outcome.err) == (2, "")
    assert run("check", "a.xml", "--select", "BOX", "--fail-on", "never").code == 2


def test_path_that_does_not_exist(refused: Callable[..., str], annotation: Write, folder: Path) -> None:
    annotation([FLAT])
    assert "nowhere.xml" in refused("check", "photo.xml", "nowhere.xml")
    (folder / "empty").mkdir()
    assert "nothing to check" in refused("check", "photo.xml", "empty")


@pytest.mark.parametrize("option", ["--dialect", "--config", "--device", "--image-size", "--select"])
def test_options_that_make_no_sense_are_refused_at_once(
    refused: Callable[..., str], annotation: Write, option: str
) -> None:
    annotation([FLAT])
    assert "nonsense" in refused("check", "photo.xml", option, "nonsense")


def test_class_list_that_does_not_fit(run: Any, annotation: Write) -> None:
    annotation([GOOD])
    outcome = run("check", "photo.xml", "--classes", "cot,dog")
    assert told(outcome.out) == [["photo.xml", "LBL003"]]
    assert outcome.code == 1


def test_select_ignore_and_notes(run: Any, sample: Path, annotation: Write) -> None:
    files = sample / "astronaut.xml", annotation([])  # without objects, which torchvision takes: a note

    def codes(*words: str) -> set[str]:
        return {
            line.split(": ")[1].split(" ")[1]
            for line in lines(run("check", *files, "--dialect", "torchvision", *words).out)
        }

    usual, everything = codes(), codes("--notes")
    assert {"BOX001", "BOX002"} <= usual < everything
    assert codes("--ignore", "BOX") == {code for code in usual if not code.startswith("BOX")}
    noted = sorted(everything - usual)[0]
    assert codes("--select", noted) == {noted}, "a note that is asked for by its name is listed"


def test_every_image_of_a_coco_file(run: Any, text: Any) -> None:
    text("a.json", json.dumps(COCO))
    outcome = run("check", "a.json")
    (line,) = lines(outcome.out)
    assert re.match(r"a\.json:\d+: error BOX001 b c\.jpg, object 1 \(", line)
    assert "Checked 1 file, 3 objects" in outcome.out


def test_yolo_with_and_without_its_photo(run: Any, text: Any, photo: Write) -> None:
    text("labels/a.txt", "0 0.5 0.5 0.5 0.5\n0 0.3 0.3 0 0.4\n")
    text("labels/classes.txt", "cat\n")
    words = ("check", "labels", "--classes", "labels/classes.txt")
    (without,) = lines(run(*words).out)
    assert without.startswith("labels/a.txt:2: error BOX001 object 1 ")
    photo("labels/a.png")
    (beside,) = lines(run(*words).out)
    assert "xmin = xmax = 60" in beside, "in pixels of the photo"


def test_photo_of_another_size(run: Any, annotation: Write, photo: Write) -> None:
    annotation([("cat", (10, 10, 80, 40))], size=(100, 50))
    photo("photo.png", (200, 100))
    (line,) = lines(run("check", "photo.xml").out)
    assert line.startswith("photo.xml: error FIL002 ")


def test_batch_named_or_in_a_folder_beside_annotations(run: Any, sample: Path, folder: Path, annotation: Write) -> None:
    annotation([GOOD, FLAT])
    shutil.copy(sample / "preds.pt", folder / "x.pt")
    targets = torch.load(sample / "targets.pt", weights_only=True)
    targets[1][0, 2] = targets[1][0, 0]
    torch.save(targets, folder / "y.pt")
    named = run("check", "x.pt", "y.pt")
    assert told(named.out) == [["y.pt", "BOX001"]]
    (folder / "x.pt").rename("x_preds.pt")
    (folder / "y.pt").rename("x_targets.pt")
    both = run("check", ".")
    places = [["photo.xml", "BOX001"], ["x_targets.pt", "BOX001"]]
    assert told(both.out) == places
    assert (named.code, both.code) == (1, 1)


def test_half_of_a_batch(good: Callable[..., str], sample: Path) -> None:
    assert "Checked 1 file, 27 objects" in good("check", sample / "targets.pt")
    assert "Checked 1 file, 0 objects" in good("check", sample / "preds.pt")


def test_encoded_targets_alone(run: Any, save: Any) -> None:
    labels = torch.zeros(1, 8732, dtype=torch.long)
    labels[0, 8000] = 1
    save("targets.pt", {"labels": labels, "locations": torch.zeros(1, 8732, 4)})
    assert run("check", "targets.pt").code == 0
    save("targets.pt", {"labels": labels[:, 1:], "locations": torch.zeros(1, 8731, 4)})
    assert "8731" in run("check", "targets.pt").out


def test_labels_of_lone_targets_against_the_class_list(run: Any, sample: Path) -> None:
    outcome = run("check", sample / "targets.pt", "--classes", "cat,dog")
    assert "LBL001" in outcome.out
    assert outcome.code == 1


def test_cut_file_of_a_batch(run: Any, sample: Path, folder: Path) -> None:
    (folder / "preds.pt").write_bytes((sample / "preds.pt").read_bytes()[:1000])
    shutil.copy(sample / "targets.pt", folder)
    outcome = run("check", ".")
    assert told(outcome.out) == [["preds.pt", "FIL001"]]
    assert outcome.code == 2


@pytest.mark.parametrize("format", ["json", "github", "sarif"])
def test_machine_formats(run: Any, annotation: Write, text: Any, format: str) -> None:
    annotation([GOOD, FLAT], name="b.xml")
    text("a.xml", "")
    outcome = run("check", ".", "--format", format)
    assert outcome.code == 2
    if format == "github":
        assert [line.split(" ")[:2] for line in outcome.out.splitlines()] == [
            ["::error", "file=a.xml,title=FIL001"],
            ["::error", "file=b.xml,line=1,title=BOX001"],
        ]
    else:
        assert {"FIL001", "BOX001"} <= set(json.dumps(json.loads(outcome.out)).replace('"', " ").split())


def test_machine_formats_of_clean_files(good: Callable[..., str], annotation: Write) -> None:
    annotation([GOOD])
    assert good("check", ".", "--format", "github") == ""
    assert json.loads(good("check", ".", "--format", "sarif"))["runs"][0]["results"] == []
    assert json.loads(good("check", ".", "--format", "json"))["totals"]["objects"] == 1


def test_library_result(folder: Path, annotation: Write) -> None:
    annotation([GOOD, FLAT])
    Image.new("RGB", (200, 100)).save(folder / "photo.jpg")
    result = ssdlossdbg.check(["photo.xml"], device="cpu")
    assert isinstance(result, CheckResult)
    assert (result.images, result.objects, result.files.total) == (1, 2, 1)
    assert [finding.code for finding in result.findings if finding.severity == "error"] == ["BOX001"]
