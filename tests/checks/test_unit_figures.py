"""Which boxes are taken for written in another unit, at the figures that the pages state."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.checks.conftest import Cases, TableOf, Told

Box = tuple[float, float, float, float]
SOUND: Box = (20, 20, 60, 60)


@pytest.mark.parametrize(
    ("files", "images"),
    [
        # Beyond 2, and half of a file.
        ([[(1.2, 1.2, 2.01, 1.9)]], [0]),
        ([[(1.2, 1.2, 1.9, 2.01)]], [0]),
        ([[(1.2, 1.2, 2, 2)]], []),
        ([[(2, 1.2, 1.9, 1.9)]], []),
        ([[(1.2, 2, 1.9, 1.9)]], []),
        ([[(2.01, 1.2, 1.9, 1.9)]], [0]),
        ([[(1.2, 2.01, 1.9, 1.9)]], [0]),
        ([[(1, 1, 9, 9), (0.1, 0.1, 0.3, 0.3)]], [0]),
        ([[(1, 1, 9, 9), (0.1, 0.1, 0.3, 0.3), (0.1, 0.1, 0.3, 0.3)]], []),
        # Half of all, or one that ends at 8.
        ([[(1, 1, 7.9, 7)], [(0.1, 0.1, 0.3, 0.3)]], [0]),
        ([[(1, 1, 7.9, 7)], [(0.1, 0.1, 0.3, 0.3)] * 2], []),
        ([[(1, 1, 8, 7)], [(0.1, 0.1, 0.3, 0.3)] * 2], [0]),
        ([[(0.1, 0.1, 0.3, 0.3)] * 2, [(1, 1, 8, 7)], []], [1]),
    ],
)
def test_pixels_for_fractions(files: list[list[Box]], images: list[int], table_of: TableOf, cases: Cases) -> None:
    made = table_of(files, (1, 1), saved=True)
    far = made.boxes.max(1) > 1.1
    made = replace(made, best_iou=np.where(far, 0, 0.7))
    found = cases(made, "BOX005")
    assert [case.where.file for case in found] == [f"{image:03d}.xml" for image in images]
    assert not cases(replace(made, best_iou=np.full(len(made.boxes), 0.01)), "BOX005")


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (
            (10, 10, 300, 200),
            "boxes reach 300 where 1 is the edge of the image, and 1 of 2 overlap no prior: they are in ",
        ),
        (
            (10, 10, 300, 298),
            "and 1 of 2 overlap no prior: they are in pixels, or in parts of 300, which both axes reach",
        ),
        ((10, 10, 300, 296), "and 1 of 2 overlap no prior: they are in pixels"),
        ((10, 10, 296, 300), "and 1 of 2 overlap no prior: they are in pixels"),
    ],
)
def test_pixels_in_words(box: Box, words: str, table_of: TableOf, cases: Cases) -> None:
    made = replace(table_of([[box, (0.1, 0.1, 0.3, 0.3)]], (1, 1), saved=True), best_iou=np.array([0, 0.7]))
    (case,) = cases(made, "BOX005")
    assert words in case.message
    assert ("in parts of" in case.message) is ("in parts of" in words)
    assert (case.value, case.bound) == (300, 1)


TINY: Box = (0.1, 0.1, 0.9, 1.5)


@pytest.mark.parametrize(
    ("files", "images"),
    [
        ([[TINY]], [0]),
        ([[(0.1, 0.1, 0.9, 1.51)]], []),
        ([[(-1.5, 0.1, 0.9, 1)]], [0]),
        ([[(-1.51, 0.1, 0.9, 1)]], []),
        # More than half of a file.
        ([[TINY, SOUND]], []),
        ([[TINY, TINY, SOUND]], [0]),
        ([[TINY], [SOUND]], [0]),
        # Four zeros: several in one image, or five and nearly all.
        ([[(0, 0, 0, 0)] * 2], [0]),
        ([[(0, 0, 0, 0)]], []),
        ([[(0, 0, 0, 0)]] * 5, [0, 1, 2, 3, 4]),
        ([[(0, 0, 0, 0)]] * 4, []),
        ([*[[(0, 0, 0, 0)]] * 19, [SOUND]], list(range(19))),
        ([*[[(0, 0, 0, 0)]] * 18, [SOUND]], []),
    ],
)
def test_fractions_for_pixels(files: list[list[Box]], images: list[int], table_of: TableOf, cases: Cases) -> None:
    made = table_of(files)
    found = cases(made, "BOX006")
    assert len(found) == bool(images)
    if images:
        assert found[0].where.file == (f"{images[0]:03d}.xml" if len(images) == 1 else ".")
        more = f" in {len(images)} of {len(files)} files (" if len(images) < len(files) else ""
        assert more in found[0].message


def test_background_takes_no_part_in_it(table_of: TableOf, cases: Cases) -> None:
    """But where the dialect makes it a positive."""
    made = replace(table_of([[TINY, SOUND, SOUND]]), class_id=np.array([1, 0, 0]))
    assert cases(replace(made, positives=np.array([3, 0, 0])), "BOX006")
    assert not cases(replace(made, positives=np.array([3, 0, 1])), "BOX006")


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (TINY, "no coordinate of 1 box exceeds 1.5 in an image of 100 x 100: they are fractions already"),
        ((0, 0, 1, 1), "the coordinates of 1 box are 0 and 1 alone, in an image of 100 x 100, as an integer division"),
    ],
)
def test_fractions_in_words(box: Box, words: str, table_of: TableOf, told: Told) -> None:
    assert told(table_of([[box]]), "BOX006")[0].startswith(words)


@pytest.mark.parametrize(("edge", "found"), [(1.49, True), (1.51, False)])
def test_fractions_that_were_divided_twice(edge: float, found: bool, table_of: TableOf, told: Told) -> None:
    """Of an input of 300 x 300, no pixel and a half."""
    made = table_of([[(0.001, 0.001, edge / 300, 0.003)]], (1, 1), saved=True)
    messages = told(made, "BOX006")
    assert bool(messages) is found
    if found:
        assert messages[0] == (
            "no coordinate of 1 box exceeds 0.005 where 1 is the edge of the image, which is 1.5 px of the input: they "
            "were divided by the image's size once more"
        )


@pytest.mark.parametrize(
    ("dialect", "positives", "target", "words"),
    [
        ("torchvision", 0, 0.0, "; the real torchvision raises on them: "),
        ("ssd.pytorch", 1, math.inf, ", and priors are trained on them: the loss is inf"),
        ("ssd.pytorch", 1, math.nan, ", and priors are trained on them: the loss is nan"),
        ("ssd.pytorch", 1, 4.0, ", and priors are trained on them: the loss is far off"),
        ("ssd.pytorch", 0, 0.0, "batch has no other object, the loss of ssd.pytorch is 0 / 0 = nan"),
        (
            "caffe",
            0,
            0.0,
            "no prior is positive for any of them, and where a batch has no other object, the loss of caffe is 0",
        ),
    ],
)
def test_what_zeros_teach(
    dialect: str, positives: int, target: float, words: str, table_of: TableOf, told: Told
) -> None:
    made = table_of([[(0, 0, 0, 0)] * 2], dialect=dialect)
    made = replace(made, positives=np.array([positives, 0]), target=np.array([target, 0]))
    (message,) = told(made, "BOX006")
    assert message.startswith("2 boxes are 0, 0, 0, 0")
    assert words in message
