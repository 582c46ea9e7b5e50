"""What is wrong with a data set as a whole, each kind beside its innocent neighbour."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.results import Finding

Boxes = Sequence[Sequence[float]]
BOXES = ((20, 20, 90, 80), (100, 30, 180, 95))
THREE = (*BOXES, (60, 10, 120, 60))
WHOLE = (1, 1, 200, 100)


def voc(path: Path, boxes: Boxes = BOXES, labels: Sequence[str] = (), photo: str = "") -> None:
    """A Pascal VOC file of a photo of 200 x 100 pixels."""
    objects = "".join(
        f"<object><name>{label}</name><difficult>0</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for label, (x1, y1, x2, y2) in zip(labels or ["cell"] * len(boxes), boxes, strict=True)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<annotation><filename>{photo or path.stem + '.jpg'}</filename><size><width>200</width><height>100</height>"
        f"</size>{objects}</annotation>"
    )


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("1", (200, 100)).save(path)


def of_sets(path: Path, classes: Sequence[str] = ()) -> Mapping[str, Finding]:
    """What is said of the set; the same by `check` and by `audit`."""
    checked = {item.code: item for item in api.check([path], classes=classes, device="cpu").findings}
    audited = {item.code: item for item in api.audit(path, classes=classes, device="cpu").findings}
    told = {code: item for code, item in audited.items() if code.startswith("SET")}
    assert {code: item.message for code, item in told.items()} == {
        code: item.message for code, item in checked.items() if code.startswith("SET")
    }
    return told


@pytest.mark.parametrize(("files", "others", "fires"), [(12, 0, True), (9, 0, False), (40, 2, True), (12, 2, False)])
def test_objects_that_fill_their_photos(files: int, others: int, fires: bool, tmp_path: Path) -> None:
    for place in range(files):
        voc(tmp_path / f"{place}.xml", [WHOLE] if place >= others else [BOXES[0]])
    told = of_sets(tmp_path)
    assert ("SET001" in told) is fires
    if fires:
        assert f"{files - others} of {files} objects cover 80% of their photo or more" in told["SET001"].message


def test_share_of_a_set_counts_each_object_that_is_concerned_once(tmp_path: Path) -> None:
    """Three of fifteen objects, of images that lie apart, and at different places of them."""
    inverted = (150, 30, 100, 95)
    for place in range(5):
        boxes = [inverted if (place, number) in ((4, 0), (0, 1), (2, 2)) else box for number, box in enumerate(THREE)]
        voc(tmp_path / f"{place}.xml", boxes)
    (found,) = (item for item in api.audit(tmp_path, device="cpu").findings if item.code == "BOX002")
    assert (found.count, found.share) == (3, 0.2)


@pytest.mark.parametrize(("right", "fires"), [(180.9, True), (180.7, False)])
def test_what_is_high_and_wide_enough_fills_its_photo(right: float, fires: bool, tmp_path: Path) -> None:
    """89 of 100 rows, and nine tenths of the columns or a little less, from the left border on."""
    for place in range(10):
        voc(tmp_path / f"{place}.xml", [(1, 11, right, 100)])
    assert ("SET001" in of_sets(tmp_path)) is fires


@pytest.mark.parametrize(("many", "few", "fires"), [(741, 18, True), (120, 8, False), (60, 2, False), (741, 0, False)])
def test_classes_of_very_different_number(many: int, few: int, fires: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    low = random.integers(1, 100, (many + few, 2)) // (1, 2)
    boxes = np.concatenate((low, low + random.integers(20, 50, (many + few, 2))), axis=1).tolist()
    voc(tmp_path / "a.xml", boxes, ["cat"] * many + ["dog"] * few)
    told = of_sets(tmp_path)
    assert ("SET004" in told) is fires
    if fires:
        assert "741 of cat, and 18 of dog: 41 to 1" in told["SET004"].message


def coco(path: Path, names: Sequence[str]) -> None:
    table = {
        "images": [{"id": place, "file_name": name, "width": 200, "height": 100} for place, name in enumerate(names)],
        "annotations": [
            {"image_id": place, "category_id": 1, "bbox": [9, 9, 50, 40 + place]} for place in range(len(names))
        ],
        "categories": [{"id": 1, "name": "cell"}],
    }
    path.write_text(json.dumps(table))


def test_a_photo_under_two_ids(tmp_path: Path) -> None:
    coco(tmp_path / "a.json", ["a/1.jpg", "a/2.jpg", "a/1.jpg"])
    told = of_sets(tmp_path / "a.json")
    assert list(told) == ["SET002"]
    assert "1 photo has several entries: a/1.jpg has 2 entries" in told["SET002"].message
    coco(tmp_path / "a.json", ["a/1.jpg", "a/2.jpg", "b/1.jpg"])
    assert of_sets(tmp_path / "a.json") == {}


def test_a_photo_of_two_files(tmp_path: Path) -> None:
    voc(tmp_path / "a.xml")
    voc(tmp_path / "a (1).xml", BOXES[:1], photo="a.jpg")
    told = of_sets(tmp_path)
    assert list(told) == ["SET002"]
    assert "a.xml" in told["SET002"].message
    photo(tmp_path / "a.jpg")
    found = api.check([tmp_path], device="cpu").findings
    assert [item.code for item in found] == ["SET002", "FIL004"], "which is why the loader opens another name"
    photo(tmp_path / "a (1).jpg")
    assert of_sets(tmp_path) == {}, "each has a photo of its own, and the name is a stale one"


def test_a_name_that_a_tool_left_in_all_files(tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml", "c.xml"):
        voc(tmp_path / name, [(20, 20, 90, 50 + ord(name[0]) % 7)], photo="000.jpg")
    assert of_sets(tmp_path) == {}


def test_a_copy_beside_its_source(tmp_path: Path) -> None:
    for name in ("a", "b"):
        voc(tmp_path / "all" / "Annotations" / f"{name}.xml")
    shutil.copytree(tmp_path / "all", tmp_path / "train")
    told = of_sets(tmp_path)
    assert list(told) == ["SET003"]
    assert "2 images are there twice with the same boxes" in told["SET003"].message
    photo(tmp_path / "all" / "JPEGImages" / "a.jpg")
    photo(tmp_path / "all" / "JPEGImages" / "b.jpg")
    assert "FIL005" not in {item.code for item in api.check([tmp_path], device="cpu").findings}, "its source has them"
    for name in ("a", "b"):  # frames of one name of two films
        voc(tmp_path / "train" / "Annotations" / f"{name}.xml", [(30, 20, 90, 80)])
    assert of_sets(tmp_path) == {}


@pytest.mark.parametrize(("files", "fires"), [(5, True), (8, False)])
def test_photos_without_label_files(files: int, fires: bool, tmp_path: Path) -> None:
    """Of ten; two of them may be background."""
    (tmp_path / "labels").mkdir()
    for place in range(10):
        photo(tmp_path / "images" / f"{place}.jpg")
        if place < files:
            (tmp_path / "labels" / f"{place}.txt").write_text(f"0 0.5 0.5 0.2 0.{place + 20}")
    told = of_sets(tmp_path, ["cell"])
    assert ("SET005" in told) is fires
    if fires:
        assert "5 of 10 photos have no YOLO file: 5.jpg, 6.jpg, 7.jpg and 2 more" in told["SET005"].message


def test_one_file_of_many_misses_no_other(tmp_path: Path) -> None:
    for place in range(6):
        photo(tmp_path / "JPEGImages" / f"{place}.jpg")
        voc(tmp_path / "Annotations" / f"{place}.xml", [(20, 20, 90, 50 + place)])
    assert of_sets(tmp_path / "Annotations" / "0.xml") == {}


def test_photos_of_two_formats(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for name in ("a", "b"):
        voc(tmp_path / "Annotations" / f"{name}.xml")
        (tmp_path / "labels" / f"{name}x.txt").write_text("0 0.5 0.5 0.2 0.2")
    assert of_sets(tmp_path, ["cell"]) == {}, "they are of other photos"
    (tmp_path / "labels" / "A.txt").write_text("0 0.5 0.5 0.2 0.2")
    told = of_sets(tmp_path, ["cell"])
    assert list(told) == ["SET006"]
    assert "1 photo is annotated in two formats" in told["SET006"].message
    assert of_sets(tmp_path / "labels", ["cell"]) == {}
