"""What the logits say of the labels: counts at the figures that the pages state, just below and just above."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdlossdbg import api
from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.results import Finding, Predicted
from ssdlossdbg.results.hypotheses import Heard

SAMPLES = Path(__file__).parents[2] / "sample_data"
TOGETHER = "Filter, sort and shuffle boxes and labels with the same index."
# (label, class predicted): of how many positives.
Said = Mapping[tuple[int, int], int]


@pytest.fixture(scope="module")
def predicted() -> Predicted:
    """What a network of seven classes says that has learnt."""
    evidence = api.loss(SAMPLES / "preds.pt", SAMPLES / "targets.pt", device="cpu").evidence
    (found,) = (seen for seen in evidence if isinstance(seen, Predicted))
    return replace(found, fits=(), class_names=("cat", "dog", "eel", "fox", "gnu"))


def heard(said: Said, labels: tuple[int, ...] = (), **others: Any) -> Heard:
    """Positives of unknown objects; nearly all negatives are called background."""
    target, called = (np.repeat([pair[place] for pair in said], list(said.values())) for place in (0, 1))
    nobody = np.full(len(target), -1)
    labels = labels or tuple(sorted({label for label, _ in said}))
    made = Heard(target, called, nobody, np.zeros_like(nobody), labels, 0, 1.0, 0.99, 0.5)
    return replace(made, **others)


def of_objects(*objects: tuple[int, int, Mapping[int, int]], labels: tuple[int, ...] = (1, 2, 3, 4, 5)) -> Heard:
    """Objects as (image, label, positives by the class that they are taken for)."""
    rows = np.array(
        [
            (image, label, called, place)
            for place, (image, label, said) in enumerate(objects)
            for called, number in said.items()
            for _ in range(number)
        ]
    )
    image, target, called, owner = rows.T
    return Heard(target, called, owner, image, labels, 0, 1.0, 0.99, 0.5)


def told(predicted: Predicted, said: Heard) -> dict[str, Finding]:
    """What is found."""
    return {item.code: item for item in find([replace(predicted, heard=said)])}


# PRE008


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        ({}, True),
        ({"column": 0}, False),
        ({"column_share": 0.9}, True),
        ({"column_share": 0.89}, False),
        ({"column_probability": 0.51, "positives_probability": 0.3}, True),
        ({"column_probability": 0.5, "positives_probability": 0.1}, False),
        ({"positives_probability": 0.7}, True),
        ({"column_probability": 0.75, "positives_probability": 0.55}, True),
        ({"positives_probability": 0.72}, False),
        ({"rolled": 1.99}, True),
        ({"rolled": 2.0}, False),
        ({"column": 4, "rolled": 2.0}, True),
        ({"column": 5, "rolled": 2.0}, True),
    ],
)
def test_background_in_another_column(changes: dict[str, Any], fires: bool, predicted: Predicted) -> None:
    shown: dict[str, Any] = {
        "column": 6,
        "column_share": 0.95,
        "column_probability": 0.91,
        "positives_probability": 0.5,
    }
    said = heard({(1, 1): 30}, **{**shown, "cost": 2.0, "rolled": 1.0, **changes})
    assert ("PRE008" in told(predicted, said)) is fires


def test_the_last_column_is_told_from_another(predicted: Predicted) -> None:
    shown: dict[str, Any] = {
        "column_share": 0.95,
        "column_probability": 0.91,
        "positives_probability": 0.25,
        "cost": 2.0,
        "rolled": 1.5,
    }
    last, other = (told(predicted, heard({(1, 1): 30}, column=column, **shown))["PRE008"] for column in (6, 4))
    same = "has the highest logit at 95% of all negatives (mean probability 0.91; at the positives 0.25): "
    there = "the background is there, and not in column 0"
    assert last.worst.message == (
        f"column 6, the last one, {same}{there}; rolled by one, the mean cross-entropy falls from 2.00 to 1.50"
    )
    assert other.worst.message == f"column 4 {same}{there}"
    assert (last.worst.value, last.worst.bound) == (6, 0)
    assert "--native" in last.worst.fix
    assert "Put that column first" in other.worst.fix


# PRE009


@pytest.mark.parametrize(
    ("said", "words"),
    [
        # A quarter of 20 positives, of one class, is not two classes.
        ({(1, 2): 5, (3, 3): 15}, None),
        ({(1, 2): 3, (2, 1): 2, (3, 3): 15}, "the classes of 5 positives have other numbers: cat is dog, dog is cat; "),
        ({(1, 2): 3, (2, 1): 2, (3, 3): 14}, None),
        ({(1, 2): 3, (2, 1): 2, (3, 3): 16}, None),
        # Nine of ten are nearly all, eight of nine are not.
        ({(1, 2): 9, (1, 1): 1, (2, 1): 20}, "of 30 positives have other numbers"),
        ({(1, 2): 8, (1, 1): 1, (2, 1): 20}, None),
        # One positive of a class tells nothing of it.
        ({(1, 2): 1, (2, 1): 20}, None),
        ({(1, 2): 2, (2, 1): 20}, "of 22 positives have other numbers: cat is dog, dog is cat; "),
        # No two classes go by one name, a third one that keeps its own included.
        ({(1, 3): 10, (2, 3): 10}, None),
        ({(1, 3): 10, (2, 1): 10, (3, 3): 1}, None),
        ({(1, 3): 10, (2, 1): 10}, "cat is eel, dog is cat; its class list is in another order"),
        # Five classes: four are named.
        (
            {(1, 3): 4, (2, 4): 4, (3, 1): 4, (4, 2): 4, (5, 6): 4},
            "of 20 positives have other numbers: cat is eel, dog is fox, eel is cat, fox is dog and 1 more; ",
        ),
        ({(1, 3): 5, (2, 4): 5, (3, 1): 5, (4, 2): 5}, "cat is eel, dog is fox, eel is cat, fox is dog; its class"),
    ],
)
def test_classes_under_other_numbers(said: Said, words: str | None, predicted: Predicted) -> None:
    found = told(predicted, heard(said)).get("PRE009")
    assert (found is not None) is (words is not None)
    if found and words:
        assert words in found.worst.message
        assert found.worst.fix.startswith("Use one class list, in one order")
        wrong = sum(number for (label, called), number in said.items() if label != called)
        assert (found.worst.value, found.worst.bound) == (wrong / sum(said.values()), 0.25)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({(1, 2): 10, (2, 3): 10}, "the labels of 20 of 20 positives, of 2 classes, are 1 less than"),
        ({(3, 2): 10, (2, 1): 10}, "the labels of 20 of 20 positives, of 2 classes, are 1 more than"),
        ({(1, 3): 10, (2, 4): 10}, "of 2 classes, are 2 less than"),
        # Some positives of one are taken for yet another class.
        ({(1, 2): 19, (1, 4): 1, (2, 3): 10}, "the labels of 29 of 30 positives, of 2 classes, are 1 less than"),
        # One of three goes round to the first.
        ({(1, 2): 9, (2, 3): 9, (3, 1): 9}, "are 1 less than what the network surely sees, eel going round to cat"),
        ({(1, 5): 9, (2, 1): 9, (3, 2): 9}, "are 1 more than what the network surely sees, cat going round to gnu"),
        # The other one goes the same way, though farther: no round.
        ({(1, 2): 9, (2, 3): 9, (3, 6): 9}, None),
        # It goes back, but no farther than the step.
        ({(1, 3): 9, (2, 4): 9, (6, 4): 9}, None),
        ({(1, 3): 9, (2, 4): 9, (6, 5): 9}, None),
        # Two of four go another way.
        ({(1, 2): 9, (2, 3): 9, (3, 1): 9, (6, 4): 9}, None),
        # A class keeps its own name.
        ({(1, 2): 9, (2, 3): 9, (4, 4): 1}, None),
        ({(1, 2): 25, (3, 3): 1}, None),
    ],
)
def test_labels_that_are_one_off(said: Said, words: str | None, predicted: Predicted) -> None:
    found = told(predicted, heard(said)).get("PRE009")
    if words:
        assert found
        assert words in found.worst.message
        assert found.worst.fix == "Count classes as the network does; for saved targets: --label-offset."
    else:
        assert not found or "than what the network surely sees" not in found.worst.message


@pytest.mark.parametrize(
    ("said", "labels", "words"),
    [
        ({(1, 2): 12, (1, 3): 10}, (1,), "all labels are cat, but the network surely sees dog, eel at 22 positives"),
        # One positive of a class is a slip.
        ({(1, 2): 2, (1, 1): 18, (1, 3): 1}, (1,), None),
        ({(1, 2): 12, (1, 3): 10}, (1, 4), None),
        # Half of them are.
        ({(1, 1): 12, (1, 3): 12}, (1,), "all labels are cat, but the network surely sees cat, eel at 24 positives"),
        ({(1, 1): 13, (1, 3): 12}, (1,), None),
        ({(1, 1): 2, (1, 3): 20}, (1,), "surely sees cat, eel at 22"),
        ({(1, 1): 1, (1, 3): 20}, (1,), None),
        ({(1, n): 5 for n in range(1, 7)}, (1,), "surely sees cat, dog, eel, fox at 30 positives"),
    ],
)
def test_all_labels_are_one(said: Said, labels: tuple[int, ...], words: str | None, predicted: Predicted) -> None:
    found = told(predicted, heard(said, labels)).get("PRE009")
    assert (found is not None) is (words is not None)
    if found and words:
        assert words in found.worst.message
        assert found.worst.fix.startswith("Check that the loader reads each object's class")


@pytest.mark.parametrize(
    ("column", "share", "fires"), [(2, 0.9, False), (2, 0.89, True), (0, 0.99, True), (1, 0.95, False)]
)
def test_a_network_that_says_one_class_says_nothing_of_labels(
    column: int, share: float, fires: bool, predicted: Predicted
) -> None:
    for said, code in (({(1, 2): 10, (2, 3): 10}, "PRE009"), ({(1, 2): 10, (3, 3): 15}, "PRE016")):
        assert (code in told(predicted, heard(said, column=column, column_share=share))) is fires


# Objects whose labels are exchanged


def pair(image: int, label: int, called: int) -> tuple[int, int, dict[int, int]]:
    return image, label, {called: 4}


# Twenty objects under their own names, in an image of their own: most positives are right.
RIGHT = [(9, 1 + place % 5, {1 + place % 5: 4}) for place in range(20)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        # Six of six, four of six, three of five.
        ([pair(n, *way) for n in range(3) for way in ((1, 2), (2, 1))], "6 of 26 objects are surely taken"),
        (
            [pair(0, 1, 2), pair(0, 2, 1), pair(1, 3, 4), pair(1, 4, 3), pair(2, 5, 1), pair(3, 3, 2)],
            "6 of 26 objects are surely taken for another class, and 4 of them for that which others of these",
        ),
        ([pair(0, 1, 2), pair(0, 2, 1), pair(1, 3, 4), pair(2, 4, 3), pair(2, 5, 1)], None),
        # Fewer than five.
        ([pair(n, *way) for n in range(2) for way in ((1, 2), (2, 1))], None),
        # A label stands for one object only.
        ([pair(0, 1, 2), pair(0, 1, 2), pair(0, 1, 2), pair(0, 2, 1), pair(0, 3, 2)], None),
        # Exchanged, but each with one of another image.
        ([pair(2 * n + k, *way) for n in range(3) for k, way in enumerate(((1, 2), (2, 1)))], None),
    ],
)
def test_labels_in_another_order(
    wrong: list[tuple[int, int, dict[int, int]]], words: str | None, predicted: Predicted
) -> None:
    found = told(predicted, of_objects(*wrong, *RIGHT)).get("PRE009")
    assert (found is not None) is (words is not None)
    if found and words:
        assert words in found.worst.message
        assert found.worst.message.endswith("boxes and labels do not go together")
        assert found.worst.fix == TOGETHER


@pytest.mark.parametrize(
    ("called", "words"),
    [
        ((2, 3, 4, 4), "all 3 that have one after them in the list for the class of that one's label"),
        ((1, 1, 2, 3), "all 3 that have one before them in the list for the class of that one's label"),
        ((3, 4, 3, 4), None),
        ((2, 3, 3, 4), None),
        ((2, 3, 5, 4), None),
    ],
)
def test_labels_of_the_next_in_the_list(called: tuple[int, ...], words: str | None, predicted: Predicted) -> None:
    """Of the next one or the one before: of the next but one, of two objects or of all but one, it may be chance."""
    wrong = [pair(0, label, column) for label, column in zip((1, 2, 3, 4), called, strict=True)]
    right = [(9, 1 + place % 5, {1 + place % 5: 1}) for place in range(20)]
    found = told(predicted, of_objects(*wrong, *right)).get("PRE009")
    assert (found is not None) is (words is not None)
    if found and words:
        assert found.worst.message == (
            f"3 of 24 objects are surely taken for another class, and {words}: boxes and labels do not go together"
        )
        assert found.worst.fix == TOGETHER


def test_a_class_beyond_all_labels_is_that_of_no_other_image(predicted: Predicted) -> None:
    """All are taken for class 6, which none is labelled as, while each image's next has labels of its own."""
    right = [(9, 1 + place % 3, {1 + place % 3: 4}) for place in range(20)]
    wrong = [pair(n, 2, 6) for n in range(8)]
    assert "PRE009" not in told(predicted, of_objects(*wrong, *right, labels=(1, 2, 3)))


