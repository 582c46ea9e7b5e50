"""One file of annotations, as of one photo: how formats are told apart, and what is said of bad ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.annotations import Dataset, load_dataset

Refused = Callable[[Callable[[], object]], InputError]
Box = tuple[float, float, float, float]
SIZE = "<size><width>100</width><height>50</height><depth>3</depth></size>"
BOX = "<bndbox><xmin>11</xmin><ymin>6</ymin><xmax>31</xmax><ymax>26</ymax></bndbox>"
CAT = f"<object><name>cat</name>{BOX}</object>"
VOC = f"<annotation>{SIZE}{CAT}</annotation>"
BOM = b"\xef\xbb\xbf"


def box(corner: str, text: str) -> str:
    """An annotation whose object has this text for one corner."""
    return VOC.replace(BOX, "<bndbox>" + "".join(
        f"<{name}>{text if name == corner else value}</{name}>"
        for name, value in (("xmin", 11), ("ymin", 6), ("xmax", 31), ("ymax", 26))
    ) + "</bndbox>")  # fmt: skip


def size(width: object, height: object) -> str:
    """An annotation that declares this size."""
    return VOC.replace(SIZE, f"<size><width>{width}</width><height>{height}</height></size>")


def coco(**changes: Any) -> dict[str, Any]:
    """A COCO table of two images, the second one being the photo."""
    table = {
        "info": {"year": 2017},
        "images": [
            {"id": 7, "file_name": "other.jpg", "width": 10, "height": 10},
            {"id": 9, "file_name": "train/photo.jpg", "width": 100, "height": 50},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [0, 0, 5, 5]},
            {"id": 2, "image_id": 9, "category_id": 18, "bbox": [11, 6, 20, 20.5]},
            {"id": 3, "image_id": 9, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 1, "area": 12},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
    }
    return {**table, **changes}


@dataclass(frozen=True)
class Object:
    """A row of a dataset."""

    index: int
    label: str
    box: tuple[float, ...]
    difficult: bool = False


def objects(dataset: Dataset) -> tuple[Object, ...]:
    """The rows of a dataset, as annotated."""
    columns = (dataset.index, dataset.label, dataset.boxes, dataset.difficult)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(Object(index, dataset.labels[label], tuple(box), hard) for index, label, box, hard in rows)


def size_of(dataset: Dataset) -> tuple[int, ...]:
    """The (width, height) that a dataset of one photo declares."""
    return tuple(dataset.sizes[0].tolist())


def read(path: Path, data: str | bytes | dict[str, Any], classes: tuple[str, ...] = ("cat", "dog")) -> Dataset:
    """Write the file and read it as the annotation of a photo; raise what is first refused in it."""
    text = json.dumps(data) if isinstance(data, dict) else data
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    dataset = load_dataset(path, classes).only(Path("photos/photo.jpg"))
    for refused in dataset.refused:
        raise refused.error
    return dataset


def cat(index: int = 0, label: str = "cat") -> Object:
    """The object of `VOC`."""
    return Object(index, label, (11.0, 6.0, 31.0, 26.0))


# Recognition


@pytest.mark.parametrize("name", ["a.xml", "a.json", "a.txt", "a"])
@pytest.mark.parametrize(
    ("data", "format"),
    [
        (VOC, "Pascal VOC"),
        (f'<?xml version="1.0"?>\n{VOC}', "Pascal VOC"),
        (BOM + f'<?xml version="1.0"?>{VOC}'.encode(), "Pascal VOC"),
        (BOM + b" \r\n\t" + VOC.encode(), "Pascal VOC"),
        ("\n\n  " + VOC, "Pascal VOC"),
        (json.dumps(coco()), "COCO"),
        (BOM + json.dumps(coco()).encode(), "COCO"),
        ("\n " + json.dumps(coco(), indent=1), "COCO"),
        (BOM + b"\n" + json.dumps(coco()).encode(), "COCO"),
    ],
)
def test_format_is_recognised_by_content(name: str, data: str | bytes, format: str, tmp_path: Path) -> None:
    annotation = read(tmp_path / name, data)
    assert (annotation.format.title, annotation.path) == (format, tmp_path / name)
    assert len(objects(annotation)) == (1 if format == "Pascal VOC" else 2)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.labels"])
@pytest.mark.parametrize("data", [b"0 .5 .5 .2 .2", BOM + b"0 .5 .5 .2 .2", b"\r\n\n 0\t.5 .5 .2 .2 \r\n"])
def test_anything_else_is_yolo(name: str, data: bytes, tmp_path: Path) -> None:
    annotation = read(tmp_path / name, data)
    assert annotation.format.title == "YOLO"
    assert len(objects(annotation)) == 1


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.xml", b"", "is empty"),
        ("a.xml", b" \n", "is empty"),
        ("a.xml", b"0 .5 .5 .2 .2", "is not well-formed XML (syntax error: line 1, column 0)"),
        ("a.json", b"", "is empty"),
        ("a.txt", b"\xff\xd8\xff\xe0\0\x10JFIF", "is a JPEG photo by its content"),
        ("a.xml", b"\xff\xd8\xff\xe0\0\x10JFIF", "is a JPEG photo by its content"),
        ("a.txt", "0 .5 .5 .2 .2".encode("utf-16"), "is text in UTF-16 by its content"),
        ("labels/a.txt", b"\xff\xd8\xff\xe0\0\x10JFIF", "is a JPEG photo by its content"),
        ("labels/a.txt", b"\xfe\xd8\xff\xe0", "is neither XML, JSON nor text"),
    ],
)
def test_ending_decides_where_the_content_does_not(
    name: str, data: bytes, what: str, tmp_path: Path, refused: Refused
) -> None:
    error = refused(lambda: read(tmp_path / name, data))
    assert (error.where, error.what) == (str(tmp_path / name), what)


@pytest.mark.parametrize(("name", "what"), [("none.xml", "no such file"), ("a\0b", "cannot be a path (")])
def test_no_file(name: str, what: str, tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: load_dataset(tmp_path / name))
    assert error.where == str(tmp_path / name)
    assert error.what.startswith(what)


# Pascal VOC


def test_voc(tmp_path: Path) -> None:
    second = f"<object><name> dog\n</name><pose>Left</pose><difficult>1</difficult>{BOX}</object>"
    annotation = read(tmp_path / "a.xml", VOC.replace(CAT, CAT + second))
    assert size_of(annotation) == (100, 50)
    assert annotation.format.one_based
    assert annotation.listed == ()
    assert objects(annotation) == (cat(), Object(1, "dog", (11.0, 6.0, 31.0, 26.0), difficult=True))


def test_voc_without_objects(tmp_path: Path) -> None:
    assert objects(read(tmp_path / "a.xml", f"<annotation>{SIZE}</annotation>")) == ()


@pytest.mark.parametrize("flag", ["", "<difficult/>", "<difficult>0</difficult>", "<difficult> 0 </difficult>"])
def test_voc_without_difficult_flag(flag: str, tmp_path: Path) -> None:
    data = VOC.replace("</name>", f"</name>{flag}")
    assert objects(read(tmp_path / "a.xml", data)) == (cat(),)


def test_voc_parts_are_no_objects(tmp_path: Path) -> None:
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    assert objects(read(tmp_path / "a.xml", VOC.replace("</object>", f"{part}</object>"))) == (cat(),)


@pytest.mark.parametrize(
    ("corner", "text", "expected"),
    [
        ("xmin", "11.5", (11.5, 6, 31, 26)),
        ("xmin", " 31 ", (31, 6, 31, 26)),
        ("xmin", "90", (90, 6, 31, 26)),
        ("ymin", "-400", (11, -400, 31, 26)),
        ("xmax", "1e308", (11, 6, 1e308, 26)),
    ],
)
def test_voc_box_need_not_make_sense(corner: str, text: str, expected: Box, tmp_path: Path) -> None:
    assert objects(read(tmp_path / "a.xml", box(corner, text)))[0].box == expected


@pytest.mark.parametrize("declared", [(7, 7), (100, 50), (2**31, 1)])
def test_voc_size_need_not_be_the_photos(declared: tuple[int, int], tmp_path: Path) -> None:
    assert size_of(read(tmp_path / "a.xml", size(*declared))) == declared


@pytest.mark.parametrize(
    "data",
    [
        VOC.replace(SIZE, ""),
        VOC.replace(SIZE, "<size><width>9</width></size>"),
        size(0, 0),
        size(-100, 50),
        size(0.5, 50),
        size("wide", 50),
        size("", 50),
        size("nan", 50),
        size(10**30, 50),
    ],
)
def test_voc_without_a_size(data: str, tmp_path: Path) -> None:
    annotation = read(tmp_path / "a.xml", data)
    assert (size_of(annotation), objects(annotation)) == ((0, 0), (cat(),))


@pytest.mark.parametrize(
    "data",
    [
        f'<?xml version="1.0" encoding="utf-16"?>{VOC}'.encode("utf-16"),
        f'<?xml version="1.0" encoding="utf-16"?>{VOC}'.encode("utf-16-le"),
        f'<?xml version="1.0" encoding="iso-8859-1"?>{VOC}'.encode("latin-1"),
        f"<!DOCTYPE annotation>{VOC}".encode(),
        f'<!DOCTYPE annotation SYSTEM "file:///nowhere.dtd">{VOC}'.encode(),
        VOC.replace("cat", "<![CDATA[cat]]>").encode(),
        VOC.replace("cat", "c&#97;t<!-- meow -->").encode(),
    ],
    ids=["utf-16", "utf-16-without-bom", "latin-1", "doctype", "external-doctype", "cdata", "comment"],
)
def test_voc_in_other_clothes(data: bytes, tmp_path: Path) -> None:
    assert objects(read(tmp_path / "a.xml", data)) == (cat(),)


ENTITIES = "declares XML entities, which can blow up to any size"
LAUGHS = "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10 if i else 'lol'}'>" for i in range(10))


@pytest.mark.parametrize(
    ("data", "place", "what", "fix"),
    [
        ("<annotation>", "", "is not well-formed XML (no element found: line 1, column 12)", "Correct that place"),
        (VOC + VOC, "", "is not well-formed XML (junk after document element", "Correct that place"),
        (VOC.replace("cat", "a & b"), "", "is not well-formed XML (not well-formed (invalid token)", "Correct that"),
        (VOC.replace("cat", "&nbsp;"), "", "is not well-formed XML (undefined entity", "Correct that place"),
        (VOC.replace("cat", "a\0b"), "", "is not well-formed XML (not well-formed (invalid token)", "Correct that"),
        (f"\n<?xml version='1.0'?>{VOC}", "", "is not well-formed XML (XML or text declaration not at", "Correct"),
        (f"<?xml version='1.0' encoding='klingon'?>{VOC}", "", "cannot be parsed as XML (unknown", "Export it again"),
        (f"<?xml version='1.0' encoding='base64'?>{VOC}", "", "cannot be parsed as XML (", "Export it again as UTF-8"),
        (f"<!DOCTYPE a [{LAUGHS}]>{VOC.replace('cat', '&l9;')}", "", ENTITIES, "Annotations need none: remove the"),
        (f"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>{VOC.replace('cat', '&x;')}", "", ENTITIES, ""),
        (f"<!DOCTYPE a [<!ENTITY % x SYSTEM 'file:///etc/hostname'> %x;]>{VOC}", "", ENTITIES, ""),
        ("<kml></kml>", "", "is XML, but its root is <kml>", "Expected Pascal VOC's <annotation>."),
        ("<annotation xmlns='u:v'/>", "", "is XML, but its root is <{u:v}annotation>", "Expected Pascal VOC's"),
        (VOC.replace("<name>cat</name>", ""), ", object 0", "has no <name>", "Name its class."),
        (VOC.replace("cat", " "), ", object 0", "has no <name>", "Name its class."),
        (VOC.replace(BOX, ""), ", object 0 (cat)", "has no <bndbox>", "Draw its box, or remove the object."),
        (VOC.replace(BOX, "<bndbox/>"), ", object 0 (cat)", "has no <bndbox><xmin>", "Add it"),
        (VOC.replace("<ymax>26</ymax>", ""), ", object 0 (cat)", "has no <bndbox><ymax>", "Add it"),
        (box("xmin", "left"), ", object 0 (cat)", "<bndbox><xmin> is 'left', not a number", "Write a number."),
        (box("ymin", ""), ", object 0 (cat)", "<bndbox><ymin> is '', not a number", "Write a number."),
        (box("xmax", "1,5"), ", object 0 (cat)", "<bndbox><xmax> is '1,5', not a number", "Write a number."),
        (box("ymax", "nan"), ", object 0 (cat)", "<bndbox><ymax> is 'nan', not a number", "Write a number."),
        (box("ymax", "-inf"), ", object 0 (cat)", "<bndbox><ymax> is '-inf', not a number", "Write a number."),
        (box("ymax", "9" * 5000), ", object 0 (cat)", "<bndbox><ymax> is '9999", "Write a number."),
        (
            VOC.replace("</name>", "</name><difficult>Unspecified</difficult>"),
            ", object 0 (cat)",
            "<difficult> is 'Unspecified', not a number",
            "Write a number.",
        ),
        (VOC.replace("</object>", f"</object><object>{BOX}</object>"), ", object 1", "has no <name>", "Name its"),
    ],
)
def test_bad_voc(data: str, place: str, what: str, fix: str, tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: read(tmp_path / "a.xml", data))
    assert error.where == f"{tmp_path / 'a.xml'}{place}"
    assert error.what.startswith(what)
    assert error.fix.startswith(fix)


@pytest.mark.parametrize(
    "written",
    [
        VOC.replace(SIZE, ""),
        VOC.replace(SIZE, "<size><width>9</width></size>"),
        size(0, 0),
        size(-100, 50),
        size(0.5, 50),
    ],
)
def test_a_file_without_a_size_that_makes_sense_is_read(written: str, tmp_path: Path) -> None:
    """ssd.pytorch never looks at it; who does, is a matter of the dialect."""
    found = read(tmp_path / "a.xml", written)
    assert found.sizes.tolist() == [[0, 0]]
    assert len(found.boxes) == 1


def test_a_file_nested_deeply_is_an_image_without_objects(tmp_path: Path) -> None:
    found = read(tmp_path / "a.xml", "<annotation>" + "<a>" * 10**5 + "</a>" * 10**5 + "</annotation>")
    assert (len(found.names), len(found.boxes)) == (1, 0)


# COCO


def test_coco(tmp_path: Path) -> None:
    annotation = read(tmp_path / "a.json", coco())
    assert size_of(annotation) == (100, 50)
    assert not annotation.format.one_based
    assert annotation.listed == ("car", "dog"), "in the order of their ids"
    assert objects(annotation) == (
        Object(0, "dog", (11.0, 6.0, 31.0, 26.5)),
        Object(1, "car", (1.0, 2.0, 4.0, 6.0), difficult=True),
    )


def test_coco_image_without_objects(tmp_path: Path) -> None:
    assert objects(read(tmp_path / "a.json", coco(annotations=[]))) == ()


@pytest.mark.parametrize(
    "declared", [{}, {"width": 100}, {"width": 0, "height": 0}, {"width": -5, "height": 5}], ids=str
)
def test_coco_without_size(declared: dict[str, int], tmp_path: Path) -> None:
    images = [{"id": 9, "file_name": "photo.jpg", **declared}]
    annotation = read(tmp_path / "a.json", coco(images=images))
    assert size_of(annotation) == (0, 0)
    assert len(objects(annotation)) == 2


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [([1, 2, -3, -4], (1, 2, -2, -2)), ([1, 2, 0, 0], (1, 2, 1, 2)), ([-50, 0, 900, 1e9], (-50, 0, 850, 1e9))],
)
def test_coco_box_need_not_make_sense(bbox: list[float], expected: Box, tmp_path: Path) -> None:
    entry = {"image_id": 9, "category_id": 3, "bbox": bbox}
    assert objects(read(tmp_path / "a.json", coco(annotations=[entry])))[0].box == expected


def entry(**changes: Any) -> list[dict[str, Any]]:
    """A list of one annotation of the photo; a key set to `...` is left out."""
    whole = {"image_id": 9, "category_id": 3, "bbox": [1, 2, 3, 4], **changes}
    return [{key: value for key, value in whole.items() if value is not ...}]


ENTRY = "Correct the entry or remove it."
SHAPE = "COCO needs images, annotations and categories; correct that place."


WRONG_VALUE = json.dumps(coco()).replace("[11,", '["x",')


@pytest.mark.parametrize(
    ("data", "place", "what", "fix"),
    [
        ("{", "", "is not JSON (Input data was truncated)", "Correct that place or export it again."),
        (json.dumps(coco())[:-9], "", "is not JSON (Input data was truncated)", "Correct that place"),
        (json.dumps(coco()) + "x", "", "is not JSON (JSON is malformed: trailing characters", "Correct that place"),
        (json.dumps(coco()).replace("[11,", "[NaN,"), ", annotations[1].bbox[0]", "is nan, not a finite", ENTRY),
        (json.dumps(coco()).replace("[11,", "[NaN,,"), "", "is not JSON (JSON is malformed", "Correct that place"),
        ('{"images": NaN}', "", "is no COCO JSON", "COCO needs images, annotations and categories"),
        ('{"images": [], "annotations": [], "x": NaN}', "", "is no COCO JSON", "COCO needs images, annotations and"),
        (json.dumps(coco()).replace("[11,", "[1e999,"), ", annotations[1].bbox[0]", "number out of range", ENTRY),
        (json.dumps(coco()).encode().replace(b"dog", b"d\xffg"), "", "is not JSON (", "Correct that place"),
        (json.dumps(coco()).replace("dog", "\\ud800"), "", "is not JSON (", "Correct that place"),
        # A value is wrong before it turns out to be no JSON.
        (WRONG_VALUE[:-9], "", "is not JSON (Input data was truncated)", "Correct that place"),
        (WRONG_VALUE.replace('"dog"', '"\\q"'), "", "is not JSON (JSON is malformed", "Correct that place"),
        (WRONG_VALUE[:-1] + ', "a": ' + "[" * 10**6, "", "is nested too deeply", "Export it again"),
        ("{\0}", "", "is not JSON (JSON is malformed: object keys must be strings", "Correct that place"),
        ("[" * 10**6 + "]" * 10**6, "", "expected `object`, got `array`", SHAPE),
        ('{"a":' * 10**6 + "1" + "}" * 10**6, "", "is nested too deeply to be COCO JSON", "Export it again."),
        ('{"info":' + "[" * 10**6, "", "is nested too deeply to be COCO JSON", "Export it again."),
        ("[]", "", "expected `object`, got `array`", SHAPE),
        ("{}", "", "object missing required field `images`", SHAPE),
        ({"images": [], "annotations": []}, "", "object missing required field `categories`", SHAPE),
        ({"asset": {"name": "a.jpg"}, "regions": []}, "", "is VoTT JSON, which is not read here", "Export it from "),
        (coco(annotations=entry(category_id=1.5)), ", annotations[0].category_id", "expected `int`, got `float", ENTRY),
        (coco(annotations=entry(category_id=...)), ", annotations[0]", "object missing required field `cat", ENTRY),
        (coco(annotations=entry(bbox=...)), ", annotations[0]", "object missing required field `bbox`", ENTRY),
        (coco(annotations=entry(bbox=[1, 2, 3])), ", annotations[0].bbox", "expected `array` of length 4", ENTRY),
        (coco(annotations=entry(bbox=[1, 2, 3, "4"])), ", annotations[0].bbox[3]", "expected `float`, got `st", ENTRY),
        (coco(annotations=entry(bbox=None)), ", annotations[0].bbox", "expected `array`, got `null`", ENTRY),
        (coco(annotations=entry(category_id=4)), ", annotations[0]", "refers to id 4, which `categories`", "Add it"),
        (coco(categories=[]), ", annotations[0]", "refers to id 18, which `categories` does not list (2", "Add it"),
        (
            coco(images=[{"id": 9, "file_name": "photo.jpg"}, {"id": 11, "file_name": "val/photo.jpg"}]),
            "",
            "lists photo.jpg 2 times",
            "Keep one entry.",
        ),
    ],
)  # fmt: skip
def test_bad_coco(
    data: str | bytes | dict[str, Any], place: str, what: str, fix: str, tmp_path: Path, refused: Refused
) -> None:
    error = refused(lambda: read(tmp_path / "a.json", data))
    assert error.where == f"{tmp_path / 'a.json'}{place}"
    assert error.what.startswith(what)
    assert error.fix.startswith(fix)


@pytest.mark.parametrize(
    "changes",
    [
        {"images": [{"id": 9.0, "file_name": "photo.jpg", "width": 100.0, "height": 50.0}]},
        {"images": [{"id": 9, "file_name": "photo.jpg", "width": "wide", "height": None}]},
        {"images": [{"id": "x", "file_name": "photo.jpg"}], "annotations": entry(image_id="x")},
        {"annotations": entry(category_id="c"), "categories": [{"id": "c", "name": "car"}]},
        {"annotations": entry(iscrowd=None)},
        {"annotations": entry(iscrowd=False, id="a", area=float("nan"))},
        {"annotations": entry(iscrowd="0", image_id=9.0)},
    ],
    ids=str,
)
def test_coco_that_harms_no_loader(changes: dict[str, Any], tmp_path: Path) -> None:
    annotation = read(tmp_path / "a.json", coco(**changes))
    assert Object(0, "car", (1.0, 2.0, 4.0, 6.0)) in objects(annotation) or "annotations" not in changes
    assert len(objects(annotation)) in (1, 2)


@pytest.mark.parametrize(
    ("names", "fix"),
    [
        (["photos.jpg", "x.png"], "Did you mean 'photos.jpg'? Is it the right split?"),
        (["a.png"], "Known: a.png. Is it the right split?"),
        ([], "Is it the right split?"),
    ],
)
def test_coco_that_does_not_list_the_photo(names: list[str], fix: str, tmp_path: Path, refused: Refused) -> None:
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    error = refused(lambda: read(tmp_path / "a.json", coco(images=images)))
    assert isinstance(error, UnknownNameError)
    assert error.where == f"{tmp_path / 'a.json'}, images"
    assert (error.what, error.fix) == ("unknown file name 'photo.jpg'", fix)


# YOLO


def test_yolo(tmp_path: Path) -> None:
    annotation = read(tmp_path / "a.txt", "1 0.5 0.5 0.2 0.4\n\n0.0 0.25 0.5 0.5 1\n")
    assert size_of(annotation) == (0, 0)
    assert not annotation.format.one_based
    assert annotation.class_names == ("cat", "dog")
    assert [(item.index, item.label) for item in objects(annotation)] == [(0, "dog"), (1, "cat")]
    assert objects(annotation)[0].box == pytest.approx((0.4, 0.3, 0.6, 0.7))
    assert objects(annotation)[1].box == pytest.approx((0, 0, 0.5, 1))


@pytest.mark.parametrize("classes", [(), ("cat",)])
def test_yolo_without_objects(classes: tuple[str, ...], tmp_path: Path) -> None:
    assert objects(read(tmp_path / "a.txt", "\n", classes)) == ()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("0 0.5 0.5 -0.2 0", (0.6, 0.5, 0.4, 0.5)),
        ("0 2 -1 0.2 0.2", (1.9, -1.1, 2.1, -0.9)),
        ("0 50 25 10 10", (45, 20, 55, 30)),
    ],
)
def test_yolo_box_need_not_make_sense(row: str, expected: Box, tmp_path: Path) -> None:
    assert objects(read(tmp_path / "a.txt", row))[0].box == pytest.approx(expected)


@pytest.mark.parametrize(
    ("row", "what", "fix"),
    [
        ("0 .5 .5 .2", "has 4 columns, expected 5: class cx cy w h", "Correct the row"),
        ("0 .5 .5 .2 .2 .9", "has a sixth number, as detections have", "Name the annotations"),
        ("0 .1 .1 .2 .2 .3 .3", "is a polygon (class x1 y1 x2 y2 ..., YOLO's segmentation", "Convert each to its box"),
        ("0 .1 .1 .3 .12 .28 .3 .09 .25", "is a polygon (class x1 y1", "Convert each to its box"),
        ("0 .1 .2 .2 .1 .4 .3 .3 .4", "is an oriented box (class and four corners, YOLO's", "Convert each to the up"),
        ("0 .5 .5 .2 .2 .45 .45 2 .55 .5 1 0 0 0", "is a box with key points (YOLO's pose", "Keep the first five"),
        ("0 .5 .5 .2 .2 .1 .1 .1", "has 8 columns, expected 5", "Correct the row"),
        ("0,.5,.5,.2,.2", "has commas between its numbers", "Write class cx cy w h, with spaces"),
        ("0", "has 1 column, expected 5: class cx cy w h", "Correct the row"),
        ("cat .5 .5 .2 .2", "holds something that is not a number: cat .5 .5 .2 .2", "Write five numbers."),
        ("0 .5 nan .2 .2", "holds something that is not a number: 0 .5 nan .2 .2", "Write five numbers."),
        ("0 .5 .5 inf .2", "holds something that is not a number: 0 .5 .5 inf .2", "Write five numbers."),
        ("0 .5 .5 .2\0 .2", "holds something that is not a number: 0 .5 .5 .2\0 .2", "Write five numbers."),
        ("0 .5 .5 .2 " + "9" * 5000, "holds something that is not a number: 0 .5 .5 .2 999", "Write five numbers."),
    ],
)  # fmt: skip
def test_bad_yolo(row: str, what: str, fix: str, tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: read(tmp_path / "a.txt", f"0 .5 .5 .1 .1\n\n{row}\n"))
    assert error.where == f"{tmp_path / 'a.txt'}, line 3"
    assert error.what.startswith(what)
    assert error.fix.startswith(fix)


def test_yolo_without_class_names(tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: read(tmp_path / "a.txt", "3 .5 .5 .2 .2", ()))
    assert (error.where, error.what) == (str(tmp_path / "a.txt"), "names its classes by number only")
    assert error.fix == "Add --classes with the file of names, or a,b,c in their order."
