"""Annotated objects as a dialect's loader hands them to the network: offset, divisor, difficult objects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssdlossdbg.readers.annotations import FORMATS, Dataset, Scaled, find_photos, photo_sizes
from ssdlossdbg.readers.annotations import scale_like as scale_like_with
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect, Difficult, SizeFrom

DROPS = load_dialect("ssd.pytorch")
KEEPS = replace(DROPS, targets=replace(DROPS.targets, difficult=Difficult.KEEP))
INPUT = (300, 300)


def dataset(**changes: Any) -> Dataset:
    """Three objects in two images, the last one difficult, the second of an unknown class."""
    values: dict[str, Any] = {
        "path": Path("made"),
        "format": replace(FORMATS["coco"], mark="difficult"),
        "names": ("wide.jpg", "high.jpg"),
        "files": ("made.json", "made.json"),
        "sizes": np.array([[400, 200], [100, 200]]),
        "class_names": ("cat",),
        "image": np.array([0, 0, 1]),
        "index": np.array([0, 1, 0]),
        "label": np.array([0, 1, 0]),
        "labels": ("cat", "dgo"),
        "boxes": np.array([[40.0, 20, 80, 100], [0, 0, 10, 10], [10, 20, 50, 120]]),
        "difficult": np.array([False, False, True]),
    }
    return Dataset(**values | changes)


def scale_like(made: Dataset, rules: Dialect, letterbox: tuple[int, int] | None = None) -> Scaled:
    """As the dialect's loader would, with those of the photos that are found."""
    return scale_like_with(made, rules, photo_sizes(find_photos(made)), INPUT, letterbox)


def test_boxes_are_fractions_of_their_photo_and_unknown_classes_take_no_part() -> None:
    scaled = scale_like(dataset(), KEEPS)
    assert scaled.rows.tolist() == [0, 2]
    assert scaled.image.tolist() == [0, 1]
    np.testing.assert_allclose(scaled.boxes, [[0.1, 0.1, 0.2, 0.5], [0.1, 0.1, 0.5, 0.6]])


def test_objects_that_could_not_be_read_are_of_no_use() -> None:
    """As is one of a class that is in no list; one that is left out for its mark is counted there."""
    assert scale_like(dataset(), KEEPS).unusable.tolist() == [1, 0]
    assert scale_like(dataset(unread=np.array([2, 5])), KEEPS).unusable.tolist() == [3, 5]
    assert scale_like(dataset(unread=np.array([2, 5])), DROPS).unusable.tolist() == [3, 5]


def test_difficult_objects_are_dropped_where_the_loader_does() -> None:
    scaled = scale_like(dataset(), DROPS)
    assert (scaled.rows.tolist(), scaled.left_out.tolist()) == ([0], [2])


def test_the_pixel_offset_applies_to_one_based_files_alone() -> None:
    np.testing.assert_allclose(
        scale_like(dataset(format=FORMATS["voc"]), KEEPS).boxes[0], [39 / 400, 19 / 200, 79 / 400, 99 / 200]
    )


def test_fractions_stay_as_they_are_whatever_the_size() -> None:
    boxes = np.array([[0.1, 0.2, 0.3, 0.4]] * 3)
    scaled = scale_like(dataset(format=FORMATS["yolo"], boxes=boxes, sizes=np.zeros((2, 2), dtype=np.int64)), KEEPS)
    np.testing.assert_array_equal(scaled.boxes, boxes[:2])
    assert scaled.refused == ()


@pytest.mark.parametrize("format", ["yolo", "open-images"])
def test_formats_of_fractions(format: str) -> None:
    """Which are said in pixels of the photo; whether classes have numbers or names is another matter."""
    boxes = np.array([[0.1, 0.2, 0.3, 0.4]] * 3)
    scaled = scale_like(dataset(format=FORMATS[format], boxes=boxes), KEEPS)
    np.testing.assert_array_equal(scaled.boxes, boxes[: len(scaled.boxes)])
    np.testing.assert_allclose(scaled.stated[0], [40, 40, 120, 80])


