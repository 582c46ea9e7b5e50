"""What changed between two versions of a data set: each single change is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import ssdlossdbg
from ssdlossdbg import DiffResult

Listed = Sequence[tuple[str, tuple[int, ...], int]]
Change = Callable[[Path], object]
FILES: dict[str, Listed] = {
    "a": [("cat", (20, 30, 120, 160), 0), ("dog", (150, 40, 260, 200), 0)],
    "b": [("cat", (10, 10, 200, 220), 0)],
    "c": [("cup", (40, 50, 90, 110), 0), ("cat", (100, 90, 280, 230), 1), ("dog", (5, 5, 60, 80), 0)],
}


def voc(name: str, objects: Listed) -> str:
    tags = ("xmin", "ymin", "xmax", "ymax")
    body = "".join(
        f"<object><name>{label}</name><difficult>{difficult}</difficult><bndbox>"
        + "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, box, strict=True))
        + "</bndbox></object>\n"
        for label, box, difficult in objects
    )
    size = "<size><width>300</width><height>240</height><depth>3</depth></size>"
    return f"<annotation><filename>{name}.jpg</filename>{size}\n{body}</annotation>\n"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A data set of three images."""
    folder = tmp_path / "A"
    folder.mkdir()
    for name, objects in FILES.items():
        (folder / f"{name}.xml").write_text(voc(name, objects))
    return folder


def edited(name: str, old: str, new: str, count: int = -1) -> Change:
    def edit(folder: Path) -> None:
        text = (folder / f"{name}.xml").read_text()
        assert old in text
        (folder / f"{name}.xml").write_text(text.replace(old, new, count))

    return edit


def everywhere(old: str, new: str) -> Change:
    def edit(folder: Path) -> None:
        for file in folder.glob("*.xml"):
            file.write_text(file.read_text().replace(old, new))

    return edit


def shifted(folder: Path) -> None:
    for name, objects in FILES.items():
        moved = [(label, tuple(side + 1 for side in box), mark) for label, box, mark in objects]
        (folder / f"{name}.xml").write_text(voc(name, moved))


def exchanged(folder: Path) -> None:
    for name, objects in FILES.items():
        moved = [(label, (box[1], box[0], box[3], box[2]), mark) for label, box, mark in objects]
        (folder / f"{name}.xml").write_text(voc(name, moved))


def without_last(folder: Path) -> None:
    (folder / "c.xml").write_text(voc("c", FILES["c"][:2]))


def with_one_more(folder: Path) -> None:
    (folder / "b.xml").write_text(voc("b", [*FILES["b"], ("dog", (210, 5, 290, 100), 0)]))


def turned(folder: Path) -> None:
    (folder / "c.xml").write_text(voc("c", FILES["c"][::-1]))


def renamed(folder: Path) -> None:
    (folder / "b.xml").rename(folder / "z.xml")
    edited("z", "b.jpg", "z.jpg")(folder)


def one_after_the_other(folder: Path) -> None:
    for old, new in ((">cat<", ">x<"), (">dog<", ">cat<"), (">x<", ">dog<")):
        everywhere(old, new)(folder)


# What is done to a copy, which difference is to be named, and words of it.
SINGLE: dict[str, tuple[Change, str, str]] = {
    "a pixel": (shifted, "boxes", "each coordinate 1 more: 6 of 6 objects, by up to 1 px"),
    "x and y": (exchanged, "boxes", "x and y exchanged: 6 of 6 objects"),
    "one box": (edited("a", "<xmin>20<", "<xmin>25<"), "boxes", "1 of 6 objects, by up to 5 px"),
    "an object less": (without_last, "objects", "6 in A: 1 removed"),
    "an object more": (with_one_more, "objects", "6 in A: 1 added"),
    "a class renamed": (everywhere("<name>cat<", "<name>kitty<"), "labels", "renamed: cat is called kitty: 3 of 6"),
    "classes exchanged": (
        lambda folder: (
            (everywhere(">cat<", ">x<")(folder), everywhere(">dog<", ">cat<")(folder))
            and everywhere(">x<", ">dog<")(folder)
        ),
        "labels",
        "classes exchanged: ",
    ),
    "one relabelled": (edited("c", ">cup<", ">dog<"), "labels", "1 of 6 objects"),
    "difficult": (edited("b", "<difficult>0", "<difficult>1"), "difficult marks", "1 of 6 objects marked difficult"),
    "no longer difficult": (
        edited("c", "<difficult>1", "<difficult>0"),
        "difficult marks",
        "1 of 6 objects no longer marked difficult",
    ),
    "a size": (edited("a", "<width>300<", "<width>600<"), "sizes of images", "1 of 3 images declare another size"),
    "sizes exchanged": (
        everywhere("<width>300</width><height>240<", "<width>240</width><height>300<"),
        "sizes of images",
        "width and height exchanged: 3 of 3",
    ),
    "a file less": (lambda folder: (folder / "b.xml").unlink(), "images", "3 in A: 1 removed"),
    "a file more": (
        lambda folder: (folder / "d.xml").write_text(voc("d", FILES["a"])),
        "images",
        "3 in A: 1 added",
    ),
    "a file renamed": (renamed, "names of images", "1 of 3 have another name, and the same objects"),
    "order of objects": (turned, "order of objects", "2 objects stand in another place, in 1 of 3 images"),
    "a file that cannot be read": (
        lambda folder: (folder / "d.xml").write_text("<annotation><object>"),
        "what cannot be read",
        "0 in A, 1 in B",
    ),
}


