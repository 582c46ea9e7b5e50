"""Cases right beside each other that are read apart: by an end of a range, one of several, or one that is not there."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable
from dataclasses import make_dataclass, replace
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers import memory
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.annotations.folders import walk
from ssdlossdbg.readers.annotations.yolo_rows import KEY_POINTS, POLYGON, kind_of
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.exif import ORIENTATION
from ssdlossdbg.readers.named_priors import recognise_priors
from ssdlossdbg.readers.photos import load_photo
from ssdlossdbg.readers.prior_gap import explain_count
from ssdlossdbg.readers.saved.captured import names_in
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.readers.saved.targets import Targets, recognise_targets
from ssdlossdbg.readers.saved.tensor_files import Saved, load
from ssdlossdbg.readers.schema import build
from ssdlossdbg.rules import LevelSpec, Orientation, Units

Refused = Callable[[Callable[[], object]], InputError]
SavedFile = Callable[..., Path]


# Photos


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_as_a_loader_sees_it_that_does_not_turn(orientation: int, tmp_path: Path) -> None:
    """Against the pixels that the file stores, no two of them alike."""
    stored = Image.frombytes("RGB", (5, 3), bytes(range(45)))
    exif, written = Image.Exif(), BytesIO()
    exif[ORIENTATION] = orientation
    stored.save(written, "PNG", exif=exif)
    path = tmp_path / "photo.png"
    path.write_bytes(written.getvalue())
    photo = load_photo(path)
    assert photo.size == ((3, 5) if orientation > 4 else (5, 3))
    assert photo.stored == (5, 3, orientation)
    assert photo.seen(Orientation.TURN) is photo
    seen = photo.seen(Orientation.IGNORE)
    assert seen.image.tobytes() == stored.tobytes()
    assert (seen.size, seen.stored) == ((5, 3), (5, 3, 1))
    assert (photo.image.tobytes() == stored.tobytes()) is (orientation == 1)


# What images are called


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"file_name": ["a.jpg", "b.jpg"]}, ("a.jpg", "b.jpg")),
        ({"paths": ("a.jpg", "b.jpg")}, ("a.jpg", "b.jpg")),
        # Numbers are an image's, whatever they were saved under.
        ({"image_id": [3, 7]}, ("image_id 3", "image_id 7")),
        ({"path": [3, 7]}, ("image_id 3", "image_id 7")),
        ({"image_ids": torch.tensor([3, 7])}, ("image_id 3", "image_id 7")),
        ({"image_ids": [torch.tensor(3), torch.tensor([7])]}, ("image_id 3", "image_id 7")),
        # Not where one of them has a name, or one has none.
        ({"paths": ["a.jpg", 7]}, ("a.jpg", "file_name 7")),
        ({"paths": [3, "b.jpg"]}, ("file_name 3", "b.jpg")),
        ({"paths": [3, ""]}, ("file_name 3", "")),
        ({"paths": ["", "b.jpg"]}, ("", "b.jpg")),
        ({"paths": ["", ""]}, ()),
        # One is no list of several, and a table of numbers is none of names.
        ({"paths": ["a.jpg"]}, ()),
        ({"image_ids": torch.tensor([3])}, ()),
        ({"image_ids": torch.zeros(2, 2)}, ()),
        ({"image_ids": torch.tensor(3)}, ()),
        # The first key that says something.
        ({"file_names": ["", ""], "path": ["a.jpg", "b.jpg"]}, ("a.jpg", "b.jpg")),
        ({"targets": [{"path": "a.jpg"}, {}], "paths": ["c.jpg", "d.jpg"]}, ("a.jpg", "")),
        # The targets of one image.
        ({"boxes": 0, "labels": 0, "path": "a.jpg"}, ("a.jpg",)),
        ({"boxes": 0, "labels": 0, "image_id": 3}, ("image_id 3",)),
        ({"boxes": 0, "labels": 0}, ()),
        ({"boxes": 0, "path": "a.jpg"}, ()),
        ([{"path": "a.jpg"}, {"image_id": 7}], ("a.jpg", "image_id 7")),
        ([{}, {}], ()),
        (torch.zeros(2), ()),
    ],
)
def test_names_of_images(value: Any, names: tuple[str, ...]) -> None:
    assert names_in(value) == names


# Labels


@pytest.mark.parametrize(
    ("dialect", "labels", "counted_from"),
    [
        # Of 4 classes and the background, which is number 4 where it is the last.
        ("mmdetection", [0, 3], 0),
        ("mmdetection", [0, 4], 1),
        ("mmdetection", [0, 0], 0),
        ("mmdetection", [1, 3], 1),
        ("mmdetection", [1, 4], 1),
        ("ssd.pytorch", [0, 3], 1),
    ],
)
def test_labels_of_mappings_count_from_zero_where_the_background_is_last(
    dialect: str, labels: list[int], counted_from: int, saved: SavedFile
) -> None:
    """And some are 0, and none is the background's."""
    images = [{"boxes": torch.tensor([[0.1, 0.1, 0.5, 0.5]]), "labels": torch.tensor([label])} for label in labels]
    found = recognise_targets(load(saved(images)), load_dialect(dialect), SavedLayout(), shape=(2, 9, 5))
    assert isinstance(found, Targets)
    assert 1 - found.label_offset == counted_from


