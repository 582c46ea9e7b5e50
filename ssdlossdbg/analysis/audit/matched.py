"""A dataset's objects matched block by block, by one process or several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.audit.assigned import Flat, Matcher, blocks
from ssdlossdbg.analysis.audit.ranks import Ranks
from ssdlossdbg.analysis.evidence.fates import fill_in, no_fates
from ssdlossdbg.readers.annotations import Dataset, Scaled, taken
from ssdlossdbg.results import BoolArray, IntArray


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


def flat(dataset: Dataset, scaled: Scaled) -> Flat:
    """The objects that the loader hands on."""
    return Flat(*map(torch.from_numpy, (scaled.boxes, scaled.image, dataset.class_index[scaled.rows] + 1)))


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
    columns = no_fates(len(objects.image))
    levels = torch.zeros((2, matcher.levels), dtype=torch.long)
    done = torch.zeros(images, dtype=torch.long)
    try:
        for run, rows in ranks.mine(blocks(objects.image.numpy(), images)):
            found = matcher.assign(objects[rows])
            fill_in(columns, torch.arange(rows.start, rows.stop), found.fates)
            levels += found.levels
            done[run.start : run.stop] = 1
            advance(len(run))
    except KeyboardInterrupt:
        pass  # what is known by now is worth showing; `done` tells that it is not all
    # An object's columns are 0 but in the process that did it, so the sum is, bit for bit, what one alone would have.
    *summed, levels, done = ranks.sum([*columns.values(), levels, done])
    return _matched(objects, dict(zip(columns, summed, strict=True)), levels, done)


def _matched(objects: Flat, columns: dict[str, Tensor], levels: Tensor, done: Tensor) -> Matched:
    known = (done > 0).numpy()
    rows = np.flatnonzero(known[objects.image.numpy()])
    arrays = {name: taken(column.numpy(), rows) for name, column in columns.items()}
    if len(rows) < len(objects.image):  # those that stay have moved up
        arrays["lost_to"] = np.where(arrays["lost_to"] >= 0, np.searchsorted(rows, arrays["lost_to"]), -1)
    positives, forced = levels.numpy()
    return Matched(known, rows, arrays, positives, forced)
