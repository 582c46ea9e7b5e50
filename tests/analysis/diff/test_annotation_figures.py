"""What each part of a changed data set is worth, by an audit that counts each in its own digit; names, marks, sizes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ssdlossdbg import DiffResult
from ssdlossdbg.analysis.diff.annotations import diff_annotations
from ssdlossdbg.readers.annotations import Dataset, load_dataset
from ssdlossdbg.results.diff import Difference
from tests.analysis.diff.test_annotations import FILES, Change, changed, edited, everywhere, first, voc

__all__ = ["first"]
MOVED = edited("a", "<xmin>20<", "<xmin>25<")
MARKED = edited("b", "<difficult>0", "<difficult>1")
CALLED = edited("c", ">cup<", ">dog<")
SIZED = edited("a", "<width>300<", "<width>600<")


def digits(data: Dataset) -> Any:
    """Objects in the last digit, then boxes that were moved, marks, dogs, and wide images."""
    dogs = sum(data.labels[label] == "dog" for label in data.label.tolist())
    counts = (len(data.image), (data.boxes[:, 0] == 25).sum(), data.difficult.sum(), dogs, (data.sizes == 600).sum())
    matched = sum(int(count) * 10**place for place, count in enumerate(counts))
    return SimpleNamespace(totals=SimpleNamespace(matched=matched), classes=(), sizes=(), levels=())


def diff(folder: Path, *changes: Change) -> DiffResult:
    def change(second: Path) -> None:
        for each in changes:
            each(second)

    return diff_annotations(load_dataset(folder), load_dataset(changed(folder, change)), digits)


def _between(one: Dataset, two: Dataset) -> tuple[Difference, ...]:
    return diff_annotations(one, two, digits).differences


def test_each_part_is_taken_over_alone_and_left_alone(first: Path) -> None:
    result = diff(first, MOVED, MARKED, CALLED, SIZED)
    assert (result.first.value, result.second.value) == (2106, 13216)
    worth = {"sizes of images": 10_000, "boxes": 10, "labels": 1000, "difficult marks": 100}
    told = {each.name: each for each in result.explanations}
    assert list(told) == list(worth)
    for name, own in worth.items():
        assert (told[name].alone, told[name].without, told[name].delta) == (2106 + own, 13216 - own, own)
        assert not told[name].explains


def test_with_an_object_less_the_other_parts_are_as_they_would_be_beside_it(first: Path) -> None:
    def less(folder: Path) -> None:
        (folder / "c.xml").write_text(voc("c", FILES["c"][:2]))

    result = diff(first, less, MOVED, MARKED, SIZED)
    assert (result.first.value, result.second.value) == (2106, 11215)
    told = {each.name: (each.alone, each.without, each.delta) for each in result.explanations}
    assert told == {
        "sizes of images": (12106, 1215, 10_000),
        "objects": (1105, 12216, -1001),
        "boxes": (2116, 11205, 10),
        "difficult marks": (2206, 11115, 100),
    }


def test_one_part_explains_where_nothing_else_is_worth_anything(first: Path) -> None:
    result = diff(first, CALLED)
    assert [(each.name, each.explains) for each in result.explanations] == [("labels", True)]
    assert [each.name for each in result.differences] == ["labels", "list of classes"]
    assert result.differences[1].what.startswith("3 classes in A, 20 in B: without cup and with aeroplane, ")
    assert result.differences[0].places == ("c.jpg, object 0 (cup -> dog): relabelled",)
    assert (result.differences[0].changed, result.differences[0].of, result.differences[0].figure) == (1, 6, None)


@pytest.mark.parametrize(
    ("change", "name", "figures", "places"),
    [
        (MOVED, "boxes", (1, 6), ("a.jpg, object 0 (cat): moved",)),
        (SIZED, "sizes of images", (1, 3), ("a.jpg: 300x240 -> 600x240",)),
        (
            edited("a", "<size><width>300</width><height>240</height><depth>3</depth></size>", ""),
            "sizes of images",
            (1, 3),
            ("a.jpg: 300x240 -> none",),
        ),
        (MARKED, "difficult marks", (1, 6), ("b.jpg, object 0 (cat): marked difficult",)),
        (lambda folder: (folder / "b.xml").unlink(), "images", (1, 3), ("b.jpg: removed",)),
        (lambda folder: (folder / "d.xml").write_text(voc("d", FILES["b"])), "images", (1, 3), ("d.jpg: added",)),
    ],
)
def test_how_many_and_where(change: Change, name: str, figures: Any, places: Any, first: Path) -> None:
    found = next(each for each in diff(first, change).differences if each.name == name)
    assert (found.changed, found.of) == figures
    assert found.places == places


def test_sizes_that_are_all_another_by_one_step(first: Path) -> None:
    result = diff(first, everywhere("<width>300</width><height>240<", "<width>600</width><height>480<"))
    [sizes] = result.differences
    assert (sizes.how, sizes.figure, sizes.changed) == ("times 2", 2.0, 3)
    assert sizes.what == "3 of 3 images declare another size"


def test_marks_both_ways_are_two_differences(first: Path) -> None:
    result = diff(first, MARKED, edited("c", "<difficult>1", "<difficult>0"))
    assert [(each.name, each.what) for each in result.differences] == [
        ("difficult marks", "1 of 6 objects marked difficult"),
        ("difficult marks taken off", "1 of 6 objects no longer marked difficult"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "how"),
    [
        (">cat<", ">kitty<", "renamed: cat is called kitty"),
        (">cat<", ">dog<", "renamed: cat is called dog"),
        (">cup<", ">dog<", ""),
    ],
)
def test_how_labels_were_made_others(old: str, new: str, how: str, first: Path) -> None:
    found = diff(first, everywhere(old, new))
    labels = next(each for each in found.differences if each.name == "labels")
    if new == ">dog<" and old == ">cat<":  # there were dogs before
        how = "3 cat -> dog"
    assert labels.how == how


def test_several_classes_made_others(first: Path) -> None:
    result = diff(first, edited("a", ">cat<", ">cup<"), edited("c", ">cat<", ">cup<"), edited("c", ">dog<", ">cat<"))
    labels = next(each for each in result.differences if each.name == "labels")
    assert labels.how == "2 cat -> cup, 1 dog -> cat"
    assert labels.what == "3 of 6 objects"


def test_an_image_of_another_name_is_the_one_with_the_same_objects(first: Path) -> None:
    def called(folder: Path) -> None:
        for old, new in (("b", "z"), ("c", "y")):
            (folder / f"{old}.xml").unlink()
            (folder / f"{new}.xml").write_text(voc(new, FILES[old]))

    [names] = diff(first, called).differences
    assert (names.name, names.measured, names.changed, names.of) == ("names of images", False, 2, 3)
    assert names.places == ("b.jpg -> z.jpg", "c.jpg -> y.jpg")


def test_of_two_images_with_the_same_objects_nobody_knows_which(first: Path) -> None:
    def doubled(folder: Path) -> None:
        (folder / "b.xml").unlink()
        for new in "yz":
            (folder / f"{new}.xml").write_text(voc(new, FILES["b"]))

    [images] = diff(first, doubled).differences
    assert (images.name, images.what) == ("images", "3 in A: 1 removed and 2 added")
    assert images.places == ("b.jpg: removed", "y.jpg: added", "z.jpg: added")


def test_images_without_objects_are_none_of_another_name(first: Path) -> None:
    (first / "n.xml").write_text(voc("n", ()))

    def called(folder: Path) -> None:
        (folder / "n.xml").unlink()
        (folder / "o.xml").write_text(voc("o", ()))

    [images] = diff(first, called).differences
    assert images.what == "4 in A: 1 removed and 1 added"


def test_objects_that_are_others_as_they_are_listed(first: Path) -> None:
    result = diff(
        first, MOVED, edited("c", ">cup<", ">dog<"), lambda folder: (folder / "b.xml").write_text(voc("b", ()))
    )
    told = [(each.image, each.index, each.other, each.label, each.new_label, each.became) for each in result.objects]
    assert told == [
        ("a.jpg", 0, 0, "cat", "cat", "moved"),
        ("b.jpg", 0, None, "cat", "", "removed"),
        ("c.jpg", 0, 0, "cup", "dog", "relabelled"),
    ]
    boxes = [(each.box, each.new_box) for each in result.objects]
    assert boxes[0] == ((20, 30, 120, 160), (25, 30, 120, 160))
    assert boxes[1] == ((10, 10, 200, 220), None)
    assert result.first.what == "Pascal VOC, 3 images, 6 objects"
    assert result.second.what == "Pascal VOC, 3 images, 5 objects"


def test_one_image_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "a.xml").write_text(voc("a", FILES["b"]))
    result = diff(tmp_path / "A", lambda folder: (folder / "d.xml").write_text("<annotation><object>"))
    assert result.first.what == "Pascal VOC, 1 image, 1 objects"
    assert result.second.what == "Pascal VOC, 1 image, 1 objects, 1 that cannot be read"
    [unread] = result.differences
    assert (unread.measured, unread.what) == (False, "0 in A, 1 in B")
    assert [Path(place).name for place in unread.places] == ["d.xml"]


def test_lists_of_classes(tmp_path: Path) -> None:
    for name, classes in (("A", "cat\ndog\ncup\n"), ("B", "dog\ncup\nbat\nrat\n"), ("C", "cup\ncat\ndog\n")):
        (tmp_path / name / "labels").mkdir(parents=True)
        (tmp_path / name / "classes.txt").write_text(classes)
        (tmp_path / name / "labels" / "a.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    sets = {name: load_dataset(tmp_path / name) for name in "ABC"}
    (tmp_path / "B" / "labels" / "a.txt").write_text("2 0.5 0.5 0.2 0.2\n")
    [other] = [each for each in _between(sets["A"], load_dataset(tmp_path / "B")) if each.name == "labels"]
    assert other.how == "renamed: dog is called bat", "another number in the files, too"
    found = [diff_annotations(sets["A"], sets[other], digits).differences for other in "BC"]
    lists = [next(each for each in one if each.name == "list of classes") for one in found]
    moved = "cat 1 -> 2, dog 2 -> 3, cup 3 -> 1"
    assert [each.what for each in lists] == [
        "3 classes in A, 4 in B: without cat and with bat, rat",
        f"3 classes in A, 3 in B: in another order, so that the numbers of classes are others: {moved}",
    ]
    assert [each.measured for each in lists] == [False, False]
    labels = next(each for each in found[0] if each.name == "labels")
    assert labels.how == "the same numbers in the files, of another list of classes; renamed: dog is called cup"
