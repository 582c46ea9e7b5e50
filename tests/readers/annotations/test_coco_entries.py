"""What of an entry of COCO is put right, and what is left as none."""

from __future__ import annotations

from typing import Any

import pytest

from ssdlossdbg.readers.annotations.coco_json import CocoCategory, CocoImage, CocoObject, _tidied

OBJECT: dict[str, Any] = {"id": 1, "image_id": 2, "category_id": 3, "bbox": [1, 2, 3, 4]}
IMAGE: dict[str, Any] = {"id": 1, "file_name": "a.jpg"}


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"id": 7.0}, "id", 7),
        ({"id": 7.5}, "id", None),
        ({"id": [1]}, "id", None),
        ({"id": "x"}, "id", "x"),
        ({"image_id": 2.0}, "image_id", 2),
        ({"category_id": 3.0}, "category_id", 3),
        *(({"iscrowd": crowd}, "iscrowd", False) for crowd in ("", "0", "false", None, 0, 0.0, False)),
        *(({"iscrowd": crowd}, "iscrowd", True) for crowd in ("1", "true", 1, 2, True, "no")),
        ({}, "iscrowd", 0),
    ],
)
def test_an_object(changes: dict[str, Any], field: str, value: object) -> None:
    found = _tidied(OBJECT | changes, CocoObject)
    assert found is not None
    assert getattr(found, field) == value
    assert found.bbox == (1, 2, 3, 4)


@pytest.mark.parametrize("changes", [{"image_id": 2.5}, {"category_id": None}, {"bbox": [1, 2, 3]}, {"bbox": None}])
def test_an_object_that_cannot_be_put_right(changes: dict[str, Any]) -> None:
    assert _tidied(OBJECT | changes, CocoObject) is None
    assert _tidied([OBJECT], CocoObject) is None


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"width": 80, "height": 60.5}, (80, 60.5)),
        ({"width": None, "height": 60}, (0, 60)),
        ({"width": 80, "height": "60"}, (80, 0)),
        ({}, (0, 0)),
    ],
)
def test_the_size_of_an_image(changes: dict[str, Any], size: tuple[float, float]) -> None:
    found = _tidied(IMAGE | changes, CocoImage)
    assert found is not None
    assert (found.width, found.height) == size


@pytest.mark.parametrize(("name", "told"), [("cat", "cat"), (3, "3"), (0.5, "0.5"), (None, None), (["cat"], None)])
def test_the_name_of_a_class(name: object, told: str | None) -> None:
    """Of a class alone: a photo that goes by a number is none."""
    found = _tidied({"id": 1, "name": name}, CocoCategory)
    assert (found and found.name) == told
    assert _tidied({"id": 1, "file_name": name, "name": 3}, CocoImage) is None or name == "cat"
