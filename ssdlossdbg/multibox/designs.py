"""The sizes and aspect ratios that SSD codebases make the priors of a level of. Plain numbers, no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from ssdlossdbg.rules import LevelSpec

# What an aspect ratio is rounded to, and between what it stays: nearer to 1 it repeats the square.
RATIO_GRAIN = 0.05
LEAST_RATIO, LARGEST_RATIO = 1.1, 8.0
# The paper's aspect ratios, and two more where a level is to have so many.
USUAL_RATIOS = (2.0, 3.0, 1.5, 4.0)
MOST_SHAPES = 2 + 2 * len(USUAL_RATIOS)
# Of max_size to min_size, where a level has no max_size yet.
USUAL_GROWTH = 1.5
# Presets write 1/3 as .3333, and sizes with a few decimals.
RECOGNISED = 1e-3
# What sizes are rounded to, and the least one.
SIZE_GRAIN = 0.01


@dataclass(frozen=True)
class LevelDesign:
    """One feature map, and the numbers that its shapes are made of.

    The standard shapes of a cell are the square of min_size; that of sqrt(min_size * max_size), where there is a
    max_size; and for each ratio r a wide one, min_size * sqrt(r) by min_size / sqrt(r), and the same upright (paper,
    section 2.2, "Choosing scales and aspect ratios for default boxes"). So their number says which there are.

    Attributes:
        feature_map: cells as (columns, rows).
        stride: distance between neighbouring centres as (x, y), in pixels of the network's input.
        min_size, max_size: in pixels of the network's input; max_size is None for an odd number of shapes.
        ratios: aspect ratios above 1.
        order: where each shape of a cell stands among the standard ones.
    """

    feature_map: tuple[int, int]
    stride: tuple[float, float]
    min_size: float
    max_size: float | None
    ratios: tuple[float, ...]
    order: tuple[int, ...]

    @property
    def shapes(self) -> tuple[tuple[float, float], ...]:
        """(width, height) of each shape of a cell, in order, in pixels of the network's input."""
        standard = [(self.min_size, self.min_size)]
        if self.max_size is not None:
            mean = math.sqrt(self.min_size * self.max_size)
            standard.append((mean, mean))
        aspects = (aspect for ratio in self.ratios for aspect in (ratio, float(_inverse(ratio))))
        standard += [(self.min_size * math.sqrt(aspect), self.min_size / math.sqrt(aspect)) for aspect in aspects]
        return tuple(standard[place] for place in self.order)

    @property
    def words(self) -> tuple[float | str, ...]:
        """The shapes of a cell, in order, as a prior config names them."""
        standard: list[float | str] = ["min"] if self.max_size is None else ["min", "mean"]
        for ratio in self.ratios:
            standard += [ratio, str(_inverse(ratio))]
        return tuple(standard[place] for place in self.order)

    @property
    def spec(self) -> LevelSpec:
        """The level as the generator takes it."""
        return LevelSpec(self.feature_map, self.stride, self.shapes)

    @property
    def count(self) -> int:
        """Number of priors of the level."""
        return self.feature_map[0] * self.feature_map[1] * len(self.order)


@cache  # of the hundred or so ratios that there may be, which a search asks for again and again
def _inverse(ratio: float) -> Fraction:
    return 1 / Fraction(str(ratio))


@dataclass(frozen=True)
class Bounds:
    """Which sizes a design may have, in pixels of the network's input.

    Attributes:
        grain: that they are multiples of, and the least one.
        largest: the largest one.
    """

    grain: float
    largest: float

    def size(self, value: float) -> float:
        """The nearest size that is allowed."""
        return min(max(_multiple(value, self.grain), self.grain), self.largest)


def _multiple(value: float, grain: float) -> float:
    return round(round(value / grain) * grain, 2)


def _hundredths(size: float) -> float:
    return max(round(size, 2), SIZE_GRAIN)


def bounds_for(designs: Iterable[LevelDesign], image_size: tuple[int, int]) -> Bounds:
    """Whole pixels where all sizes are such, since Caffe and MMDetection cut sizes to those; else hundredths."""
    sizes = [size for design in designs for size in (design.min_size, design.max_size) if size is not None]
    whole = all(float(size).is_integer() for size in sizes)
    return Bounds(grain=1.0 if whole else SIZE_GRAIN, largest=2.0 * max(image_size))


