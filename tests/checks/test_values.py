"""What a case says was measured, and what it was held against: of each check of objects one table."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Trait
from ssdlossdbg.results.objects import Reading
from ssdlossdbg.rules import LevelSpec
from tests.checks.conftest import TableOf

SOUND = (20, 20, 60, 60)
LEVELS = (LevelSpec((10, 10), (30.0, 30.0), ((60.0, 60.0), (120.0, 60.0))),)
# How a table of images of 100 x 100 is made: boxes of the first image, what is known of it, and of its objects.
Made = tuple[list[tuple[float, ...]], dict[str, Any], dict[str, Any]]
MADE: dict[str, tuple[Made, object, object]] = {
    "BOX001": (([(20, 20, 20, 60)], {}, {}), 0.0, 0.0),
    "BOX002": (([(20, 20, 15, 60)], {}, {}), -5.0, 0.0),
    "BOX003": (([(0, 0, 0, 0)], {}, {}), 0.0, 0.0),
    "BOX004": (([(50, 40, 30, 20)] * 3, {}, {}), 1.0, 0.0),
    "BOX006": (([(0.1, 0.1, 0.9, 0.9)], {}, {}), 0.9, 1.5),
    "BOX007": (([(110, 20, 130, 60)], {}, {}), 1.0, 0.0),
    "BOX008": (([(80, 20, 120, 60)], {}, {}), 0.5, 0.0),
    "BOX009": (([(-1, 20, 60, 60)], {}, {}), -1.0, 0.0),
    "BOX010": (([(0, 0, 20, 20), (0, 0, 20, 19)], {}, {}), 0.95, 0.9),
    "BOX012": (([(math.nan, 20, 60, 60)], {}, {}), math.nan, None),
    "BOX013": (
        ([(20, 20, 150, 60)], {"photo_size": (200, 200)}, {"dialect": "caffe"}),
        "100 x 100",
        "200 x 200",
    ),
    "BOX015": (([(65535, 20, 60, 60)], {}, {}), 65535.0, 0.0),
    "FIL002": (([SOUND], {"photo_size": (200, 100)}, {}), "200 x 100", "100 x 100"),
    "LBL002": (([SOUND], {}, {"class_id": np.array([0])}), 0, 1),
    "LBL005": (([SOUND], {"left_out": ((1, "cat"), (2, "cat"))}, {}), 2, 0),
    "LDR001": (
        ([(20.5, 20, 60, 60)], {}, {"traits": np.array([Trait.POINT_X1]), "reading": Reading(format="voc")}),
        "20.5",
        None,
    ),
    "LDR004": (
        ([SOUND], {}, {"traits": np.array([Trait.NO_DIFFICULT]), "reading": Reading(format="voc")}),
        None,
        "<difficult>",
    ),
    "LDR005": (([SOUND], {"traits": Trait.ZERO_SIZE}, {"dialect": "caffe"}), 0, None),
    "LDR008": (([SOUND], {}, {"labels": ("none_of_the_above",), "dialect": "caffe"}), 0, 1),
    "LDR009": (([SOUND], {}, {"labels": ("BACKGROUND",)}), "BACKGROUND", None),
    "LDR010": (
        ([SOUND], {}, {"dialect": "torchvision", "reading": Reading(format="coco", category_ids={"cat": 0})}),
        0,
        1,
    ),
    "LDR012": (([SOUND], {"photo_size": (100, 100), "orientation": 3}, {}), 3, 1),
    "LDR013": (([SOUND], {"photo_size": (200, 100)}, {"dialect": "caffe"}), "200 x 100", "100 x 100"),
    "LDR014": (([SOUND], {"discarded": ((1, "cat"), (2, "cat"))}, {}), 2, 0),
    "LDR015": (([SOUND], {}, {"marked": np.array([True]), "reading": Reading(mark="crowd")}), 1, 0),
    "MAT001": (([SOUND], {}, {"best_iou": np.zeros(1)}), 0.0, 0.0),
    "MAT002": (
        ([SOUND, (1, 1, 9, 9)], {}, {"positives": np.array([0, 3]), "lost_to": np.array([1, -1])}),
        0.7,
        0.5,
    ),
    "MAT003": (([SOUND], {}, {"positives": np.zeros(1, int), "best_iou": np.array([0.4])}), 0.4, 0.5),
    "MAT004": (([SOUND], {}, {"forced": np.array([3]), "best_iou": np.array([0.05])}), 0.05, 0.1),
    "MAT005": (
        ([SOUND], {}, {"forced": np.array([3]), "best_iou": np.array([0.3]), "shape_iou": np.array([0.4])}),
        0.4,
        0.5,
    ),
    "MAT006": (
        ([SOUND], {}, {"forced": np.array([3]), "best_iou": np.array([0.3]), "shape_iou": np.array([0.6])}),
        0.3,
        0.5,
    ),
    "MAT007": (
        ([SOUND], {}, {"forced": np.array([3]), "best_iou": np.array([0.3]), "near_ties": np.array([4])}),
        4,
        1,
    ),
}


@pytest.mark.parametrize("code", MADE)
def test_what_was_measured(code: str, table_of: TableOf) -> None:
    (boxes, facts, changes), value, bound = MADE[code]
    made = table_of([boxes], facts=[facts], levels=LEVELS, **changes)
    (found,) = (item for item in find([made]) if item.code == code)
    case = found.worst
    same = isinstance(value, float) and math.isnan(value) and isinstance(case.value, float) and math.isnan(case.value)
    assert same or case.value == (pytest.approx(value) if isinstance(value, float) else value)
    assert case.bound == bound


@pytest.mark.parametrize("code", ["MAT001", "MAT002", "MAT003", "MAT011", "MAT012"])
def test_background_is_no_object_that_is_to_be_matched(code: str, table_of: TableOf) -> None:
    """But one that overlaps no prior, whatever it is."""
    changes: dict[str, Any] = {
        "MAT001": {"best_iou": np.zeros(12)},
        "MAT002": {"positives": np.zeros(12, int), "lost_to": np.zeros(12, int)},
        "MAT003": {"positives": np.zeros(12, int), "best_iou": np.full(12, 0.4)},
        "MAT011": {"positives": np.zeros(12, int)},
        "MAT012": {"best_iou": np.full(12, 0.4)},
    }[code]
    boxes = [(8 * n, 20, 8 * n + 7, 60) for n in range(12)]
    made = table_of([boxes], levels=LEVELS, **changes)
    assert code in {item.code for item in find([made])}
    background = replace(made, class_id=np.zeros(12, int))
    assert (code in {item.code for item in find([background])}) is (code == "MAT001")


@pytest.mark.parametrize("code", ["MAT002", "MAT003", "MAT004", "MAT007", "MAT011", "MAT012"])
def test_boxes_that_are_none_are_not_asked_for_priors(code: str, table_of: TableOf) -> None:
    changes: dict[str, Any] = {
        "MAT002": {"positives": np.zeros(12, int), "lost_to": np.zeros(12, int)},
        "MAT003": {"positives": np.zeros(12, int), "best_iou": np.full(12, 0.4)},
        "MAT004": {"forced": np.full(12, 3), "best_iou": np.full(12, 0.05)},
        "MAT007": {"forced": np.full(12, 3), "best_iou": np.full(12, 0.4), "near_ties": np.full(12, 2)},
        "MAT011": {"positives": np.zeros(12, int)},
        "MAT012": {"best_iou": np.full(12, 0.4)},
    }[code]
    sound, flat = ([(8 * n, 20, 8 * n + side, 60) for n in range(12)] for side in (7, 0))
    assert code in {item.code for item in find([table_of([sound], levels=LEVELS, **changes)])}
    assert code not in {item.code for item in find([table_of([flat], levels=LEVELS, **changes)])}
