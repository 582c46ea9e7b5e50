"""What the checks see of the priors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssdlossdbg.results.common import BoolArray, ConfigSummary, FloatArray, IntArray
from ssdlossdbg.results.findings import Where
from ssdlossdbg.rules import Dialect, LevelSpec, PriorOrder


@dataclass(frozen=True)
class PriorTable:
    """The priors in use.

    Attributes:
        config: whose they are; a preset where its codebase is named.
        boxes: `[P, 4]` float64 cxcywh, normalised.
        levels: the feature maps; empty where no grid could be recognised.
        order: of the priors inside a level.
        classes: columns of the predictions, background included; None where there are no predictions.
        rules: the dialect.
        grid_of_corners: whether the four numbers make a grid only when they are read as corners.
        overruled: name of the priors that the predictions were saved with, where these were named in their stead.
        differing: how many of the rows differ from those.
    """

    config: ConfigSummary
    boxes: FloatArray
    levels: tuple[LevelSpec, ...]
    order: PriorOrder
    classes: int | None
    rules: Dialect
    grid_of_corners: bool = False
    overruled: str | None = None
    differing: int = 0

    def where(self, prior: int | None = None, level: int | None = None) -> Where:
        """The priors as a whole, one of them, or a level."""
        return Where(self.config.name, prior=prior, level=level)

    def grid(self, level: int) -> FloatArray:
        """`[rows, columns, shapes, 4]` the priors of a level, cxcywh, normalised."""
        spec = self.levels[level]
        start = sum(before.count for before in self.levels[:level])
        (columns, rows), boxes = spec.feature_map, self.boxes[start : start + spec.count]
        if self.order is PriorOrder.SHAPE:
            return np.moveaxis(boxes.reshape(len(spec.shapes), rows, columns, 4), 0, 2)
        return boxes.reshape(rows, columns, len(spec.shapes), 4)

    def by_level(self, chosen: BoolArray) -> Iterator[tuple[IntArray, str]]:
        """Some of the priors, level by level, most first.

        Args:
            chosen: `[P]` which.

        Yields:
            Their indices, and the name of their level in words.
        """
        ends = np.cumsum([level.count for level in self.levels] or [len(self.boxes)])
        rows = chosen.nonzero()[0]
        parts = list(enumerate(np.split(rows, np.searchsorted(rows, ends[:-1]))))
        for level, part in sorted(parts, key=lambda part: -len(part[1])):
            if len(part):
                columns, lines = self.config.levels[level]
                yield part, f"level {level} ({columns} x {lines})" if columns else "these priors"
