"""Photos that a loader does not find, and photos that nobody annotated; and sets in which all is well."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

import ssdlossdbg
from ssdlossdbg.results import Finding

BOX = "<bndbox><xmin>40</xmin><ymin>20</ymin><xmax>160</xmax><ymax>90</ymax></bndbox>"
SIZE = (200, 100)


def voc(photo: str) -> str:
    size = "<size><width>200</width><height>100</height><depth>3</depth></size>"
    head = f"<annotation><folder>x</folder><filename>{photo}</filename>{size}"
    tags = "<pose>Left</pose><truncated>0</truncated><difficult>0</difficult>"
    return f"{head}<object><name>cat</name>{tags}{BOX}</object></annotation>"


def coco(*photos: str) -> str:
    return json.dumps({
        "images": [
            {"id": number, "file_name": name, "width": 200, "height": 100} for number, name in enumerate(photos)
        ],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 1, "bbox": [40, 20, 120, 70]}
            for number in range(len(photos))
        ],
        "categories": [{"id": 1, "name": "cat"}],
    })  # fmt: skip


def xml_of(*names: str) -> dict[str, str]:
    return {f"Annotations/{name}.xml": voc(f"{name}.jpg") for name in names}


def yolo_of(*names: str) -> dict[str, str]:
    return {f"labels/{name}.txt": "0 .5 .5 .6 .7" for name in names} | {"classes.txt": "cat"}


def warned(
    folder: Path, files: Mapping[str, str], photos: Sequence[str], path: str = ".", dialect: str = "ssd.pytorch"
) -> list[Finding]:
    """The errors and warnings on files with photos: those of `check`, which are those of `audit`."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in photos:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE).save(folder / name)
    audited = ssdlossdbg.audit(folder / path, "ssd300", dialect, device="cpu").findings
    checked = ssdlossdbg.check([folder / path], "ssd300", dialect, device="cpu").findings
    said = [{(each.code, str(case)) for each in both for case in each.cases} for both in (audited, checked)]
    assert said[0] == said[1]
    return [finding for finding in audited if finding.severity != "note"]


def codes(found: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in found]


def test_a_photo_in_capitals(tmp_path: Path) -> None:
    files, photos = xml_of("a", "b", "c"), ["JPEGImages/a.jpg", "JPEGImages/b.JPG", "JPEGImages/c.jpg"]
    found = warned(tmp_path, files, photos)
    assert codes(found) == ["FIL004"]
    assert found[0].worst.message == "ssd.pytorch opens b.jpg, the photo is called b.JPG: on Linux it is not found"
    assert codes(warned(tmp_path, files, [], dialect="tf-object-detection")) == ["FIL004"], "<filename> says b.jpg"
    assert codes(warned(tmp_path, files, [], dialect="torchvision")) == [], "which reads no Pascal VOC"
    (tmp_path / "Annotations/b.xml").write_text(voc("b.JPG"))
    assert codes(warned(tmp_path, {}, [], dialect="tf-object-detection")) == []


@pytest.mark.parametrize(
    ("photos", "told"),
    [
        (("a.jpg", "b.jpg"), False),
        (("a.JPG", "b.JPG"), True),
        (("a.png", "b.png"), False),
        (("a.jpg", "b.png"), True),
        (("a.jpg", "b.jpeg"), True),
    ],
)
def test_endings_of_photos(tmp_path: Path, photos: Sequence[str], told: bool) -> None:
    found = warned(tmp_path, xml_of("a", "b"), [f"JPEGImages/{name}" for name in photos])
    assert codes(found) == ["FIL004"] * told


def test_a_coco_photo_in_capitals(tmp_path: Path) -> None:
    found = warned(tmp_path, {"a.json": coco("x/a.jpg", "b.jpg")}, ["x/a.JPG", "b.jpg"], "a.json", "torchvision")
    assert codes(found) == ["FIL004"]
    assert "torchvision opens a.jpg, the photo is called a.JPG" in found[0].worst.message


@pytest.mark.parametrize("kind", ["voc", "coco", "yolo"])
def test_one_photo_is_missing_among_others(tmp_path: Path, kind: str) -> None:
    names = "abcd"
    files = {"voc": xml_of(*names), "yolo": yolo_of(*names), "coco": {"a.json": coco(*(f"{n}.jpg" for n in names))}}
    place = {"voc": "JPEGImages", "yolo": "images", "coco": "."}[kind]
    path = "a.json" if kind == "coco" else "."
    found = warned(tmp_path, files[kind], [f"{place}/{name}.jpg" for name in "abd"], path)
    assert codes(found) == ["FIL005"]
    assert found[0].worst.message.startswith(f"1 of 4 photos is not there: c{'' if kind == 'yolo' else '.jpg'};")


def test_photos_that_are_elsewhere(tmp_path: Path) -> None:
    files = xml_of(*"abcd")
    assert warned(tmp_path, files, []) == []
    assert warned(tmp_path, files, ["JPEGImages/a.jpg"]) == [], "a few samples of many"


@pytest.mark.parametrize("of", [xml_of, yolo_of])
def test_half_of_the_photos_have_no_annotation_file(tmp_path: Path, of: Callable[..., dict[str, str]]) -> None:
    place = "JPEGImages" if of is xml_of else "images"
    found = warned(tmp_path, of("a", "b"), [f"{place}/{name}.jpg" for name in "abcd"])
    assert codes(found) == ["SET005"]
    assert found[0].worst.message.startswith("2 of 4 photos have no ")


def test_photos_that_a_list_leaves_out_or_that_are_few(tmp_path: Path) -> None:
    files = {**xml_of(*"abcd"), "ImageSets/Main/train.txt": "a\nb\n"}
    photos = [f"JPEGImages/{name}.jpg" for name in "abcd"]
    assert warned(tmp_path, files, photos, "ImageSets/Main/train.txt") == []
    assert warned(tmp_path, {}, ["JPEGImages/e.jpg"]) == []


def test_empty_label_files_say_that_photos_show_nothing(tmp_path: Path) -> None:
    files = {**yolo_of("a", "b"), "labels/c.txt": "", "labels/d.txt": ""}
    assert "SET005" not in codes(warned(tmp_path, files, [f"images/{name}.jpg" for name in "abcd"]))


@pytest.mark.parametrize("key", ["annotations", "categories"])
def test_ids_that_come_twice(tmp_path: Path, key: str) -> None:
    table = json.loads(coco("a.jpg", "b.jpg"))
    table["categories"].append({"id": 2, "name": "dog"})
    table["annotations"][1]["category_id"] = 2
    assert warned(tmp_path, {"a.json": json.dumps(table)}, [], "a.json") == []
    table[key][1]["id"] = table[key][0]["id"]
    if key == "categories":
        table["annotations"][1]["category_id"] = 1
    found = warned(tmp_path, {"a.json": json.dumps(table)}, [], "a.json")
    assert codes(found) == ["FIL003"]
    assert found[0].worst.message.startswith(f"{key}[1]: has the id {table[key][0]['id']} of ")
