"""Whole datasets: each format, what is refused without stopping the rest, and that all is as file by file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import FORMATS, Dataset, load_dataset
from ssdlossdbg.readers.classes import VOC_CLASSES

Refused = Callable[[Callable[[], object]], InputError]
BOMB = (
    "<!DOCTYPE a [<!ENTITY a 'lol'>"
    + "".join(f"<!ENTITY {name} '&{below};&{below};'>" for below, name in zip("abcdef", "bcdefg", strict=True))
    + "]>"
)


def write(path: Path, text: str | bytes) -> Path:
    """Write a file and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def voc(*labels: str, name: str = "photo.jpg", width: int = 100) -> str:
    """A Pascal VOC file; its objects differ in xmin, the second is difficult."""
    objects = "".join(
        f"<object><name>{label}</name><difficult>{int(place == 1)}</difficult><bndbox><xmin>{place + 1}</xmin>"
        f"<ymin>2.5</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>"
        for place, label in enumerate(labels)
    )
    size = f"<size><width>{width}</width><height>50</height></size>"
    return f"<annotation><filename>{name}</filename>{size}{objects}</annotation>"


def coco(**changes: Any) -> str:
    """A COCO file of three images, one without objects, annotations in no order of their images."""
    table = {
        "images": [
            {"id": 2**70, "file_name": "a/photo.jpg", "width": 100, "height": 50},
            {"id": 5, "file_name": "b/photo.jpg", "width": 10, "height": 20},
            {"id": -3, "file_name": "die Katze 猫.jpg"},
        ],
        "annotations": [
            {"id": 1, "image_id": -3, "category_id": 18, "bbox": [0, 0, 5, 5], "segmentation": [[1, 2, 3, 4]]},
            {"id": 2, "image_id": 2**70, "category_id": 18, "bbox": [11, 6, 20, 20.5]},
            {"id": 3, "image_id": -3, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 1, "area": 12},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
    }
    return json.dumps({**table, **changes})


def objects_of(dataset: Dataset, image: int) -> list[tuple[int, str, tuple[float, ...], bool]]:
    """One image's objects as (index, label, box, difficult)."""
    return [
        (
            int(dataset.index[row]),
            dataset.class_names[dataset.class_index[row]],
            tuple(dataset.boxes[row].tolist()),
            bool(dataset.difficult[row]),
        )
        for row in np.flatnonzero(dataset.image == image)
    ]


def assert_well_formed(dataset: Dataset) -> None:
    """The promises of `Dataset` about shapes, dtypes and order."""
    images, objects = len(dataset.names), len(dataset.image)
    assert len(dataset.files) == images
    assert dataset.sizes.shape == (images, 2)
    assert dataset.boxes.shape == (objects, 4)
    assert dataset.boxes.dtype == np.float64
    assert dataset.difficult.shape == (objects,)
    assert dataset.difficult.dtype == np.bool_
    for column in (dataset.image, dataset.index, dataset.class_index):
        assert column.shape == (objects,)
        assert column.dtype == np.int64
    assert (np.diff(dataset.image) >= 0).all()
    assert sum(dataset.unknown.values()) == (dataset.class_index < 0).sum()
    if dataset.format.fractions:
        assert (dataset.traits, dataset.image_traits) == (None, None), "the flags are those of VOC and COCO"


def assert_as_file_by_file(dataset: Dataset, classes: tuple[str, ...] = ()) -> None:
    """The same objects as the reader of single files finds."""
    assert_well_formed(dataset)
    for image, (name, file) in enumerate(zip(dataset.names, dataset.files, strict=True)):
        one = load_dataset(Path(file), classes).only(Path(name))
        assert objects_of(dataset, image) == objects_of(one, 0)
        assert dataset.sizes[image].tolist() == one.sizes[0].tolist()
        assert dataset.format is one.format


# Pascal VOC


@pytest.fixture
def voc_folder(tmp_path: Path) -> Path:
    """Three files, names with spaces and beyond ASCII, one without objects."""
    write(tmp_path / "VOC/Annotations/a b.xml", voc("dog", "cat", name="a b.jpg"))
    write(tmp_path / "VOC/Annotations/deep/猫.xml", voc("cat", name="猫.jpg"))
    write(tmp_path / "VOC/Annotations/none.xml", voc(name="none.jpg"))
    write(tmp_path / "VOC/pom.xml", "<project/>")
    return tmp_path / "VOC"


@pytest.mark.parametrize("below", [".", "Annotations"])
def test_voc_folder(below: str, voc_folder: Path) -> None:
    dataset = load_dataset(voc_folder / below)
    assert dataset.names == ("a b.jpg", "猫.jpg", "none.jpg")
    assert dataset.class_names == VOC_CLASSES
    assert dataset.image.tolist() == [0, 0, 1]
    assert dataset.index.tolist() == [0, 1, 0]
    assert dataset.boxes[1].tolist() == [2, 2.5, 30, 40]
    assert dataset.difficult.tolist() == [False, True, False]
    assert not dataset.refused
    assert_as_file_by_file(dataset)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b" ", "is empty"),
        (b"<annotation><object>", "is not well-formed XML (no element found"),
        (BOMB.encode() + voc("&g;").encode(), "declares XML entities"),
        ((BOMB + voc("&g;")).encode("utf-16"), "declares XML entities"),
    ],
    ids=["empty", "broken", "bomb", "utf-16-bomb"],
)
def test_bad_voc_file_does_not_stop_the_rest(data: bytes, what: str, voc_folder: Path) -> None:
    bad = write(voc_folder / "Annotations/b.xml", data)
    dataset = load_dataset(voc_folder)
    assert dataset.names == ("a b.jpg", "猫.jpg", "none.jpg")
    [(file, error, _)] = dataset.refused
    assert file == str(bad)
    assert error.what.startswith(what)


