"""What loaders make of boxes, clause by clause at its edges, and what tables of many files are put together to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import FORMATS, Dataset, scale_like
from ssdlossdbg.readers.annotations.contract import clipped, dropped, read_numbers, rounded
from ssdlossdbg.readers.annotations.photo_set import photo_set
from ssdlossdbg.readers.annotations.share import Share, join
from ssdlossdbg.readers.annotations.table import Dataset as Table
from ssdlossdbg.readers.annotations.table import Refused, Rows
from ssdlossdbg.readers.annotations.yolo_rows import COMMAS, DETECTION, KEY_POINTS, ORIENTED, POLYGON, kind_of
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.results import Trait
from ssdlossdbg.rules import Clipping, Dialect, Difficult, Marked, Numbers, Rounding

SSD_PYTORCH = load_dialect("ssd.pytorch")


def dataset(boxes: list[tuple[float, ...]], format: str = "voc", **changes: Any) -> Dataset:
    """One image of 100 x 50, or what is said."""
    count = len(boxes)
    values: dict[str, Any] = {
        "path": Path("d"),
        "format": FORMATS[format],
        "names": ("a.jpg",),
        "files": ("a.xml",),
        "sizes": np.array([[100, 50]]),
        "class_names": ("cat",),
        "image": np.zeros(count, dtype=np.int64),
        "index": np.arange(count),
        "label": np.zeros(count, dtype=np.int64),
        "labels": ("cat",),
        "boxes": np.array(boxes, dtype=float).reshape(-1, 4),
        "difficult": np.zeros(count, dtype=np.bool_),
    }
    return Dataset(**values | changes)


def with_loader(**changes: Any) -> Dialect:
    return replace(SSD_PYTORCH, loader=replace(SSD_PYTORCH.loader, **changes))


# Loaders

EDGES = {
    "all of it": (0, 0, 100, 50),
    "no width": (20, 10, 20, 30),
    "no height": (20, 10, 40, 10),
    "a pixel": (20, 10, 21, 11),
    "thin": (20, 10, 20.9, 30),
    "low": (20, 10, 40, 10.9),
    "to the left": (-1, 10, 40, 30),
    "up": (20, -1, 40, 30),
    "to the right": (20, 10, 101, 30),
    "down": (20, 10, 40, 51),
    "left of it": (-20, 10, 0, 30),
    "just in it": (-20, 10, 1, 30),
    "just in it from above": (20, -20, 40, 1),
    "above it": (20, -20, 40, 0),
    "right of it": (100, 10, 120, 30),
    "below it": (20, 50, 40, 70),
    "in the last pixel": (99, 10, 100, 30),
    "in the last row": (20, 49, 40, 50),
}
EMPTY = {"no width", "no height"}
BEYOND = {"to the right", "down", "right of it", "below it"}
BEFORE = {"to the left", "up", "left of it", "just in it", "just in it from above", "above it"}
OUTSIDE = {"left of it", "above it", "right of it", "below it"}


@pytest.mark.parametrize(
    ("rule", "drops"),
    [
        (Clipping.NONE, set()),
        (Clipping.DROP_EMPTY, EMPTY),
        (Clipping.DROP_UNDER_PIXEL, EMPTY | OUTSIDE | {"thin", "low"}),
        (Clipping.DROP_PAST_END, EMPTY | BEYOND),
        (Clipping.DROP_BEYOND, EMPTY | BEYOND | BEFORE),
        (Clipping.CLIP_LAST_PIXEL, EMPTY | OUTSIDE | {"in the last pixel", "in the last row"}),
    ],
)
def test_which_boxes_a_loader_drops(rule: Clipping, drops: set[str]) -> None:
    made, sizes = dataset(list(EDGES.values())), np.tile((100, 50), (len(EDGES), 1))
    boxes, kept = clipped(made.boxes, sizes, made, with_loader(clip=rule, clip_coco=Clipping.NONE))
    assert {name for name, stays in zip(EDGES, kept.tolist(), strict=True) if not stays} == drops
    expected = made.boxes.clip(0, [99, 49, 99, 49]) if rule is Clipping.CLIP_LAST_PIXEL else made.boxes
    np.testing.assert_array_equal(boxes, expected)
    coco = replace(made, format=FORMATS["coco"])
    boxes, kept = clipped(made.boxes, sizes, coco, with_loader(clip=Clipping.NONE, clip_coco=rule))
    assert {name for name, stays in zip(EDGES, kept.tolist(), strict=True) if not stays} == drops


@pytest.mark.parametrize(
    ("numbers", "traits", "format", "read"),
    [
        (Numbers.INT_OF_FLOAT, 1, "voc", [10, 20, 30, 40]),
        (Numbers.INT_OR_ZERO, Trait.POINT_X1 | Trait.POINT_Y2, "voc", [0, 20.5, 30.5, 0]),
        (Numbers.INT_OR_ZERO, Trait.POINT_Y1 | Trait.POINT_X2, "voc", [10.5, 0, 0, 40.5]),
        (Numbers.INT, 1, "voc", [10.5, 20.5, 30.5, 40.5]),
        (Numbers.INT_OF_FLOAT, None, "voc", [10.5, 20.5, 30.5, 40.5]),
        (Numbers.INT_OF_FLOAT, 1, "coco", [10.5, 20.5, 30.5, 40.5]),
        (Numbers.INT_OR_ZERO, 15, "coco", [10.5, 20.5, 30.5, 40.5]),
    ],
)
def test_how_a_loader_reads_numbers(numbers: Numbers, traits: int | None, format: str, read: list[float]) -> None:
    made = dataset([(1, 2, 3, 4), (10.5, 20.5, 30.5, 40.5)], format)
    made = replace(made, traits=None if traits is None else np.array([0, traits], dtype=np.uint16))
    rows = np.array([1])
    assert read_numbers(made.boxes[rows], made, rows, with_loader(numbers=numbers)).tolist() == [read]


def test_rounding_to_pixels_of_the_input() -> None:
    boxes = np.array([[0.101, 0.109, 0.299, 0.38]])
    pixels, kept = rounded(boxes, (100, 50), with_loader(rounding=Rounding.INPUT_PIXELS))
    np.testing.assert_allclose(pixels, [[0.1, 0.1, 0.29, 0.38]])
    assert kept.tolist() == [True]
    same, _ = rounded(boxes, (100, 50), with_loader(rounding=Rounding.NONE))
    assert same is boxes


@pytest.mark.parametrize(("width", "height", "stays"), [(6, 6, True), (5, 6, False), (6, 5, False), (5, 5, False)])
def test_smallest_side(width: float, height: float, stays: bool) -> None:
    """In pixels of an input of 128 x 64, more than 5."""
    box = np.array([[0.25, 0.25, 0.25 + width / 128, 0.25 + height / 64]])
    assert rounded(box, (128, 64), with_loader(smallest_side=5))[1].tolist() == [stays]


@pytest.mark.parametrize(
    ("mark", "changes", "drops"),
    [
        ("difficult", {"difficult": Difficult.DROP}, [0, 2]),
        ("difficult", {"difficult": Difficult.KEEP}, []),
        ("crowd", {"crowds": Marked.DROP, "difficult": Difficult.KEEP, "groups": Marked.KEEP}, [0, 2]),
        ("crowd", {"crowds": Marked.KEEP, "difficult": Difficult.DROP, "groups": Marked.DROP}, []),
        ("group", {"crowds": Marked.KEEP, "difficult": Difficult.KEEP, "groups": Marked.DROP}, [0, 2]),
    ],
)
def test_marks(mark: str, changes: dict[str, Any], drops: list[int]) -> None:
    made = dataset([(1, 2, 3, 4)] * 3, difficult=np.array([True, False, True]))
    made = replace(made, format=replace(made.format, mark=mark))
    difficult = changes.pop("difficult")
    rules = with_loader(**changes)
    rules = replace(rules, targets=replace(rules.targets, difficult=difficult))
    assert np.flatnonzero(dropped(made, rules)).tolist() == drops


def test_of_objects_that_all_are_difficult_the_first_stays() -> None:
    image = np.array([0, 0, 1, 1, 2])
    made = dataset(
        [(1, 2, 3, 4)] * 5,
        names=("a", "b", "c"),
        files=("a", "b", "c"),
        sizes=np.ones((3, 2), dtype=np.int64),
        image=image,
        index=np.array([0, 1, 0, 1, 0]),
        difficult=np.array([True, True, False, True, True]),
    )
    rules = replace(SSD_PYTORCH, targets=replace(SSD_PYTORCH.targets, difficult=Difficult.DROP_UNLESS_ALL))
    assert np.flatnonzero(dropped(made, rules)).tolist() == [1, 3]


# Tables


def rows_of(first: int, images: int) -> Rows:
    """Some images of a set: each object another box, every third one not readable, every second one marked."""
    rows = Rows()
    for place in range(first, first + images):
        image = rows.add_image(f"{place}.jpg", f"{place}.xml", (100 + place, 50 + place), place % 2)
        for number in range(place % 4):
            key = 10 * place + number
            if key % 3 == 0:
                rows.skip_object(image)
                continue
            rows.add_object(image, f"c{key % 5}", (key, 1, 2, 3), key % 2 == 0, key % 7)
        if place % 3 == 1:
            rows.refused.append(Refused(f"{place}.xml", InputError("w", "what", "fix"), frozenset([image])))
    return rows


def shown(table: Any) -> dict[str, Any]:
    """What a table says, object by object and image by image."""
    traits = table.traits if table.traits is not None else np.zeros(len(table.image))
    image_traits = table.image_traits if table.image_traits is not None else np.zeros(len(table.names))
    unread = table.unread if table.unread is not None else np.zeros(len(table.names))
    labels = [table.labels[place] for place in table.label.tolist()]
    columns = (table.image, table.index, table.boxes, table.difficult, traits)
    return {
        "objects": [*zip(labels, *(column.tolist() for column in columns), strict=True)],
        "images": [
            *zip(table.names, table.files, table.sizes.tolist(), image_traits.tolist(), unread.tolist(), strict=True)
        ],
        "refused": [(each.file, sorted(each.images or ())) for each in table.refused],
    }


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_a_table_of_parts_is_that_of_the_whole(ranks: int) -> None:
    notation = FORMATS["voc"]
    whole, share = list(range(11)), [Share(rank, ranks, lambda table: [table]) for rank in range(ranks)]
    parts = [each.part(whole) for each in share]
    assert [place for part in parts for place in part] == whole
    tables = [rows_of(part[0], len(part)).table(notation) for part in parts]
    assert shown(join(tables)) == shown(rows_of(0, 11).table(notation))


def test_objects_that_could_not_be_read_keep_their_places() -> None:
    rows = Rows()
    image = rows.add_image("a.jpg", "a.xml")
    for number in range(5):
        rows.skip_object(image) if number in (1, 3) else rows.add_object(image, f"c{number}", (number, 0, 9, 9))
    table = rows.table(FORMATS["voc"])
    assert table.index.tolist() == [0, 2, 4]
    assert [table.labels[place] for place in table.label] == ["c0", "c2", "c4"]
    assert table.boxes[:, 0].tolist() == [0, 2, 4]
    assert table.unread is not None
    assert table.unread.tolist() == [2]
    assert (table.traits, table.image_traits) == (None, None)


def test_objects_are_sorted_by_image_in_their_own_order() -> None:
    rows = Rows()
    for name in "ab":
        rows.add_image(name, f"{name}.xml")
    for number, image in enumerate((1, 0, 1, 0, 0)):
        rows.add_object(image, "c", (number, 0, 9, 9), traits=number)
    table = rows.table(FORMATS["voc"])
    assert table.image.tolist() == [0, 0, 0, 1, 1]
    assert table.index.tolist() == [0, 1, 2, 0, 1]
    assert table.boxes[:, 0].tolist() == [1, 3, 4, 0, 2]
    assert table.traits is not None
    assert table.traits.tolist() == [1, 3, 4, 0, 2]
    assert table.unread is None


def test_the_dataset_of_one_image() -> None:
    table = rows_of(0, 11).table(FORMATS["voc"])
    fields = {name: getattr(table, name) for name in table.__dataclass_fields__}
    made = Table(path=Path("d"), class_names=("c1",), **fields)
    everything = shown(made)
    for place in range(11):
        one = made.only(Path(f"photos/{place}.png"))
        assert [row[0] for row in shown(one)["images"]] == [f"{place}.jpg"]
        assert shown(one)["images"] == [everything["images"][place]]
        own = [(label, 0, *rest) for label, image, *rest in everything["objects"] if image == place]
        assert shown(one)["objects"] == own
        assert [each.file for each in one.refused] == [f"{place}.xml"] * (place % 3 == 1)


# Photos


def images(names: list[str], files: list[str], boxes: list[tuple[int, float]], format: str = "coco") -> Dataset:
    """Objects as (image, left edge)."""
    return dataset(
        [(x, 0, 9, 9) for _, x in boxes],
        format,
        names=tuple(names),
        files=tuple(files),
        sizes=np.ones((len(names), 2), dtype=np.int64),
        image=np.array([image for image, _ in boxes], dtype=np.int64),
    )


@pytest.mark.parametrize(
    ("names", "boxes", "copies"),
    [
        (["p/a.jpg", "q/a.jpg"], [(0, 1), (1, 1)], [("0.json", "1.json")]),
        (["p/a.jpg", "q\\a.jpg"], [(0, 1), (1, 1)], [("0.json", "1.json")]),
        (["p/a.jpg", "q/a.jpg"], [(0, 1), (1, 2)], []),
        (["p/a.jpg", "q/b.jpg"], [(0, 1), (1, 1)], []),
        # Images without objects are alike, and no copies.
        (["p/a.jpg", "q/a.jpg"], [], []),
        (["p/a.jpg", "q/a.jpg", "r/a.jpg"], [(0, 1), (2, 1)], [("0.json", "2.json")]),
        (["p/a.jpg", "q/a.jpg"], [(0, 1), (0, 2), (1, 1)], []),
        (["a", "a", "a"], [(0, 1), (1, 1), (2, 1)], [("0.json", "1.json"), ("0.json", "2.json")]),
    ],
)
def test_copies(names: list[str], boxes: list[tuple[int, float]], copies: list[tuple[str, str]]) -> None:
    made = images(names, [f"{place}.json" for place in range(len(names))], boxes)
    assert list(photo_set(made, [None] * len(names)).copies) == copies


def test_copies_in_one_file_are_entries() -> None:
    made = images(["a.jpg", "a.jpg"], ["d.json"] * 2, [(0, 1), (1, 1)])
    found = photo_set(made, [None] * 2)
    assert found.copies == ()
    assert [(each.photo, each.files) for each in found.shared] == [("a.jpg", ("d.json", "d.json"))]


@pytest.mark.parametrize(
    ("files", "shared"),
    [
        # One of them is called as the photo, or all are one file: it is described twice.
        (["d/a.xml", "d/b.xml"], True),
        (["d/b.xml", "d/a.xml"], True),
        (["d/b.xml", "d/c.xml"], False),
        (["d/b.xml", "d/b.xml"], True),
        # Photos of one name in several folders are several.
        (["d/a.xml", "e/a.xml"], False),
    ],
)
def test_photos_that_several_entries_describe(files: list[str], shared: bool) -> None:
    made = images(["a.jpg", "a.jpg"], files, [])
    found = photo_set(made, [None, None]).shared
    assert [(each.photo, list(each.files)) for each in found] == [("a.jpg", files)] * shared


@pytest.mark.parametrize(
    ("beside", "again"),
    [(["A.png"], [("a.jpg", ("b.txt", "a.xml"))]), (["x/a"], [("a.jpg", ("b.txt", "a.xml"))]), (["c.jpg"], [])],
)
def test_photos_that_another_format_describes(beside: list[str], again: list[tuple[str, tuple[str, str]]]) -> None:
    made, before = images(["a.jpg"], ["a.xml"], []), images(beside, ["b.txt"], [])
    assert [(each.photo, each.files) for each in photo_set(made, [None], [before]).again] == again
    assert photo_set(made, [None]).again == ()


def test_a_box_that_is_dropped_for_its_area_or_its_side() -> None:
    """Either is enough: of the declared size, or of the input."""
    boxes = [(10, 10, 40, 40), (10, 10, 10, 40), (10, 10, 11, 40), (10, 10, 101, 40), (10, 10, 40, 40)]
    made = dataset([*map(tuple, boxes)], difficult=np.arange(5) == 4)
    rules = with_loader(clip=Clipping.DROP_PAST_END, smallest_side=5.0)
    rules = replace(rules, targets=replace(rules.targets, voc_pixel_offset=0.0))
    scaled = scale_like(made, rules, np.array([[0, 0, 0]]), (200, 100))
    assert (scaled.rows.tolist(), scaled.discarded.tolist()) == ([0], [1, 2, 3])
    assert (scaled.left_out.tolist(), scaled.unusable.tolist()) == ([4], [0])


def test_a_photo_that_an_image_names_is_not_without_a_file(tmp_path: Path) -> None:
    """Whatever the file is called."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for name in ("images/A.jpg", "images/b.jpg", "labels/0001.xml"):
        (tmp_path / name).touch()
    made = images(["a.png"], [str(tmp_path / "labels/0001.xml")], [], "voc")
    found = photo_set(made, [tmp_path / "images/A.jpg"])
    assert (found.photos, [Path(path).name for path in found.without_file]) == (2, ["b.jpg"])


