"""What a loader does with numbers, names and photos, as its dialect states it, and at which figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.checks.photos import of_photo
from ssdlossdbg.results import Trait
from ssdlossdbg.results.objects import Reading
from ssdlossdbg.rules import CategoryIds, NameLookup
from tests.checks.conftest import Cases, TableOf, Told

Box = tuple[float, float, float, float]
SOUND: Box = (20, 20, 60, 60)


VOC = Reading(format="voc")


@pytest.mark.parametrize(
    ("dialect", "code", "words"),
    [
        (
            "ssd.pytorch",
            "LDR001",
            "ssd.pytorch: int('60.5') raises ValueError in the first batch with this photo (xmax of object 1",
        ),
        ("caffe", "LDR002", "caffe reads 0 for '60.5' (xmax of object 1"),
    ],
)
def test_numbers_with_a_point(dialect: str, code: str, words: str, table_of: TableOf, told: Told, cases: Cases) -> None:
    boxes = [SOUND, (20, 20, 60.5, 60.25), (5, 5.5, 30, 30)]
    traits = np.array([0, Trait.POINT_X2 | Trait.POINT_Y2, Trait.POINT_Y1])
    made = table_of([[SOUND], boxes], dialect=dialect, traits=np.concatenate(([0], traits)), reading=VOC)
    (case,) = cases(made, code)
    assert case.where.file == "001.xml"
    assert case.message.startswith(words)
    assert case.message.endswith("; 2 of 3 objects hold such numbers")
    assert case.value == "60.5"
    assert not cases(replace(made, reading=Reading(format="coco")), code)
    alone = table_of([[(20, 20, 60.5, 60)]], dialect=dialect, traits=np.array([Trait.POINT_X2]), reading=VOC)
    assert told(alone, code)[0].endswith("; it holds such numbers")


@pytest.mark.parametrize(
    ("loader", "format_", "words"),
    [
        (
            {"numbers": "int-of-float"},
            "voc",
            "mmdetection cuts xmin 20.2 and xmax 20.8 to whole numbers, where they are the",
        ),
        ({"numbers": "int-of-float"}, "coco", None),
        ({"numbers": "float"}, "voc", None),
    ],
)
def test_flattened_boxes(
    loader: dict[str, str], format_: str, words: str | None, table_of: TableOf, told: Told
) -> None:
    made = table_of([[SOUND, (20.2, 30, 20.8, 40)]], dialect="mmdetection", reading=Reading(format=format_))
    boxes = made.boxes.copy()
    boxes[1, [0, 2]] = 0.2
    numbers = type(made.rules.loader.numbers)(loader["numbers"])
    rules = replace(made.rules, loader=replace(made.rules.loader, numbers=numbers))
    messages = told(replace(made, boxes=boxes, rules=rules), "LDR003")
    assert bool(messages) is (words is not None)
    assert not words or messages[0].startswith(words)


@pytest.mark.parametrize(
    ("ids", "format_", "found"),
    [
        ({"cat": 0}, "coco", True),
        ({"cat": 1, "dog": 0}, "coco", False),
        ({"cat": 0}, "voc", False),
    ],
)
def test_category_0(ids: dict[str, int], format_: str, found: bool, table_of: TableOf, told: Told) -> None:
    reading = Reading(format=format_, category_ids=ids)
    made = table_of([[SOUND, SOUND, (1, 1, 5, 5)]], dialect="torchvision", reading=reading)
    assert made.rules.loader.category_ids is CategoryIds.LABELS
    messages = told(made, "LDR010")
    assert messages == ["its category has the id 0, which torchvision takes for the background (3 objects)"] * found
    other = table_of([[SOUND]], dialect="ssd.pytorch", reading=reading)
    assert other.rules.loader.category_ids is not CategoryIds.LABELS
    assert not told(other, "LDR010")


def test_names_of_the_background(table_of: TableOf, told: Told) -> None:
    labels = ("none_of_the_above", "Background", "cat", "none_of_the_above")
    boxes = [SOUND, (1, 1, 9, 9), (50, 5, 60, 9), (70, 5, 80, 9)]
    made = table_of([boxes], dialect="caffe", labels=labels)
    assert told(made, "LDR008") == ["caffe reads 'none_of_the_above' as class 0, the background (2 objects)"]
    (message,) = told(made, "LDR009")
    assert message == ("is annotated as 'Background' (1 object), beside the background that SSD has in column 0")
    saved = replace(made, saved=True)
    assert not told(saved, "LDR008")
    assert not told(saved, "LDR009")


@pytest.mark.parametrize(
    ("dialect", "label", "traits", "words"),
    [
        (
            "ssd.pytorch",
            "RBC",
            0,
            "ssd.pytorch looks it up as 'rbc' in the list of classes, which has 'RBC', does not find it, and raises on",
        ),
        ("ssd.pytorch", "dog", 0, None),
        ("caffe", "RBC", 0, None),
        (
            "caffe",
            "dog",
            Trait.PADDED_NAME,
            "caffe looks it up as ' dog ' in the list of classes, which has 'dog', does not find it",
        ),
    ],
)
def test_names_that_a_loader_does_not_find(
    dialect: str, label: str, traits: int, words: str | None, table_of: TableOf, told: Told
) -> None:
    reading = Reading(format="voc", names=("RBC", "dog"))
    made = table_of([[SOUND]], dialect=dialect, labels=(label,), traits=np.array([traits]), reading=reading)
    messages = told(made, "LDR006")
    assert bool(messages) is (words is not None)
    assert not words or messages[0].startswith(words)
    assert not told(replace(made, reading=replace(reading, format="coco")), "LDR006")
    rules = replace(made.rules, loader=replace(made.rules.loader, class_names=NameLookup.ANY_CASE))
    assert not told(replace(made, rules=rules), "LDR006")


@pytest.mark.parametrize(
    ("orientation", "declared", "photo", "code"),
    [
        (5, (100, 60), (60, 100), "LDR011"),
        (4, (100, 60), (60, 100), "LDR012"),
        (1, (100, 60), (60, 100), ""),
        (6, (100, 60), (100, 60), ""),
        (6, (100, 100), (100, 100), "LDR012"),
        (3, (100, 60), (100, 60), "LDR012"),
        (2, (100, 60), (100, 60), "LDR012"),
        (0, (100, 60), (100, 60), ""),
    ],
)
def test_photos_that_exif_data_turn(
    orientation: int, declared: tuple[float, float], photo: tuple[int, int], code: str, table_of: TableOf, told: Told
) -> None:
    facts = [{"size": declared, "photo_size": photo, "orientation": orientation}]
    made = table_of([[(20, 20, 50, 50)]], facts=facts)
    assert [item.code for item in find([made]) if item.code in ("LDR011", "LDR012")] == [code] * bool(code)
    words = {
        "LDR011": "EXIF data turn the photo: ssd.pytorch turns it and sees 60 x 100 pixels, the annotation is of 100",
        "LDR012": f"EXIF data say how to turn the photo (orientation {orientation}), and ssd.pytorch turns it so",
    }
    assert [message.startswith(words[code]) for message in told(made, code)] == [True] * bool(code)
    undeclared = [{**facts[0], "declares_size": False}]
    again = table_of([[(20, 20, 50, 50)]], facts=undeclared)
    assert bool(told(again, "LDR012")) is (orientation > 1)


@pytest.mark.parametrize(
    ("photo", "found"),
    [((300, 300), True), ((200, 120), False), ((200, 121), False), ((200, 122), True), ((60, 100), False)],
)
def test_squashed_photos(photo: tuple[int, int], found: bool, table_of: TableOf, told: Told) -> None:
    facts = [{"size": (100, 60), "photo_size": photo}]
    made = table_of([[(20, 20, 50, 50)]], facts=facts, dialect="caffe")
    assert bool(told(made, "LDR013")) is found
    if found:
        assert told(made, "LDR013")[0].startswith(
            f"the photo is {photo[0]} x {photo[1]} pixels, the annotation says 100 x 60, by which caffe divides: "
        )
    assert not told(table_of([[(20, 20, 50, 50)]], facts=facts), "LDR013")


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        (
            (200, 120),
            "the annotation says 100 x 60: ssd.pytorch divides by the photo's size, so every box is stretched by 0.5",
        ),
        ((200, 60), "so every box is stretched by 0.5 and 1"),
        ((101, 60), None),
        ((102, 60), "so every box is stretched by 0.98 and 1"),
        ((100, 61), "so every box is stretched by 1 and 0.984"),
    ],
)
def test_photo_of_another_size(photo: tuple[int, int], words: str | None, table_of: TableOf, told: Told) -> None:
    facts = [{"size": (100, 60), "photo_size": photo}]
    messages = told(table_of([[(20, 20, 50, 50)]], facts=facts), "FIL002")
    assert bool(messages) is (words is not None)
    assert not words or words in messages[0]
    exchanged = [{"size": (100, 60), "photo_size": (60, 100)}]
    made = table_of([[(20, 20, 50, 50)]], facts=exchanged, dialect="caffe")
    (message,) = told(made, "FIL002")
    assert message == (
        "the photo is 60 x 100 pixels, the annotation says 100 x 60: it was turned, or the two were exchanged; in both "
        "cases the boxes lie in the wrong place"
    )
    assert not told(table_of([[(20, 20, 50, 50)]], facts=facts, dialect="caffe"), "FIL002")


def test_the_photo_that_differs_most_comes_first(table_of: TableOf, cases: Cases) -> None:
    facts = [{"photo_size": size} for size in ((110, 100), (100, 400), (30, 100))]
    made = table_of([[(20, 20, 50, 50)]] * 3, facts=facts)
    assert [case.where.file for case in cases(made, "FIL002")] == ["001.xml", "002.xml", "000.xml"]


@pytest.mark.parametrize(
    ("boxes", "photo", "drawn_on_it"),
    [
        # A box beyond the declared size, and all in the photo, give or take a hundredth.
        ([(20, 20, 102, 60)], (200, 200), True),
        ([(20, 20, 101, 60)], (200, 200), False),
        ([(20, 20, 60, 102)], (200, 200), True),
        ([(20, 20, 202, 60)], (200, 200), True),
        ([(20, 20, 203, 60)], (200, 200), False),
        ([(-20, 20, 0, 150)], (200, 200), True),
        ([(20, 20, 150, 60)], (0, 0), False),
        ([(20, 20, 150, 60)], (101, 101), False),
        ([], (200, 200), False),
    ],
)
def test_boxes_that_were_drawn_on_the_photo(
    boxes: list[Box], photo: tuple[int, int], drawn_on_it: bool, table_of: TableOf
) -> None:
    """And not in the declared size of 100 x 100."""
    made = table_of([boxes], facts=[{"photo_size": photo if any(photo) else None}])
    assert of_photo(made).tolist() == [0] * drawn_on_it
    assert of_photo(replace(made, saved=True)).tolist() == []


@pytest.mark.parametrize(
    ("beyond", "fitting", "odd", "number"),
    [(1, 4, 0, 5), (1, 5, 0, 0), (2, 98, 0, 0), (20, 79, 1, 99), (20, 78, 2, 0)],
)
def test_of_images_that_differ_alike_enough_tell(
    beyond: int, fitting: int, odd: int, number: int, table_of: TableOf
) -> None:
    """A fifth has a box beyond the declared size, and nearly all have theirs in the photo."""
    images = [*[[(20, 20, 150, 60)]] * beyond, *[[(20, 20, 60, 60)]] * fitting, *[[(20, 20, 250, 60)]] * odd]
    made = table_of(images, facts=[{"photo_size": (200, 200)}] * len(images))
    assert len(of_photo(made)) == number