def test_bad_voc_object_does_not_stop_the_others_and_keeps_its_place(voc_folder: Path) -> None:
    bad = write(voc_folder / "Annotations/b.xml", voc("cat", " ", "dog", " "))
    dataset = load_dataset(voc_folder)
    image = dataset.names.index("photo.jpg")
    assert [each[:2] for each in objects_of(dataset, image)] == [(0, "cat"), (2, "dog")]
    assert dataset.unread is not None
    assert dataset.unread.tolist() == [2 if place == image else 0 for place in range(len(dataset.names))]
    [(file, error, images)] = dataset.refused
    assert (file, error.where, images) == (str(bad), f"{bad}, object 1", frozenset([image]))
    assert error.what == "has no <name> (1 more like it)"
    assert error.fix == "Name its class. They are left out here."
    assert load_dataset(bad).only(Path("b.jpg")).refused[0].error.what == error.what
    assert not dataset.only(Path("a b.jpg")).refused


@pytest.mark.parametrize("width", [0, -7, 10**30])
def test_voc_size_that_is_none_is_left_to_the_photo(width: int, voc_folder: Path) -> None:
    bad = write(voc_folder / "Annotations/b.xml", voc("cat", width=width))
    dataset = load_dataset(voc_folder)
    image = dataset.files.index(str(bad))
    assert dataset.sizes[image].tolist() == [0, 0]
    assert len(objects_of(dataset, image)) == 1
    assert not dataset.refused


def test_list_of_caffe(voc_folder: Path) -> None:
    path = write(
        voc_folder / "lists/trainval.txt", "JPEGImages/a b.jpg Annotations/none.xml\nx.jpg Annotations/lost.xml\n"
    )
    dataset = load_dataset(path)
    assert dataset.names == ("none.jpg",)
    assert [error.what for _, error, _ in dataset.refused] == ["no such file"]


def test_list_of_caffe_that_leads_nowhere(tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / "trainval.txt", "VOC2007/JPEGImages/1.jpg VOC2007/Annotations/1.xml\n")
    error = refused(lambda: load_dataset(path))
    assert error.what.startswith("lists XML files, but VOC2007/Annotations/1.xml is in none of the folders")


def test_classes_that_do_not_fit(voc_folder: Path) -> None:
    dataset = load_dataset(voc_folder, ("person", "DOG"))
    assert dataset.class_index.tolist() == [1, -1, -1], "case does not matter"
    assert dataset.unknown == {"cat": 2}


def test_labels_beyond_voc_make_a_list_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", voc("wbc", "rbc"))
    assert load_dataset(tmp_path).class_names == ("rbc", "wbc")


def test_voc_list(voc_folder: Path) -> None:
    list_file = write(voc_folder / "ImageSets/Main/cat_train.txt", "none -1\na b  1\nlost\n\nnone -1\n")
    write(voc_folder / "Annotations/x 1.xml", voc("dog", name="x.jpg"))
    dataset = load_dataset(list_file)
    assert dataset.names == ("none.jpg", "a b.jpg")
    [(file, error, _)] = dataset.refused
    assert file == str(voc_folder / "Annotations/lost.xml")
    assert error.what == "no such file"
    write(list_file, "x 1")
    assert load_dataset(list_file).names == ("x.jpg",), "an id may end like a flag"


