"""What generates the priors of a network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from ssdlossdbg.rules.spec import AT_LEAST_ONE, Count, Spec, Within

# What memory and float32 can hold, and far beyond any network: pixels and cells a side; priors, levels, and shapes of
# all levels.
LARGEST_SIDE, MOST_PRIORS, MOST_LEVELS, MOST_SHAPES = 65536, 2_000_000, 200, 1_000
SIDES = Within(1, LARGEST_SIDE)
LENGTHS = Within(1e-6, 1e6)
# Of a centre in its cell: elsewhere than in it, but not off the grid.
OFFSETS = Within(-100, 100)


class Clip(StrEnum):
    """What is clamped to [0, 1] after the priors are generated."""

    NONE = "none"
    CXCYWH = "cxcywh"
    """All four of (cx, cy, w, h), as ssd.pytorch, pytorch-ssd, lufficc/SSD and NVIDIA do."""
    WH = "wh"
    """Width and height only, as torchvision does."""
    XYXY = "xyxy"
    """The corners, as Caffe's PriorBox layer does with `clip: true`."""


class PriorRounding(StrEnum):
    """Which numbers the codebase rounds to float32 on its way to a prior, and holds: the last bits of overlaps follow.

    Two priors often overlap an object alike but for those bits, which then say which of them is forced.
    """

    CENTRES = "centres"
    """(cx, cy, w, h) as fractions, as ssd.pytorch, pytorch-ssd, lufficc/SSD and NVIDIA hold them."""
    PIXEL_CENTRES = "pixel-centres"
    """(cx, cy, w, h) in pixels of the input (GluonCV anchor.py)."""
    CORNERS = "corners"
    """(cx, cy, w, h) as fractions, then their corners, then those in pixels (torchvision anchor_utils.py:252-268)."""
    SIDES = "sides"
    """Sides in pixels, then corners as fractions (Caffe prior_box_layer.cpp:143-195)."""
    FIRST_CELL = "first-cell"
    """Scale and aspect ratio, sides in pixels, corners in the first cell, corners moved on to the other cells
    (MMDetection anchor_generator.py:161-206, 281-296)."""
    SCALED_CORNERS = "scaled-corners"
    """Scale and aspect ratio, sides and corners in pixels, and corners times one over the sides of the input
    (TensorFlow object detection grid_anchor_generator.py, tile_anchors; box_list_ops.py, to_normalized_coordinates)."""
    NONE = "none"
    """None: all is float64, as NumPy has it (ssd_keras)."""


class PriorOrder(StrEnum):
    """The order of the priors inside one level. Levels always follow each other, finest first."""

    CELL = "cell"
    """y outer, x inner, shape innermost: every codebase but NVIDIA's."""
    SHAPE = "shape"
    """Shape outer, then y, then x: NVIDIA's head (B, 4, -1) asks for it."""


@dataclass(frozen=True)
class LevelSpec:
    """One feature map of the prior grid, as generated or as read back from any tensor: a `PriorSpec` checks it.

    Attributes:
        feature_map: cells as (columns, rows).
        stride: distance between neighbouring centres as (x, y), in pixels of the network's input.
        shapes: (width, height) of each prior of a cell, in order, in pixels of the network's input.
        offsets: where in its cell the centre of each of those lies, as (x, y) fractions of the stride; empty where all
            lie where `PriorSpec.offset` says.
    """

    feature_map: Annotated[tuple[int, int], SIDES]
    stride: Annotated[tuple[float, float], LENGTHS]
    shapes: Annotated[tuple[tuple[float, float], ...], LENGTHS, AT_LEAST_ONE]
    offsets: Annotated[tuple[tuple[float, float], ...], OFFSETS] = ()

    @property
    def cells(self) -> int:
        """Number of cells of the feature map."""
        return self.feature_map[0] * self.feature_map[1]

    @property
    def count(self) -> int:
        """Number of priors of the level."""
        return self.cells * len(self.shapes)


@dataclass(frozen=True)
class ClassPriorsSpec(Spec):
    """Which preset a codebase takes where the number of classes decides.

    Attributes:
        preset: the one that it takes for `classes`; where the dialect's is another, none of this holds.
        classes: how many, background included.
        otherwise: the preset for any other number; empty where the number does not matter.
    """

    preset: str = ""
    classes: Count = 0
    otherwise: str = ""


@dataclass(frozen=True)
class PriorSpec(Spec):
    """What generates the priors of one network.

    Attributes:
        image_size: the network's input as (width, height) in pixels; of a square, one number will do.
        levels: the feature maps, in the order in which the head concatenates them.
        clip: what is clamped after generation.
        order: the order of the priors inside a level.
        offset: position of a centre inside its cell, as a fraction of the stride, where its level says nothing else.
        rounding: which numbers are rounded on the way.
    """

    image_size: Annotated[tuple[int, int], SIDES]
    levels: Annotated[tuple[LevelSpec, ...], AT_LEAST_ONE]
    clip: Clip = Clip.NONE
    order: PriorOrder = PriorOrder.CELL
    offset: Annotated[float, OFFSETS] = 0.5
    rounding: PriorRounding = PriorRounding.CENTRES

    def __post_init__(self) -> None:
        """Take one number for both sides of a square, then check all fields and how many priors they make."""
        object.__setattr__(self, "image_size", both_sides(self.image_size))
        super().__post_init__()
        for index, level in enumerate(self.levels):
            if len(level.offsets) not in (0, len(level.shapes)):
                found = f"{len(level.offsets):,} offsets for {len(level.shapes):,} shapes"
                raise ValueError(f"levels[{index}].offsets must be one for each shape, not {found}")
        shapes = sum(len(level.shapes) for level in self.levels)
        sums = (
            (self.count, MOST_PRIORS, "priors"),
            (len(self.levels), MOST_LEVELS, "levels"),
            (shapes, MOST_SHAPES, "shapes"),
        )
        for number, most, what in sums:
            if number > most:
                raise ValueError(f"levels must hold at most {most:,} {what}, not {number:,}")

    @property
    def count(self) -> int:
        """Number of priors of all levels."""
        return sum(level.count for level in self.levels)


def both_sides(size: Any) -> Any:
    """(width, height) of a size that may be one number, for a square; anything else as it is."""
    return (size, size) if isinstance(size, int) else size
