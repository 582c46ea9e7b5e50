"""A format that nobody has heard of: one function and one row, and every command reads through it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import FORMATS, Format, Source, Table
from ssdlossdbg.readers.annotations.folders import files_below, is_folder
from ssdlossdbg.readers.annotations.format import read_each
from ssdlossdbg.readers.annotations.table import Rows
from ssdlossdbg.readers.files import read_text


def read_toy(source: Source) -> Table:
    """A line an object, `class x y width height` in pixels from 1; a file an image."""
    files = files_below(source.path, TOY.endings, TOY.folder) if is_folder(source.path) else [source.path]
    return source.share.whole(read_each(dict.fromkeys(files, ""), source, _add).table(TOY))


def _add(file: Path, _: str, rows: Rows) -> None:
    found = [line.split() for line in read_text(file).splitlines()[1:]]
    if any(len(line) != 5 for line in found):
        raise InputError(file, "has a line that is none", "Write five columns.")
    image = rows.add_image(file.stem, str(file), (200, 100))
    for label, *numbers in found:
        x, y, width, height = map(float, numbers)
        rows.add_object(image, label, (x, y, x + width, y + height))


TOY = Format(
    name="toy",
    title="Toy",
    endings=(".toy",),
    read=read_toy,
    begins=(b"#toy",),
    folder="toys",
    layout="xywh",
    one_based=True,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three annotations, one of them broken, one of a box without width, with a photo beside it."""
    monkeypatch.setitem(FORMATS, "toy", TOY)
    monkeypatch.chdir(tmp_path)
    Path("set").mkdir()
    Path("set/a.toy").write_text("#toy\ncat 41 21 120 70\ndog 51 31 0 40\n")
    Path("set/b.toy").write_text("#toy\ncat 41 21 120 70\n")
    Path("set/broken.toy").write_text("#toy\ncat 1\n")
    Image.new("RGB", (200, 100)).save("set/a.png")
    return tmp_path


@pytest.mark.parametrize("format", [None, "toy"])
def test_load_dataset(format: str | None) -> None:
    dataset = ssdlossdbg.load_dataset("set", format=format)
    assert (dataset.format, dataset.names, dataset.class_names[7]) == (TOY, ("a", "b"), "cat")
    assert dataset.boxes.tolist() == [[41, 21, 161, 91], [51, 31, 51, 71], [41, 21, 161, 91]]
    assert [each.file for each in dataset.refused] == ["set/broken.toy"]


def test_match() -> None:
    result = ssdlossdbg.match("set/a.png", "set/a.toy", device="cpu")
    assert result.annotation_format == "Toy"
    assert [(item.label, item.box, item.problem) for item in result.ground_truth] == [
        ("cat", (41, 21, 161, 91), None),
        ("dog", (51, 31, 51, 71), "zero width"),
    ]
    assert result.ground_truth[0].input_box == pytest.approx((60, 60, 240, 270))


@pytest.mark.parametrize("name", ["set/a.toy", "a.dat", "a"])
def test_a_file_is_recognised_by_how_it_begins(name: str, folder: Path) -> None:
    (folder / name).write_bytes((folder / "set/a.toy").read_bytes())
    assert ssdlossdbg.load_dataset(name).format is TOY
    assert ssdlossdbg.check([name], device="cpu").objects == 2


def test_check_and_audit_find_the_same() -> None:
    checked, audited = ssdlossdbg.check(["set"], device="cpu"), ssdlossdbg.audit("set", device="cpu")
    places = [
        sorted((found.code, case.where.file, case.where.object) for found in findings for case in found.cases)
        for findings in (checked.findings, audited.findings)
    ]
    assert places[0] == places[1]
    assert {("BOX001", "set/a.toy", 1), ("FIL001", "set/broken.toy", None)} <= set(places[0])
    assert (audited.dataset.format, audited.totals.ground_truth, checked.objects) == ("Toy", 3, 3)


def test_fit() -> None:
    assert ssdlossdbg.fit("set", "ssd300").dataset.format == "Toy"


def test_a_folder_of_two_formats_holds_the_objects_of_both() -> None:
    Path("set/c.xml").write_text("<annotation/>")
    titles = [part.format.title for part in ssdlossdbg.load_dataset("set").parts]
    assert titles == ["Pascal VOC", "Toy"]


def test_what_is_no_format_is_said_to_be_none_of_all() -> None:
    Path("words").write_text(json.dumps("words"))
    with pytest.raises(InputError, match=r"is neither Pascal VOC, COCO, YOLO, Open Images, .* nor Toy"):
        ssdlossdbg.load_dataset("words")
    with pytest.raises(InputError, match=r"unknown format 'toi'\. Did you mean 'toy'"):
        ssdlossdbg.load_dataset("set", format="toi")