def test_voc_list_that_names_no_file_has_one_refusal_a_line(voc_folder: Path) -> None:
    list_file = write(voc_folder / "ImageSets/Main/train.txt", "lost\r\ngone\r\n")
    dataset = load_dataset(list_file)
    assert dataset.names == ()
    assert [error.what for _, error, _ in dataset.refused] == ["no such file", "no such file"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (r"C:\Users\Ann B\x.jpg", "x.jpg"),
        (r"\\server\share\x.jpg", "x.jpg"),
        (r"sub\x.jpg", "sub/x.jpg"),
        ("/home/ann/x.jpg", "x.jpg"),
        ("sub/x.jpg", "sub/x.jpg"),
        ("12:30.jpg", "12:30.jpg"),
        ("", "a"),
    ],
)
def test_voc_photo_with_path(written: str, name: str, tmp_path: Path) -> None:
    assert load_dataset(write(tmp_path / "a.xml", voc("cat", name=written))).names == (name,)


def test_one_voc_file(voc_folder: Path) -> None:
    assert load_dataset(voc_folder / "Annotations/a b.xml").names == ("a b.jpg",)


# COCO


def test_coco(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "a.json", coco()))
    assert dataset.names == ("a/photo.jpg", "b/photo.jpg", "die Katze 猫.jpg")
    assert all(file is dataset.files[0] for file in dataset.files)
    assert dataset.class_names == ("car", "dog")
    assert dataset.sizes.tolist() == [[100, 50], [10, 20], [0, 0]]
    assert objects_of(dataset, 0) == [(0, "dog", (11, 6, 31, 26.5), False)]
    assert objects_of(dataset, 1) == []
    assert objects_of(dataset, 2) == [(0, "dog", (0, 0, 5, 5), False), (1, "car", (1, 2, 4, 6), True)]
    assert not dataset.refused
    assert_well_formed(dataset)


def test_coco_as_file_by_file(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": f"{number}.jpg", "width": 7, "height": 9} for number in (4, 2**63, 1)]
    generator = np.random.default_rng(0)
    entries = [
        {
            "image_id": images[generator.integers(3)]["id"],
            "category_id": int(generator.choice([3, 18])),
            "bbox": generator.normal(0, 50, 4).tolist(),
            "iscrowd": int(generator.integers(2)),
        }
        for _ in range(50)
    ]
    path = write(tmp_path / "a.json", coco(images=images, annotations=entries))
    assert_as_file_by_file(load_dataset(path))


def test_coco_classes_by_name(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "a.json", coco()), ("Dog", "cat"))
    assert dataset.class_index.tolist() == [0, 0, -1]
    assert dataset.unknown == {"car": 1}


@pytest.mark.parametrize("declared", [{"width": 10**40, "height": 5}, {"width": -1, "height": 5}, {"width": 5}])
def test_coco_size_that_makes_no_sense(declared: dict[str, int], tmp_path: Path) -> None:
    images = [{"id": -3, "file_name": "a.jpg", **declared}]
    assert load_dataset(write(tmp_path / "a.json", coco(images=images))).sizes.tolist() == [[0, 0]]


def test_coco_size_of_a_pixel(tmp_path: Path) -> None:
    images = [{"id": -3, "file_name": "a.jpg", "width": 1, "height": 5}]
    assert load_dataset(write(tmp_path / "a.json", coco(images=images))).sizes.tolist() == [[1, 5]]