# Units


@pytest.mark.parametrize(
    ("largest", "units"),
    [(0.5, Units.NORMALIZED), (2.0, Units.NORMALIZED), (2.125, Units.PIXELS), (90.0, Units.PIXELS)],
)
def test_boxes_of_mappings_are_pixels_from_two_images_on(largest: float, units: Units, saved: SavedFile) -> None:
    images = [{"boxes": torch.tensor([[0.1, 0.1, 0.5, largest]]), "labels": torch.tensor([1])}]
    found = recognise_targets(load(saved(images)), load_dialect("ssd.pytorch"), SavedLayout(), shape=(1, 9, 5))
    assert isinstance(found, Targets)
    assert found.units is units


@pytest.mark.parametrize(
    ("box", "units", "doubt"),
    [
        ((0.1, 0.1, 0.5, 2.0), Units.NORMALIZED, ""),
        ((0.1, 0.1, 0.5, 2.125), Units.NORMALIZED, "; yet they reach 2.125:"),
        ((0.1, 0.1, 0.5, 2.0), Units.PIXELS, "; yet none exceeds 2:"),
        ((0.1, 0.1, 0.5, 2.125), Units.PIXELS, ""),
        # What is no number, or none that is finite, does not reach anywhere.
        ((math.nan, 0.1, 0.5, 0.75), Units.PIXELS, "; yet none exceeds 0.75:"),
        ((-math.inf, 0.1, math.inf, 0.75), Units.PIXELS, "; yet none exceeds 0.75:"),
        ((math.nan, math.nan, math.nan, math.nan), Units.PIXELS, ""),
        ((math.nan, 0.1, 0.5, 0.75), Units.NORMALIZED, ""),
        ((0.0, 0.0, 0.0, 0.0), Units.PIXELS, ""),
    ],
)
def test_how_far_boxes_reach(box: tuple[float, ...], units: Units, doubt: str) -> None:
    rules = load_dialect("ssd.pytorch")
    dialect = replace(rules, targets=replace(rules.targets, units=units))
    found = recognise_targets(Saved([torch.tensor([[*box, 0.0]])], "t.pt"), dialect, shape=(1, 9, 3))
    assert isinstance(found, Targets)
    assert ("; yet" in found.layout) is bool(doubt)
    assert doubt in found.layout


# Names of Open Images


@pytest.mark.parametrize(
    "rows", [["LabelName,DisplayName"], [""], ["/m/3"], ["/m/1,Dog,of a kind"], ["/m/3", "", "LabelName,DisplayName"]]
)
def test_rows_of_descriptions_that_name_no_class(rows: list[str], tmp_path: Path) -> None:
    """A header, an empty line, or another number of columns."""
    boxes = "ImageID,LabelName,XMin,XMax,YMin,YMax\na,/m/1,0.1,0.5,0.1,0.5\na,/m/2,0.1,0.5,0.1,0.5\n"
    (tmp_path / "boxes.csv").write_text(boxes)
    (tmp_path / "class-descriptions-boxable.csv").write_text("\n".join([*rows, "/m/1,Cat", "/m/2,Cow"]))
    assert load_dataset(tmp_path / "boxes.csv").class_names == ("Cat", "Cow")


# Memory


