"""What is said of matched objects, at the figures that the pages state, and in which words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import ImageFacts
from ssdlossdbg.rules import LevelSpec
from tests.checks.conftest import Cases, TableOf, Told

Box = tuple[float, float, float, float]
SOUND: Box = (20, 20, 60, 60)


LEVEL = LevelSpec((10, 10), (30.0, 30.0), ((60.0, 60.0), (120.0, 60.0)))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"best_iou": 0.0}, "MAT001"),
        ({"best_iou": 0.0, "positives": 0}, "MAT001"),
        ({"positives": 0, "lost_to": 1, "best_iou": 0.6}, "MAT002"),
        ({"positives": 0, "best_iou": 0.4}, "MAT003"),
        ({"positives": 0, "best_iou": 0.5}, ""),
        ({"positives": 1, "forced": 1, "best_iou": 0.09}, "MAT004"),
        ({"positives": 1, "forced": 1, "best_iou": 0.1, "shape_iou": 0.49}, "MAT005"),
        ({"positives": 1, "forced": 1, "best_iou": 0.4, "shape_iou": 0.5}, "MAT006"),
        ({"positives": 2, "forced": 1, "best_iou": 0.4, "shape_iou": 0.5}, ""),
        ({"positives": 1, "forced": 1, "best_iou": 0.09, "near_ties": 2}, "MAT004"),
        ({"positives": 1, "forced": 1, "best_iou": 0.4, "near_ties": 2}, "MAT006 MAT007"),
        ({"positives": 2, "forced": 1, "best_iou": 0.4, "near_ties": 2}, ""),
    ],
)
def test_what_becomes_of_an_object(changes: dict[str, float], code: str, table_of: TableOf) -> None:
    made = table_of([[SOUND, (20, 30, 50, 90)]], levels=(LEVEL,))
    columns = {name: np.array([value, getattr(made, name)[1]]) for name, value in changes.items()}
    found = find([replace(made, **columns)])  # type: ignore[arg-type]
    assert [item.code for item in found if item.code.startswith("MAT")] == code.split()
    assert {case.where.object for item in found for case in item.cases} <= {0}


def test_matching_in_words(table_of: TableOf, told: Told) -> None:
    made = table_of([[SOUND, (20, 30, 50, 90)]], levels=(LEVEL,))

    def first(code: str, **changes: float) -> str:
        columns = {name: np.array([value, getattr(made, name)[1]]) for name, value in changes.items()}
        return told(replace(made, **columns), code)[0]  # type: ignore[arg-type]

    assert first("MAT001", best_iou=0, positives=0) == "no prior overlaps it; no prior is trained on it"
    assert first("MAT001", best_iou=0) == "no prior overlaps it; prior 9 is trained on it, though it is elsewhere"
    assert first("MAT002", positives=0, lost_to=1) == (
        "no prior is trained on it: object 1 (cat) took its best one, 9, of IoU 0.70"
    )
    assert first("MAT003", positives=0, best_iou=0.4) == (
        "no prior is trained on it: the best one, 9, has IoU 0.40, below 0.5, and ssd.pytorch forces none on it"
    )
    assert "has IoU 0.49870, below 0.5, and" in first("MAT003", positives=0, best_iou=0.4987)
    size = "120 x 120 px in the network's input"
    assert first("MAT004", positives=1, forced=1, best_iou=0.05) == (
        f"{size}; the one prior trained on it, 9, overlaps it with IoU 0.05"
    )
    assert first("MAT004", positives=2, forced=2, best_iou=0.05) == (
        f"{size}; the best prior trained on it, 9, overlaps it with IoU 0.05"
    )
    assert first("MAT005", positives=1, forced=1, best_iou=0.3, shape_iou=0.45) == (
        f"{size}, which no prior is: its best one has IoU 0.30, and would have 0.45 if it were centred on it"
    )
    assert first("MAT006", positives=1, forced=1, best_iou=0.3, shape_iou=0.55) == (
        f"{size}, between the cells: its best prior has IoU 0.30, and would have 0.55 if it were centred on it"
    )
    assert first("MAT007", positives=1, forced=1, best_iou=0.3, near_ties=3) == (
        "3 priors overlap it equally, with IoU 0.30, of which 1 is forced"
    )
    assert first("MAT007", positives=2, forced=2, best_iou=0.3, near_ties=3).endswith("of which 2 are forced")


def test_the_size_of_an_object_is_width_by_height(table_of: TableOf, told: Told) -> None:
    made = table_of([[(20, 20, 30, 60)]], levels=(LEVEL,), image_size=(300, 200))
    made = replace(made, positives=np.array([1]), forced=np.array([1]), best_iou=np.array([0.05]))
    assert told(made, "MAT004")[0].startswith("30 x 80 px in the network's input")


def test_the_worst_of_each_come_first(table_of: TableOf, cases: Cases) -> None:
    made = table_of([[(0, 0, 30, 30), (40, 40, 50, 50), (60, 60, 80, 80)]], levels=(LEVEL,))
    forced = replace(made, positives=np.array([1, 1, 1]), forced=np.array([1, 1, 1]))
    low = replace(forced, best_iou=np.array([0.05, 0.09, 0.01]))
    assert [case.where.object for case in cases(low, "MAT004")] == [2, 0, 1]
    shape = replace(forced, best_iou=np.array([0.3, 0.3, 0.3]), shape_iou=np.array([0.4, 0.4, 0.4]))
    assert [case.where.object for case in cases(shape, "MAT005")] == [1, 2, 0]
    between = replace(shape, shape_iou=np.array([0.6, 0.6, 0.6]))
    assert [case.where.object for case in cases(between, "MAT006")] == [1, 2, 0]
    tied = replace(between, near_ties=np.array([2, 5, 3]))
    assert [case.where.object for case in cases(tied, "MAT007")] == [1, 2, 0]


@pytest.mark.parametrize(("minimum", "best", "found"), [(0.3, 0.3, False), (0.3, 0.31, True), (0.0, 0.1, True)])
def test_ties_matter_where_one_of_them_is_forced(
    minimum: float, best: float, found: bool, table_of: TableOf, cases: Cases
) -> None:
    """Caffe forces none of a minimum overlap or less."""
    made = table_of([[SOUND]], dialect="caffe", levels=(LEVEL,))
    rules = replace(made.rules, match=replace(made.rules.match, minimum_iou=minimum))
    made = replace(
        made,
        rules=rules,
        positives=np.array([1]),
        forced=np.array([1]),
        near_ties=np.array([2]),
        best_iou=np.array([best]),
    )
    assert bool(cases(made, "MAT007")) is found


@pytest.mark.parametrize(
    ("dialect", "facts", "code", "words"),
    [
        ("pytorch-ssd", {}, "MAT009", "no object, and the real pytorch-ssd raises on such an image: "),
        ("nvidia", {}, "", ""),
        ("ssd.pytorch", {"unusable": 1}, "", ""),
        (
            "ssd.pytorch",
            {"left_out": ((0, "cat"), (1, "cat")), "unusable": 3, "unlisted": 3},
            "",
            "no object is left (2 left out as difficult, 3 of a class that is not in the list)",
        ),
    ],
)
def test_images_without_objects(
    dialect: str, facts: dict[str, object], code: str, words: str, table_of: TableOf
) -> None:
    made = table_of([[SOUND], []], dialect=dialect, facts=[{}, facts])
    found = [item for item in find([made]) if item.code in ("MAT009", "MAT010")]
    if code:
        assert [item.code for item in found] == [code]
    if words:
        assert found[0].worst.message.startswith(words)
        assert found[0].worst.where.file == "001.xml"
    if facts.get("unusable") == 1:
        assert not found


def test_image_facts_know_whether_an_image_is_annotated() -> None:
    assert not ImageFacts("a.xml", None, (1, 1)).annotated
    assert ImageFacts("a.xml", None, (1, 1), left_out=((0, "cat"),)).annotated
    assert ImageFacts("a.xml", None, (1, 1), discarded=((0, "cat"),)).annotated
