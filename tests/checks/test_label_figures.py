"""What is said of classes and marks, at the figures that the pages state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.results import ClassUse
from ssdlossdbg.results.objects import Reading
from ssdlossdbg.rules import BackgroundObjects
from tests.checks.conftest import Cases, TableOf, Told

Box = tuple[float, float, float, float]
SOUND: Box = (20, 20, 60, 60)


def test_background_of_an_object(table_of: TableOf, told: Told) -> None:
    made = table_of([[SOUND, (10, 10, 30, 30)]], class_id=np.array([1, 0]), best_iou=np.array([0.7, 0.5]))
    (message,) = told(made, "LBL002")
    assert message == (
        "its label means background: the priors that match it are trained to see nothing (best IoU 0.50)"
    )
    rules = replace(made.rules, match=replace(made.rules.match, background_objects=BackgroundObjects.COUNTED))
    (message,) = told(replace(made, rules=rules, label_offset=1), "LBL002")
    assert message == (
        "its label means background once 1 is added: the priors that match it are trained to see nothing, and yet to "
        "predict its box, as positives (best IoU 0.50)"
    )


@pytest.mark.parametrize(
    ("one_based", "dialect", "names"),
    [
        (True, "ssd.pytorch", ["r bc"]),
        (False, "ssd.pytorch", ["rbc", "r bc"]),
        (True, "caffe", ["rbc", "r bc"]),
        (False, "caffe", ["rbc", "r bc"]),
    ],
)
def test_names_that_differ_in_capitals_or_spaces(
    one_based: bool, dialect: str, names: list[str], table_of: TableOf, cases: Cases
) -> None:
    """Capitals count in COCO's files, and where the loader of Pascal VOC's takes names as they are spelt."""
    labels = ("RBC", "RBC", "RBC", "rbc", "rbc", "r bc")
    made = table_of([[(5 * n, 5, 5 * n + 4, 60) for n in range(1, 7)]], labels=labels, dialect=dialect)
    found = cases(replace(made, one_based=one_based), "LBL004")
    assert [case.value for case in found] == names
    assert found[-1].message == "is called 'r bc' (once), beside 'RBC' (3 times)"
    assert found[-1].where.object == 5
    assert [case.share for case in found] == [{"rbc": 2, "r bc": 1}[name] / 6 for name in names]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("cell a", "cell-A", True),
        ("a", "A", False),
        ("a", " a", True),
        ("1", "-1", False),
        ("type 1", "type_1", True),
        ("1 2", "12", False),
        ("a 1", "a1", True),
        ("1 a", "1a", True),
    ],
)
def test_which_names_are_alike(one: str, other: str, alike: bool, table_of: TableOf, cases: Cases) -> None:
    made = table_of([[SOUND, (1, 1, 9, 9), (50, 5, 60, 9)]], labels=(one, one, other))
    assert bool(cases(made, "LBL004")) is alike


def test_marked_objects(table_of: TableOf, told: Told, cases: Cases) -> None:
    facts = [{"left_out": ((1, "dog"), (4, "eel"))}, {}, {"left_out": ((0, "cat"),)}]
    for mark, words in (("difficult", "difficult"), ("crowd", "as a crowd"), ("group", "as a group")):
        made = table_of([[SOUND]] * 3, facts=facts, reading=Reading(mark=mark))
        assert told(made, "LBL005") == [
            f"ssd.pytorch leaves out what is marked {words}: object 1 (dog), 4 (eel)",
            f"ssd.pytorch leaves out what is marked {words}: object 0 (cat)",
        ]
        assert [case.value for case in cases(made, "LBL005")] == [2, 1]


def classes(**changes: object) -> ClassUse:
    """Three classes that all have objects."""
    made = ClassUse("d", ("cat", "dog", "eel"), True, False, np.array([5, 3, 2]), {}, (), False, 4, ())
    return replace(made, **changes)  # type: ignore[arg-type]


def test_classes_that_are_left_out(told: Told, cases: Cases) -> None:
    use = classes(
        unlisted={"fox": 2, "gnu": 7, "hen": 1}, left_out=("fox", "gnu"), emptied=("a.jpg",), counts=np.array([5, 3, 0])
    )
    (case,) = cases(use, "LBL007")
    assert case.message == (
        "--classes names 2 of the 4 classes that have objects: 9 objects of the others are left out, 'gnu' (7), 'fox' "
        "(2), which empties 1 of 4 images (a.jpg)"
    )
    assert (case.value, case.share) == (9, 9 / 17)
    one = classes(unlisted={"fox": 1}, left_out=("fox",))
    assert told(one, "LBL007")[0].endswith("1 object of the others are left out, 'fox' (1), which empties no image")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"counts": np.array([5, 0, 4])}, "class 'dog' has no object in 4 images; the list names 3 classes"),
        ({"counts": np.array([9, 0, 0])}, "classes 'dog', 'eel' have no object in 4 images; the list names 3 classes"),
        ({"counts": np.array([8, 0, 0])}, None),
        ({"counts": np.array([5, 0, 4]), "images": 3}, "class 'dog' has no object in 3 images"),
        ({"counts": np.array([5, 0, 4]), "images": 2}, None),
        ({"counts": np.array([5, 0, 4]), "given": False}, None),
        ({"counts": np.array([5, 0, 4]), "given": False, "listed": True}, "class 'dog' has no object"),
        ({"counts": np.array([5, 0, 4]), "counted_from_1": True, "unlisted": {"class 3": 1}}, None),
        ({"counts": np.array([5, 0, 4]), "unlisted": {"dogs": 2}}, None),
        ({"counts": np.array([5, 0, 4]), "unlisted": {"dogs": 2}, "left_out": ("dogs",)}, "class 'dog' has no object"),
        ({"counts": np.array([5, 0, 4]), "unlisted": {"horse": 2}}, "class 'dog' has no object"),
    ],
)
def test_classes_without_objects(changes: dict[str, object], words: str | None, told: Told, cases: Cases) -> None:
    """Of three images and three objects a class at the least."""
    use = classes(**changes)
    messages = told(use, "LBL009")
    assert bool(messages) is (words is not None)
    assert not words or messages[0].startswith(words)
    if words:
        case, missing = cases(use, "LBL009")[0], int((use.counts == 0).sum())
        assert (case.value, case.share) == (missing, missing / 3)


def test_the_first_class_may_be_missing_because_numbers_count_from_1(cases: Cases) -> None:
    for given, first, hint in ((False, 0, True), (True, 0, False), (False, 2, False)):
        use = classes(given=given, listed=True, counts=np.where(np.arange(3) == first, 0, 6))
        assert cases(use, "LBL009")[0].fix.endswith("The numbers may count from 1.") is hint


@pytest.mark.parametrize(
    ("names", "counts", "found"),
    [
        # Letters in each other's place: a twentieth.
        (("RBC", "RCB"), (80, 4), True),
        (("RBC", "RCB"), (79, 4), False),
        (("RBC", "RCB"), (400, 20), True),
        # A letter more in a longer word: the other classes have as many, too.
        (("plate", "plates", "dog"), (100, 5, 100), True),
        (("plate", "plates", "dog"), (100, 5, 99), False),
        (("plate", "plates", "dog", "eel"), (300, 5, 100, 20), True),
        # A letter instead of another: up to three objects.
        (("house", "horse", "dog"), (100, 3, 100), True),
        (("house", "horse", "dog"), (100, 4, 100), False),
    ],
)
def test_names_that_may_be_misspelt(names: tuple[str, ...], counts: tuple[int, ...], found: bool, cases: Cases) -> None:
    use = classes(names=names, counts=np.array(counts), given=False)
    cases_found = cases(use, "LBL010")
    assert bool(cases_found) is found
    if found:
        (case,) = cases_found
        assert (
            case.message == f"{names[1]!r} ({counts[1]} objects) may be a misspelt {names[0]!r} ({counts[0]} objects)"
        )
        assert (case.value, case.bound, case.share) == (counts[1], counts[0], counts[1] / sum(counts))
    assert not cases(replace(use, given=True), "LBL010")


def test_a_name_is_held_against_the_most_frequent_one_that_is_like_it(told: Told) -> None:
    use = classes(names=("RBC", "RCB", "BRC"), counts=np.array([200, 5, 100]), given=False)
    assert told(use, "LBL010") == ["'RCB' (5 objects) may be a misspelt 'RBC' (200 objects)"]


def test_class_numbers_that_count_from_1(told: Told) -> None:
    use = classes(counted_from_1=True, unlisted={"class 3": 1})
    (message,) = told(use, "LBL008")
    assert message == (
        "numbers of classes go up to 3 and none is 0, but the 3 names are for 0 to 2: they count from 1, so that every "
        "object has the name of the class after its own, and 1 object none"
    )
    one = classes(names=("cat",), counts=np.array([0]), counted_from_1=True, unlisted={"class 1": 4})
    assert told(one, "LBL008")[0].startswith(
        "numbers of classes go up to 1 and none is 0, but the 1 name is for 0 to 0"
    )