def test_an_object_is_what_most_of_its_positives_are_taken_for(predicted: Predicted) -> None:
    """Two of five priors of each say another class: the objects are as labelled, or they are not."""
    wrong = [
        (n, label, {label: mine, other: 5 - mine})
        for n in range(3)
        for label, other in ((1, 2), (2, 1))
        for mine in (2,)
    ]
    right = [(n, label, {label: 3, other: 2}) for n in range(3) for label, other in ((1, 2), (2, 1))]
    assert "PRE009" in told(predicted, of_objects(*wrong, *RIGHT))
    assert "PRE009" not in told(predicted, of_objects(*right, *RIGHT))


def test_positives_of_unknown_objects_are_no_object(predicted: Predicted) -> None:
    said = of_objects(*[pair(n, *way) for n in range(3) for way in ((1, 2), (2, 1))], *RIGHT)
    unknown = np.where(said.image < 9, -1, said.owner)
    assert "PRE009" not in told(predicted, replace(said, owner=unknown))


def test_both_an_order_of_classes_and_of_objects_are_named(predicted: Predicted) -> None:
    """Classes that are exchanged in every image; of the last image, only one of the two is there."""
    both = [pair(n, *way) for n in range(2) for way in ((1, 3), (3, 1))]
    words, fix = ", or the labels of an image are in another order than its boxes", f" {TOGETHER}"
    for more, named in (
        ([], True),
        ([pair(4, 1, 3), pair(5, 1, 3)], True),
        ([pair(n, 1, 3) for n in (4, 5, 6)], False),
    ):
        case = told(predicted, of_objects(*both, *more, pair(7, 2, 2)))["PRE009"].worst
        assert case.message.endswith(words) is named
        assert case.fix.endswith(fix) is named


