"""What do the priors look like, and which object sizes can they not reach?"""

from __future__ import annotations

import numpy as np
import torch

from ssdlossdbg.analysis.common import summarise
from ssdlossdbg.analysis.evidence.prior_table import describe_priors
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results import AnchorsResult, BoolArray, Box, FloatArray, LevelGrid, square_iou
from ssdlossdbg.rules import Dialect, LevelSpec, PriorOrder

SIDE_STEP = 0.1
# Of inputs beyond any network's the steps grow, so that their number does not.
MOST_SIDES = 65_536
# Overlaps here come from float64 sides in steps of 0.1 pixel, where 0.5 may come out as 0.49999999999999994.
ROUNDING = 1e-9
# A prior that touches the border exactly may stick out by a rounding of float32.
ROUNDING_OF_PRIORS = 1e-6


def analyse_anchors(named: NamedPriors, dialect: Dialect) -> AnchorsResult:
    """Describe the priors level by level.

    Args:
        named: the priors.
        dialect: whose match threshold the smallest reachable objects are for.
    """
    priors, threshold = named.priors, dialect.match.threshold
    step = max(SIDE_STEP, max(priors.image_size) / MOST_SIDES)
    sides = np.arange(1, round(max(priors.image_size) / step) + 1) * step
    best = [placed_iou(level, sides, placed_best=True) >= threshold - ROUNDING for level in priors.levels]
    worst = [placed_iou(level, sides, placed_best=False) >= threshold - ROUNDING for level in priors.levels]
    starts = np.cumsum([0, *(level.count for level in priors.levels)])
    levels = tuple(
        _level(priors, index, int(starts[index]), _first(sides, best[index]), _first(sides, worst[index]))
        for index in range(len(priors.levels))
    )
    return AnchorsResult(
        config=summarise(named),
        dialect=dialect.name,
        threshold=threshold,
        levels=levels,
        smallest_best=_first(sides, np.any(best, axis=0)) if best else None,
        smallest_anywhere=_first(sides, np.any(worst, axis=0)) if worst else None,
        boxes=priors.boxes.cpu().numpy(),
        evidence=(describe_priors(named, dialect),),
    )


def placed_iou(level: LevelSpec, sides: FloatArray, placed_best: bool) -> FloatArray:
    """The best IoU of squares with the priors of a level, `[S]`.

    Args:
        level: the feature map.
        sides: `[S]` in pixels of the network's input, above 0.
        placed_best: whether the squares are centred on a cell, or where four cells meet. IoU with a fixed shape falls
            with the distance of the centres in x and in y, so that is the worst place for every shape at once.
    """
    offset = np.zeros(2) if placed_best else np.array(level.stride) / 2
    return square_iou(level.shapes, sides, offset[:, None])


def _first(sides: FloatArray, reached: BoolArray) -> float | None:
    return round(float(sides[int(np.argmax(reached))]), 1) if reached.any() else None


def _level(
    priors: Priors, index: int, start: int, smallest_best: float | None, smallest_anywhere: float | None
) -> LevelGrid:
    level = priors.levels[index]
    scale = torch.tensor([*priors.image_size, *priors.image_size], dtype=torch.float64)
    boxes = priors.boxes[start : start + level.count].cpu().double()
    corners = cxcywh_to_xyxy(boxes)
    centres = boxes[:, :2] * scale[:2]
    crosses = ((corners < -ROUNDING_OF_PRIORS) | (corners > 1 + ROUNDING_OF_PRIORS)).any(dim=1)
    reach: Box = (*centres.amin(0).tolist(), *centres.amax(0).tolist())
    middle = (level.feature_map[1] // 2) * level.feature_map[0] + level.feature_map[0] // 2
    shapes = torch.arange(len(level.shapes))
    in_cell = middle * len(shapes) + shapes if priors.order is PriorOrder.CELL else middle + shapes * level.cells
    return LevelGrid(
        feature_map=level.feature_map,
        stride=level.stride,
        priors=level.count,
        shapes=level.shapes,
        reach=reach,
        crossing=float(crosses.double().mean()),
        smallest_best=smallest_best,
        smallest_anywhere=smallest_anywhere,
        middle=corners[in_cell].numpy(),
    )
