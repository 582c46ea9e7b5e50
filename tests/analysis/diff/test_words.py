"""The sentence that says what changed: its figures, what it names, and how it counts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ssdlossdbg.analysis.diff.substitution import SAME, explain, is_same
from ssdlossdbg.analysis.diff.words import summary_of
from ssdlossdbg.results.diff import ANNOTATIONS, BATCHES, Difference, DiffResult, Explanation, Side

LABELS, BOXES = Difference("labels", "1 of 6 objects"), Difference("boxes", "2 of 6 objects")
DIALECT = Difference("dialect", "caffe in A, nvidia in B")
NAMES = Difference("names of images", "1 of 3 have another name", measured=False)


def said(first: float | Side | None, second: float | Side | None, *differences: Difference, **more: Any) -> str:
    """The sentence about two sides of a value each."""
    of = {"compared": BATCHES, "measure": "loss", "same": False, "summary": "", **more}
    sides = [each if isinstance(each, Side) else Side("", "", each) for each in (first, second)]
    return summary_of(DiffResult(first=sides[0], second=sides[1], differences=differences, **of)).summary


def one(name: str, alone: float | None = None, delta: float | None = 0.0, of: tuple[str, ...] = ()) -> Explanation:
    """An explanation that does not."""
    return Explanation(name, alone, None, delta, explains=False, of=of)


def all_of_it(name: str, of: tuple[str, ...] = ()) -> Explanation:
    return Explanation(name, 2.0, None, None, explains=True, of=of)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (2.0, 3.0, "rises from 2 to 3 (+50 %)"),
        (2.5, 2.25, "falls from 2.5000 to 2.2500 (-10 %)"),
        (2.0, 2.5, "rises from 2.0000 to 2.5000 (+25 %)"),
        (1.0, 10.0, "rises from 1 to 10 (times 10)"),
        (1.0, 9.9, "rises from 1.0000 to 9.9000 (+890 %)"),
        (1.5, 1234.5, "rises from 1.5000 to 1,234.5000 (times 823)"),
        (0.0, 1.5, "rises from 0.0000 to 1.5000"),
        (-2.0, -1.0, "rises from -2 to -1 (+50 %)"),
        (-1.0, -20.0, "falls from -1 to -20 (times 20)"),
        (1.00001, 1.00002, "rises from 1.00001 to 1.00002 (+0.001 %)"),
        (1000.0001, 1000.0049, "rises from 1,000.0001 to 1,000.0049 (+0.00048 %)"),
        (1.00000001, 1.00000401, "rises from 1 to 1.000004 (+0.0004 %)"),
        (10.00001, 10.00005, "rises from 10.00001 to 10.00005 (+0.0004 %)"),
        (1e9, 2e9, "rises from 1e+09 to 2e+09 (+100 %)"),
        (999999999.0, 99.0, "falls from 999,999,999 to 99 (-100 %)"),
        (1234567890.0, 1234567891e3, "rises from 1.234568e+09 to 1.234568e+12 (times 1e+03)"),
        (1e10, 1.00000299e10, "rises from 1e+10 to 1.000003e+10 (+0.000299 %)"),
    ],
)
def test_from_what_to_what(first: float, second: float, words: str) -> None:
    assert said(first, second, LABELS) == f"The loss {words}. Different: labels, 1 of 6 objects."


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (1.5, math.nan, "was 1.5000 and is nan"),
        (math.inf, 2.0, "was inf and is 2.0000"),
        (math.nan, 2.0, "was nan and is 2.0000"),
    ],
)
def test_a_loss_that_is_no_number(first: float, second: float, words: str) -> None:
    assert said(first, second, LABELS) == f"The loss {words}. Different: labels, 1 of 6 objects."
    parts = (one("labels", delta=None), one("conf", delta=None))
    assert said(first, second, LABELS, explanations=parts).endswith("They fit together only: labels and conf.")


def test_numbers_of_objects_are_counted() -> None:
    how: Any = {"measure": "objects matched", "compared": ANNOTATIONS}
    assert said(1000.0, 1200.0, LABELS, **how).startswith("The objects matched rise from 1,000 to 1,200. Different: ")
    assert said(12.0, 2.0, LABELS, **how).startswith("The objects matched fall from 12 to 2. ")
    assert said(7.0, 7.0, LABELS, **how).startswith(
        "The objects matched are the same, 7. Different all the same: labels"
    )
    assert said(1e8, 1e8 + 1, LABELS, **how).startswith("The objects matched rise from 100,000,000 to 100,000,001. ")


def test_the_same() -> None:
    equal = "A and B are the same: predictions, targets, priors and rules are equal, and so is the loss, 1.5000."
    assert said(1.5, 1.5, same=True) == equal
    assert said(None, None, same=True) == "A and B are the same: nothing that is read is different."
    assert said(7.0, 7.0, same=True, compared=ANNOTATIONS) == "A and B are the same: nothing that is read is different."


def test_a_loss_that_stays() -> None:
    assert said(1.5, 1.5 * (1 + 1e-6), LABELS, NAMES) == (
        "The loss is the same, 1.5000. Different all the same: labels, 1 of 6 objects; "
        "names of images, 1 of 3 have another name."
    )
    moved = [one("labels", 1.75), one("boxes", 1.25), one("conf", 1.5), one("loc", None)]
    assert said(1.5, 1.5, LABELS, explanations=tuple(moved)).startswith(
        "The loss is the same, 1.5000, though labels and boxes alone would change it."
    )
    assert said(1.5, 1.5, LABELS, explanations=tuple(moved[:1])).startswith("The loss is the same, 1.5000. Different")
    many = tuple(one(name, 9.0) for name in "abcde")
    assert "though a, b, c and d alone would change it." in said(1.5, 1.5, LABELS, explanations=many)


def test_one_that_explains() -> None:
    found = (all_of_it("labels"),)
    rise = "The loss rises from 1 to 2 (+100 %)"
    assert (
        said(1.0, 2.0, LABELS, NAMES, explanations=found) == f"{rise}: labels, 1 of 6 objects, and all else is equal."
    )
    idle = (*found, one("boxes", 1.0))
    whole = f"{rise}: labels, 1 of 6 objects; that explains all of it."
    assert said(1.0, 2.0, LABELS, BOXES, explanations=idle) == (
        f"{whole} boxes are different, too, and change nothing alone."
    )
    moving = (*found, one("boxes", 1.5))
    assert said(1.0, 2.0, LABELS, BOXES, explanations=moving) == (
        f"{whole} boxes are different, too, and do not explain it."
    )
    assert said(1.0, 2.0, LABELS, DIALECT, explanations=(*found, one("dialect", 1.0))) == (
        f"{whole} dialect is different, too, and changes nothing alone."
    )
    assert said(1.0, 2.0, LABELS, DIALECT, explanations=(*found, one("dialect", 1.5))) == (
        f"{whole} dialect is different, too, and does not explain it."
    )
    three = (*found, one("dialect", 1.0), one("boxes", 1.5))
    assert said(1.0, 2.0, LABELS, DIALECT, BOXES, explanations=three) == (
        f"{whole} dialect and boxes are different, too, and do not explain it."
    )


@pytest.mark.parametrize(("name", "verb"), [("order of objects", "is"), ("list of images", "is"), ("boxes", "are")])
def test_what_is_one_thing_and_what_are_many(name: str, verb: str) -> None:
    found = (all_of_it("labels"), one(name, 1.0))
    assert f"{name} {verb} different, too" in said(1.0, 2.0, LABELS, Difference(name, "what"), explanations=found)


def test_several_that_explain_alone() -> None:
    both = (all_of_it("labels"), all_of_it("boxes"))
    words = "each of these explains all of it alone: labels, 1 of 6 objects; boxes, 2 of 6 objects"
    assert said(1.0, 2.0, LABELS, BOXES, explanations=both).endswith(f": {words}.")
    assert said(1.0, 2.0, LABELS, BOXES, DIALECT, explanations=both).endswith(f"{words}. dialect does not.")
    more = (LABELS, BOXES, DIALECT, Difference("loc", "all"))
    assert said(1.0, 2.0, *more, explanations=both).endswith(f"{words}. dialect and loc do not.")
    assert said(1.0, 2.0, LABELS, BOXES, Difference("settings", "all"), explanations=both).endswith("settings do not.")


def test_a_group_that_explains() -> None:
    group = (one("labels", 1.0), one("boxes", 1.0), all_of_it("classes", ("labels", "boxes")))
    alike = [Difference(name, f"all {name}", "each 1 more") for name in ("labels", "boxes")]
    assert ": classes (labels and boxes), each 1 more, and all else is equal." in said(
        1.0, 2.0, *alike, explanations=group
    )
    assert ": classes (labels, 1 of 6 objects; boxes, 2 of 6 objects), and all" in said(
        1.0, 2.0, LABELS, BOXES, explanations=group
    )
    mixed = (alike[0], BOXES)
    assert ": classes (labels, each 1 more (all labels); boxes, 2 of 6 objects), and all" in said(
        1.0, 2.0, *mixed, explanations=group
    )


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (Difference("labels", "2 of 6", places=("a", "b"), changed=2), "labels, 2 of 6: a; b"),
        (Difference("labels", "3 of 6", places=("a", "b"), changed=3), "labels, 3 of 6"),
        (Difference("labels", "2 of 6", places=("a", "b", "c"), changed=2), "labels, 2 of 6"),
        (Difference("labels", "1 of 6", "each 1 more", places=("a",), changed=1), "labels, each 1 more (1 of 6: a)"),
        (Difference("order", "in reverse order, all", "in reverse order"), "order, in reverse order, all"),
    ],
)
def test_a_difference_in_words(difference: Difference, words: str) -> None:
    assert said(1.0, 2.0, difference) == f"The loss rises from 1 to 2 (+100 %). Different: {words}."


def test_four_are_named_and_others_counted() -> None:
    many = [Difference(name, "x") for name in "abcdaef"]
    assert said(1.0, 2.0, *many).endswith("Different: a, x; b, x; c, x; d, x; and 2 more.")
    assert said(1.0, 2.0, *many[:5]).endswith("Different: a, x; b, x; c, x; d, x.")
    parts = tuple(
        one(name, delta=delta) for name, delta in zip("abcdef", (1, -2.5, 0.001, 3000, 0.0011, -0.5), strict=True)
    )
    words = "Taken over one after the other: a +1, b -2.5, d +3,000, e +0.0011 and 1 more."
    assert said(1.0, 2.0, *many, explanations=parts).endswith(f"no difference explains it alone. {words}")
    assert said(1.0, 2.0, *many, explanations=(*parts[:2], one("c", delta=None))).endswith(": a +1, b -2.5, c.")
    assert said(1.0, 2.0, *many, explanations=(one("a", delta=0.0),)).endswith("alone. Together they do.")
    assert said(1.0, 2.0, *many, explanations=(one("a", delta=None), one("b", delta=1.0))).endswith(": a, b +1.")


def test_a_loss_that_cannot_be_computed() -> None:
    words = said(None, Side("b", "", None, "a label is 6"), LABELS, NAMES)
    assert words == "Different: labels, 1 of 6 objects. No loss can be computed of B: a label is 6."
    both = said(Side("a", "", None, "no"), Side("b", "", None, "nor"), NAMES)
    assert both == (
        "Different: names of images, 1 of 3 have another name. No loss can be computed of A: no. "
        "No loss can be computed of B: nor."
    )
    assert said(1.0, None, LABELS) == said(None, 1.0, LABELS) == "Different: labels, 1 of 6 objects."


@pytest.mark.parametrize(
    ("one", "two", "rounded", "exactly"),
    [
        (1.0, 1.0, True, True),
        (1.0, 1 + 0.9 * SAME, True, False),
        (1 - 0.9 * SAME, 1.0, True, False),
        (1.0, 1 + 1.1 * SAME, False, False),
        (-1.0, 1.0, False, False),
        (-1000.0, -1000 - 900 * SAME, True, False),
        (math.nan, math.nan, True, True),
        (math.nan, 1.0, False, False),
        (1.0, math.nan, False, False),
        (math.inf, math.inf, True, True),
        (math.inf, 1.0, False, False),
        (math.inf, -math.inf, False, False),
        (None, None, False, False),
        (1.0, None, False, False),
        (None, 1.0, False, False),
    ],
)
def test_the_same_measure(one: float | None, two: float | None, rounded: bool, exactly: bool) -> None:
    assert (is_same(one, two), is_same(one, two, exact=True)) == (rounded, exactly)


def test_what_each_difference_is_worth() -> None:
    worth = {"a": 1.0, "b": 2.0, "c": 4.0}

    def measure(names: Any) -> float | None:
        return 10 + sum(worth[name] for name in names)

    told = explain(("a", "b", "c"), measure)
    assert [(each.name, each.alone, each.without, each.delta, each.explains) for each in told] == [
        ("a", 11.0, 16.0, 1.0, False),
        ("b", 12.0, 15.0, 2.0, False),
        ("c", 14.0, 13.0, 4.0, False),
    ]
    worth |= {"a": 0.0, "b": 0.0}
    assert [each.explains for each in explain(("a", "b", "c"), measure)] == [False, False, True]
    worth["c"] = 1e-6
    assert not any(each.explains for each in explain(("a", "c"), measure)), "nothing is to be explained"
    assert [each.explains for each in explain(("a", "c"), measure, exact=True)] == [False, True]


def test_a_group_is_asked_where_none_explains_alone() -> None:
    def measure(names: Any) -> float | None:
        if "broken" in names:
            return None
        return 1.0 + 2 * ({"a", "b"} <= set(names)) + ("c" in names) * 1e-9

    groups = {"none": ("x", "a"), "half": ("b", "c"), "both": ("b", "a", "x"), "all": ("a", "b", "c")}
    told = explain(("a", "b", "c"), measure, groups=groups)
    [group] = told[3:]
    assert (group.name, group.of, group.delta, group.explains) == ("both", ("a", "b"), None, True)
    assert [group.alone, group.without] == pytest.approx([3.0, 1.0])
    assert len(explain(("a", "b", "c"), measure, exact=True, groups=groups)) == 4
    assert explain(("a", "b", "c"), measure, exact=True, groups=groups)[3].name == "all"
    assert len(explain(("a", "c"), measure, groups=groups)) == 2, "nothing is to be explained"
    refused = explain(("a", "broken"), measure)
    assert [(each.alone, each.without, each.delta) for each in refused] == [(1.0, None, 0.0), (None, 1.0, None)]


def test_a_step_from_no_number_is_worth_none() -> None:
    told = explain(("a", "b"), lambda names: {0: 1.0, 1: math.nan, 2: 3.0}[len(names)])
    assert [each.delta for each in told] == [None, None]