def entry(**changes: Any) -> dict[str, Any]:
    """An annotation; a key set to `...` is left out."""
    whole = {"image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4], **changes}
    return {key: value for key, value in whole.items() if value is not ...}


@pytest.mark.parametrize(
    ("changes", "place", "what"),
    [
        ({"image_id": 99}, "annotations[1]", "refers to id 99, which `images` does not list (1 more like it)"),
        (
            {"image_id": 10**30},
            "annotations[1]",
            f"refers to id {10**30}, which `images` does not list (1 more like it)",
        ),
        ({"category_id": 4}, "annotations[1]", "refers to id 4, which `categories` does not list (1 more like it)"),
        ({"bbox": [1, 2, 3]}, "annotations[1].bbox", "expected `array` of length 4 (1 more like it)"),
        ({"bbox": None}, "annotations[1].bbox", "expected `array`, got `null` (1 more like it)"),
        (
            {"bbox": [1, float("inf"), 3, 4]},
            "annotations[1].bbox[1]",
            "is inf, not a finite number (1 more like it)",
        ),
        ({"bbox": [1, 2, float("nan"), 4]}, "annotations[1].bbox[2]", "is nan, not a finite number (1 more like it)"),
        ({"category_id": ...}, "annotations[1]", "object missing required field `category_id` (1 more like it)"),
        (
            {"image_id": "5"},
            "annotations[1]",
            "refers to id '5', which `images` does not list: there it is 5 (1 more like it)",
        ),
    ],
)
def test_bad_coco_object_does_not_stop_the_rest(changes: dict[str, Any], place: str, what: str, tmp_path: Path) -> None:
    objects = [entry(), entry(**changes), entry(bbox=[9, 9, 9, 9]), entry(**changes)]
    path = write(tmp_path / "a.json", coco(annotations=objects))
    dataset = load_dataset(path)
    assert dataset.boxes.tolist() == [[1, 2, 4, 6], [9, 9, 18, 18]]
    file, error, _ = dataset.refused[0]
    assert file == str(path)
    assert error.where == f"{path}, {place}"
    assert error.what == what
    assert_well_formed(dataset)


def test_coco_object_of_unknown_category_keeps_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", coco(annotations=[entry(category_id=4), entry()]))
    assert load_dataset(path).index.tolist() == [1]


def test_coco_categories_of_one_name_are_one_class(tmp_path: Path) -> None:
    categories = [{"id": 18, "name": "dog"}, {"id": 3, "name": "dog"}]
    path = write(tmp_path / "a.json", coco(categories=categories))
    assert load_dataset(path).class_names == ("dog",)
    assert load_dataset(path, ("cat",)).unknown == {"dog": 3}


def test_coco_image_id_twice(tmp_path: Path) -> None:
    images = [{"id": 5, "file_name": "a.jpg"}, {"id": 5, "file_name": "b.jpg"}]
    path = write(tmp_path / "a.json", coco(images=images, annotations=[entry()]))
    dataset = load_dataset(path)
    assert dataset.image.tolist() == [0]
    [(_, error, _)] = dataset.refused
    assert error.where == f"{path}, images[1]"
    assert error.what == "has the id 5 of a.jpg, which gets the objects of both"


def test_coco_image_that_cannot_be_read(tmp_path: Path) -> None:
    images = [{"id": [5], "file_name": "a.jpg"}, {"id": 5, "file_name": "b.jpg"}]
    dataset = load_dataset(write(tmp_path / "a.json", coco(images=images, annotations=[entry()])))
    assert dataset.names == ("b.jpg",)
    assert [error.what for _, error, _ in dataset.refused] == ["expected `int`, got `array`"]


def test_coco_without_objects(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "a.json", coco(annotations=[])))
    assert dataset.class_names == ("car", "dog")
    assert_well_formed(dataset)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", coco(annotations=[], images=[])), ("a.csv", "ImageID,LabelName,XMin,YMin,XMax,YMax\n")],
)
def test_without_an_image(name: str, content: str, tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / name, content)
    assert refused(lambda: load_dataset(path)).what == "holds no image"


