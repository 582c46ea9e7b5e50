"""What generates the priors of a network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Clip(StrEnum):
    """What is clamped to [0, 1] after the priors are generated."""

    NONE = "none"
    CXCYWH = "cxcywh"
    """All four of (cx, cy, w, h), as ssd.pytorch, pytorch-ssd, lufficc/SSD and NVIDIA do."""
    WH = "wh"
    """Width and height only, as torchvision does."""
    XYXY = "xyxy"
    """The corners, as Caffe's PriorBox layer does with `clip: true`."""


class PriorOrder(StrEnum):
    """The order of the priors inside one level. Levels always follow each other, finest first."""

    CELL = "cell"
    """y outer, x inner, shape innermost: every codebase but NVIDIA's."""
    SHAPE = "shape"
    """Shape outer, then y, then x: NVIDIA's head (B, 4, -1) asks for it."""


@dataclass(frozen=True)
class LevelSpec:
    """One feature map of the prior grid.

    Attributes:
        feature_map: cells as (columns, rows).
        stride: distance between neighbouring centres as (x, y), in pixels of the network's input.
        shapes: (width, height) of each prior of a cell, in order, in pixels of the network's input.
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    shapes: tuple[tuple[float, float], ...]

    @property
    def cells(self) -> int:
        """Number of cells of the feature map."""
        return self.feature_map[0] * self.feature_map[1]

    @property
    def count(self) -> int:
        """Number of priors of the level."""
        return self.cells * len(self.shapes)


@dataclass(frozen=True)
class PriorSpec:
    """What generates the priors of one network.

    Attributes:
        image_size: the network's input as (width, height) in pixels.
        levels: the feature maps, in the order in which the head concatenates them.
        clip: what is clamped after generation.
        order: the order of the priors inside a level.
        offset: position of a centre inside its cell, as a fraction of the stride.
    """

    image_size: tuple[int, int]
    levels: tuple[LevelSpec, ...]
    clip: Clip = Clip.NONE
    order: PriorOrder = PriorOrder.CELL
    offset: float = 0.5

    @property
    def count(self) -> int:
        """Number of priors of all levels."""
        return sum(level.count for level in self.levels)
