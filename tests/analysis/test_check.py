"""Annotations of several files, checked together, and the findings of any files, told file by file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.analysis.audit.assigned import Matcher
from ssdlossdbg.analysis.check import analyse_datasets, by_file
from ssdlossdbg.readers.annotations import Part, Source, load_parts
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import load_priors
from ssdlossdbg.results import Case, Evidence, Finding, Objects, Refusal, Severity, Where

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 300, "height": 300}],
    "annotations": [{"image_id": 1, "category_id": 7, "bbox": [30, 30, 30, 30]}],
    "categories": [{"id": 7, "name": "cat"}],
}


def voc(*labels: str) -> str:
    """An annotation of objects that share their best prior."""
    return "<annotation><size><width>300</width><height>300</height></size>{}</annotation>".format(
        "".join(
            f"<object><name>{label}</name><difficult>0</difficult><bndbox>"
            f"<xmin>{30 + index}</xmin><ymin>{30 + index}</ymin>"
            f"<xmax>{60 + index}</xmax><ymax>{60 + index}</ymax></bndbox></object>"
            for index, label in enumerate(labels)
        )
    )


def described(folder: Path, files: Mapping[str, Any], classes: tuple[str, ...] = ()) -> Sequence[tuple[Evidence, ...]]:
    """What the checks see of files, a tuple a format."""
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    datasets, refused = load_parts([Part(folder / name) for name in files], Source(folder, classes))
    assert not refused
    named, rules = load_priors("ssd300"), load_dialect("ssd.pytorch")
    parts = [analyse_datasets([each], named, rules, device="cpu") for each in datasets]
    return [tuple(part for part in each if isinstance(part, Objects | Refusal)) for each in parts]


def test_objects_of_several_files_keep_their_file_and_the_row_that_they_lost_to(tmp_path: Path) -> None:
    files = {"0.xml": voc("cat", "dog"), "1.xml": voc(), "2.xml": voc("dog", "dog", "cat")}
    [[objects, *_]] = described(tmp_path, files)
    assert isinstance(objects, Objects)
    assert objects.image.tolist() == [0, 0, 2, 2, 2]
    assert objects.index.tolist() == [0, 1, 0, 1, 2]
    assert [Path(image.file).name for image in objects.images] == list(files)
    lost = objects.lost_to >= 0
    assert objects.lost_to.max() > 1, "an object of a later file lost its prior"
    assert (objects.image[objects.lost_to[lost]] == objects.image[lost]).all()


def test_each_format_is_a_table_of_its_own_and_all_have_one_list_of_classes(tmp_path: Path) -> None:
    files = {"0.xml": voc("platelet"), "a.json": COCO, "1.xml": voc("cat")}
    tables = [table for table, *_ in described(tmp_path, files) if isinstance(table, Objects)]
    assert [table.layout for table in tables] == ["xyxy", "xywh"]
    ids = {label: number for table in tables for label, number in zip(table.labels, table.class_id, strict=True)}
    assert ids == {"cat": 1, "platelet": 2}, "what COCO lists comes first"


def test_classes_are_guessed_over_all_files_together(tmp_path: Path) -> None:
    [[objects, *_]] = described(tmp_path, {"0.xml": voc("rbc"), "1.xml": voc("platelet", "rbc", "wbc")})
    assert isinstance(objects, Objects)
    assert dict(zip(objects.labels, objects.class_id.tolist(), strict=True)) == {"platelet": 1, "rbc": 2, "wbc": 3}


def test_an_object_of_a_class_beyond_the_list_is_left_out_alone(tmp_path: Path) -> None:
    files = {"0.xml": voc("cat", "cta"), "1.xml": voc("cta", "cta", "cat")}
    [[objects, *refusals]] = described(tmp_path, files, ("cat",))
    assert isinstance(objects, Objects)
    assert objects.index.tolist() == [0, 2]
    told = [(Path(each.file).name, each.what) for each in refusals if isinstance(each, Refusal)]
    assert told == [
        ("0.xml", "the class 'cta' (1 object, 3 in all) is not in the list of classes"),
        ("1.xml", "the class 'cta' (2 objects, 3 in all) is not in the list of classes"),
    ]


def test_an_interrupted_check_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Matcher, "assign", interrupt)
    with pytest.raises(KeyboardInterrupt):
        described(tmp_path, {"0.xml": voc("cat")})


def test_findings_are_told_by_file() -> None:
    def case(file: str, index: int) -> Case:
        return Case(Where(file, None, index), "is wrong", 1.0, 0.0, "Mend it.")

    bad = Finding("BOX001", "bad", Severity.ERROR, (case("b", 2), case("a", 1), case("b", 0), case("b", 2)))
    worse = Finding("BOX002", "worse", Severity.WARNING, (case("b", 5),))
    assert by_file([bad, worse]) == (
        Finding("BOX001", "bad", Severity.ERROR, (case("a", 1),)),
        Finding("BOX001", "bad", Severity.ERROR, (case("b", 2), case("b", 0))),
        worse,
    )
