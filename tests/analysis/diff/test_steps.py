"""Each step that makes B's numbers of A's is told by its name and figure, and what is near to it is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ssdlossdbg.analysis.diff.transforms import Kind, Step, labels_step, step_between
from ssdlossdbg.results.common import FloatArray

CORNERS, CENTRES, OFFSETS, LOGITS = Kind
# Corners and centres whose sums, products and orders are all different.
BOXES = np.array([[0.1, 0.22, 0.37, 0.71], [0.05, 0.13, 0.92, 0.4], [0.31, 0.02, 0.44, 0.97], [-0.2, 0.6, 0.3, 1.4]])
HERE = np.array([[0.11, 0.5, 0.3, 0.24], [0.4, 0.63, 0.07, 0.9], [0.77, 0.2, 1.3, 0.12], [0.06, 0.3, 0.2, 1.1]])
SCORES = np.array([[0.5, -1.25, 2.5, 0.75, 0.1], [1.5, 0.3, -0.7, 0.2, -2.0], [-0.1, 0.9, 0.4, 1.1, 0.6]])
# Of each row another, and of each column the median none.
NOISE = np.array([[1.0] * 4, [-1.0] * 4, [0.0] * 4, [0.0] * 4])
Make = Callable[[Any], Any]


def softmax(values: FloatArray) -> FloatArray:
    made: FloatArray = np.exp(values) / np.exp(values).sum(1, keepdims=True)
    return made


def mirrored(box: FloatArray, axis: int, about: float) -> FloatArray:
    made = box.copy()
    made[:, axis], made[:, axis + 2] = 2 * about - box[:, axis + 2], 2 * about - box[:, axis]
    return made


def corners_of(centres: FloatArray) -> FloatArray:
    made: FloatArray = np.concatenate((centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2), 1)
    return made


def centres_of(corners: FloatArray) -> FloatArray:
    low, high = corners[:, :2], corners[:, 2:]
    made: FloatArray = np.concatenate(((low + high) / 2, high - low), 1)
    return made


STEPS: list[tuple[Kind, FloatArray, Make, str, float | None]] = [
    *(
        (kind, BOXES, make, words, figure)
        for kind in (CORNERS, CENTRES, OFFSETS)
        for make, words, figure in (
            (lambda a: a * 3, "times 3", 3.0),
            (lambda a: a / 8, "divided by 8", 0.125),
            (lambda a: a / 300, "divided by 300", 1 / 300),
            (lambda a: a * 0.3, "times 0.3", 0.3),
            (lambda a: -a, "negated", -1.0),
            (lambda a: a * -2, "times -2", -2.0),
            (lambda a: a / -4, "divided by -4", -0.25),
            (lambda a: a + 1, "each 1 more", 1.0),
            (lambda a: a - 0.25, "each 0.25 less", -0.25),
            (lambda a: a * 2 - 1, "times 2 and each 1 less", 2.0),
            (lambda a: 1 - a * 3, "times -3 and each 1 more", -3.0),
            (lambda a: np.full_like(a, 0.5), "all 0.5", 0.5),
            (lambda a: np.full_like(a, -0.0), "all 0", 0.0),
            (lambda a: a * [1, 2, 3, 4], "times (1, 2, 3, 4)", None),
            (lambda a: a + np.arange(1, 5), "moved by (1, 2, 3, 4)", None),
            (lambda a: a[:, [1, 0, 3, 2]], "x and y exchanged", None),
            (lambda a: a[:, [1, 0, 3, 2]] * 5, "x and y exchanged and times 5", 5.0),
            (lambda a: a[:, [3, 1, 2, 0]], "columns in the order 3, 1, 2, 0", None),
            (lambda a: a.astype(np.float16), "rounded to float16", None),
            (np.floor, "rounded down", None),
            (np.ceil, "rounded up", None),
            (lambda a: a.round(1), "rounded to 1 decimal", None),
        )
    ),
    (CORNERS, BOXES, lambda a: a[:, [2, 3, 0, 1]], "first and last corner exchanged", None),
    (CENTRES, HERE, lambda a: a[:, [2, 3, 0, 1]], "centre and size exchanged", None),
    (OFFSETS, HERE, lambda a: a[:, [2, 3, 0, 1]], "centre and size exchanged", None),
    (CORNERS, BOXES, lambda a: a[:, [2, 1, 0, 3]], "x1 and x2 exchanged", None),
    (CORNERS, BOXES, lambda a: a[:, [0, 3, 2, 1]], "y1 and y2 exchanged", None),
    (CORNERS, BOXES, lambda a: a[:, [0, 2, 1, 3]], "written as x1 x2 y1 y2", None),
    (CENTRES, HERE, lambda a: a[:, [0, 1, 3, 2]], "width and height exchanged", None),
    (OFFSETS, HERE, lambda a: a[:, [0, 1, 3, 2]], "width and height exchanged", None),
    (CENTRES, HERE, lambda a: a[:, [1, 0, 2, 3]], "centres' x and y exchanged", None),
    (OFFSETS, HERE, lambda a: a[:, [1, 0, 2, 3]], "centres' x and y exchanged", None),
    (CORNERS, BOXES, lambda a: a[:, [0, 1, 3, 2]], "columns in the order 0, 1, 3, 2", None),
    (CORNERS, BOXES, lambda a: mirrored(a, 0, 0.5), "mirrored left to right (about 0.5)", 0.5),
    (CORNERS, BOXES, lambda a: mirrored(a, 1, 0.7), "mirrored top to bottom (about 0.7)", 0.7),
    (CENTRES, HERE, lambda a: a * [-1, 1, 1, 1] + [0.8, 0, 0, 0], "mirrored left to right (about 0.4)", 0.4),
    (CENTRES, HERE, lambda a: a * [1, -1, 1, 1] + [0, 1, 0, 0], "mirrored top to bottom (about 0.5)", 0.5),
    (CORNERS, BOXES, lambda a: a - np.array([-3, 5, -3, 5]), "moved by (3, -5)", None),
    (CORNERS, BOXES, lambda a: a.clip(0, 1), "corners clipped to 0..1", None),
    (CENTRES, HERE, lambda a: centres_of(corners_of(a).clip(0, 1)), "corners clipped to 0..1", None),
    (CENTRES, HERE - [0.2, 0, 0, 0], lambda a: a.clip(0, 1), "clipped to 0..1", None),
    (CENTRES, HERE - [0.2, 0, 0, 0], lambda a: np.c_[a[:, :2], a[:, 2:].clip(0, 1)], "sizes clipped to 0..1", None),
    (CENTRES, HERE, corners_of, "written as corners", None),
    (CENTRES, HERE, lambda a: np.c_[corners_of(a)[:, :2], a[:, 2:]], "written as x y w h", None),
    (CORNERS, BOXES, centres_of, "written as centre and size", None),
    (CORNERS, BOXES, lambda a: np.c_[a[:, :2], a[:, 2:] - a[:, :2]], "written as x y w h", None),
    (CORNERS, BOXES, lambda a: np.c_[a[:, :2], a[:, 2:] + a[:, :2]], "x y w h turned into corners", None),
    (CORNERS, BOXES, corners_of, "centre and size taken for corners, and turned into corners", None),
    (LOGITS, SCORES, lambda a: np.roll(a, -1, 1), "background moved from the first column to the last", None),
    (LOGITS, SCORES, lambda a: np.roll(a, 1, 1), "background moved from the last column to the first", None),
    (LOGITS, SCORES, softmax, "after a softmax", None),
    (LOGITS, SCORES, lambda a: np.log(softmax(a)), "after a log softmax", None),
    (LOGITS, SCORES, lambda a: 1 / (1 + np.exp(-a)), "after a sigmoid", None),
    (
        LOGITS,
        SCORES,
        lambda a: a[:, [0, 3, 2, 4, 1]],
        "columns of classes exchanged: 3 -> 1, 4 -> 3, 1 -> 4",
        None,
    ),
    (
        LOGITS,
        np.arange(18.0).reshape(2, 9) ** 2,
        lambda a: a[:, [1, 0, 3, 2, 5, 4, 7, 6, 8]],
        "columns of classes exchanged: 1 -> 0, 0 -> 1, 3 -> 2, 2 -> 3, 5 -> 4, 4 -> 5 and 2 more",
        None,
    ),
    (
        LOGITS,
        SCORES[:, :4],
        lambda a: a[:, [1, 0, 3, 2]],
        "columns of classes exchanged: 1 -> 0, 0 -> 1, 3 -> 2, 2 -> 3",
        None,
    ),
    (OFFSETS, np.array([[70000.5], [3.2], [1.25]]), np.round, "rounded to whole numbers", None),
    (OFFSETS, np.array([[0.123456], [3.21], [1.2]]), lambda a: a.round(4), "rounded to 4 decimals", None),
    (OFFSETS, np.array([[0.123456], [3.21], [1.2]]), lambda a: a.round(3), "rounded to 3 decimals", None),
]


@pytest.mark.parametrize(
    ("kind", "first", "make", "words", "figure"), STEPS, ids=[f"{s[0].name} {s[3]}" for s in STEPS]
)
def test_a_step_by_its_name(kind: Kind, first: FloatArray, make: Make, words: str, figure: float | None) -> None:
    told = step_between(first, make(first), kind)
    assert told is not None
    assert told.words == words
    assert told.figure == (None if figure is None else pytest.approx(figure, rel=1e-9))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda a: a * 3 * (1 + 2.9e-6 * NOISE), True),
        (lambda a: a * 3 * (1 + 3.2e-6 * NOISE), False),
        (lambda a: a + 1 + 2.2e-6 * NOISE, True),
        (lambda a: a + 1 + 9e-6 * NOISE, False),
    ],
)
def test_numbers_are_the_same_to_the_rounding_of_float32(make: Make, told: bool) -> None:
    assert (step_between(BOXES, make(BOXES), OFFSETS) is not None) is told


def test_a_rounding_is_met_to_the_last_bit() -> None:
    halves = BOXES.astype(np.float16).astype(np.float64)
    assert step_between(BOXES, halves, OFFSETS) == Step("rounded to float16")
    halves[0, 0] *= 1 + 1e-6
    assert step_between(BOXES, halves, OFFSETS) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.zeros((0, 4)), np.zeros((0, 4))),
        (BOXES, BOXES[:3]),
        (BOXES, BOXES[[2, 0, 3, 1]]),
        ([[0.5], [1.0]], [[1.5], [2.25]]),
        (SCORES, SCORES**2),
    ],
    ids=["nothing", "shape", "order", "few", "squares"],
)
def test_no_step(first: Any, second: Any) -> None:
    assert step_between(first, second, CORNERS if np.shape(first)[1:] == (4,) else OFFSETS) is None


def test_what_differs_in_its_last_bits_alone_is_equal_but_for_rounding() -> None:
    single = BOXES.astype(np.float32)
    other = np.nextafter(single, np.float32(9))
    assert step_between(single, other, CORNERS) == Step("equal but for rounding")
    assert step_between(BOXES, single, CORNERS) == Step("rounded to float32")


def test_two_numbers_are_too_few_for_a_factor_and_three_are_not() -> None:
    assert step_between(np.array([[1.0], [2.0]]), np.array([[3.0], [6.0]]), OFFSETS) is None
    numbers = np.array([[1.0], [2.0], [4.0]])
    assert step_between(numbers, numbers * 3, OFFSETS) == Step("times 3", 3.0)
    assert step_between(np.ones((3, 1)), np.array([[3.0], [3.0], [4.0]]), OFFSETS) is None


def test_numbers_that_are_next_to_nothing_say_nothing_of_a_factor() -> None:
    first = np.array([[1000.0], [2000.0], [0.5], [0.5], [0.5], [0.5], [4000.0]])
    second = first * 2
    assert step_between(first, second, OFFSETS) == Step("times 2", 2.0)
    second[2:6] += 1e-4
    assert step_between(first, second, OFFSETS) == Step("times 2", 2.0), "to a share of the largest"


def test_what_is_not_finite() -> None:
    second = BOXES * 2
    second[1, 1] = np.nan
    assert step_between(BOXES, second, OFFSETS) == Step("times 2, where both are finite", 2.0)
    first = (BOXES / 3).astype(np.float32).astype(np.float64)
    second = first.copy()
    second[2, 0] = np.inf
    assert step_between(first, second, OFFSETS) == Step("others not finite")
    assert step_between(BOXES, np.full_like(BOXES, np.nan), OFFSETS) == Step("all nan")
    assert step_between(BOXES, np.full_like(BOXES, np.inf), OFFSETS) is None
    assert step_between(np.full_like(BOXES, np.nan), BOXES, OFFSETS) is None


@pytest.mark.parametrize(
    ("first", "second", "step"),
    [
        ([1, 2, 3], [2, 3, 4], Step("each 1 more", 1.0)),
        ([3, 2], [1, 0], Step("each 2 less", -2.0)),
        ([1, 1], [3, 3], Step("<1> -> <3>")),
        ([1, 2, 1], [2, 1, 2], Step("<1> -> <2>, <2> -> <1>")),
        ([1, 1], [2, 3], None),
        ([1], [2], None),
        (
            range(12),
            [each * 2 for each in range(12)],
            Step(", ".join(f"<{each}> -> <{2 * each}>" for each in range(12))),
        ),
        (range(13), [each * 2 for each in range(13)], None),
    ],
)
def test_a_step_of_labels(first: list[int], second: list[int], step: Step | None) -> None:
    assert labels_step(list(first), second, "<{}>".format) == step
