"""What `analyse_anchors` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ssdlossdbg.results.common import Box, ConfigSummary, FloatArray
from ssdlossdbg.results.contract import Hidden, Key, Written, at
from ssdlossdbg.results.evidence import Evidence
from ssdlossdbg.results.findings import Finding
from ssdlossdbg.results.history import HistoryResult
from ssdlossdbg.results.report import Reported


@dataclass(frozen=True)
class LevelGrid:
    """One level of the priors, in input pixels.

    Attributes:
        feature_map: (columns, rows).
        stride: (x, y) between centres.
        priors: how many.
        shapes: (width, height) of each prior of a cell, before clipping.
        reach: (first x, first y, last x, last y) of the centres.
        crossing: share of the priors that cross the image's border.
        smallest_best: side of the smallest square object that reaches the threshold where it lies best; None if
            there is no such side.
        smallest_anywhere: the same wherever it lies on the grid.
        middle: `[shapes, 4]` the priors of the middle cell.
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    priors: int
    shapes: tuple[tuple[float, float], ...]
    reach: Annotated[Box, at("centres")]
    crossing: float
    smallest_best: float | None
    smallest_anywhere: float | None
    middle: Hidden[FloatArray]


@dataclass(frozen=True, repr=False)
class AnchorsResult(Reported):
    """What a prior config looks like.

    Attributes:
        threshold: the dialect's match threshold, which the smallest sides are for.
        levels: the feature maps; empty where no grid could be recognised.
        smallest_best, smallest_anywhere: as in `LevelGrid`, over all levels.
        boxes: `[P, 4]` float32 cxcywh, normalised: the priors themselves.
    """

    config: ConfigSummary
    dialect: str
    threshold: float
    levels: Annotated[tuple[LevelGrid, ...], Key(numbered="level")]
    smallest_best: float | None
    smallest_anywhere: float | None
    boxes: Hidden[FloatArray]
    evidence: Hidden[tuple[Evidence, ...]] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def priors(self) -> Written[int]:
        """How many there are."""
        return self.config.priors

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        return f"{self.config.name}: {self.priors} priors on {len(self.levels)} levels, threshold {self.threshold:g}"


# All that the checks look at: evidence, and the results whose own figures tell what is wrong.
Subject = Evidence | AnchorsResult | HistoryResult


@dataclass(frozen=True)
class PresetSummary:
    """A shipped prior config, for `anchors --list`."""

    name: str
    title: str
    codebase: str
    aliases: tuple[str, ...]
    image_size: tuple[int, int]
    priors: int


@dataclass(frozen=True, repr=False)
class Presets(Reported):
    """All shipped prior configs."""

    presets: tuple[PresetSummary, ...]

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        return f"{len(self.presets)} prior configs"
