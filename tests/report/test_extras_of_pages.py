"""What pages hold beyond their documents, unpacked plainly and held against the rows that it is of."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ssdlossdbg.report.html import audit, history
from ssdlossdbg.report.html.arrays import packed
from ssdlossdbg.report.html.audit import STATUSES, audit_extra
from ssdlossdbg.report.html.history import history_extra
from ssdlossdbg.results import FORCED_ONLY, INVALID, MATCHED, UNMATCHED, HistoryResult
from ssdlossdbg.results.history import REASONS
from ssdlossdbg.results.history_rows import PARTS_KNOWN, TOTAL_KNOWN, VALIDATION
from tests.analysis.test_history import of_objects, of_steps, told

LETTERS = {"float32": "f", "float64": "d", "int32": "i", "uint8": "B"}


def unpacked(array: dict[str, Any]) -> list[list[float]]:
    """Its columns, as the script of a page takes them."""
    data, letter = zlib.decompress(base64.b64decode(array["data"])), LETTERS[array["dtype"]]
    numbers = [number for (number,) in struct.iter_unpack(f"<{letter}", data)]
    rows = len(numbers) // array["columns"]
    assert rows * array["columns"] == len(numbers)
    return [numbers[place * rows : (place + 1) * rows] for place in range(array["columns"])]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int64", "int32", "bool"])
def test_arrays_come_back_column_by_column(kind: str) -> None:
    assert unpacked(packed(np.array([0, 1, 1], kind))) == [[0, 1, 1]]
    assert unpacked(packed(np.array([[0, 1], [1, 1], [1, 0]], kind))) == [[0, 1, 1], [1, 1, 0]]
    assert unpacked(packed(np.array([[1], [0]], kind))) == [[1, 0]]


# Status, class, overlap and image of each object, in the order of the table; an object that is no box has none.
OBJECTS = [
    (MATCHED, "dog", 0.9, 3),
    (FORCED_ONLY, "cat", 0.4, 0),
    (INVALID, "cat", math.nan, 3),
    (MATCHED, "cat", 0.6, 0),
    (UNMATCHED, "eel", 0.3, 2),
    (FORCED_ONLY, "dog", 0.2, 2),
]
WORST_FIRST = [2, 4, 5, 1, 3, 0]


def audited() -> Any:
    """A result with those objects in three of four images of 300 by 200; of an image each lists what to look at."""
    statuses, labels, overlaps, images = zip(*OBJECTS, strict=True)
    status = np.array(statuses)
    low = np.arange(len(OBJECTS))[:, None] / 10 * [1.0, 1.0]
    files = [("a.xml", None), ("b.xml", None), ("all.json", "c.jpg"), ("all.json", 7)]
    objects = SimpleNamespace(
        images=[SimpleNamespace(file=file, name=name) for file, name in files],
        image=np.array(images),
        index=np.arange(10, 16),
        labels=labels,
        boxes=np.hstack((low, low + np.array([0.4, 0.1]))),
        image_size=np.array([300, 200]),
        valid=status != INVALID,
        without_positive=status == UNMATCHED,
        forced_only=status == FORCED_ONLY,
        best_prior=np.array([5, 4, 3, 2, 1, 0]),
        best_iou=np.array(overlaps),
        positives=np.arange(20, 26),
        forced=np.arange(30, 36),
    )
    first = [("all.json", "7"), ("b.xml", None), ("a.xml", "a.jpg"), ("all.json", "c.jpg")]
    return SimpleNamespace(
        objects=objects,
        prior_level=np.array([0, 0, 0, 1, 1, 2]),
        images_first=[SimpleNamespace(annotation=file, name=name) for file, name in first],
    )


def test_objects_of_an_audit_are_listed_the_worst_first() -> None:
    extra = audit_extra(audited())
    columns = {name: unpacked(array) for name, array in extra["arrays"].items()}
    of_one = {name: found[0] for name, found in columns.items() if name not in ("box", "sides")}
    assert [STATUSES[int(number)] for number in of_one["status"]] == [OBJECTS[row][0] for row in WORST_FIRST]
    assert extra["labels"] == ["cat", "dog", "eel"]
    assert [extra["labels"][int(number)] for number in of_one["label"]] == [OBJECTS[row][1] for row in WORST_FIRST]
    assert of_one["iou"] == pytest.approx([OBJECTS[row][2] for row in WORST_FIRST], nan_ok=True)
    assert extra["images"] == [["a.xml", "a.xml"], ["c.jpg", "all.json"], ["7", "all.json"]]
    assert of_one["image"] == [{0: 0, 2: 1, 3: 2}[OBJECTS[row][3]] for row in WORST_FIRST]
    assert of_one["index"] == [10 + row for row in WORST_FIRST]
    assert of_one["level"] == [[2, 1, 1, 0, 0, 0][row] for row in WORST_FIRST]
    assert of_one["positives"] == [20 + row for row in WORST_FIRST]
    assert of_one["forced"] == [30 + row for row in WORST_FIRST]
    assert extra["left_out"] == []


def test_boxes_of_an_audit_are_normalised_and_their_sides_are_pixels() -> None:
    arrays = {name: unpacked(array) for name, array in audit_extra(audited())["arrays"].items()}
    x1, y1, x2, y2 = arrays["box"]
    assert x1 == y1 == pytest.approx([row / 10 for row in WORST_FIRST])
    assert [after - before for before, after in zip(x1, x2, strict=True)] == pytest.approx([0.4] * 6)
    assert [after - before for before, after in zip(y1, y2, strict=True)] == pytest.approx([0.1] * 6)
    assert arrays["sides"] == [pytest.approx([120.0] * 6), pytest.approx([20.0] * 6)]
    # The side of a square as large; of what is no box none.
    assert arrays["side"] == [pytest.approx([math.nan, *[math.sqrt(2400)] * 5], nan_ok=True)]


def test_images_to_look_at_are_found_by_name_or_as_the_only_one_of_their_file() -> None:
    found = audit_extra(audited())
    assert found["first"] == [2, None, 0, 1]
    assert found["small"] == [None] * 3


@pytest.mark.parametrize(
    ("most", "words"), [(6, []), (5, ["1 objects that fare best"]), (2, ["4 objects that fare best"])]
)
def test_objects_of_an_audit_beyond_the_room(most: int, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_OBJECTS", most)
    extra = audit_extra(audited())
    assert extra["left_out"] == words
    assert unpacked(extra["arrays"]["index"]) == [[10 + row for row in WORST_FIRST[:most]]]


def run() -> HistoryResult:
    """A run whose every number is its own, with parts of losses at every third step and one step of validation."""
    steps = of_steps()
    number = np.arange(len(steps))
    steps["marks"] = np.where(number % 3 == 0, TOTAL_KNOWN | PARTS_KNOWN, TOTAL_KNOWN)
    steps["marks"][8] |= VALIDATION
    steps["epoch"], steps["localization"], steps["confidence"] = 1 + number // 100, 0.25 + number, 0.5 + number
    steps["rate"], steps["norm"] = number / 4, number / 2
    objects = of_objects()
    objects["probability"][objects["image"] > 0] = 0.1
    objects["taken"][objects["image"] > 0] = 0
    moved = objects["image"] == 2
    objects["box"][moved] += np.linspace(0, 0.1, moved.sum())[:, None].astype(np.float32)
    return told(steps, objects=objects)


def test_steps_of_a_run_are_its_rows() -> None:
    result, extra = run(), history_extra(run())
    assert result.course is not None
    rows = result.course.steps
    arrays = {name: unpacked(array)[0] for name, array in extra["arrays"].items()}
    for name, field in {**dict.fromkeys(("step", "epoch", "rate", "norm")), "loss": "total"}.items():
        assert arrays[name] == rows[field or name].tolist()
    for name in ("localization", "confidence"):
        known = [value if place % 3 == 0 else math.nan for place, value in enumerate(rows[name].tolist())]
        assert arrays[name] == pytest.approx(known, nan_ok=True)
    assert np.flatnonzero(arrays["validation"]).tolist() == [8]
    assert set(arrays["rank"]) == {0}
    assert (extra["reasons"], extra["left_out"]) == (REASONS, [])


def test_samples_of_a_run_stand_object_after_object() -> None:
    result, extra = run(), history_extra(run())
    arrays = {name: unpacked(array)[0] for name, array in extra["arrays"].items()}
    assert len(result.objects) == 3
    assert arrays["sample_count"] == [10, 10, 10]
    every = [each.samples for each in result.objects if each.samples is not None]
    for name in ("step", "probability", "cost", "taken"):
        assert arrays[f"sample_{name}"] == [value for each in every for value in getattr(each, name).tolist()]
    images = [each.name for each in result.objects]
    assert [name for name, moved in zip(images, extra["moved"], strict=True) if moved] == [result.all_objects[2].name]
    assert extra["photo_of"] == [None] * 3, "no photo is at hand"


def test_what_a_long_run_leaves_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_STEPS", 100)
    monkeypatch.setattr(history, "MOST_SAMPLES", 10)
    extra = history_extra(run())
    kept = len(unpacked(extra["arrays"]["step"])[0])
    assert 50 < kept <= 100
    assert extra["left_out"] == [
        f"{240 - kept} of 240 steps, none that stands out",
        "the course of 2 objects that cost least",
    ]


def test_a_run_from_json_has_neither_steps_nor_samples() -> None:
    extra = history_extra(HistoryResult.from_json(run().to_json()))
    assert (extra["arrays"], extra["left_out"], extra["moved"]) == ({}, [], [True] * 3)


def test_a_photo_is_of_all_objects_of_its_image() -> None:
    """The images whose photos are at hand are the first of those that objects name, each once."""
    result = run()
    names = [each.name for each in result.objects]
    view = SimpleNamespace(photos=(None, None))
    assert history_extra(result, cast(Any, view))["photo_of"] == [0, 1, None]
    assert history.photographed(result) == names
