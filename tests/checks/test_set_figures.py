"""What is said of data sets and their photos, at the figures that the pages state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.results import PhotoFiles, PhotoSet
from ssdlossdbg.results.photo_set import SharedPhoto
from tests.checks.conftest import Cases, TableOf, Told

Box = tuple[float, float, float, float]
SOUND: Box = (20, 20, 60, 60)


@pytest.mark.parametrize(
    ("images", "sound", "found"),
    [(10, 0, True), (9, 0, False), (19, 1, True), (18, 1, False)],
)
def test_objects_that_fill_photos(images: int, sound: int, found: bool, table_of: TableOf, told: Told) -> None:
    """Ten images, and nineteen of twenty objects of four fifths."""
    full: Box = (0, 0, 90, 90)
    made = table_of([*[[full]] * images, *[[SOUND]] * sound])
    words = (
        f"{images} of {images + sound} objects cover 80% of their photo or more, 270 x 270 px of the 300 x 300 input "
        "in the median: only the largest priors are positives, and finer levels learn background alone"
    )
    assert told(made, "SET001") == [words] * found


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ((0, 0, 100, 80), True),
        ((0, 0, 100, 79), False),
        ((0, 0, 80, 100), True),
        ((0, 0, 79.9, 100), False),
        # What lies outside is no part of it.
        ((-20, 0, 80, 100), True),
        ((-21, 0, 79, 100), False),
        ((0, -20, 100, 79), False),
    ],
)
def test_what_fills_a_photo(box: Box, found: bool, table_of: TableOf, told: Told) -> None:
    assert bool(told(table_of([[box]] * 10), "SET001")) is found


def test_what_is_no_object_fills_no_photo(table_of: TableOf, cases: Cases) -> None:
    """Neither background nor a box without an area, whose photos count all the same."""
    class_id = np.array([1] * 10 + [0] * 3)
    made = table_of([[(0, 0, 90, 90)]] * 13, class_id=class_id)
    (case,) = cases(made, "SET001")
    assert case.message.startswith("10 of 10 objects cover 80% of their photo or more")
    flat = table_of([*[[(0, 0, 90, 90)]] * 10, *[[(20, 20, 20, 60)]] * 3])
    assert cases(flat, "SET001")[0].message.startswith("10 of 10 objects")
    assert not cases(table_of([[(0, 0, 90, 90)]] * 10, class_id=np.zeros(10, dtype=int)), "SET001")


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((100, 5), "100 of a, and 5 of b: 20 to 1"),
        ((99, 5), None),
        ((95, 4), None),
        ((96, 4), "96 of a, and 4 of b: 24 to 1"),
        ((5, 100, 40), "100 of b, and 40 of c, 5 of a: 20 to 1"),
        ((5, 100, 40, 30, 20), "100 of b, and 30 of d, 20 of e, 5 of a: 20 to 1"),
    ],
)
def test_unequal_classes(
    numbers: Sequence[int], words: str | None, table_of: TableOf, told: Told, cases: Cases
) -> None:
    """A hundred objects, twenty times as many."""
    class_id = np.repeat(np.arange(1, len(numbers) + 1), numbers)
    boxes = [(n % 50, n // 50, n % 50 + 10, n // 50 + 10) for n in range(sum(numbers))]
    made = table_of([boxes], class_id=class_id, labels=tuple("-abcde"[each] for each in class_id))
    assert told(made, "SET004") == ([words] if words else [])
    assert not told(replace(made, saved=True), "SET004")
    if words:
        (case,) = cases(made, "SET004")
        assert (case.value, case.bound) == (max(numbers) / min(numbers), 20)


def photos(**changes: object) -> PhotoSet:
    return replace(PhotoSet("YOLO", 10, (), (), (), ()), **changes)  # type: ignore[arg-type]


def test_entries_that_are_there_twice(told: Told, cases: Cases) -> None:
    one, two = SharedPhoto("a.jpg", ("d/a.xml", "d/b.xml")), SharedPhoto("c.jpg", ("d/c.json",) * 3)
    (case,) = cases(photos(shared=(one, two)), "SET002")
    assert case.message == "2 photos have several entries: a.jpg has d/a.xml and d/b.xml"
    assert (case.where.file, case.value, case.share) == ("d", 2, 0.2)
    assert told(photos(shared=(two,)), "SET002") == ["1 photo has several entries: c.jpg has 3 entries"]
    (case,) = cases(photos(copies=(("d/a.xml", "e/a.xml"),) * 3), "SET003")
    assert case.message == "3 images are there twice with the same boxes: d/a.xml and e/a.xml"
    assert (case.value, case.share) == (3, 0.3)
    assert told(photos(copies=(("d/a.xml", "e/a.xml"),)), "SET003")[0].startswith("1 image is there twice")
    assert cases(photos(copies=(("d/a.xml", "e/a.xml"),) * 3, photos=0), "SET003")[0].share == 1
    (case,) = cases(photos(again=(one, one)), "SET006")
    assert case.message == "2 photos are annotated in two formats, which are counted both: d/a.xml and d/b.xml"
    assert (case.value, case.share) == (2, 0.2)
    assert told(photos(again=(one,)), "SET006")[0].startswith("1 photo is annotated in two formats")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (2, None),
        (3, "3 of 10 photos have no YOLO file: 0.jpg, 1.jpg, 2.jpg"),
        (5, "5 of 10 photos have no YOLO file: 0.jpg, 1.jpg, 2.jpg and 2 more"),
    ],
)
def test_photos_without_a_file(number: int, words: str | None, cases: Cases) -> None:
    """More than a fifth."""
    found = cases(photos(without_file=tuple(f"d/{n}.jpg" for n in range(number))), "SET005")
    assert [case.message for case in found] == ([words] if words else [])
    assert [(case.value, case.bound, case.share) for case in found] == [(number / 10, 0.2, number / 10)] * bool(words)


@pytest.mark.parametrize(
    ("names", "opened", "wrong"),
    [
        (("a.JPG", "b.jpg"), ("a.jpg", "b.jpg"), ["a"]),
        (("a.JPG", "b.JPG"), ("a.jpg", "b.jpg"), ["a", "b"]),
        (("a.png", "b.jpg"), ("a.jpg", "b.jpg"), ["a"]),
        (("a.png", "b.png"), ("a.jpg", "b.jpg"), []),
        (("a.png", ""), ("a.jpg", "b.jpg"), []),
        (("a.JPG", "b.jpg"), ("", ""), []),
    ],
)
def test_photos_of_another_name(
    names: tuple[str, ...], opened: tuple[str, ...], wrong: list[str], cases: Cases
) -> None:
    files = PhotoFiles("d", "ssd.pytorch", names, opened, ("a", "b"), "d/images")
    found = cases(files, "FIL004")
    assert [case.value for case in found] == [len(wrong)] * bool(wrong)
    if wrong:
        assert found[0].share == len(wrong) / 2
        more = f" ({len(wrong) - 1} more like it)" if len(wrong) > 1 else ""
        assert found[0].message == (
            f"ssd.pytorch opens {opened[0]}, the photo is called {names[0]}{more}: on Linux it is not found"
        )


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a", "b", ""), "1 of 3 photos is not there: 2; others are in d/images"),
        (("a", ""), None),
        (("a", "b", "", "", "c"), "2 of 5 photos are not there: 2, 3; others are in d/images"),
        (("a", "b"), None),
    ],
)
def test_photos_that_are_not_there(names: tuple[str, ...], words: str | None, cases: Cases) -> None:
    """Less than half of all."""
    files = PhotoFiles("d", "ssd.pytorch", names, ("",) * len(names), tuple(map(str, range(len(names)))), "d/images")
    found = cases(files, "FIL005")
    assert [case.message for case in found] == ([words] if words else [])
    if words:
        assert found[0].share == names.count("") / len(names)
