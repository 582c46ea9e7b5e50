"""What priors of other shapes would reach: against every cell of the level, by plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.checks.matching.gains import reached
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect, LevelSpec
from tests.checks.conftest import TableOf

SHAPES = ((60.0, 60.0), (90.0, 40.0))
LEVEL = LevelSpec((6, 4), (50.0, 75.0), SHAPES)


def dialect(threshold: float) -> Dialect:
    rules = load_dialect("ssd.pytorch")
    return replace(rules, match=replace(rules.match, threshold=threshold))


def best(box: tuple[float, ...], shapes: tuple[tuple[float, float], ...]) -> float:
    """The highest IoU of a box of the input with a prior of any cell."""
    x1, y1, x2, y2 = box
    overlaps = []
    for column in range(LEVEL.feature_map[0]):
        for row in range(LEVEL.feature_map[1]):
            cx, cy = (column + 0.5) * LEVEL.stride[0], (row + 0.5) * LEVEL.stride[1]
            for width, height in shapes:
                across = min(x2, cx + width / 2) - max(x1, cx - width / 2)
                down = min(y2, cy + height / 2) - max(y1, cy - height / 2)
                shared = max(across, 0.0) * max(down, 0.0)
                overlaps.append(shared / ((x2 - x1) * (y2 - y1) + width * height - shared))
    return max(overlaps)


@pytest.mark.parametrize("threshold", [0.3, 0.45, 0.6])
@pytest.mark.parametrize("shapes", [SHAPES, SHAPES[:1], SHAPES[1:]])
def test_against_every_cell(threshold: float, shapes: tuple[tuple[float, float], ...], table_of: TableOf) -> None:
    """Objects all over the input, at its borders and a little outside."""
    draw = np.random.default_rng(0)
    centre, size = draw.uniform(-20, 320, (80, 2)), draw.uniform(30, 90, (80, 2))
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    made = table_of([boxes.tolist()], (300, 300), rules=dialect(threshold))
    rows = np.arange(0, 80, 2)
    found = reached(made, rows, shapes, LEVEL)
    assert found.tolist() == [best(tuple(boxes[row]), shapes) >= threshold for row in rows]
    assert 0 < found.sum() < len(rows)


def test_an_overlap_that_is_the_threshold_reaches_it(table_of: TableOf) -> None:
    """Two objects at the centre of the second column, which are half, and all but half, of the square."""
    boxes = [(45, 82.5, 105, 112.5), (45, 82.5, 105, 112.4)]
    made = table_of([boxes], (300, 300), rules=dialect(0.5))
    assert reached(made, np.array([0, 1]), [(60.0, 60.0)], LEVEL).tolist() == [True, False]