def test_photos_without_a_file(tmp_path: Path) -> None:
    """In the folders where some are, those whose name no file and no image has; endings and capitals aside."""
    for name in ("a.jpg", "B.png", "c.jpg", "d.JPG", "e.txt"):
        (tmp_path / "images" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "images" / name).touch()
    (tmp_path / "labels").mkdir()
    for name in ("a.xml", "b.xml", "x.txt"):
        (tmp_path / "labels" / name).touch()
    files = [str(tmp_path / "labels" / f"{name}.xml") for name in "ab"]
    made = images(["a.jpg", "b.png"], files, [], "voc")
    found = photo_set(made, [tmp_path / "images/a.jpg", tmp_path / "images/B.png"])
    assert found.photos == 4
    assert [Path(path).name for path in found.without_file] == ["c.jpg", "d.JPG"]
    assert photo_set(made, [None, None]).photos == 0


# Rows of YOLO


BOX = "0 0.5 0.5 0.2 0.2"
RAW = [BOX]
POINT = " 0.5 0.5 2"


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([BOX], None),
        ([f"{BOX}{POINT}"], KEY_POINTS),
        ([f"{BOX} 0.64 0.36 1"], KEY_POINTS),
        ([f"{BOX} 0.66 0.5 1"], None),
        ([f"{BOX} 0.5 0.66 1"], None),
        # One that is not visible lies anywhere.
        ([f"{BOX} 0 0 0"], KEY_POINTS),
        ([f"{BOX} 0.5 0.5 3"], None),
        ([f"{BOX} 0.5 0.5"], POLYGON),
        (["0 0.1 0.1 0.5 0.1 0.5 0.3 0.1 0.3"], ORIENTED),
        (["0 0.1 0.1 0.5 0.1 0.5 0.3 0.1 0.307"], ORIENTED),
        (["0 0.1 0.1 0.5 0.1 0.5 0.3 0.1 0.309"], POLYGON),
        (["0 0.1 0.1 0.5 0.1 0.5 0.3 0.1 0.3", "0 0.1 0.1 0.5 0.1 0.5 0.3 0.1 0.4"], POLYGON),
        (["0 0.1 0.1 0.5 0.1 0.5 0.3"], POLYGON),
        (["0 0.1 0.1 0.5 0.1"], None),
        ([f"{BOX} 0.9"], DETECTION),
        ([f"{BOX} 0.9", f"{BOX} 0.9 0.8"], None),
        ([f"{BOX} x"], None),
        ([f"{BOX} nan"], None),
        (["0,0.5,0.5,0.2,0.2"], COMMAS),
        (["0,0.5,0.5,0.2"], None),
        (["0,0.5,0.5,0.2,0.2", "0"], None),
        ([BOX, f"{BOX} 0.9"], DETECTION),
    ],
)
def test_kinds_of_rows(lines: list[str], kind: tuple[str, str] | None) -> None:
    assert kind_of([(number, line.split()) for number, line in enumerate(lines, 1)]) == kind