def test_letterboxed_photos_lie_in_the_middle_of_the_input() -> None:
    """On 300 x 300 the wide photo is scaled by 3/4, with 75 px above it; the high one by 3/2, with 75 px beside it."""
    scaled = scale_like(dataset(), KEEPS, letterbox=(300, 300))
    np.testing.assert_allclose(scaled.boxes * 300, [[30, 75 + 15, 60, 75 + 75], [75 + 15, 30, 75 + 75, 180]])


def test_a_size_that_is_not_stated_is_that_of_the_photo(tmp_path: Path) -> None:
    Image.new("RGB", (400, 200)).save(tmp_path / "wide.jpg")
    file = str(tmp_path / "made.json")
    unsized = dataset(files=(file, file), sizes=np.array([[0, 0], [100, 200]]))
    np.testing.assert_allclose(scale_like(unsized, KEEPS).boxes[0], [0.1, 0.1, 0.2, 0.5])


def test_an_image_of_unknown_size_is_refused_and_the_others_are_not() -> None:
    scaled = scale_like(dataset(sizes=np.array([[0, 0], [100, 200]])), KEEPS)
    assert scaled.rows.tolist() == [2]
    [(file, error, _)] = scaled.refused
    assert file == "made.json"
    assert "made.json, image wide.jpg: does not say how large the photo is" in str(error)


def test_many_of_them_are_one_refusal_a_file() -> None:
    scaled = scale_like(dataset(sizes=np.zeros((2, 2), dtype=np.int64)), KEEPS)
    [(_, error, _)] = scaled.refused
    assert "(1 more like it)" in str(error)
    assert len(scaled.rows) == 0


@pytest.mark.parametrize(
    ("size_from", "declared", "photo", "expected"),
    [
        # (2 - 1) / 400, (3 - 1) / 200, (22 - 1) / 400, (43 - 1) / 200
        (SizeFrom.PHOTO, (400, 200), (0, 0), (0.0025, 0.01, 0.0525, 0.21)),
        (SizeFrom.PHOTO, (400, 200), (200, 100), (0.005, 0.02, 0.105, 0.42)),
        (SizeFrom.ANNOTATION, (400, 200), (200, 100), (0.0025, 0.01, 0.0525, 0.21)),
        (SizeFrom.ANNOTATION, (0, 0), (200, 100), (0.005, 0.02, 0.105, 0.42)),
    ],
)
def test_boxes_are_divided_by_what_the_loader_divides_by(
    size_from: SizeFrom, declared: tuple[int, int], photo: tuple[int, int], expected: tuple[float, ...]
) -> None:
    """`VOCAnnotationTransform` of ssd.pytorch's data/voc0712.py: int(text) - 1 over the size of the photo it loaded."""
    made = dataset(format=FORMATS["voc"], sizes=np.array([declared] * 2), boxes=np.array([[2.0, 3, 22, 43]] * 3))
    rules = replace(DROPS, targets=replace(DROPS.targets, size_from=size_from))
    scaled = scale_like_with(made, rules, np.array([(*photo, 1)] * 2), INPUT)
    assert scaled.boxes[0].tolist() == pytest.approx(expected, rel=1e-12)
    assert scaled.stated.tolist() == [[2, 3, 22, 43]]
    assert scaled.spaces[0].tolist() == [*(declared if any(declared) else photo)]


def test_fractions_are_stated_in_pixels_where_the_photo_is_seen() -> None:
    boxes = np.array([[0.1, 0.2, 0.3, 0.4]] * 3)
    made = dataset(format=FORMATS["yolo"], boxes=boxes, sizes=np.zeros((2, 2), dtype=np.int64))
    scaled = scale_like_with(made, KEEPS, np.array([[40, 30, 1], [0, 0, 0]]), INPUT)
    np.testing.assert_allclose(scaled.stated, np.array([[4, 6, 12, 12], [0.1, 0.2, 0.3, 0.4]]))
    np.testing.assert_array_equal(scaled.boxes, boxes[:2])
    assert scaled.spaces.tolist() == [[40, 30], [1, 1]]


def test_degenerate_boxes_pass_unchanged() -> None:
    made = dataset(format=FORMATS["voc"], boxes=np.array([[201.0, 101, 1, -99]] * 3))
    assert scale_like(made, DROPS).boxes.tolist() == [[0.5, 0.5, 0, -0.5]]
