"""Whether priors are as many as the predictions are for, and if not, what would explain it."""

from __future__ import annotations

import math

import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.prior_configs import presets_with
from ssdlossdbg.rules import LevelSpec

# How many cells a side a feature map may be off for its size to explain a gap: rounding down instead of up, on the
# way from 300 pixels to 38 cells, costs one or two.
CELLS_OFF = 2
# Codes of the findings that explain a refusal.
COUNT, REPEATED = "PRI001", "PRI002"


def check_prior_count(named: NamedPriors, predicted: int, where: str) -> None:
    """Refuse priors whose number is not that of the predictions, saying what would explain the gap.

    Raises:
        InputError: the numbers differ.
    """
    boxes = named.priors.boxes
    if len(boxes) == predicted:
        return
    what = f"has {len(boxes)} priors, but the predictions are for {predicted}"
    copies, rest = divmod(len(boxes), predicted)
    if not rest and torch.equal(boxes, boxes[:predicted].repeat(copies, 1)):
        fix = f"They are the same ones {copies} times, as DataParallel gathers them: save priors[:{predicted}]."
        raise InputError(where, what, fix, REPEATED)
    fitting = presets_with(predicted)
    hints = [f"Presets with {predicted} priors: {', '.join(fitting)}."] if fitting else []
    gap = _explain_gap(named.priors.levels, predicted - len(boxes))
    hints += [gap] if gap else []
    if len(torch.unique(boxes, dim=0)) == predicted:
        hints.append("Without repeated rows they are as many: is an aspect ratio of 1 listed beside the square?")
    raise InputError(where, what, " ".join(hints) or "Give the config of this very network: --config.", COUNT)


def _explain_gap(levels: tuple[LevelSpec, ...], gap: int) -> str:
    def named(index: int) -> str:
        return f"level {index} ({levels[index].feature_map[0]} x {levels[index].feature_map[1]})"

    missing = [index for index, level in enumerate(levels) if level.count == -gap]
    if missing:
        return f"The predictions lack as many as {named(missing[0])} has: is that level left out of the head?"
    for index, level in enumerate(levels):
        side = _other_side(level, gap)
        if side is not None:
            return f"A feature map of {side} x {side} cells in {named(index)} would explain it."
    for index, level in enumerate(levels):
        extra, rest = divmod(gap, level.cells)
        if not rest and level.cells > 1 and -len(level.shapes) < extra <= len(level.shapes):
            shapes = len(level.shapes)
            return f"{shapes + extra} instead of {shapes} shapes a cell in {named(index)} would explain it."
    return ""


def _other_side(level: LevelSpec, gap: int) -> int | None:
    """The side of a square feature map that would close the gap, if it is nearly the level's own."""
    columns, rows = level.feature_map
    cells, rest = divmod(level.count + gap, len(level.shapes))
    side = math.isqrt(max(cells, 0))
    closes = columns == rows and not rest and side**2 == cells
    return side if closes and abs(side - columns) <= CELLS_OFF else None
