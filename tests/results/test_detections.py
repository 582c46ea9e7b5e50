"""The detections of an image as columns: the sequence that a tuple of rows would be."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ssdlossdbg
from ssdlossdbg.results import DetectResult, ImageDetect
from ssdlossdbg.results.detections import (
    FINDS,
    NOTHING,
    REPEATS,
    ROLES,
    Detection,
    Detections,
    classes_in,
    in_role,
    role_counts,
    scores_in,
    those_in,
)

SAMPLE = Path(__file__).parents[2] / "sample_data"


@pytest.fixture
def three() -> Detections:
    """Of two classes: one finds object 4, one overlaps objects of another class, one nothing."""
    return Detections(
        names=("background", "cat", "dog"),
        image_size=(200, 100),
        class_id=np.array([2, 1, 2]),
        score=np.array([0.9, 0.5, 0.25]),
        normalized=np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 0.25, 0.25]]),
        prior=np.array([7, 8, 9]),
        level=np.array([0, 1, 0]),
        best_iou=np.array([0.8, 0.6, 0.0]),
        ground_truth=np.array([4, 2, 0]),
        best_iou_of_class=np.array([0.8, 0.0, 0.0]),
        ground_truth_of_class=np.array([4, 0, 0]),
        roles=np.array([ROLES.index(FINDS), ROLES.index(REPEATS), ROLES.index(NOTHING)], dtype=np.int8),
    )


def test_a_row_says_what_the_columns_say(three: Detections) -> None:
    assert three[0] == Detection(
        rank=1,
        class_id=2,
        label="dog",
        score=0.9,
        box=(20.0, 20.0, 60.0, 40.0),
        normalized=(0.1, 0.2, 0.3, 0.4),
        prior=7,
        level=0,
        best_iou=0.8,
        ground_truth=4,
        best_iou_of_class=0.8,
        ground_truth_of_class=4,
        role=FINDS,
    )
    assert (three[1].rank, three[1].label, three[1].ground_truth, three[1].ground_truth_of_class) == (2, "cat", 2, None)
    assert (three[-1].rank, three[-1].ground_truth, three[-1].role) == (3, None, NOTHING)
    for each in fields(Detection):
        assert type(getattr(three[0], each.name)) in (int, float, str, tuple), "plain numbers, none of NumPy"


def test_it_is_the_sequence_that_a_tuple_would_be(three: Detections) -> None:
    rows = tuple(three)
    assert len(three) == len(rows) == 3
    assert three == rows
    assert rows == three
    assert three != rows[:2]
    assert three != "three"
    assert hash(three) == hash(rows)
    assert repr(three) == repr(rows)
    for part in (slice(1, None), slice(None, -1), slice(None, None, -1), slice(5, 9)):
        some: Any = rows[part]
        assert three[part] == some
    assert list(reversed(three)) == list(reversed(rows))
    assert rows[1] in three
    for place in (3, -4):
        with pytest.raises(IndexError):
            three[place]


def test_what_is_asked_of_columns_and_of_rows_is_the_same(three: Detections) -> None:
    rows = tuple(three)
    assert role_counts(three) == role_counts(rows) == (1, 1, 0, 1)
    for role in ROLES:
        assert in_role(three, role).tolist() == in_role(rows, role).tolist()
        assert list(those_in(three, role)) == list(those_in(rows, role)) == [row for row in rows if row.role == role]
    assert scores_in(three).tolist() == scores_in(rows).tolist() == [0.9, 0.5, 0.25]
    assert classes_in(three).tolist() == classes_in(rows).tolist() == [2, 1, 2]


def test_without_targets_no_row_has_a_role() -> None:
    found = ssdlossdbg.detect(SAMPLE / "preds.pt", device="cpu").images[0].detections
    assert {row.role for row in found[:5]} == {None}
    assert role_counts(found) == (0, 0, 0, 0)
    assert list(those_in(found, FINDS)) == []


def test_a_result_read_back_is_the_same() -> None:
    """Of rows that came from a document, and of columns."""
    result = ssdlossdbg.detect(SAMPLE / "preds.pt", SAMPLE / "targets.pt", device="cpu")
    again = DetectResult.from_json(result.to_json())
    for one, other in zip(result.images, again.images, strict=True):
        assert isinstance(one, ImageDetect)
        assert (type(one.detections), type(other.detections)) == (Detections, tuple)
        assert one.detections == other.detections
    assert (result.totals, result.scores) == (again.totals, again.scores)
    assert result.headline == again.headline
