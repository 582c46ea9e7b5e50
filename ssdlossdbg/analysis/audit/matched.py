"""A dataset's objects matched block by block, by one process or several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.audit.assigned import Assigned, Flat, Matcher, blocks
from ssdlossdbg.analysis.audit.ranks import Ranks
from ssdlossdbg.analysis.evidence.fates import Fates
from ssdlossdbg.analysis.results import BoolArray, FloatArray, IntArray

FATES = tuple(each.name for each in fields(Fates))
FLOATS = frozenset({"best_iou", "shape_iou", "target"})


@dataclass(frozen=True, eq=False)
class Matched:
    """What became of the objects of those of B images that were done.

    Attributes:
        done: bool `[B]`.
        rows: int64 `[N]`, which of the objects asked about are in images that were done.
        columns: `[N]` each, by name, as in `Objects`.
        positives, forced: int64 `[L]`, over all images, by level.
    """

    done: BoolArray
    rows: IntArray
    columns: dict[str, Any]
    positives: IntArray
    forced: IntArray


def match_flat(objects: Flat, images: int, matcher: Matcher, ranks: Ranks, advance: Callable[[int], None]) -> Matched:
    """Match all objects of a dataset; a KeyboardInterrupt ends that early.

    Args:
        objects: N of them.
        images: how many there are, those without objects too.
        matcher: priors and rules.
        ranks: the processes that share the work; each gets the whole result.
        advance: told how many images were done since it was last called.

    Raises:
        InputError: another process ended.
    """
    columns = torch.zeros((len(FATES), len(objects.image)), dtype=torch.float64)
    levels = torch.zeros((2, matcher.levels), dtype=torch.float64)
    done = torch.zeros(images, dtype=torch.float64)
    try:
        for run, rows in ranks.mine(blocks(objects.image.numpy(), images)):
            _enter(columns[:, rows], rows.start, matcher.assign(objects[rows]), levels)
            done[run.start : run.stop] = 1
            advance(len(run))
    except KeyboardInterrupt:
        pass  # what is known by now is worth showing; `done` tells that it is not all
    # An object's columns are 0 but in the process that did it, so the sum is, bit for bit, what one alone would have.
    parts = (columns, levels, done)
    sums = torch.split(ranks.sum(torch.cat([part.flatten() for part in parts])), [part.numel() for part in parts])
    return _matched(objects, *(total.view(part.shape).numpy() for total, part in zip(sums, parts, strict=True)))


def _enter(columns: Tensor, first: int, found: Assigned, levels: Tensor) -> None:
    for column, name in zip(columns, FATES, strict=True):
        values = getattr(found.fates, name)
        column.copy_(torch.where(values >= 0, values + first, -1) if name == "lost_to" else values)
    levels += torch.stack((found.positives, found.forced))


def _matched(objects: Flat, columns: FloatArray, levels: FloatArray, done: FloatArray) -> Matched:
    known = done > 0
    rows = np.flatnonzero(known[objects.image.numpy()])
    if len(rows) < columns.shape[1]:
        columns = columns[:, rows]
    by_name = dict(zip(FATES, columns, strict=True))
    typed = {name: column if name in FLOATS else column.astype(np.int64) for name, column in by_name.items()}
    # Rows that were not done are gone, and those that stay have moved up.
    typed["lost_to"] = np.where(typed["lost_to"] >= 0, np.searchsorted(rows, typed["lost_to"]), -1)
    positives, forced = levels.astype(np.int64)
    return Matched(known, rows, typed, positives, forced)
