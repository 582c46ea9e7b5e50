"""The orders in which a head may go through its grid, against loops over levels, rows, columns and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from ssdlossdbg.analysis.evidence.grids import row_orders, unflattened
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.results.hypotheses import Explanation
from ssdlossdbg.rules import LevelSpec, PriorOrder, PriorSpec

# A square, a wide, a larger square and a tall one a cell; then a wide and a tall one.
SHAPES = (((60.0, 60.0), (100.0, 30.0), (80.0, 80.0), (30.0, 100.0)), ((200.0, 100.0), (100.0, 200.0)))
SPEC = PriorSpec(
    (300, 200), (LevelSpec((3, 2), (100.0, 100.0), SHAPES[0]), LevelSpec((2, 1), (150.0, 200.0), SHAPES[1]))
)
# Columns, rows and shapes of each level.
LEVELS = ((3, 2, 4), (2, 1, 2))
SHAPE_BY_SHAPE = replace(SPEC, order=PriorOrder.SHAPE)


def place(level: int, row: int, column: int, shape: int, by_shape: bool) -> int:
    """Which prior that is, where shapes go innermost, or outermost in a level."""
    columns, rows, shapes = LEVELS[level]
    before = sum(each[0] * each[1] * each[2] for each in LEVELS[:level])
    cell = row * columns + column
    return before + (shape * columns * rows + cell if by_shape else cell * shapes + shape)


def every(by_shape: bool, order: Explanation) -> Iterator[int]:
    """The priors in an order of rows, cells and shapes."""
    levels = range(len(LEVELS))
    for level in reversed(levels) if order is Explanation.LEVELS_REVERSED else levels:
        columns, rows, number = LEVELS[level]
        shapes = {
            Explanation.SECOND_LAST: [[0, 2, 3, 1], [0, 1]],
            Explanation.LAST_SECOND: [[0, 3, 1, 2], [0, 1]],
            Explanation.TURNED: [[0, 3, 2, 1], [1, 0]],
        }.get(order, [[0, 1, 2, 3], [0, 1]])[level]
        cells = [(row, column) for row in range(rows) for column in range(columns)]
        if order is Explanation.COLUMN:
            cells = [(row, column) for column in range(columns) for row in range(rows)]
        if order is Explanation.SHAPE:
            yield from (place(level, *cell, shape, by_shape) for shape in range(number) for cell in cells)
        else:
            yield from (place(level, *cell, shape, by_shape) for cell in cells for shape in shapes)


@pytest.mark.parametrize("spec", [SPEC, SHAPE_BY_SHAPE], ids=["cells", "shapes"])
def test_rows_in_each_order(spec: PriorSpec) -> None:
    orders = row_orders(generate_priors(spec))
    assert len(orders) == 7
    for order, found in orders.items():
        assert found.tolist() == list(every(spec.order is PriorOrder.SHAPE, order)), order


@pytest.mark.parametrize(("apart", "found"), [(0.009, [0, 3, 2, 1]), (0.011, [0, 1, 2, 3])])
def test_sides_that_agree_to_a_hundredth_of_a_pixel_are_exchanged(apart: float, found: list[int]) -> None:
    shapes = (*SHAPES[0][:3], (30.0, 100.0 + apart))
    level = replace(SPEC.levels[0], shapes=shapes)
    order = row_orders(generate_priors(replace(SPEC, levels=(level,)), torch.float64))[Explanation.TURNED]
    assert order[:4].tolist() == found


@pytest.mark.parametrize("spec", [SPEC, SHAPE_BY_SHAPE], ids=["cells", "shapes"])
def test_where_a_head_that_permutes_nothing_puts_each_number(spec: PriorSpec) -> None:
    """Each number being ten times its prior and which of the four it is."""
    by_shape = spec.order is PriorOrder.SHAPE
    unpermuted, values_first = [], []
    for level, (columns, rows, shapes) in enumerate(LEVELS):
        grid = [(row, column) for row in range(rows) for column in range(columns)]
        for shape in range(shapes):
            for value in range(4):
                unpermuted += [10 * place(level, *cell, shape, by_shape) + value for cell in grid]
        for cell in grid:
            for value in range(4):
                values_first += [10 * place(level, *cell, shape, by_shape) + value for shape in range(shapes)]
    number = len(unpermuted) // 4
    priors_last = [10 * prior + value for value in range(4) for prior in range(number)]
    meant = 10 * torch.arange(number)[:, None] + torch.arange(4)
    places = unflattened(generate_priors(spec))
    flat = {
        Explanation.UNPERMUTED: unpermuted,
        Explanation.VALUES_FIRST: values_first,
        Explanation.PRIORS_LAST: priors_last,
    }
    assert places.keys() == flat.keys()
    for name, given in flat.items():
        assert torch.equal(torch.tensor(given)[places[name]], meant), name


def test_without_a_grid_there_is_no_order() -> None:
    priors = replace(generate_priors(SPEC), levels=())
    assert row_orders(priors) == unflattened(priors) == {}
