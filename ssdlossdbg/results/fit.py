"""What `fit` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssdlossdbg.results.common import ConfigSummary
from ssdlossdbg.rules import Clip, PriorOrder


@dataclass(frozen=True)
class FittedDataset:
    """What was fitted to.

    Attributes:
        path: where from.
        format: in words.
        images: how many it holds, those without objects too.
        ground_truth: objects that training sees, and whose box has an area.
        invalid: those whose box has none.
        refused: what could not be read, a sentence each.
    """

    path: str
    format: str
    images: int
    ground_truth: int
    invalid: int
    refused: tuple[str, ...]


@dataclass(frozen=True)
class FittedLevel:
    """The shapes of a level, in pixels of the network's input.

    Attributes:
        feature_map: (columns, rows).
        stride: (x, y) between centres.
        min_size, max_size: what the shapes are made of; None where they are made otherwise, or have no such square.
        ratios: aspect ratios above 1, each also inverted.
        words: the shapes of a cell, in order, as a prior config names them: "min", "mean", an aspect ratio as a number
            or a fraction, or (width, height).
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    min_size: float | None
    max_size: float | None
    ratios: tuple[float, ...]
    words: tuple[float | str | tuple[float, float], ...]

    @property
    def priors(self) -> int:
        """How many there are."""
        return self.feature_map[0] * self.feature_map[1] * len(self.words)


@dataclass(frozen=True)
class FittedPriors:
    """A whole grid; attributes as of `PriorSpec`."""

    image_size: tuple[int, int]
    levels: tuple[FittedLevel, ...]
    clip: Clip
    order: PriorOrder
    offset: float

    @property
    def count(self) -> int:
        """Number of priors of all levels."""
        return sum(level.priors for level in self.levels)


@dataclass(frozen=True)
class Reach:
    """How many objects of a group the priors can reach.

    Attributes:
        name: of the group.
        ground_truth: how many there are.
        before, after: those whose best IoU with a prior, where it really stands, reaches the threshold.
        low: where the range of its sides begins, in pixels of the network's input; None where it is not by size.
    """

    name: str
    ground_truth: int
    before: int
    after: int
    low: float | None = None

    @property
    def won(self) -> int:
        """How many more are reached than before; below 0 if fewer."""
        return self.after - self.before

    @property
    def recall_before(self) -> float:
        """Best possible recall; nan where there are no objects."""
        return self.before / self.ground_truth if self.ground_truth else math.nan

    @property
    def recall_after(self) -> float:
        """Best possible recall; nan where there are no objects."""
        return self.after / self.ground_truth if self.ground_truth else math.nan


@dataclass(frozen=True)
class FitResult:
    """Priors proposed for a dataset, beside those that it started from.

    Attributes:
        config: what it started from.
        threshold: the dialect's match threshold.
        seed: of the split and of the search.
        budget: priors that there might be.
        searched: objects that the search looked at.
        before, after: the priors; the same where nothing better was found.
        total: all objects.
        fitted: those of the images that the search could look at.
        held_out: those of the other images.
        sizes: by the root of the area in pixels of the network's input, ascending, ranges without objects left out.
        mean_before, mean_after: mean of the best IoU of all objects.
    """

    dataset: FittedDataset
    config: ConfigSummary
    dialect: str
    threshold: float
    seed: int
    budget: int
    searched: int
    before: FittedPriors
    after: FittedPriors
    total: Reach
    fitted: Reach
    held_out: Reach
    sizes: tuple[Reach, ...]
    mean_before: float
    mean_after: float

    @property
    def changed(self) -> bool:
        """Whether other priors are proposed than those that it started from."""
        return self.after != self.before