# PRE016


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({(1, 2): 5, (3, 3): 16}, "5 positives of cat are surely taken for dog: the label is another class's, or"),
        ({(1, 2): 4, (3, 3): 17}, None),
        # As many positives of its own as the other class has, or one less.
        ({(1, 2): 8, (2, 2): 8, (3, 3): 20}, "8 positives of cat are surely taken for dog"),
        ({(1, 2): 8, (2, 2): 9, (3, 3): 20}, None),
        # Those that are called otherwise count among the class.
        ({(1, 2): 9, (1, 4): 1, (3, 3): 30}, "10 positives of cat are surely taken for dog"),
        ({(1, 2): 5, (3, 3): 14}, None),
        # A column that has no name.
        ({(1, 6): 5, (3, 3): 16}, "5 positives of cat are surely taken for class 6: "),
    ],
)
def test_class_that_is_called_another(said: Said, words: str | None, predicted: Predicted) -> None:
    found = told(predicted, heard(said)).get("PRE016")
    assert (found is not None) is (words is not None)
    if found and words:
        assert words in found.worst.message
        ((label, called),) = [each for each in said if each[0] != each[1] and each[1] != 4]
        assert (found.worst.value, found.worst.bound) == (called, label)


@pytest.mark.parametrize(
    ("own", "called", "number", "labels", "fires"),
    [
        (0, 4, 5, (1, 2), True),
        (0, 4, 4, (1, 2), False),
        (1, 9, 5, (1, 2), True),
        (1, 8, 5, (1, 2), False),
        (0, 4, 5, (1, 2, 3), False),
    ],
)
def test_objects_that_are_called_what_no_label_names(
    own: int, called: int, number: int, labels: tuple[int, ...], fires: bool, predicted: Predicted
) -> None:
    """Among so many others of their class that most of its positives are right."""
    odd: list[tuple[int, int, Mapping[int, int]]] = [(n, 1, {1: own, 3: called}) for n in range(number)]
    most: list[tuple[int, int, Mapping[int, int]]] = [(8, 1, {1: 9})] * 30
    found = told(predicted, of_objects(*odd, *most, labels=labels)).get("PRE016")
    assert (found is not None) is fires
    if found:
        assert f"{number} objects of cat are surely taken for eel, which no label names" in found.worst.message
        assert (found.worst.value, found.worst.bound) == (3, 1)


def test_what_more_objects_are_called_comes_first(predicted: Predicted) -> None:
    odd: list[tuple[int, int, Mapping[int, int]]] = [*[(0, 1, {3: 1})] * 5, *[(0, 2, {4: 1})] * 7]
    most: list[tuple[int, int, Mapping[int, int]]] = [(8, label, {label: 9}) for label in (1, 2) for _ in range(30)]
    found = told(predicted, of_objects(*odd, *most, labels=(1, 2)))["PRE016"]
    assert [case.message[:34] for case in found.cases] == [
        "7 objects of dog are surely taken ",
        "5 objects of cat are surely taken ",
    ]


def test_a_class_without_a_positive_of_its_own_is_told_once(predicted: Predicted) -> None:
    """All its positives, and all its objects, are taken for what no label names."""
    odd: list[tuple[int, int, Mapping[int, int]]] = [(0, 1, {3: 2})] * 6
    most: list[tuple[int, int, Mapping[int, int]]] = [(8, 2, {2: 9})] * 30
    found = told(predicted, of_objects(*odd, *most, labels=(1, 2)))["PRE016"]
    assert [case.message.split(":")[0] for case in found.cases] == ["12 positives of cat are surely taken for eel"]