def changed(first: Path, change: Change) -> Path:
    second = first.parent / "B"
    shutil.copytree(first, second)
    change(second)
    return second


def diff(first: Path, second: Path) -> DiffResult:
    return ssdlossdbg.diff(first, second, priors="ssd300-voc", device="cpu")


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_change_is_named(name: str, first: Path) -> None:
    change, wanted, words = SINGLE[name]
    result = diff(first, changed(first, change))
    others = [each for each in result.differences if each.name != "list of classes"]
    assert [each.name for each in others] == [wanted]
    [difference] = others
    assert words in (f"{difference.how}: {difference.what}" if difference.how else difference.what)
    assert ("list of classes" in [each.name for each in result.differences]) is (
        name in ("a class renamed", "one relabelled")
    )
    if result.first.value != result.second.value:
        assert [each.name for each in result.explanations if each.explains] == [wanted]
    back = diff(first.parent / "B", first)
    assert (back.first.value, back.second.value) == (result.second.value, result.first.value)
    assert {each.name for each in back.differences} == {each.name for each in result.differences}


def test_the_same_annotations_say_nothing(first: Path) -> None:
    for second in (first, changed(first, lambda _: None)):
        result = diff(first, second)
        assert result.same
        assert result.summary == "A and B are the same: nothing that is read is different."


def test_an_object_that_is_no_longer_matched_is_explained_by_its_box(first: Path) -> None:
    second = changed(
        first, edited("a", "<xmin>20</xmin><ymin>30</ymin><xmax>120<", "<xmin>20</xmin><ymin>30</ymin><xmax>23<")
    )
    result = diff(first, second)
    assert (result.first.value, result.second.value) == (5, 4)
    assert "boxes" in result.summary
    [item] = result.objects
    assert (item.image, item.index, item.became) == ("a.jpg", 0, "moved")
    assert item.box == (20, 30, 120, 160)
    assert item.new_box == (20, 30, 23, 160)


def test_a_list_of_classes_in_another_order_is_told_from_other_numbers(tmp_path: Path) -> None:
    for name, classes in (("A", "cat\ndog\ncup"), ("B", "dog\ncat\ncup")):
        (tmp_path / name / "labels").mkdir(parents=True)
        (tmp_path / name / "classes.txt").write_text(classes)
        (tmp_path / name / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n1 0.3 0.3 0.1 0.2\n2 0.7 0.7 0.1 0.2\n")
    result = diff(tmp_path / "A", tmp_path / "B")
    labels = next(each for each in result.differences if each.name == "labels")
    assert labels.changed == 2
    assert labels.how.startswith("the same numbers in the files, of another list of classes; classes exchanged: ")
    assert "in another order" in next(each.what for each in result.differences if each.name == "list of classes")


def test_another_format_of_the_same_objects_is_a_note(first: Path) -> None:
    images = [{"id": i, "file_name": f"{name}.jpg", "width": 300, "height": 240} for i, name in enumerate(FILES)]
    names = ["cat", "cup", "dog"]
    boxes = [(i, *each) for i, objects in enumerate(FILES.values()) for each in objects]
    coco = {
        "images": images,
        "categories": [{"id": 1 + i, "name": name} for i, name in enumerate(names)],
        "annotations": [
            {
                "id": i,
                "image_id": image,
                "category_id": 1 + names.index(label),
                "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                "area": 1,
                "iscrowd": 0,
            }
            for i, (image, label, box, _) in enumerate(boxes)
        ],
    }
    (first.parent / "coco.json").write_text(json.dumps(coco))
    result = diff(first, first.parent / "coco.json")
    assert [each.name for each in result.differences if each.measured] == []
    assert result.differences[0].what == "Pascal VOC in A, COCO in B"