def make_design(
    feature_map: tuple[int, int],
    stride: tuple[float, float],
    min_size: float,
    max_size: float | None,
    ratios: Sequence[float],
) -> LevelDesign:
    """A design with the standard order of shapes; arguments as the attributes of `LevelDesign`."""
    shapes = (1 if max_size is None else 2) + 2 * len(ratios)
    return LevelDesign(feature_map, stride, min_size, max_size, tuple(ratios), tuple(range(shapes)))


def design_of(level: LevelSpec) -> LevelDesign | None:
    """The numbers that a level's shapes are made of, or None if they are made otherwise."""
    squares = sorted(width for width, height in level.shapes if width == height)
    if len(squares) not in (1, 2):
        return None
    max_size = _hundredths(squares[1] ** 2 / squares[0]) if len(squares) == 2 else None
    ratios = [round(width / height, 2) for width, height in level.shapes if width > height]
    design = make_design(level.feature_map, level.stride, _hundredths(squares[0]), max_size, ratios)
    order = tuple(_place(shape, design.shapes) for shape in level.shapes)
    return replace(design, order=order) if sorted(order) == list(range(len(design.order))) else None


def _place(shape: tuple[float, float], standard: Sequence[tuple[float, float]]) -> int:
    """Where the shape is among the standard ones, -1 if it is not."""
    sides = range(2)
    alike = (all(math.isclose(shape[side], other[side], rel_tol=RECOGNISED) for side in sides) for other in standard)
    return next((place for place, same in enumerate(alike) if same), -1)


def nearest_design(level: LevelSpec) -> LevelDesign:
    """The level's own design, or else one of as many shapes, over the same range of sizes."""
    own = design_of(level)
    if own is not None:
        return own
    sides = sorted(math.sqrt(width * height) for width, height in level.shapes)
    grown = max(sides[-1] ** 2 / sides[0], USUAL_GROWTH * sides[0])
    whole = make_design(level.feature_map, level.stride, _hundredths(sides[0]), _hundredths(grown), ())
    return with_shapes(whole, min(len(level.shapes), MOST_SHAPES))


def with_shapes(design: LevelDesign, shapes: int) -> LevelDesign:
    """The design with so many shapes, 1 to `MOST_SHAPES`: with fewer, or with more of the usual ratios."""
    if shapes == len(design.order):
        return design
    more = [ratio for ratio in USUAL_RATIOS if ratio not in design.ratios]
    ratios = [*design.ratios, *more][: (shapes - 1) // 2]
    grown = design.max_size or _hundredths(USUAL_GROWTH * design.min_size)
    max_size = None if shapes % 2 else grown
    return make_design(design.feature_map, design.stride, design.min_size, max_size, ratios)


def scaled(
    design: LevelDesign, min_size: float, max_size: float, ratios: Sequence[float], bounds: Bounds
) -> LevelDesign:
    """The design with each of its numbers multiplied, rounded, and kept in its bounds.

    Args:
        design: what to start from.
        min_size: its factor.
        max_size: its factor.
        ratios: the factor of each.
        bounds: of the sizes.
    """
    least = bounds.size(min(design.min_size * min_size, bounds.largest - bounds.grain))
    largest = None
    if design.max_size is not None:
        # Caffe refuses a max_size that is not above min_size.
        largest = bounds.size(max(design.max_size * max_size, least + bounds.grain))
    aspects = {
        min(max(_multiple(ratio * factor, RATIO_GRAIN), LEAST_RATIO), LARGEST_RATIO)
        for ratio, factor in zip(design.ratios, ratios, strict=True)
    }
    # Two ratios that have become one would repeat a prior.
    kept = tuple(sorted(aspects)) if len(aspects) == len(design.ratios) else design.ratios
    return replace(design, min_size=least, max_size=largest, ratios=kept)


def neighbours(design: LevelDesign, factor: float, bounds: Bounds) -> list[LevelDesign]:
    """The designs with the sizes, one of them or one ratio multiplied or divided by a factor, without the design."""
    same = [1.0] * len(design.ratios)
    found = []
    for by in (factor, 1 / factor):
        found += [scaled(design, *sizes, same, bounds) for sizes in ((by, by), (by, 1.0), (1.0, by))]
        for place in range(len(same)):
            found.append(scaled(design, 1.0, 1.0, [*same[:place], by, *same[place + 1 :]], bounds))
    return [each for each in dict.fromkeys(found) if each != design]
