"""The grid that the priors stand on, and the orders in which a head may go through it."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor

from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.results.hypotheses import Explanation
from ssdlossdbg.rules import PriorOrder

# Shapes whose sides agree within so many pixels are one.
SAME_SIDE = 0.01


def row_orders(priors: Priors) -> dict[Explanation, Tensor]:
    """`[P]` the prior that each row of the predictions would belong to; empty where no grid is known."""
    grids = grids_of(priors)
    if not grids:
        return {}
    cells = [grid.flatten() for grid in grids]
    orders = {
        Explanation.CELL: cells,
        Explanation.SHAPE: [grid.permute(2, 0, 1).flatten() for grid in grids],
        Explanation.COLUMN: [grid.transpose(0, 1).flatten() for grid in grids],
        Explanation.LEVELS_REVERSED: cells[::-1],
        Explanation.SECOND_LAST: [grid[..., _second_last(grid.shape[2])].flatten() for grid in grids],
        Explanation.LAST_SECOND: [grid[..., _last_second(grid.shape[2])].flatten() for grid in grids],
        Explanation.TURNED: [grid[..., _turned(priors.boxes[grid[0, 0]], priors)].flatten() for grid in grids],
    }
    return {order: torch.cat(parts) for order, parts in orders.items()}


def grids_of(priors: Priors) -> list[Tensor]:
    """`[rows, columns, shapes]` the position of each prior in the table, a level each.

    Where cells go column by column, each column was read as a level of its own.
    """
    grids, start = [], 0
    for (feature_map, shapes), run in groupby(priors.levels, key=lambda level: (level.feature_map, level.shapes)):
        repeats, (columns, rows), number = len(list(run)), feature_map, len(shapes)
        count = repeats * columns * rows * number
        places = torch.arange(start, start + count, device=priors.boxes.device)
        start += count
        if repeats > 1:
            grids.append(places.view(repeats * columns, rows, number).transpose(0, 1))
        elif priors.order is PriorOrder.SHAPE:
            grids.append(places.view(number, rows, columns).permute(1, 2, 0))
        else:
            grids.append(places.view(rows, columns, number))
    return grids


def _second_last(shapes: int) -> list[int]:
    """0, 2, 3, ..., 1."""
    return [0, *range(2, shapes), 1][:shapes]


def _last_second(shapes: int) -> list[int]:
    """0, the last, 1, 2, ..."""
    return [0, shapes - 1, *range(1, shapes - 1)][:shapes]


def _turned(boxes: Tensor, priors: Priors) -> list[int]:
    """For each shape of a cell the one with its sides exchanged, itself where there is none; as they are if unclear."""
    sides = boxes[:, 2:] * boxes.new_tensor(priors.image_size)
    apart = (sides[:, None] - sides.flip(-1)).abs().amax(-1)
    as_given = torch.arange(len(sides), device=boxes.device)
    turned = torch.where(apart.amin(1) <= SAME_SIDE, apart.argmin(1), as_given)
    return list((turned if len(torch.unique(turned)) == len(sides) else as_given).tolist())  # no shape may come twice


def unflattened(priors: Priors) -> dict[Explanation, Tensor]:
    """`[P, 4]` where each prior's offsets would be in an image's flattened ones; empty where no grid is known.

    Of a head that gives `[B, A * 4, rows, columns]` a level, of A shapes a cell, whose output was flattened without
    being permuted to `[B, rows, columns, A * 4]`; and of heads whose A * 4 channels go value by value.
    """
    grids = grids_of(priors)
    if not grids:
        return {}
    number, device = len(priors.boxes), priors.boxes.device
    values = torch.arange(4, device=device)
    places = {
        each: torch.empty(number, 4, dtype=torch.long, device=device)
        for each in (Explanation.UNPERMUTED, Explanation.VALUES_FIRST)
    }
    for grid in grids:
        rows, columns, shapes = grid.shape
        first = 4 * int(grid.min())
        cell = torch.arange(rows * columns, device=device).view(rows, columns, 1, 1)
        channel = 4 * torch.arange(shapes, device=device)[:, None] + values
        by_value = shapes * values + torch.arange(shapes, device=device)[:, None]
        places[Explanation.UNPERMUTED][grid] = first + channel * rows * columns + cell
        places[Explanation.VALUES_FIRST][grid] = first + cell * 4 * shapes + by_value
    places[Explanation.PRIORS_LAST] = values * number + torch.arange(number, device=device)[:, None]
    return places
