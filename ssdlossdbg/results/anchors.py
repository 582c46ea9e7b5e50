"""What `analyse_anchors` returns."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.common import Box, ConfigSummary, FloatArray
from ssdlossdbg.results.evidence import Evidence
from ssdlossdbg.results.findings import Finding


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
    reach: Box
    crossing: float
    smallest_best: float | None
    smallest_anywhere: float | None
    middle: FloatArray


@dataclass(frozen=True)
class AnchorsResult:
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
    levels: tuple[LevelGrid, ...]
    smallest_best: float | None
    smallest_anywhere: float | None
    boxes: FloatArray
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class PresetSummary:
    """A shipped prior config, for `anchors --list`."""

    name: str
    title: str
    codebase: str
    aliases: tuple[str, ...]
    image_size: tuple[int, int]
    priors: int


@dataclass(frozen=True)
class Presets:
    """All shipped prior configs."""

    presets: tuple[PresetSummary, ...]
