"""What is said of encoded targets, at the figures that the pages state: tables of positives made by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.checks.catalogue import find
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.results import EncodedTable
from ssdlossdbg.results.encoded import Formula, PriorsByImage, Reading
from ssdlossdbg.results.hypotheses import Explanation
from tests.checks.conftest import Cases, Told

NONE = PriorsByImage(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
OWN = Reading(Formula.STATED, "as the dialect says", (0.1, 0.1, 0.2, 0.2), 2, 2, 6)


def table(dialect: str = "pytorch-ssd", **changes: Any) -> EncodedTable:
    """Three positives to each of two objects, in two images of a hundred priors, all sound."""
    six = np.ones(6)
    made = EncodedTable(
        file="t.pt",
        images=2,
        priors=100,
        image_size=(300, 200),
        image=np.array([0, 0, 0, 1, 1, 1]),
        prior=np.array([10, 11, 12, 20, 21, 22]),
        label=np.array([1, 1, 1, 2, 2, 2]),
        offsets=0.5 * np.ones((6, 4)),
        prior_boxes=np.tile([0.5, 0.5, 0.2, 0.2], (6, 1)),
        exact=True,
        reading=OWN,
        boxes=np.tile([0.2, 0.2, 0.5, 0.6], (6, 1)),
        object=np.array([0, 0, 0, 1, 1, 1]),
        iou=0.7 * six,
        slack=0 * six,
        best_own=0.7 * six,
        best_free=0.3 * six,
        split=np.zeros(6, dtype=bool),
        ignored=NONE,
        bad_negatives=NONE,
        rules=load_dialect(dialect),
    )
    return replace(made, **changes)


def rows(of: np.ndarray[Any, np.dtype[Any]], **changes: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """A column with other values in some rows: r0=..., r1=..."""
    made = of.astype(float).copy()
    for name, value in changes.items():
        made[int(name[1:])] = value
    return made


def by_image(*found: tuple[int, int, int]) -> PriorsByImage:
    """Images, the first prior of each, and how many."""
    return PriorsByImage(*np.array(found, dtype=np.int64).T)


def test_a_sound_table_is_silent() -> None:
    assert find([table()]) == ()


# ENC001, ENC002, ENC014


@pytest.mark.parametrize(
    ("offsets", "words", "drop"),
    [
        ((0, 0, -math.inf, 0), "the encoded target dw is -inf: the logarithm of 0, so the box has no width", True),
        ((0, 0, 0, -math.inf), "the encoded target dh is -inf: the logarithm of 0, so the box has no height", True),
        ((0, 0, math.inf, 0), "the encoded target dw is inf: the box has an infinite width", True),
        (
            (0, 0, math.nan, 0),
            "dw is nan: the logarithm of a negative width, so the box is inverted (xmax < xmin)",
            True,
        ),
        (
            (0, 0, 0, math.nan),
            "dh is nan: the logarithm of a negative height, so the box is inverted (ymax < ymin)",
            True,
        ),
        ((math.nan, 0, 0, 0), "the encoded target dx is nan: the box that was encoded is itself not finite", False),
        ((0, math.inf, math.nan, 0), "the encoded target dy is inf: the box that was encoded is itself not", False),
    ],
)
def test_offsets_that_are_not_finite(offsets: tuple[float, ...], words: str, drop: bool, cases: Cases) -> None:
    made = table()
    made.offsets[1] = offsets
    (case,) = cases(made, "ENC001")
    assert words in case.message
    assert (case.where.image, case.where.prior) == (0, 11)
    assert case.fix.startswith("Drop boxes" if drop else "Find where the loader divides")
    made.prior_boxes[1, 2] = 0
    assert not cases(made, "ENC001")


def test_offsets_that_are_alike_are_told_once_those_of_most_first(cases: Cases) -> None:
    made = table()
    made.offsets[[0, 3, 4], 2] = -math.inf
    first, second = cases(made, "ENC001")
    assert (first.where.image, second.where.image) == (1, 0)
    assert "no width (2 such priors of its label in this image); the loss" in first.message
    assert "no width; the loss" in second.message


@pytest.mark.parametrize(
    ("one", "other"), [*itertools.combinations_with_replacement((-math.inf, math.inf, math.nan), 2)]
)
@pytest.mark.parametrize("offset", range(4))
def test_offsets_are_alike_that_have_the_same_value(one: float, other: float, offset: int, cases: Cases) -> None:
    """Of one label in one image: else each is told."""
    made = table()
    made.offsets[[0, 1], offset] = one, other
    found = cases(made, "ENC001")
    assert len(found) == (1 if one is other else 2)
    assert {str(case.value) for case in found} == {str(one), str(other)}


@pytest.mark.parametrize(
    ("dialect", "code", "words"),
    [
        ("nvidia", "ENC002", "nvidia multiplies their loss by 0, and 0 * inf = nan"),
        ("tf-object-detection", "ENC002", "tf-object-detection multiplies their loss where they are mined by 0"),
        ("pytorch-ssd", "ENC014", "harmless, since pytorch-ssd reads positives only; a mask would give 0 * inf = nan"),
    ],
)
def test_what_is_not_finite_off_the_positives(dialect: str, code: str, words: str, cases: Cases) -> None:
    made = table(dialect, bad_negatives=by_image((0, 7, 1), (1, 3, 5)))
    first, second = cases(made, code)
    assert first.message.startswith(f"inf or nan among the offsets of 5 priors that are no positive: {words}")
    assert second.message.startswith(f"inf or nan among the offsets of 1 prior that is no positive: {words}")
    assert (first.where.image, first.where.prior, first.value, first.bound) == (1, 3, 5, 0)
    assert [item.code for item in find([made])] == [code]


# ENC003


@pytest.mark.parametrize(
    ("side", "axis", "words"),
    [
        (1e-5, 0, "stands for a width of 0.003 pixels: an epsilon of 1e-5 hides a box without width"),
        (2e-6, 0, "a width of 0.0006 pixels: an epsilon of 1e-5 added to the ratio hides a box without width"),
        (1e-5, 1, "stands for a height of 0.002 pixels: an epsilon of 1e-5 hides a box without height"),
        (1e-3 / 300, 0, "a width of 0.001 pixels: an epsilon of 1e-3 pixels hides a box without width"),
        (3e-6, 1, "a height of 0.0006 pixels: a small number hides a box without height"),
        (0.0, 0, "a width of 0 pixels: a small number hides a box without width"),
    ],
)
def test_an_epsilon_in_the_logarithm(side: float, axis: int, words: str, cases: Cases) -> None:
    made = table()
    made.boxes[2, 2 + axis] = made.boxes[2, axis] + side
    if side:
        made.boxes[2, axis], made.boxes[2, 2 + axis] = 0, side
    (case,) = cases(made, "ENC003")
    assert words in case.message
    # 0.01 pixels of 300 or 200, over a prior of 0.2, by a variance of 0.2.
    assert case.bound == pytest.approx(math.log(0.01 / (300, 200)[axis] / 0.2) / 0.2)
    assert (case.where.prior, case.value) == (12, 0.5)


@pytest.mark.parametrize(("pixels", "fires"), [(0.0099, True), (0.0101, False)])
def test_a_side_of_a_hundredth_of_a_pixel(pixels: float, fires: bool, cases: Cases) -> None:
    made = table()
    made.boxes[2] = (0, 0.2, pixels / 300, 0.6)
    assert bool(cases(made, "ENC003")) is fires


# ENC004, ENC005, ENC006, ENC013


def test_boxes_outside_the_image(cases: Cases) -> None:
    for box, fires in (
        ((1.0, 0.2, 1.5, 0.6), True),
        ((0.99, 0.2, 1.5, 0.6), False),
        ((-0.5, 0.2, 0.0, 0.6), True),
        ((0.2, -0.5, 0.5, 0.0), True),
        ((0.2, 1.0, 0.5, 1.5), True),
        ((-0.5, 0.2, 0.01, 0.6), False),
    ):
        made = table()
        made.boxes[0] = box
        found = cases(made, "ENC004")
        assert bool(found) is fires
        if fires:
            pixels = [round(value * side) for value, side in zip(box, (300, 200, 300, 200), strict=True)]
            assert found[0].message.startswith(
                "the box ({}, {}, {}, {}) that it decodes to lies outside".format(*pixels)
            )


@pytest.mark.parametrize(
    ("offsets", "words"),
    [
        ((5.1, 0, 0, 0), "; dx = 5.10, beyond 5.00"),
        ((0, -5.1, 0, 0), "; dy = -5.10, beyond 5.00"),
        ((0, 0, 3.5, 0), "; dw = 3.50, beyond 3.47"),
        ((0, 0, 0, -3.5), "; dh = -3.50, beyond 3.47"),
        ((4.9, 0, 3.4, 0), ""),
        ((5.1, 0, 4.0, 0), "; dw = 4.00, beyond 3.47"),
    ],
)
def test_the_offset_that_exceeds_its_bound_most(offsets: tuple[float, ...], words: str, told: Told) -> None:
    """A threshold of 0.5 and variances of 0.1 and 0.2 allow 5 for a centre and 3.47 for a side."""
    made = table(
        iou=rows(np.full(6, 0.7), r0=0.2), best_own=rows(np.full(6, 0.7), r0=0.2), object=np.array([2, 0, 0, 1, 1, 1])
    )
    made.offsets[0] = offsets
    (message,) = told(made, "ENC004")
    assert message == (
        "the box (60, 40, 150, 120) that it decodes to overlaps it by 0.20, and a prior that is no positive overlaps "
        f"that box by 0.30{words}"
    )


@pytest.mark.parametrize(
    ("best", "split", "doubt"), [(0.5, False, False), (0.49, False, True), (0.7, True, True), (0.7, False, False)]
)
def test_a_prior_that_trains_on_another_object(best: float, split: bool, doubt: bool, told: Told) -> None:
    made = table(
        iou=rows(np.full(6, 0.7), r0=0.2),
        best_free=rows(np.full(6, 0.3), r0=0.6),
        best_own=np.full(6, best),
        split=np.array([split, *[False] * 5]),
    )
    (message,) = told(made, "ENC006")
    assert message == (
        "it overlaps the object whose box it is to learn by 0.20, while a prior that is left negative overlaps it by "
        f"0.60: it was chosen for another object{', or its offsets follow a formula not known here' if doubt else ''}"
    )


def test_half_of_the_misplaced_must_agree_with_others(cases: Cases) -> None:
    low, free = rows(np.full(6, 0.7), r0=0.2, r3=0.2), np.full(6, 0.6)
    own = np.array([2, 0, 0, 1, 1, 1])
    made = table(iou=low, best_free=free, best_own=low, object=own)
    assert [len(cases(made, code)) for code in ("ENC004", "ENC006")] == [0, 2]
    more = replace(made, iou=rows(low, r1=0.2), object=np.array([2, 3, 0, 1, 1, 1]), best_own=rows(low, r1=0.2))
    assert [len(cases(more, code)) for code in ("ENC004", "ENC006")] == [3, 0]


@pytest.mark.parametrize(
    ("lowest", "code", "fix"),
    [
        (0.099, "ENC005", "Label priors whose best overlap is below 0.5 as background (0)."),
        (0.1, "ENC013", "If it is meant, set match.threshold to 0.1 in the dialect."),
        (0.35, "ENC013", "If it is meant, set match.threshold to 0.35 in the dialect."),
    ],
)
def test_positives_below_the_threshold(lowest: float, code: str, fix: str, cases: Cases) -> None:
    made = table(
        iou=np.array([lowest, 0.44, 0.7, 0.7, 0.7, 0.7]),
        best_own=np.full(6, 0.7),
        best_free=np.zeros(6),
    )
    (case,) = cases(made, code)
    assert case.message == (
        f"it overlaps its object by {lowest:.2f} and is not its best prior: 2 of that object's 3 positives are below "
        "the threshold of 0.5 like this"
    )
    assert (case.value, case.bound, case.fix) == (lowest, 0.5, fix)
    assert [item.code for item in find([made])] == [code]


@pytest.mark.parametrize(
    ("dialect", "low", "fires"), [("pytorch-ssd", 1, True), ("caffe", 2, False), ("caffe", 3, True)]
)
def test_how_many_low_positives_of_an_object_tell(dialect: str, low: int, fires: bool, cases: Cases) -> None:
    """Three, where each copy of an object that is there twice or thrice has a forced prior of its own."""
    iou = np.where(np.arange(6) < low, 0.05, 0.7)
    made = table(dialect, iou=iou, best_own=np.full(6, 0.7), best_free=np.zeros(6))
    assert bool(cases(made, "ENC005")) is fires


# ENC010, ENC011, ENC012


def test_labels_of_minus_one(cases: Cases) -> None:
    ignored = by_image((0, 5, 1), (1, 8, 4))
    after = {
        "pytorch-ssd": "its loss takes -1 for a class, which raises in PyTorch and picks another column elsewhere",
        "gluoncv": "its loss clips -1 to 0 and so trains them as background",
    }
    for dialect, words in after.items():
        made = table(dialect, ignored=ignored)
        made = replace(made, rules=replace(made.rules, match=replace(made.rules.match, ignore_from=None)))
        first, second = cases(made, "ENC010")
        assert first.message == f"4 priors are labelled -1, but {dialect} ignores none: {words}"
        assert second.message.startswith("1 prior is labelled -1")
        assert (first.where.image, first.where.prior, first.value) == (1, 8, 4)
        known = replace(made, rules=replace(made.rules, match=replace(made.rules.match, ignore_from=0.4)))
        assert not cases(known, "ENC010")


def test_several_labels_of_one_box(cases: Cases) -> None:
    one: dict[str, Any] = {"object": np.zeros(6, dtype=np.int64), "image": np.zeros(6, dtype=np.int64)}
    made = table(label=np.array([1, 1, 1, 1, 2, 2]), **one)
    (case,) = cases(made, "ENC011")
    assert case.message == (
        "2 positives of this box are labelled 2, and 4 1: boxes and labels were looked up with different indices"
    )
    assert (case.value, case.bound, case.where.prior) == (2, 1, 21)
    three = table(label=np.array([3, 3, 1, 1, 2, 2]), **one)
    assert [case.message[:45] for case in cases(three, "ENC011")] == [
        "2 positives of this box are labelled 2, and 2",
        "2 positives of this box are labelled 3, and 2",
    ]
    assert not cases(replace(made, exact=False), "ENC011")
    assert not cases(replace(made, object=-np.ones(6, dtype=np.int64)), "ENC011")
    assert not cases(table(label=np.array([1, 1, 1, 1, 1, 2]), **one), "ENC011")


@pytest.mark.parametrize(
    ("priors", "zeros", "iou", "labels", "fires"),
    [
        (5, 4, [0.7] * 6, [1] * 6, True),
        (6, 4, [0.7] * 6, [1] * 6, False),
        (5, 3, [0.7] * 6, [1] * 6, False),
        # All that overlap too little have one label, which the others have not.
        (5, 0, [0.7, 0.7, 0.1, 0.1, 0.1, 0.1], [1, 2, 3, 3, 3, 3], True),
        (5, 0, [0.7, 0.7, 0.1, 0.1, 0.1, 0.1], [1, 3, 3, 3, 3, 3], False),
        (5, 0, [0.7, 0.7, 0.1, 0.1, 0.1, 0.1], [1, 2, 3, 3, 3, 2], False),
        (5, 0, [0.5, 0.1, 0.1, 0.1, 0.1, 0.1], [1, 3, 3, 3, 3, 3], True),
        (5, 0, [0.5] * 6, [1, 2, 3, 3, 3, 3], False),
        (5, 0, [0.1] * 6, [1, 2, 3, 3, 3, 3], False),
    ],
)
def test_background_labelled_as_a_class(
    priors: int, zeros: int, iou: list[float], labels: list[int], fires: bool, cases: Cases
) -> None:
    """More than half of all priors, of two images."""
    made = table(priors=priors, iou=np.array(iou), label=np.array(labels))
    made.offsets[:zeros] = 0
    found = cases(made, "ENC012")
    assert bool(found) is fires
    if fires:
        assert found[0].message.startswith("60% of all priors are positive, which no matching comes to")
        assert (found[0].value, found[0].bound) == (0.6, 0.5)


# Formulas

ELSEWHERE = "by pytorch-ssd's formula they are not"
COUNTED = ": so the 6 positives stand for 2 boxes, from the priors given for 6"
SHAPE_BY_SHAPE = "shape by shape, each over all cells of its level"


@pytest.mark.parametrize(
    ("reading", "code", "words"),
    [
        (
            replace(OWN, formula=Formula.SIGN, words="wrong", stated_boxes=6),
            "ENC009",
            "the offsets are wrong: so the 6 positives stand for 2 boxes, by pytorch-ssd's formula for 6",
        ),
        (
            replace(OWN, formula=Formula.SIGN, words="wrong", stated_boxes=2),
            "ENC009",
            f"the offsets are wrong: so the 2 boxes of the 6 positives are where their priors are, {ELSEWHERE}",
        ),
        (
            replace(OWN, formula=Formula.PRIORS, words="ssd300-coco", stated_boxes=6),
            "ENC016",
            f"the offsets were encoded from the priors of ssd300-coco{COUNTED}",
        ),
        (
            replace(OWN, formula=Formula.PRIORS, words="shape", stated_boxes=6, order=Explanation.SHAPE),
            "ENC016",
            f"the offsets were encoded from these priors in another order, {SHAPE_BY_SHAPE}{COUNTED}",
        ),
    ],
)
def test_another_formula(reading: Reading, code: str, words: str, told: Told) -> None:
    assert told(table(reading=reading), code) == [words]


@pytest.mark.parametrize("formula", Formula)
def test_each_formula_has_its_finding(formula: Formula) -> None:
    codes = {
        Formula.STATED: [],
        Formula.VARIANCES: ["ENC007"],
        Formula.NOT_ENCODED: ["ENC008"],
        Formula.PRIORS: ["ENC016"],
    }
    found = find([table(reading=replace(OWN, formula=formula, stated_boxes=6))])
    assert [item.code for item in found] == codes.get(formula, ["ENC009"])
    assert all(item.worst.fix for item in found)


@pytest.mark.parametrize(
    ("positives", "boxes", "split", "fires"),
    [(8, 5, 4, True), (7, 5, 4, False), (8, 4, 4, False), (8, 5, 3, False), (9, 5, 4, True), (10, 5, 4, False)],
)
def test_offsets_that_do_not_fit_the_priors(positives: int, boxes: int, split: int, fires: bool, cases: Cases) -> None:
    """Eight positives, more than half as many boxes, and more than half nearly repeat another."""
    made = table(reading=replace(OWN, positives=positives, boxes=boxes), split=np.arange(6) < split)
    found = cases(made, "ENC015")
    assert bool(found) is fires
    if fires:
        assert found[0].message.startswith(f"its {positives} positives decode to {boxes} boxes, most of which nearly")
        assert (found[0].value, found[0].bound) == (boxes, positives // 2)


@pytest.mark.parametrize(("number", "edge", "fires"), [(4, 1.5, True), (3, 1.5, False), (4, 1.51, False)])
def test_boxes_under_a_pixel(number: int, edge: float, fires: bool, cases: Cases) -> None:
    """More than half of them, of an input of 300 x 200."""
    made = table()
    made.boxes[:number] = (0.001, 0.001, edge / 300, 0.5 / 200)
    found = cases(made, "ENC017")
    assert bool(found) is fires
    if fires:
        assert found[0].message.startswith(
            "no coordinate of the boxes that 4 of 6 positives decode to exceeds 1.5 px of the 300 x 200 input"
        )
    nothing = replace(made, boxes=np.full((6, 4), np.nan))
    assert not cases(nothing, "ENC017")
