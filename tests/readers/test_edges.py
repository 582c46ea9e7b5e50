"""Edges of what readers take: sizes in memory, feature maps of other inputs, records of other tools, ids of COCO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers import memory
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.annotations.voc import _lists_ids
from ssdlossdbg.readers.feature_maps import SIZES, chains, rounded_down

# Memory


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (2**20 - 1, "1,024.0 KiB"),
        (2**20, "1.0 MiB"),
        (2**30, "1.0 GiB"),
        (2500 * 2**30, "2,500.0 GiB"),
    ],
)
def test_bytes_in_words(size: int, words: str) -> None:
    assert memory.in_words(size) == words


@pytest.mark.parametrize(
    ("needed", "held", "words"),
    [
        (2048, 2048, ""),
        (2049, 2049, "holds tensors that would take 2.0 KiB"),
        # Beyond what may be packed, twenty times what is there.
        (1000, 1, ""),
        (1001, 51, ""),
        (1001, 50, "holds tensors that would take 1,001 bytes, of which 50 bytes are there: packed, or repeated"),
        (1020, 51, ""),
        (1021, 51, "holds tensors that would take 1,021 bytes, of which 51 bytes are there"),
    ],
)
def test_tensors_that_would_take_too_much(needed: int, held: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LARGEST_UNPACKED", 1000)
    monkeypatch.setattr(memory, "MOST", 2048)
    try:
        memory.check_unpacked(needed, held, "a.pt")
        assert words == ""
    except InputError as error:
        assert error.what.startswith(words or "?")  # noqa: PT017


# Feature maps


@pytest.mark.parametrize(
    ("sides", "size", "maps"),
    [
        # 300 halved three times down is 37; then as the maps of SSD300 follow each other; or down everywhere.
        ((38, 19, 10, 5, 3, 1), 300, [[37, 19, 10, 5, 3, 1], [37, 18, 9, 4, 2, 0]]),
        ((19, 10, 5, 3, 2, 1), 300, [[18, 9, 5, 3, 2, 1], [18, 9, 4, 2, 1, 0]]),
        ((64, 32, 16), 512, [[64, 32, 16], [64, 32, 16]]),
        ((75, 38), 300, [[75, 38], [75, 37]]),
        ((300, 150), 300, [[300, 150], [300, 150]]),
    ],
)
def test_maps_rounded_down(sides: tuple[int, ...], size: int, maps: list[list[int]]) -> None:
    """Those without cells are none."""
    assert list(rounded_down(sides, size)) == [each for each in maps if min(each) > 0]


@pytest.mark.parametrize(
    ("sides", "size", "at"),
    [
        (
            (38, 19, 10, 5, 3, 1),
            300,
            {300: [38, 19, 10, 5, 3, 1], 512: [64, 32, 16, 8, 6, 4], 400: [50, 25, 13, 7, 5, 3]},
        ),
        ((64, 32, 16, 8, 4, 2, 1), 512, {512: [64, 32, 16, 8, 4, 2, 1], 320: [40, 20, 10, 5, 3, 2, 1]}),
        ((20, 10, 5, 3, 2, 1), 320, {320: [20, 10, 5, 3, 2, 1], 512: [32, 16, 8, 4, 2, 1]}),
    ],
)
def test_maps_of_another_input(sides: tuple[int, ...], size: int, at: dict[int, list[int]]) -> None:
    """On its own input all ways give its own maps, and one of them the known ones on others."""
    found = list(chains(sides, size))
    for other, maps in at.items():
        column = [each[:, other - int(SIZES[0])].tolist() for each in found]
        assert maps in column
        if other == size:
            assert all(each == maps for each in column)


@pytest.mark.parametrize(
    ("sides", "size"), [((), 300), ((301,), 300), ((38, 19), 64), ((38, 19), 1601), ((38, 20), 300)]
)
def test_maps_that_nothing_explains(sides: tuple[int, ...], size: int) -> None:
    assert list(chains(sides, size)) == []


# COCO


def coco(folder: Path, **lists: Any) -> Any:
    """The dataset of one image and its two objects, but for what is given."""
    table = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 2, "bbox": [10, 20, 30, 5], "area": 1, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 1, "iscrowd": 1},
        ],
    }
    path = folder / "a.json"
    path.write_text(json.dumps(table | lists))
    return load_dataset(path)


def test_coco_as_it_is_meant(tmp_path: Path) -> None:
    made = coco(tmp_path)
    assert made.boxes.tolist() == [[10, 20, 40, 25], [1, 2, 4, 6]]
    assert [made.class_names[place] for place in made.class_index] == ["dog", "cat"]
    assert made.difficult.tolist() == [False, True]
    assert made.sizes.tolist() == [[100, 50]]
    assert dict(made.category_ids) == {"cat": 1, "dog": 2}
    assert (made.refused, made.unread, made.image_traits) == ((), None, None)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (100, 50, [100, 50]),
        (100.0, 50, [100, 50]),
        (1, 1, [1, 1]),
        (0, 50, [0, 0]),
        (100, 0, [0, 0]),
        (-5, 50, [0, 0]),
        (100, -5, [0, 0]),
        (-1e300, 50, [0, 0]),
        (None, 50, [0, 0]),
        (100, None, [0, 0]),
        (1, 2, [1, 2]),
        (2**31 - 1, 50, [2**31 - 1, 50]),
        (2**31, 50, [0, 0]),
    ],
)
def test_sizes_that_make_no_sense(width: float | None, height: float | None, size: list[int], tmp_path: Path) -> None:
    image = {"id": 1, "file_name": "a.jpg", "width": width, "height": height}
    assert coco(tmp_path, images=[image]).sizes.tolist() == [size]


def test_categories_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """What is written as a text counts as its number; words come last."""
    ids = [10, 2, "x", "3", -1, "9" * 25]
    categories = [{"id": number, "name": f"c{number}"} for number in ids]
    made = coco(tmp_path, categories=categories, annotations=[])
    assert made.class_names == ("c-1", "c2", "c3", "c10", f"c{'9' * 25}", "cx")


@pytest.mark.parametrize(
    ("lists", "where", "what"),
    [
        (
            {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}]},
            "images[1]",
            "has the id 1 of a.jpg, which gets the objects of both",
        ),
        (
            {"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 2, "name": "eel"}]},
            "categories[2]",
            "has the id 2 of 'dog'; as a class it is 'eel' alone",
        ),
        (
            {"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 7, "name": "cat"}]},
            "categories[2]",
            "'cat' is the name of the ids 1, 7",
        ),
        (
            {"categories": [{"id": 1, "name": "cat"}]},
            "annotations[0]",
            "refers to id 2, which `categories` does not list",
        ),
        (
            {"categories": [{"id": 1, "name": "cat"}, {"id": "2", "name": "dog"}]},
            "annotations[0]",
            "refers to id 2, which `categories` does not list: there it is '2'",
        ),
        (
            {"images": [{"id": "1", "file_name": "a.jpg"}]},
            "annotations[0]",
            "refers to id 1, which `images` does not list: there it is '1' (1 more like it)",
        ),
        (
            {"images": [{"id": 5, "file_name": "a.jpg"}]},
            "annotations[0]",
            "refers to id 1, which `images` does not list (1 more like it)",
        ),
    ],
)
def test_ids_that_do_not_go_together(lists: dict[str, Any], where: str, what: str, tmp_path: Path) -> None:
    made = coco(tmp_path, **lists)
    (error,) = [each.error for each in made.refused]
    assert error.where == f"{tmp_path / 'a.json'}, {where}"
    assert error.what == what
    left_out = {"images[1]": 0, "categories[2]": 0, "annotations[0]": 1}[where] + ("more like it" in what)
    assert len(made.image) == 2 - left_out


def test_objects_of_which_an_id_is_there_twice(tmp_path: Path) -> None:
    one = {"id": 4, "image_id": 1, "category_id": 2, "bbox": [10, 20, 30, 5], "area": 1, "iscrowd": 0}
    made = coco(tmp_path, annotations=[{**one, "id": 3}, one, one, one])
    (error,) = [each.error for each in made.refused]
    assert error.where.endswith(", annotations[2]")
    assert error.what.startswith("has the id 4 of annotations[1]: loaders that look annotations up by id")
    assert error.what.endswith("and the others never (1 more like it)")
    assert len(made.image) == 4


# Lists of Pascal VOC, rows of Open Images


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        (b"000001\n000002\n", True),
        (b"000001 1\n", True),
        (b"000001 -1\n", True),
        (b"1.5 2.5\n", False),
        (b"a b c\n", True),
        ("caf\u00e9 1\n".encode(), True),
        # A character that is cut off at the end of what is looked at, and one that is none.
        (b"caf\xc3", True),
        (b"12 34\nfile\xc3", False),
        (b"ab\n34 56 \xe2\x82", True),
        (b"\xff\xfe0123456789", False),
        # Four bytes at most.
        (b"a\n\xffxyz", True),
        (b"a\n\xffwxyz", False),
        (b"\xef\xbb\xbf0.5 0.5\n", False),
    ],
)
def test_what_may_be_a_list_of_ids(data: bytes, ids: bool) -> None:
    assert _lists_ids(data) is ids


def test_rows_of_open_images_that_cannot_be_read(tmp_path: Path) -> None:
    """Which images lack an object is known where every row that is left out says of which it is."""
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n"
    sound, bad = "a,x,cat,1,0.1,0.5,0.2,0.6\n", "b,x,cat,1,0.1,no,0.2,0.6\n"
    for rows, images in ((sound + bad, frozenset([1])), (sound + bad + "\n,\n", None)):
        path = tmp_path / "a.csv"
        path.write_text(head + rows)
        (refused,) = load_dataset(path).refused
        assert refused.images == images
