"""The line of an object, by counting in files written here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg.readers.annotations.lines import with_lines
from ssdlossdbg.readers.files import noting
from ssdlossdbg.results import Case, Finding, Severity, Where

VOC = """\
<?xml version="1.0"?>
<annotation>
  <filename>a.jpg</filename>
  <size><width>100</width><height>100</height><depth>3</depth></size>
  <object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>50</xmax><ymax>50</ymax></bndbox></object>
  <object>
    <pose>left</pose>
    <name> dog </name><difficult>0</difficult>
    <bndbox><xmin>20</xmin><ymin>20</ymin><xmax>20</xmax><ymax>60</ymax></bndbox>
  </object>
</annotation>
"""


def line_of(file: Path, image: str | None, index: int, label: str) -> int | None:
    case = Case(Where(str(file), image, index, label), "is wrong", None, None, "Mend it.")
    known = {".xml": "voc", ".txt": "yolo", ".json": "coco"}[file.suffix]
    (found,) = with_lines([Finding("BOX001", "name", Severity.ERROR, (case,))], {str(file): known})
    return found.cases[0].where.line


def test_voc(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text(VOC)
    assert [line_of(file, None, 0, "cat"), line_of(file, None, 1, "dog")] == [5, 6]
    assert line_of(file, None, 1, "cat") is None, "another object than the one that is meant"
    assert line_of(file, None, 2, "cat") is None
    assert line_of(tmp_path / "away.xml", None, 0, "cat") is None
    with noting():
        (finding,) = [each for each in ssdlossdbg.check([file]).findings if each.code == "BOX001"]
    assert finding.cases[0].where.line == 6


def test_yolo(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("0 0.5 0.5 0.1 0.1\n\n1 0.5 0.5 0 0.1\n")
    assert [line_of(file, None, 0, "cat"), line_of(file, None, 1, "dog")] == [1, 3]


@pytest.mark.parametrize("indent", [None, 1])
def test_coco(tmp_path: Path, indent: int | None) -> None:
    boxes = [{"id": i, "image_id": i % 2, "category_id": 3 + i, "bbox": [i, i, 9, 9]} for i in range(4)]
    document = {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in range(2)],
        "annotations": boxes,
        "categories": [{"id": 3 + i, "name": f"c{i}"} for i in range(4)],
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document, indent=indent))
    rows = file.read_text().splitlines()
    for each in boxes:
        number = each["id"]
        assert isinstance(number, int)
        line = line_of(file, f"{number % 2}.jpg", number // 2, f"c{number}")
        assert line is not None
        if indent is None:
            assert line == 1
        else:
            assert rows[line - 1].strip() == "{"
            assert rows[line].strip() == f'"id": {number},'


def test_of_images_with_one_name_no_object_has_a_line(tmp_path: Path) -> None:
    """Which of them is meant nobody knows; the objects of the others have theirs."""
    document = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(("a.jpg", "b.jpg", "a.jpg"))],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 9, 9]} for i in range(3)],
        "categories": [{"id": 1, "name": "cat"}],
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document, indent=1))
    rows = file.read_text().splitlines()
    assert line_of(file, "a.jpg", 0, "cat") is line_of(file, "a.jpg", 1, "cat") is None
    line = line_of(file, "b.jpg", 0, "cat")
    assert line is not None
    assert rows[line].strip() == '"id": 1,'
