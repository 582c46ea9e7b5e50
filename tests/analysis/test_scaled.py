"""Datasets as a dialect's loader hands them to the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ssdlossdbg.analysis.scaled import scale_like
from ssdlossdbg.readers.datasets import Dataset
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Difficult

DROPS = load_dialect("ssd.pytorch")
KEEPS = replace(DROPS, targets=replace(DROPS.targets, difficult=Difficult.KEEP))


def dataset(**changes: Any) -> Dataset:
    """Three objects in two images, the last one difficult, the second of an unknown class."""
    values: dict[str, Any] = {
        "path": Path("made"),
        "format": "COCO",
        "names": ("wide.jpg", "high.jpg"),
        "files": ("made.json", "made.json"),
        "sizes": np.array([[400, 200], [100, 200]]),
        "class_names": ("cat",),
        "image": np.array([0, 0, 1]),
        "index": np.array([0, 1, 0]),
        "class_index": np.array([0, -1, 0]),
        "boxes": np.array([[40.0, 20, 80, 100], [0, 0, 10, 10], [10, 20, 50, 120]]),
        "difficult": np.array([False, False, True]),
        "unknown": {"dgo": 1},
        "fractions": False,
        "one_based": False,
        "refused": (),
    }
    return Dataset(**values | changes)


def test_boxes_are_fractions_of_their_photo_and_unknown_classes_take_no_part() -> None:
    scaled = scale_like(dataset(), KEEPS)
    assert scaled.rows.tolist() == [0, 2]
    assert scaled.image.tolist() == [0, 1]
    np.testing.assert_allclose(scaled.boxes, [[0.1, 0.1, 0.2, 0.5], [0.1, 0.1, 0.5, 0.6]])


def test_difficult_objects_are_dropped_where_the_loader_does() -> None:
    scaled = scale_like(dataset(), DROPS)
    assert (scaled.rows.tolist(), scaled.left_out.tolist()) == ([0], [2])


def test_the_pixel_offset_applies_to_one_based_files_alone() -> None:
    np.testing.assert_allclose(
        scale_like(dataset(one_based=True), KEEPS).boxes[0], [39 / 400, 19 / 200, 79 / 400, 99 / 200]
    )


def test_fractions_stay_as_they_are_whatever_the_size() -> None:
    boxes = np.array([[0.1, 0.2, 0.3, 0.4]] * 3)
    scaled = scale_like(dataset(fractions=True, boxes=boxes, sizes=np.zeros((2, 2), dtype=np.int64)), KEEPS)
    np.testing.assert_array_equal(scaled.boxes, boxes[:2])
    assert scaled.refused == ()


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
    [(file, error)] = scaled.refused
    assert file == "made.json"
    assert "made.json, image wide.jpg: does not say how large the photo is" in str(error)


def test_many_of_them_are_one_refusal_a_file() -> None:
    scaled = scale_like(dataset(sizes=np.zeros((2, 2), dtype=np.int64)), KEEPS)
    [(_, error)] = scaled.refused
    assert "(1 more like it)" in str(error)
    assert len(scaled.rows) == 0
