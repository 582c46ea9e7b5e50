"""In what order do the predictions go, if not in that of the priors? The right one meets the objects better."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor

from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.results.predicted import HeadOrder, OrderFit
from ssdlossdbg.rules import Dialect, PriorOrder

# Shapes whose sides agree within so many pixels are one.
SAME_SIDE = 0.01


def order_fits(
    loc: Tensor, decoded: Tensor, priors: Priors, matching: Matching, gt: GroundTruthBatch, dialect: Dialect
) -> tuple[OrderFit, ...]:
    """How well other orders fit than the given one, each at the positives where it makes a difference.

    Args:
        loc: `[B, P, 4]` predicted offsets.
        decoded: `[B, P, 4]` what they stand for in the given order, xyxy, normalised.
        priors: the P priors.
        matching: what they are positive for.
        gt: the objects, normalised.
        dialect: the rules.
    """
    image, prior = matching.positive.nonzero(as_tuple=True)
    if not len(image):
        return ()
    boxes, own = gt.boxes[image, matching.gt_index[image, prior]], priors.boxes[prior]
    given, everywhere = loc[image, prior], torch.ones_like(prior, dtype=torch.bool)
    candidates = {HeadOrder.Y_FIRST: (given[:, [1, 0, 3, 2]], everywhere)}
    for order, prior_of_row in _row_orders(priors).items():
        row = prior_of_row.argsort()[prior]
        candidates[order] = loc[image, row], row != prior
    unit = unit_of(dialect, priors)
    offsets = torch.stack([other for other, _ in candidates.values()])
    others = decode(offsets, own * unit, dialect.codec) / unit
    as_given, of_priors = _overlap(decoded[image, prior], boxes), _overlap(cxcywh_to_xyxy(own), boxes)
    fits = []
    for (order, (_, moved)), overlap in zip(candidates.items(), _overlap(others, boxes), strict=True):
        if bool(moved.any()):
            means = [float(part[moved].mean()) for part in (overlap, as_given, of_priors)]
            fits.append(OrderFit(order, int(moved.sum()), *means))
    return tuple(fits)


def _overlap(predicted: Tensor, boxes: Tensor) -> Tensor:
    """IoU of `[..., N, 4]` predictions with `[N, 4]` objects; 0 for what is no box."""
    return iou(predicted, boxes).nan_to_num(0.0)


def _row_orders(priors: Priors) -> dict[HeadOrder, Tensor]:
    """`[P]` the prior that each row of the predictions would belong to; empty where no grid is known."""
    grids = grids_of(priors)
    if not grids:
        return {}
    cells = [grid.flatten() for grid in grids]
    orders = {
        HeadOrder.CELL: cells,
        HeadOrder.SHAPE: [grid.permute(2, 0, 1).flatten() for grid in grids],
        HeadOrder.COLUMN: [grid.transpose(0, 1).flatten() for grid in grids],
        HeadOrder.LEVELS_REVERSED: cells[::-1],
        HeadOrder.SECOND_LAST: [grid[..., _second_last(grid.shape[2])].flatten() for grid in grids],
        HeadOrder.LAST_SECOND: [grid[..., _last_second(grid.shape[2])].flatten() for grid in grids],
        HeadOrder.TURNED: [grid[..., _turned(priors.boxes[grid[0, 0]], priors)].flatten() for grid in grids],
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
