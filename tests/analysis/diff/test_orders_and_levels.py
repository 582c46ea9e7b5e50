"""Orders and levels in words, objects paired by hand, and where tensors differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ssdlossdbg.analysis.diff.levels import level_words, shapes_words
from ssdlossdbg.analysis.diff.objects import Annotated, paired
from ssdlossdbg.analysis.diff.orders import is_identity, order_of, order_words, prior_order_words
from ssdlossdbg.analysis.diff.tensors import Axes, tensor_difference
from ssdlossdbg.analysis.diff.transforms import Kind
from ssdlossdbg.rules import LevelSpec

SQUARE = LevelSpec((2, 2), (16.0, 16.0), ((16.0, 16.0), (24.0, 12.0), (12.0, 24.0)))
LAST = LevelSpec((1, 1), (32.0, 32.0), ((40.0, 40.0), (60.0, 30.0)))
LEVELS = (SQUARE, LAST, LevelSpec((1, 1), (64.0, 64.0), ((60.0, 60.0),)))


def at(*places: int) -> Any:
    return np.array(places, np.int64)


# Orders


def test_where_each_row_stood() -> None:
    rows = np.array([[1.0, 0.0], [2.0, 5.0], [1.0, 0.0], [3.0, 0.0]], np.float32)
    order = order_of(rows, rows[[3, 0, 1, 2]])
    assert order is not None
    assert order.tolist() == [3, 0, 1, 2], "those that are alike keep their order"
    assert order_of(rows, rows * np.float32(-1) * np.float32(-1)) is not None
    changed = rows.copy()
    changed[0, 0] = np.nextafter(np.float32(1), np.float32(2))
    assert order_of(rows, changed) is None
    assert order_of(rows, rows.astype(np.float64)) is None
    assert order_of(rows, rows[:3]) is None
    assert order_of(rows[:0], rows[:0]) is None
    assert order_of(np.array([[0.0], [1.0]]), np.array([[1.0], [-0.0]])) is not None, "a zero has no sign"
    assert order_of(np.array([[256]], np.int64), np.array([[1 << 40]], np.int64)) is None, "no end is cut off"
    many = np.arange(24.0).reshape(2, 3, 4)
    assert order_of(many, many[::-1]) is not None


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (at(2, 1, 0), "in reverse order"),
        (at(1, 2, 0), "in the order 1, 2, 0"),
        (at(*range(1, 12), 0), "in the order 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0"),
        (at(*range(3, 13), 0, 1, 2), "turned round by 3"),
        (at(0, 2, 1, *range(3, 13)), "in another order"),
        (at(3, 4, *range(5, 13), 0, 2, 1), "in another order"),
    ],
)
def test_an_order_in_words(order: Any, words: str) -> None:
    assert order_words(order) == words
    assert not is_identity(order)
    assert is_identity(np.arange(len(order)))


# 12 priors of level 0 cell by cell, 2 of level 1, 1 of level 2.
BY_SHAPE = [cell * 3 + shape for shape in range(3) for cell in range(4)]


@pytest.mark.parametrize(
    ("order", "levels", "words"),
    [
        (at(*range(14, -1, -1)), LEVELS, "in reverse order"),
        (at(*BY_SHAPE, 12, 13, 14), LEVELS, "shape after shape instead of cell after cell, inside each level"),
        (at(*range(12), 13, 12, 14), LEVELS, "in another order inside level 1"),
        (at(1, 0, *range(2, 12), 13, 12, 14), LEVELS, "in another order inside levels 0, 1"),
        (at(*BY_SHAPE, 13, 12, 14), LEVELS, "in another order inside levels 0, 1"),
        (at(14, 12, 13, *range(12)), LEVELS, "levels in the order 2, 1, 0"),
        (at(14, 13, 12, *range(1, 12), 0), LEVELS, "levels in the order 2, 1, 0"),
        (at(12, *range(12), 13, 14), LEVELS, "in another order"),
        (at(*range(3, 15), 0, 1, 2), (), "turned round by 3"),
        (at(1, 0, *range(2, 12)), (SQUARE,), "in the order 1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"),
    ],
)
def test_an_order_of_priors_in_words(order: Any, levels: Any, words: str) -> None:
    assert prior_order_words(order, levels) == words


# Levels


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([(10, 20)], [(10, 20)], ""),
        ([(10, 20)], [(10.01, 20.03)], ""),
        ([(10, 20)], [(10, 20.1)], "shape 0: 10x20 (ratio 0.5) -> 10x20.1 (ratio 0.498)"),
        ([(10, 20), (30, 30)], [(12, 24), (36, 36)], "all sides times 1.2"),
        ([(10, 20), (30, 30)], [(30, 30), (10, 20)], "the same shapes in reverse order"),
        (
            [(10, 20), (20, 10), (30, 30)],
            [(20, 10), (10, 20), (30, 30)],
            "the same shapes in the order 1, 0, 2: each ratio stands where its inverse stood",
        ),
        (
            [(10, 20), (5, 5), (8, 8), (20, 40)],
            [(11, 22), (5, 5), (8, 9), (22, 44)],
            "shapes 0 3 times 1.1, shape 2: 8x8 (ratio 1) -> 8x9 (ratio 0.889)",
        ),
        ([(10, 10), (10, 10)], [(10, 10), (20, 10)], "shape 1: 10x10 (ratio 1) -> 20x10 (ratio 2)"),
        ([(10, 20)], [(10, 20), (20, 10)], "1 shapes, now 2 with 20x10 (ratio 2)"),
        ([(10, 20), (20, 10)], [(10, 20)], "2 shapes, now 1 without 20x10 (ratio 2)"),
        (
            [(10, 20), (1, 1)],
            [(10, 20), *((side, 2) for side in (3, 4, 5, 6, 7))],
            "2 shapes, now 6 without 1x1 (ratio 1) with 3x2 (ratio 1.5), 4x2 (ratio 2), 5x2 (ratio 2.5), 6x2 (ratio 3)",
        ),
        (
            [(10, 20), *((side, 2) for side in (3, 4, 5, 6, 7))],
            [(10, 20)],
            "6 shapes, now 1 without 3x2 (ratio 1.5), 4x2 (ratio 2), 5x2 (ratio 2.5), 6x2 (ratio 3)",
        ),
        ([], [], ""),
    ],
)
def test_shapes_in_words(first: Any, second: Any, words: str) -> None:
    assert shapes_words(first, second) == words


def test_levels_in_words() -> None:
    wide = LevelSpec((3, 2), (16.0, 32.0), LAST.shapes)
    moved = LevelSpec((1, 1), (32.05, 32.0), LAST.shapes, ((0.25, 0.5), (0.5, 0.5)))
    assert list(level_words(LEVELS, LEVELS)) == []
    assert list(level_words((SQUARE, LAST), (SQUARE, wide))) == ["level 1: 1x1 cells, now 3x2, stride 32, now 16x32"]
    assert list(level_words((LAST,), (moved,))) == ["level 0: centres at another place of their cells"]
    assert list(level_words((LAST,), (LevelSpec((1, 1), (32.2, 32.0), LAST.shapes),))) == [
        "level 0: stride 32, now 32.2x32"
    ]
    assert list(level_words(LEVELS, LEVELS[:2])) == ["3 levels in A, 2 in B"]
    both = list(level_words((SQUARE, LAST), (LAST, SQUARE)))
    assert [words[:8] for words in both] == ["level 0:", "level 1:"]
    assert list(level_words((SQUARE, LAST), (LAST, SQUARE), {1})) == both[1:]


# Objects


def objects(*rows: tuple[float, float, float, float, int], marks: Any = None) -> Annotated:
    boxes = np.array([row[:4] for row in rows], np.float64).reshape(-1, 4)
    labels = np.array([row[4] for row in rows], np.int64)
    return Annotated(boxes, labels, None if marks is None else np.array(marks, bool))


def found(first: Annotated, second: Annotated) -> list[tuple[int | None, int | None, str]]:
    return [(pair.first, pair.second, pair.words) for pair in paired([first], [second])]


BASE = ((0, 0, 10, 10, 1), (20, 20, 40, 40, 2), (50, 0, 60, 30, 1))


def test_objects_that_stay() -> None:
    assert found(objects(*BASE), objects(*BASE)) == [(0, 0, ""), (1, 1, ""), (2, 2, "")]
    twins = ((0, 0, 1, 1, 1),) * 2
    assert found(objects(*twins), objects(*twins)) == [(0, 0, ""), (1, 1, "")]
    nan = ((0, 0, float("nan"), 1, 1),)
    assert found(objects(*nan), objects(*nan)) == [(0, 0, "")]


def test_objects_in_another_place() -> None:
    turned = [BASE[1], BASE[0], BASE[2]]
    assert found(objects(*BASE), objects(*turned)) == [
        (0, 1, "in another place"),
        (1, 0, "in another place"),
        (2, 2, ""),
    ]
    assert found(objects(*BASE), objects(*BASE[1:])) == [(0, None, "removed"), (1, 0, ""), (2, 1, "")]
    assert found(objects(*BASE[1:]), objects(*BASE)) == [(0, 1, ""), (1, 2, ""), (None, 0, "added")]


def test_objects_of_another_class_or_mark() -> None:
    other = (BASE[0], (*BASE[1][:4], 3), BASE[2])
    assert [words for *_, words in found(objects(*BASE), objects(*other))] == ["", "relabelled", ""]
    one, two = objects(*BASE, marks=[0, 1, 0]), objects(*BASE, marks=[1, 0, 0])
    assert [words for *_, words in found(one, two)] == ["marked difficult", "no longer marked difficult", ""]
    assert [words for *_, words in found(one, objects(*BASE))] == ["", "", ""], "nobody knows"


@pytest.mark.parametrize(
    ("box", "label", "same"),
    [
        ((20, 20, 40, 26.1), 2, True),
        ((20, 20, 40, 25.9), 2, False),
        ((20, 20, 40, 30.1), 3, True),
        ((20, 20, 40, 29.9), 3, False),
    ],
)
def test_an_object_that_overlaps_enough_was_moved(box: Any, label: int, same: bool) -> None:
    told = found(objects(*BASE), objects(BASE[0], BASE[2], (*box, label), (90, 90, 99, 99, 9)))
    became = "moved" if label == 2 else "relabelled, moved"
    both = (1, 2, f"{became}, in another place")
    assert (both in told) is same
    assert ((1, None, "removed") in told) is not same


def test_of_two_that_overlap_the_nearer_of_its_class_is_it() -> None:
    near, nearer, other = (20, 20, 40, 36, 2), (20, 20, 40, 38, 2), (20, 20, 40, 39, 3)
    told = found(objects(*BASE), objects(near, nearer, other))
    assert (1, 1, "moved") in told
    told = found(objects(*BASE), objects(near, (70, 70, 80, 80, 2), other))
    assert [pair[:2] for pair in told if pair[0] == 1] == [(1, 0)]


def test_boxes_that_were_all_made_others_are_told_by_their_order() -> None:
    far = [(a + 500, b + 500, c + 500, d + 500, label) for a, b, c, d, label in BASE]
    assert found(objects(*BASE), objects(*far)) == [(0, 0, "moved"), (1, 1, "moved"), (2, 2, "moved")]


@pytest.mark.parametrize(("still", "moved", "together"), [(2, 2, True), (3, 2, False), (0, 2, True), (1, 1, False)])
def test_half_of_the_objects_and_two_at_least_are_moved_as_one(still: int, moved: int, together: bool) -> None:
    """They have other classes, too, by which nothing tells them but their order."""
    one = [(10 * row, 0, 10 * row + 5, 5 + row, row) for row in range(still + moved)]
    two = [(a + 500, b + 500, c + 500, d + 500, label + 9) for a, b, c, d, label in one[still:]]
    told = found(objects(*one), objects(*one[:still], *two))
    stays = [(row, row, "") for row in range(still)]
    if together:
        assert told == stays + [(row, row, "relabelled, moved") for row in range(still, still + moved)]
    else:
        assert [each for each in told if each[2] == "removed"] == [
            (row, None, "removed") for row in range(still, still + moved)
        ]


def test_a_number_that_is_none_on_both_sides_is_the_same() -> None:
    nan = float("nan")
    one = [(nan, 0, 5, 5, 1), (nan, 1, 5, 5, 2), (9, 9, 19, 19, 3), (30, 0, 40, 9, 4)]
    two = [*one[:2], *((a + 500, b + 500, c + 500, d + 500, label + 9) for a, b, c, d, label in one[2:])]
    assert [words for *_, words in found(objects(*one), objects(*two))] == ["", "", *["relabelled, moved"] * 2]


def test_those_that_nothing_tells_apart_are_told_by_class_and_order() -> None:
    one = objects((0, 0, 1, 1, 1), (2, 2, 3, 3, 2), (4, 4, 5, 5, 1))
    two = objects((20, 0, 21, 5, 2), (30, 9, 31, 10, 1), (47, 4, 49, 5, 1))
    assert [pair[:2] for pair in found(one, two)] == [(0, 1), (1, 0), (2, 2)]
    assert [pair[:2] for pair in found(one, objects((20, 0, 21, 5, 2), (30, 9, 31, 10, 1)))] == [
        (0, None),
        (1, None),
        (2, None),
        (None, 0),
        (None, 1),
    ]


# Tensors

AXES = Axes(("a.jpg", "", "c.jpg"), LEVELS, tuple("ABCDEFGH"))


def differ(change: Any, classes: int = 4, kind: Kind = Kind.LOGITS, axes: Axes = AXES) -> Any:
    first = torch.randn(3, 15, classes, generator=torch.Generator().manual_seed(1))
    second = first.clone()
    change(second)
    return tensor_difference("conf", first, second, kind, axes)


def test_where_a_tensor_differs() -> None:
    def change(values: torch.Tensor) -> None:
        values[1, 2, 0] += 0.5
        values[2, 13, 2] -= 0.25

    told = differ(change)
    assert told.what == "2 of 45 rows in 2 of 3 images on levels 0, 1 of 3 in A, C alone, by up to 0.5"
    assert (told.name, told.how, told.changed, told.of) == ("conf", "", 2, 45)
    assert told.places == ("image 1", "c.jpg")


def test_a_level_and_a_column_alone() -> None:
    def change(values: torch.Tensor) -> None:
        values[:, 12:14, 1] *= 3

    told = differ(change, 5)
    assert told.what.startswith("6 of 45 rows on level 1 of 3 in B alone, by up to ")
    assert (told.how, told.figure, told.places) == ("times 3", 3.0, ())


def test_many_columns_and_everything() -> None:
    def change(values: torch.Tensor) -> None:
        values[..., :7] = -1.5 + values[..., :7] ** 2

    assert " in A, B, C, D, E, F ... alone, by up to " in differ(change, 8).what
    assert " in A, B, C, D, E, F alone" in differ(lambda values: values[..., :6].pow_(2), 8).what
    told = differ(lambda values: values.pow_(2))
    assert told.what.startswith("45 of 45 rows, by up to ")


def test_what_is_no_longer_finite() -> None:
    def change(values: torch.Tensor) -> None:
        values[0, 0, 0] = torch.nan

    assert differ(change).what.endswith("in A alone, 1 no longer or not before finite")

    def both(values: torch.Tensor) -> None:
        change(values)
        values[0, 1, 1] += 2

    assert differ(both).what.endswith("in A, B alone, by up to 2, 1 no longer or not before finite")


def test_an_order_of_images_and_of_priors() -> None:
    assert differ(lambda values: values.copy_(values[[2, 0, 1]])).how == "those of A's images in the order 2, 0, 1"
    order = [14, 12, 13, *range(12)]
    assert (
        differ(lambda values: values.copy_(values[:, order])).how == "those of A's priors levels in the order 2, 1, 0"
    )


def test_places_are_those_of_eight_images() -> None:
    first = torch.randn(10, 2, 4, generator=torch.Generator().manual_seed(1))
    second = first.clone()
    second[:9, 0, 0] += torch.arange(9) + 1
    told = tensor_difference("conf", first, second, Kind.LOGITS, Axes((), (), tuple("ABCD")))
    assert told.places == tuple(f"image {index}" for index in range(8))
    assert told.what == "9 of 20 rows in 9 of 10 images in A alone, by up to 9"