def test_whoever_watches_is_given_the_files(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        write(tmp_path / name, "0 0.5 0.5 0.1 0.1")
    write(tmp_path / "classes.txt", "cat")
    seen: list[int] = []

    def track(files: Sequence[Any]) -> Iterator[Any]:
        seen.append(len(files))
        yield from files

    dataset = load_dataset(tmp_path, track=track)
    assert (seen, len(dataset.names), dataset.class_file) == ([3], 3, tmp_path / "classes.txt")


@pytest.mark.parametrize(
    ("data", "what"),
    [("", "is empty"), ("{", "is not JSON"), ("{}", "object missing required field `images`"), ("[]", "expected `obj")],
)
def test_no_coco(data: str, what: str, tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / "a.json", data)
    assert refused(lambda: load_dataset(path)).what.startswith(what)


# YOLO


@pytest.fixture
def yolo_folder(tmp_path: Path) -> Path:
    """Labels of three photos in two splits, one without objects, and the names of their classes."""
    write(tmp_path / "set/labels/train/a b.txt", "1 0.5 0.5 0.2 0.4\n\n0 0.25 0.5 0.5 1\n")
    write(tmp_path / "set/labels/train/猫.txt", "")
    write(tmp_path / "set/labels/val/c.txt", "1 0.5 0.5 1 1")
    write(tmp_path / "set/classes.txt", "cat\ndog\n")
    write(tmp_path / "set/requirements.txt", "torch")
    return tmp_path / "set"


@pytest.mark.parametrize("below", [".", "labels"])
def test_yolo_folder(below: str, yolo_folder: Path) -> None:
    dataset = load_dataset(yolo_folder / below)
    assert dataset.names == ("a b", "猫", "c")
    assert dataset.class_names == ("cat", "dog")
    assert dataset.class_index.tolist() == [1, 0, 1]
    assert dataset.boxes[0].tolist() == pytest.approx([0.4, 0.3, 0.6, 0.7])
    assert dataset.format.fractions
    assert not dataset.refused
    assert_as_file_by_file(dataset, ("cat", "dog"))


def test_yolo_below_one_split(yolo_folder: Path) -> None:
    assert load_dataset(yolo_folder / "labels/val").class_names == ("cat", "dog")


def test_yolo_beside_the_photos(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "0 .5 .5 .2 .2")
    write(tmp_path / "README.txt", "Photos of cats.")
    dataset = load_dataset(tmp_path, ("cat",))
    assert (dataset.names, dataset.refused) == (("a",), ())


@pytest.mark.parametrize(
    ("row", "label"), [("2", "class 2"), ("-1", "class -1"), ("0.5", "class 0.5"), ("1e300", "class 1e+300")]
)
def test_yolo_class_beyond_the_list(row: str, label: str, yolo_folder: Path) -> None:
    write(yolo_folder / "labels/val/c.txt", f"{row} .5 .5 1 1\n0 .5 .5 1 1")
    dataset = load_dataset(yolo_folder)
    assert dataset.class_index.tolist() == [1, 0, -1, 0]
    assert dataset.unknown == {label: 1}


def test_classes_name_the_numbers_of_yolo(yolo_folder: Path) -> None:
    dataset = load_dataset(yolo_folder, ("tom",))
    assert dataset.class_names == ("tom",)
    assert dataset.unknown == {"class 1": 2}


@pytest.mark.parametrize("data", [b"0 .1 .1 .2", b"0 .5 nan .2 .2", b"\xff\xfe"])
def test_bad_yolo_file_does_not_stop_the_rest(data: bytes, yolo_folder: Path) -> None:
    bad = write(yolo_folder / "labels/train/b.txt", data)
    dataset = load_dataset(yolo_folder)
    assert [name for name in dataset.names if name != "b"] == ["a b", "猫", "c"]
    assert len(dataset.image) == 3
    assert [file for file, *_ in dataset.refused] == [str(bad)]


def test_bad_yolo_row_does_not_stop_the_others_and_keeps_its_place(yolo_folder: Path) -> None:
    write(yolo_folder / "labels/val/c.txt", "1 .5 .5 1 1\n\n0 .1 .1 .2\n0 .5 .5 .5 .5\n0 0 0 0")
    dataset = load_dataset(yolo_folder)
    assert [each[:2] for each in objects_of(dataset, 2)] == [(0, "dog"), (2, "cat")]
    [(_, error, images)] = dataset.refused
    assert (error.where, images) == (f"{yolo_folder / 'labels/val/c.txt'}, line 3", frozenset([2]))
    assert error.what == "has 4 columns, expected 5: class cx cy w h (1 more like it)"


def test_yolo_without_names(yolo_folder: Path, refused: Refused) -> None:
    (yolo_folder / "classes.txt").unlink()
    error = refused(lambda: load_dataset(yolo_folder))
    assert error.what == "names its classes by number only"
    assert "--classes" in error.fix


def test_data_yaml_of_roboflow(tmp_path: Path) -> None:
    write(tmp_path / "train/labels/a.txt", "0 .5 .5 .2 .2")
    path = write(tmp_path / "data.yaml", "train: ../train/images\nval: ../valid/images\nnames: ['x']\n")
    dataset = load_dataset(path)
    assert dataset.names == ("a",)
    assert [error.what for _, error, _ in dataset.refused] == ["leads to no labels at ../valid/images"]


def test_data_yaml_with_list_of_photos(yolo_folder: Path) -> None:
    write(yolo_folder / "train.txt", "./images/train/a b.jpg\n./images/train/nothing.jpg\n")
    dataset = load_dataset(write(yolo_folder / "data.yaml", "train: train.txt\nnames: [cat, dog]"))
    assert dataset.names == ("a b.jpg", "nothing.jpg")
    assert dataset.image.tolist() == [0, 0], "a photo without labels shows nothing"
    assert load_dataset(yolo_folder / "train.txt").names == dataset.names


def test_list_of_photos_from_windows(yolo_folder: Path) -> None:
    path = write(yolo_folder / "train.txt", ".\\images\\train\\a b.jpg\r\n")
    dataset = load_dataset(path)
    assert (dataset.names, len(dataset.image)) == (("a b.jpg",), 2)


def test_list_of_photos_without_labels(tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / "train.txt", "images/a.jpg\n/\n")
    assert refused(lambda: load_dataset(path)).what == "lists photos, none of which has labels"
    data_yaml = write(tmp_path / "data.yaml", "train: train.txt\nnames: [cat]")
    error = refused(lambda: load_dataset(data_yaml))
    assert error.what == "leads to no labels at train.txt"
    assert str(path) in error.fix


# Open Images

HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf"


def open_images(folder: Path, *rows: str) -> Path:
    """An Open Images file."""
    return write(folder / "boxes.csv", "\n".join((HEADER, *rows)))


def test_open_images(tmp_path: Path) -> None:
    rows = ["b,x,/m/1,1,0.1,0.5,0.2,0.6,0,0,0", "a,x,/m/2,1,0,1,0,1,0,0,1", "b,x,/m/2,1,0.25,0.5,0,1,0,0,0"]
    path = open_images(tmp_path, *rows)
    dataset = load_dataset(path)
    assert (dataset.names, dataset.class_names) == (("b.jpg", "a.jpg"), ("/m/1", "/m/2"))
    assert objects_of(dataset, 0) == [(0, "/m/1", (0.1, 0.2, 0.5, 0.6), False), (1, "/m/2", (0.25, 0, 0.5, 1), False)]
    assert objects_of(dataset, 1) == [(0, "/m/2", (0, 0, 1, 1), True)]
    assert dataset.format.fractions
    assert_well_formed(dataset)
    write(tmp_path / "class-descriptions-boxable.csv", '/m/2,"Cat, tame"\n/m/1,Dog\n')
    assert load_dataset(path).class_names == ("Cat, tame", "Dog")
    other = write(tmp_path / "names/mine.csv", "/m/1,Hound\n")
    assert load_dataset(path, descriptions=other).unknown == {"/m/2": 2}


@pytest.mark.parametrize("row", ["a,x,/m/1", "a,x,/m/1,1,left,0,0,0,0,0,0", "a,x,/m/1,1,nan,0,0,0,0,0,0"])
def test_bad_open_images_row_does_not_stop_the_rest(row: str, tmp_path: Path) -> None:
    dataset = load_dataset(open_images(tmp_path, row, "b,x,/m/1,1,0,1,0,1,0,0,0", row))
    assert dataset.names == ("a.jpg", "b.jpg")
    assert objects_of(dataset, 0) == []
    assert dataset.unread is not None
    assert dataset.unread.tolist() == [2, 0]
    [(_, error, _)] = dataset.refused
    assert error.where == f"{tmp_path / 'boxes.csv'}, line 2"
    assert "(1 more like it)" in error.what


@pytest.mark.parametrize(
    ("text", "what"),
    [(b"", "is empty"), (b"a,b\n1,2", "has no column ImageID, LabelName, XMin"), (b"\xff\xfe", "is not a CSV")],
)
def test_no_open_images(text: bytes, what: str, tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / "boxes.csv", text)
    assert refused(lambda: load_dataset(path)).what.startswith(what)


# Recognition


def test_linked_folders(voc_folder: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "Annotations").symlink_to(voc_folder / "Annotations")
    (linked / "loop").symlink_to(linked)
    assert load_dataset(linked).names == load_dataset(voc_folder).names


def test_no_such_path(tmp_path: Path, refused: Refused) -> None:
    assert refused(lambda: load_dataset(tmp_path / "none")).what == "no such file"


@pytest.mark.parametrize("format", [None, *FORMATS])
@pytest.mark.parametrize("content", [(), (".hidden",), ("a.jpg",), ("pom.xml",), ("README.txt",), ("a.jpg", "b.PNG")])
def test_folder_without_dataset(content: tuple[str, ...], format: str | None, tmp_path: Path, refused: Refused) -> None:
    for name in content:
        write(tmp_path / name, "<project/>")
    error = refused(lambda: load_dataset(tmp_path, format=format))
    assert error.where == str(tmp_path)
    assert "photos" in error.what or content[:1] != ("a.jpg",) or format


@pytest.mark.parametrize("name", ["a.jpg", "a.zip", "a"])
def test_file_that_is_no_dataset(name: str, tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / name, b"\xfe words")
    assert refused(lambda: load_dataset(path)).what.startswith(
        "is neither Pascal VOC, COCO, YOLO, Open Images, labelme"
    )


def test_folder_without_annotations(tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / "a.jpg", b"")
    assert refused(lambda: load_dataset(tmp_path)).what == "holds photos, but no Pascal VOC .xml and no YOLO .txt"
    write(tmp_path / "b.jpg", b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert refused(lambda: load_dataset(tmp_path)).what.startswith("holds photos"), "whatever is in one"
    path = write(tmp_path / "annotations/train.json", coco())
    assert load_dataset(tmp_path).files[0] == str(path), "there is but one file that it can be"


def test_several_files_of_many_images_are_one_dataset(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"annotations/{name}.json", coco()) for name in ("train", "val")]
    alone, dataset = load_dataset(paths[0]), load_dataset(tmp_path)
    assert dataset.names == alone.names * 2
    assert list(dict.fromkeys(dataset.files)) == list(map(str, paths))
    assert dataset.boxes.tolist() == alone.boxes.tolist() * 2
    assert load_dataset(tmp_path, format="coco").names == dataset.names


def test_an_empty_text_is_a_photo_without_objects(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "a.txt", " \n"))
    assert (dataset.names, len(dataset.image)) == (("a",), 0)