@pytest.mark.parametrize(
    ("machine", "container", "most"),
    [(4096, "1000", 1000), (4096, "0", 4096), (0, "1000", 1000), (4096, "max", 4096), (0, "max", memory.USUAL)],
)
def test_the_least_limit_that_is_one(
    machine: int, container: str, most: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the machine and its container; 0, or a word, is none."""
    (tmp_path / "memory.max").write_text(container)
    monkeypatch.setattr(memory, "CONTAINER", tmp_path / "memory.max")
    monkeypatch.setattr("os.sysconf", {"SC_PHYS_PAGES": machine, "SC_PAGE_SIZE": 1}.__getitem__)
    monkeypatch.setattr("resource.getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert memory._memory.__wrapped__() == most


# Rows of YOLO


@pytest.mark.parametrize(
    ("points", "told"),
    [
        # Up to half a side outside of the box, which is all of its own size about its centre and half as much again.
        (".6875 .5 1", True),
        (".6876 .5 1", False),
        (".3125 .5 1", True),
        (".3124 .5 1", False),
        (".5 .875 2", True),
        (".5 .8751 2", False),
        (".5 .125 2", True),
        (".5 .1249 2", False),
        # Both axes, all points, whichever comes first.
        (".5 .5 1 .9 .5 1", False),
        (".9 .5 1 .5 .5 1", False),
        (".9 .5 0 .5 .5 1", True),
        ("0 0 0", True),
        (".5 .5 3", False),
        (".5 .5 2 .5 .5 1.5", False),
    ],
)
def test_key_points_lie_near_their_box(points: str, told: bool) -> None:
    """The box is .25 wide and .5 high about the centre of the photo."""
    assert (kind_of([(1, f"0 .5 .5 .25 .5 {points}".split())]) == KEY_POINTS) is told


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "x"])
@pytest.mark.parametrize("place", [1, 3, 6])
def test_a_row_with_one_number_that_is_none_tells_no_kind(number: str, place: int) -> None:
    row = ["0", ".1", ".1", ".5", ".1", ".5", ".6"]
    assert kind_of([(1, row)]) == POLYGON
    row[place] = number
    assert kind_of([(1, row)]) is None


# Priors in pixels


@pytest.mark.parametrize("form", ["xyxy", "cxcywh"])
def test_float64_priors_in_pixels_are_held_as_fractions(form: str) -> None:
    """Of an oblong input, each side by its own."""
    boxes = torch.tensor([[30.1, 20.2, 90.3, 80.4], [50.5, 40.6, 70.7, 60.8]], dtype=torch.float64)
    found = recognise_priors(boxes, "a.pt", SavedLayout(form, image_size=(320, 200))).priors.held
    assert found is not None
    assert found.corners is (form == "xyxy")
    expected: Tensor = torch.tensor([[x / 320, y / 200, z / 320, w / 200] for x, y, z, w in boxes.tolist()]).double()
    torch.testing.assert_close(found.values, expected, rtol=1e-6, atol=0)


# Words of a table


class Rising(StrEnum):
    """Words that share letters, one way round."""

    FIRST = "ax"
    SECOND = "xb"


class Falling(StrEnum):
    """The same words, the other way round."""

    FIRST = "xb"
    SECOND = "ax"


@pytest.mark.parametrize(
    ("kind", "word", "known"),
    [
        (Rising, "axb", "ax, xb"),
        (Falling, "axb", "xb, ax"),
        (Rising, "xbb", "xb, ax"),
        (Falling, "aax", "ax, xb"),
    ],
)
def test_the_whole_word_decides_which_value_is_named_first(
    kind: type[StrEnum], word: str, known: str, refused: Refused
) -> None:
    """`axb` is as like to one as to the other; less a letter it would not be, and without any all are alike."""
    table = make_dataclass("Table", [("key", kind)], frozen=True)
    error = refused(lambda: build(table, {"key": word}, "a.toml"))
    assert error.fix == f"Correct the value. Known: {known}."


# What explains a number of predictions


def grids(*sides: int) -> tuple[LevelSpec, ...]:
    """Square levels, each with four shapes a cell."""
    return tuple(LevelSpec((side, side), (300 / side, 300 / side), ((30.0, 30.0),) * 4) for side in sides)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (5, ["9 instead of 4 shapes a cell in level 0 (23 x 23) would explain it."]),
        (6, ["10 instead of 4 shapes a cell in level 0 (23 x 23) would explain it."]),
        (7, []),
    ],
)
def test_as_many_shapes_more_as_are_worth_saying(more: int, words: list[str]) -> None:
    assert explain_count(grids(23, 11), (300, 300), 4 * (23**2 + 11**2) + more * 23**2) == words


@pytest.mark.parametrize(("levels", "listed"), [(10, ": shapes of " + ", ".join(["5"] * 10) + " entries"), (11, "")])
def test_the_shapes_of_ten_levels_are_listed(levels: int, listed: str) -> None:
    sides = range(40, 40 + levels)
    words = explain_count(grids(*sides), (300, 300), sum(5 * side**2 for side in sides))
    assert words == [f"1 shape more a cell on every level would explain it{listed}."]


# Folders


def test_links_back_to_a_folder_above_are_followed_once(tmp_path: Path) -> None:
    """Three in one folder, which would be 3 to the power of 40 ways if each was followed again."""
    (tmp_path / "a.xml").touch()
    for name in "xyz":
        (tmp_path / name).symlink_to(tmp_path)
    assert list(walk(tmp_path)) == [tmp_path / "a.xml"]
