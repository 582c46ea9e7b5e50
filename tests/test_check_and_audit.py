"""`check` and `audit` see the same objects and say the same of them; `match` sees them as both do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ssdlossdbg
from ssdlossdbg.errors import InputError
from ssdlossdbg.results import Finding

DIALECTS = ("ssd.pytorch", "caffe", "torchvision", "ssd-keras", "nvidia")
# A sound box, a tiny one, one of no width, an inverted one, one beyond the border and one twice.
BOXES = (
    ("cat", (40, 20, 160, 90)),
    ("dog", (60, 60, 63, 63)),
    ("cat", (30, 20, 30, 60)),
    ("dog", (90, 80, 50, 30)),
    ("cat", (150, 50, 260, 120)),
    ("Cat", (40, 20, 160, 90)),
)
SIZE = (200, 100)
Object = tuple[str, tuple[float, float, float, float]]


def voc(objects: Sequence[Object] = BOXES, size: tuple[int, int] = SIZE, difficult: int = 0) -> str:
    """A Pascal VOC file."""
    items = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for name, (x1, y1, x2, y2) in objects
    )
    return f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{items}</annotation>"


def coco(**changes: Any) -> str:
    """A COCO file of three images, the last one without objects."""
    numbers = {"cat": 3, "dog": 5, "Cat": 3}
    table: dict[str, Any] = {
        "images": [
            {"id": number, "file_name": f"{number}.jpg", "width": SIZE[0], "height": SIZE[1]} for number in (1, 2, 3)
        ],
        "annotations": [
            {"image_id": number, "category_id": numbers[name], "bbox": [x1, y1, x2 - x1, y2 - y1]}
            for number in (1, 2)
            for name, (x1, y1, x2, y2) in BOXES
        ],
        "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}],
    }
    return json.dumps(table | changes)


def yolo() -> str:
    """A YOLO file."""
    width, height = SIZE
    return "".join(
        f"{int(name == 'dog')} {(x1 + x2) / 2 / width} {(y1 + y2) / 2 / height} "
        f"{(x2 - x1) / width} {(y2 - y1) / height}\n"
        for name, (x1, y1, x2, y2) in BOXES
    )


OPEN_IMAGES = "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\n" + "".join(
    f"p{place % 2},{name},{x1 / 200},{x2 / 200},{y1 / 100},{y2 / 100},0\n"
    for place, (name, (x1, y1, x2, y2)) in enumerate(BOXES)
)
VOC_FOLDER = {"Annotations/a.xml": voc(), "Annotations/b.xml": voc(BOXES[:1]), "Annotations/none.xml": voc(())}
YOLO_FOLDER = {"labels/a.txt": yolo(), "labels/b.txt": "", "classes.txt": "cat\ndog\n"}
# Files, what is checked and audited, sizes of photos that are there, and classes.
CASES: dict[str, tuple[dict[str, str], str, dict[str, tuple[int, int]], tuple[str, ...]]] = {
    "voc": (VOC_FOLDER, ".", {}, ()),
    "voc-photos": (VOC_FOLDER, ".", {"JPEGImages/a.jpg": SIZE, "JPEGImages/b.png": SIZE}, ()),
    "voc-scaled-photos": (VOC_FOLDER, ".", {"JPEGImages/a.jpg": (100, 50), "JPEGImages/b.jpg": (400, 100)}, ()),
    "voc-one": (VOC_FOLDER, "Annotations/a.xml", {"Annotations/a.jpg": (100, 50)}, ()),
    "voc-difficult": ({"a.xml": voc(difficult=1), "b.xml": voc()}, ".", {}, ()),
    "voc-unknown": (VOC_FOLDER, ".", {}, ("dog",)),
    "voc-broken": ({**VOC_FOLDER, "Annotations/c.xml": "<annotation>", "Annotations/d.xml": ""}, ".", {}, ()),
    "voc-sizeless": ({**VOC_FOLDER, "Annotations/c.xml": voc(size=(0, 5))}, ".", {"JPEGImages/c.jpg": SIZE}, ()),
    "coco": ({"a.json": coco()}, "a.json", {}, ()),
    "coco-photos": ({"a.json": coco()}, "a.json", {"1.jpg": (400, 200), "images/2.jpg": (300, 100)}, ()),
    "coco-sizeless": ({"a.json": coco(images=[{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}])},
                      "a.json", {"1.jpg": SIZE}, ()),
    "coco-unknown": ({"a.json": coco()}, "a.json", {}, ("cat",)),
    "coco-bad-entry": ({"a.json": coco(annotations=[
        {"image_id": 1, "category_id": 3, "bbox": [1, 2, 3]}, {"image_id": 1, "category_id": 4, "bbox": [1, 2, 3, 4]},
        {"image_id": 9, "category_id": 3, "bbox": [1, 2, 3, 4]},
        {"image_id": 2, "category_id": 3, "bbox": [9, 9, 0, 5]},
    ])}, "a.json", {}, ()),
    "yolo": (YOLO_FOLDER, ".", {}, ("cat", "dog")),
    "yolo-photos": (YOLO_FOLDER, ".", {"images/a.jpg": SIZE}, ("cat", "dog")),
    "yolo-beyond": (YOLO_FOLDER, "labels", {}, ("cat",)),
    "yolo-broken": ({**YOLO_FOLDER, "labels/c.txt": "0 .5"}, ".", {}, ("cat", "dog")),
    "yolo-one": (YOLO_FOLDER, "labels/a.txt", {}, ()),
    "voc-bad-object": ({**VOC_FOLDER, "Annotations/c.xml": voc(BOXES[:3]).replace("<ymax>90</ymax>", "")
        .replace("<bndbox><xmin>60</xmin>", "<x>").replace("<ymax>63</ymax></bndbox>", "</x>")}, ".", {}, ()),
    "voc-list": ({**VOC_FOLDER, "ImageSets/Main/train.txt": "a\nlost\n"}, "ImageSets/Main/train.txt", {}, ()),
    "voc-caffe-list": ({**VOC_FOLDER, "trainval.txt": "a.jpg Annotations/a.xml\nb.jpg Annotations/b.xml\n"},
                       "trainval.txt", {}, ()),
    "voc-root": ({**VOC_FOLDER, "old/x.xml": voc(), "pom.xml": "<project/>", "train.txt": "1 2 3\n"}, ".", {}, ()),
    "voc-misspelt": (VOC_FOLDER, ".", {}, ("cat", "dgo")),
    "coco-folder": ({"annotations/a.json": coco(), "captions.json": '{"images": [], "annotations": []}'}, ".", {}, ()),
    "coco-infinity": ({"a.json": coco(annotations=[
        {"image_id": 1, "category_id": 3, "bbox": [1, 2, 30, 40]},
        {"image_id": 1, "category_id": 3, "bbox": [1, float("inf"), 3, 4]},
        {"image_id": 1, "category_id": 3, "bbox": [9, 9, 0, 5]},
        {"image_id": 2, "category_id": 3, "bbox": [9, 9, 0, float("nan")]},
    ])}, "a.json", {}, ()),
    "coco-sizeless-images": ({"a.json": coco(images=[
        {"id": 1, "file_name": "1.jpg", "width": 0, "height": 0},
        {"id": 2, "file_name": "2.jpg", "width": 200.0, "height": 100.0}])}, "a.json", {}, ()),
    "coco-ids-twice": ({"a.json": coco(
        images=[{"id": place, "file_name": f"{name}.jpg", "width": 200, "height": 100} for name, place in
                (("a", 1), ("b", 1), ("c", 2))],
        annotations=[{"id": place, "image_id": 1, "category_id": 3, "bbox": [9, 9, 50, 60]} for place in (1, 2, 2)],
        categories=[{"id": 3, "name": "cat"}, {"id": 3, "name": "dog"}, {"id": 4, "name": "cat"}],
    )}, "a.json", {}, ()),
    "coco-text-ids": ({"a.json": coco(
        images=[{"id": "x", "file_name": "1.jpg", "width": 200, "height": 100}],
        annotations=[{"image_id": "x", "category_id": 3, "bbox": [9, 9, 0, 60], "iscrowd": None},
                     {"image_id": "x", "category_id": "3", "bbox": [9, 9, 50, 60]}])}, "a.json", {}, ()),
    "yolo-named-by-the-folder": (YOLO_FOLDER, ".", {}, ()),
    "yolo-beside-photos": ({"a.txt": yolo(), "b.txt": "", "README.txt": "Cats.", "classes.txt": "cat\ndog"}, ".",
                           {"a.jpg": SIZE}, ()),
    "yolo-data-yaml": ({**YOLO_FOLDER, "data.yaml": "train: images\nval: images/lost\nnames: [cat, dog]"},
                       "data.yaml", {"images/a.jpg": SIZE}, ()),
    "yolo-photo-list": ({**YOLO_FOLDER, "train.txt": "images/a.jpg\nimages/none.jpg\n"}, "train.txt", {}, ()),
    "yolo-bad-rows": ({**YOLO_FOLDER, "labels/c.txt": "0 .5 .5 .2 .2\n0 .5\n0 .1 .1 .2 nan\n0 .5 .5 0 .2\n"}, ".",
                      {}, ()),
    "yolo-polygons": ({**YOLO_FOLDER, "labels/c.txt": "0 .1 .1 .2 .1 .2 .2\n" * 3}, ".", {}, ()),
    "yolo-many-polygons": ({**YOLO_FOLDER, **{f"labels/p{place}.txt": "0 .1 .1 .2 .1 .2 .2\n" * place
                                              for place in range(1, 6)}}, ".", {}, ()),
    "yolo-other-labels": ({"labels/c.txt": "Car 0 0 0 1 2 30 40 1 1 1 1 1 1 1\n", "classes.txt": "cat"}, ".", {}, ()),
    "open-images-bad-rows": ({"boxes.csv": OPEN_IMAGES.replace("p0,dog,0.3", "p0,dog,x")
                              .replace("p0,cat", "p0,cat,,,,,\np0,cat", 1)}, "boxes.csv", {}, ()),
    "open-images-names": ({"boxes.csv": OPEN_IMAGES.replace("LabelName", "ClassName")}, "boxes.csv", {}, ()),
    "open-images-folder": ({"boxes.csv": OPEN_IMAGES, "other.csv": "a,b\n1,2\n"}, ".", {}, ()),
    "voc-and-yolo": ({**VOC_FOLDER, **YOLO_FOLDER}, ".", {"JPEGImages/a.jpg": SIZE, "images/b.jpg": SIZE}, ()),
    "voc-and-yolo-without-names": ({**VOC_FOLDER, "labels/a.txt": yolo()}, ".", {}, ()),
    "voc-and-yolo-of-some-classes": ({**VOC_FOLDER, **YOLO_FOLDER}, ".", {}, ("dog",)),
    "coco-splits": ({"train/a.json": coco(), "valid/a.json": coco(categories=[
        {"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}, {"id": 6, "name": "cow"}])}, ".", {}, ()),
    "coco-splits-one-broken": ({"train/a.json": coco(), "valid/a.json": coco()[:-9] + "images annotations categories"},
                               ".", {}, ()),
    "coco-and-open-images": ({"a.json": coco(), "boxes.csv": OPEN_IMAGES}, ".", {"1.jpg": SIZE, "p0.jpg": SIZE}, ()),
    "all": ({**VOC_FOLDER, **YOLO_FOLDER, "a.json": coco(), "boxes.csv": OPEN_IMAGES}, ".", {}, ("cat", "dog")),
    "open-images": ({"boxes.csv": OPEN_IMAGES + "p0,cat,left,0,0,0,0\n"}, "boxes.csv", {"p0.jpg": SIZE}, ()),
}  # fmt: skip


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[str, tuple[str, ...]]]:
    """Write the files of a case into the working folder; return what is to be looked at, and the classes."""

    def write(name: str) -> tuple[str, tuple[str, ...]]:
        files, path, photos, classes = CASES[name]
        for file, text in files.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text, encoding="utf-8")
        for file, size in photos.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size).save(tmp_path / file)
        monkeypatch.chdir(tmp_path)
        return path, classes

    return write


def told(findings: Sequence[Finding]) -> list[tuple[Any, ...]]:
    """Every case of findings, in an order of its own."""
    assert not any(finding.more for finding in findings), "audit lists the first cases only"
    return sorted(
        (finding.code, case.where.file, str(case.where.image), str(case.where.object), case.message, case.fix)
        for finding in findings
        for case in finding.cases
    )


@pytest.mark.parametrize(
    ("name", "dialect"),
    [(name, DIALECTS[place % len(DIALECTS)]) for place, name in enumerate(CASES)],
)
def test_check_finds_what_audit_finds(
    name: str, dialect: str, make: Callable[[str], tuple[str, tuple[str, ...]]]
) -> None:
    path, classes = make(name)
    checked = ssdlossdbg.check([path], dialect=dialect, classes=classes, device="cpu")
    audited = ssdlossdbg.audit(path, dialect=dialect, classes=classes, device="cpu")
    assert told(checked.findings) == told(audited.findings)
    assert told(checked.findings), "every case has something to find"
    assert (checked.images, checked.objects) == (audited.dataset.images, len(audited.objects.labels))
    unreadable = {case.where.file for finding in audited.findings if finding.code == "FIL001" for case in finding.cases}
    assert checked.files.unreadable == (5 if name == "yolo-many-polygons" else len(unreadable))


def test_objects_of_many_files_left_out_for_one_reason_are_told_once(
    make: Callable[[str], tuple[str, tuple[str, ...]]],
) -> None:
    path, _ = make("yolo-many-polygons")
    [case] = (
        case
        for found in ssdlossdbg.audit(path, device="cpu").findings
        if found.code == "FIL001"
        for case in found.cases
    )
    assert case.where.file == str(Path("labels/p1.txt"))
    assert case.message.startswith("line 1: is a polygon")
    assert case.message.endswith("(15 in all, in p1.txt, p2.txt, p3.txt and 2 files more)")


# What neither of the two can read at all.
UNREADABLE = {
    "coco-broken": ({"a.json": coco()[:-9]}, "a.json"),
    "coco-without-lists": ({"a.json": '{"images": []}'}, "a.json"),
    "yolo-without-names": ({"labels/a.txt": yolo()}, "."),
    "yolo-list-that-leads-nowhere": ({"train.txt": "images/a.jpg\n"}, "train.txt"),
    "voc-list-without-folder": ({"train.txt": "000001\n"}, "train.txt"),
    "csv-without-titles": ({"a.csv": "a,b\n1,2\n"}, "a.csv"),
    "VoTT": ({"a.json": '{"asset": {"name": "a.jpg"}, "regions": []}'}, "a.json"),
    "nothing": ({"a.dat": "\1\2"}, "a.dat"),
    "empty": ({"a.dat": ""}, "a.dat"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_check_refuses_what_audit_refuses(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, path = UNREADABLE[name]
    monkeypatch.chdir(tmp_path)
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        ssdlossdbg.audit(path, device="cpu")
    [finding] = ssdlossdbg.check([path], device="cpu").findings
    [case] = finding.cases
    said = ": ".join(filter(None, (caught.value.where.removeprefix(case.where.file).strip(", "), caught.value.what)))
    assert (finding.code, case.message, case.fix) == ("FIL001", said, caught.value.fix)


PHOTOS = [
    ("voc-photos", "JPEGImages/a.jpg", "Annotations/a.xml"),
    ("voc-scaled-photos", "JPEGImages/a.jpg", "Annotations/a.xml"),
    ("voc-scaled-photos", "JPEGImages/b.jpg", "Annotations/b.xml"),
    ("coco-photos", "1.jpg", "a.json"),
    ("coco-photos", "images/2.jpg", "a.json"),
    ("yolo-photos", "images/a.jpg", "labels/a.txt"),
    ("open-images", "p0.jpg", "boxes.csv"),
]


# Two of the dialects each, in turn: what boxes a dialect takes a format's for is the same for all files of the format.
@pytest.mark.parametrize(
    ("name", "photo", "annotation", "dialect"),
    [
        (*photo, DIALECTS[(place + step) % len(DIALECTS)])
        for place, photo in enumerate(PHOTOS)
        for step in (0, len(PHOTOS) // 2)
    ],
)
def test_match_sees_objects_as_audit_does(
    name: str, photo: str, annotation: str, dialect: str, make: Callable[[str], tuple[str, tuple[str, ...]]]
) -> None:
    path, classes = make(name)
    audited = ssdlossdbg.audit(path, dialect=dialect, classes=classes, device="cpu").objects
    if name == "open-images":  # `match` is strict: it does not pass over a row that may be the photo's
        Path(annotation).write_text(OPEN_IMAGES, encoding="utf-8")
    matched = ssdlossdbg.match(photo, annotation, dialect=dialect, classes=classes, device="cpu")
    image = next(
        place
        for place, each in enumerate(audited.images)
        if each.file == annotation and each.name in (None, Path(photo).name)
    )
    rows = np.flatnonzero(audited.image == image)
    assert [item.best_prior for item in matched.ground_truth] == audited.best_prior[rows].tolist()
    assert [item.best_iou for item in matched.ground_truth] == pytest.approx(
        audited.best_iou[rows].tolist(), nan_ok=True
    )
    assert [item.positives for item in matched.ground_truth] == audited.positives[rows].tolist()
    assert [item.box for item in matched.ground_truth] == [tuple(box) for box in audited.stated[rows].tolist()]
    [described] = (part for part in matched.evidence if isinstance(part, ssdlossdbg.results.Objects))
    np.testing.assert_array_equal(described.boxes, audited.boxes[rows])
    assert described.images[0].photo_size == audited.images[image].photo_size
    assert described.images[0].size == audited.images[image].size


def test_an_audit_of_several_formats_is_the_sum_of_those_of_each(
    make: Callable[[str], tuple[str, tuple[str, ...]]],
) -> None:
    path, classes = make("all")
    joined = ssdlossdbg.audit(path, "ssd300-voc", classes=classes, device="cpu", draws=1, dialect="gluoncv")
    alone = [
        ssdlossdbg.audit(
            ssdlossdbg.load_dataset(path, classes, format=name), "ssd300-voc", device="cpu", dialect="gluoncv"
        )
        for name in ("voc", "coco", "yolo", "open-images")
    ]
    assert joined.dataset.format == "Pascal VOC and YOLO and COCO and Open Images"
    for count in ("ground_truth", "matched", "invalid", "without_positive", "positives"):
        assert getattr(joined.totals, count) == sum(getattr(each.totals, count) for each in alone)
    assert joined.dataset.images == joined.done == sum(each.dataset.images for each in alone)
    assert [level.positives for level in joined.levels] == [
        sum(levels) for levels in zip(*([level.positives for level in each.levels] for each in alone), strict=True)
    ]
    rows = joined.objects.image[joined.objects.lost_to[joined.objects.lost_to >= 0]]
    assert (rows == joined.objects.image[joined.objects.lost_to >= 0]).all()
    assert len(rows) == sum(int((each.objects.lost_to >= 0).sum()) for each in alone) > 0
    assert {image.annotation for image in joined.images_first} <= {image.file for image in joined.objects.images}
    assert joined.augmented is not None
    assert joined.augmented.done == joined.dataset.images


def test_match_finds_the_photo_in_a_folder_of_several_files(
    make: Callable[[str], tuple[str, tuple[str, ...]]],
) -> None:
    path, classes = make("coco-and-open-images")
    matched = ssdlossdbg.match("p0.jpg", path, classes=classes, device="cpu")
    assert len(matched.ground_truth) == 3
    assert ssdlossdbg.fit(path, "ssd300-voc").dataset.format == "COCO and Open Images"