def test_list_without_annotations(tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / "ImageSets/Main/train.txt", "000001\n")
    assert refused(lambda: load_dataset(path)).what.startswith("lists ids, but there is no folder")


def test_two_formats_in_one_folder(voc_folder: Path, refused: Refused) -> None:
    write(voc_folder / "labels/only.txt", "0 .5 .5 .2 .2")
    label = write(voc_folder / "labels/a b.txt", "0 .5 .5 .2 .2")
    alone = load_dataset(voc_folder, ("cat",), format="voc")
    dataset = load_dataset(voc_folder, ("cat",))
    assert [part.format.title for part in dataset.parts] == ["Pascal VOC", "YOLO"]
    assert (dataset.names, dataset.beside[0].names) == (alone.names, ("a b", "only"))
    assert load_dataset(voc_folder, ("cat",), format="yolo").names == ("a b", "only")
    assert dataset.only(Path("only.jpg")).files == (str(voc_folder / "labels/only.txt"),)
    error = refused(lambda: dataset.only(Path("a b.jpg")))
    assert str(label) in error.what
    assert "2 files" in error.what
    assert refused(lambda: dataset.only(Path("absent.jpg"))).what == "unknown file name 'absent.jpg'"


@pytest.mark.parametrize("name", ["data", "data.dat"])
def test_content_decides_where_the_ending_does_not(name: str, tmp_path: Path) -> None:
    assert load_dataset(write(tmp_path / name, voc("cat"))).format.title == "Pascal VOC"
    assert load_dataset(write(tmp_path / name, b"\xef\xbb\xbf" + coco().encode())).format.title == "COCO"
    assert load_dataset(write(tmp_path / name, "0 .5 .5 .2 .2"), ("cat",)).format.title == "YOLO"


def test_what_cannot_be_read_at_all_stands_beside_the_only_dataset(tmp_path: Path) -> None:
    """And beside several, the first of which has it."""
    write(tmp_path / "a.json", coco())
    broken = write(tmp_path / "b.json", '{"images": 3, "annotations": [], "categories": []}')
    alone = load_dataset(tmp_path)
    assert (len(alone.names), alone.beside) == (3, ())
    assert [file for file, _, _ in alone.refused] == [str(broken)]
    write(tmp_path / "c.csv", "ImageID,LabelName,XMin,YMin,XMax,YMax\na,/m/1,0,0,1,1\n")
    several = load_dataset(tmp_path)
    assert len(several.beside) == 1
    assert [file for file, _, _ in several.refused] == [str(broken)]
    assert not several.beside[0].refused
