"""Sizes and aspect ratios that let more objects reach the match threshold, found by trying them on the real grid."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import torch
from torch import Tensor

from ssdlossdbg.multibox.clusters import clustered
from ssdlossdbg.multibox.designs import (
    MOST_SHAPES,
    USUAL_GROWTH,
    Bounds,
    LevelDesign,
    neighbours,
    scaled,
    with_shapes,
)
from ssdlossdbg.multibox.reach import Sample, nearest_centres, placed_iou
from ssdlossdbg.multibox.threads import one_thread
from ssdlossdbg.multibox.thresholds import reaches
from ssdlossdbg.rules import PriorSpec

Designs = tuple[LevelDesign, ...]
# What a number is multiplied and divided by to look for a better one: first far off, then nearby.
FACTORS = (1.5, 1.25, 1.12, 1.06, 1.03)
LAST_FACTORS = FACTORS[2:]
# Objects that the climbs from several starts look at; the best result is then improved on all.
FEW_OBJECTS = 2_000
RESTARTS = 3
# Standard deviation of the logarithms of the factors that a restart begins with.
SHAKE = 0.3
# What the means of min(IoU, threshold) and of the IoU weigh, where an object that reaches the threshold weighs 1.
NEAR, CLOSE = 0.9, 0.09


@dataclass(frozen=True)
class Problem:
    """What is to be fitted.

    Attributes:
        sample: the objects; every one counts the same.
        spec: size of the input, place of a centre in its cell, and what is clamped; its levels are not used.
        bounds: of the sizes.
        budget: priors that there may be.
        seed: of all that is drawn.
    """

    sample: Sample
    spec: PriorSpec
    bounds: Bounds
    budget: int
    seed: int


def count(designs: Sequence[LevelDesign]) -> int:
    """Number of priors of all levels."""
    return sum(design.count for design in designs)


def fit(problem: Problem, start: Designs) -> Designs:
    """Designs that let as many objects as possible reach the threshold, within the budget.

    The search climbs from the start, from shape-only k-means, and from the best result so far with all numbers shaken.
    The same problem gives the same designs.

    Args:
        problem: what is to be fitted; its budget must allow for a shape a level.
        start: a design for each level, finest first.
    """
    generator, draw = torch.Generator().manual_seed(problem.seed), random.Random(problem.seed)
    sample, bounds = problem.sample, problem.bounds
    few = sample[torch.randperm(len(sample.boxes), generator=generator)[:FEW_OBJECTS].sort().values]
    with one_thread():
        search = Search(problem, few)
        start = _within_budget(_ascending(start), search)
        climbed = [search.improve(start)]
        climbed.append(search.improve(_ascending(clustered(start, _sizes(few, problem.spec), bounds, generator))))
        for _ in range(RESTARTS):
            climbed.append(search.improve(_ascending(_shaken(_highest(climbed), bounds, draw))))
        return Search(problem, sample).improve(_highest(climbed), LAST_FACTORS)[0]


class Search:
    """Tries designs on some objects.

    Args:
        problem: what is to be fitted.
        sample: N of its objects.
    """

    def __init__(self, problem: Problem, sample: Sample) -> None:
        self.problem = problem
        self.sample = sample
        self._centres: dict[tuple[tuple[int, int], tuple[float, float]], Tensor] = {}

    def improve(self, designs: Designs, factors: Sequence[float] = FACTORS) -> tuple[Designs, float]:
        """Change one number at a time for the better, level after level, by ever smaller steps.

        Args:
            designs: a design for each level, finest first.
            factors: that numbers are multiplied and divided by.

        Returns:
            The designs, and their score.
        """
        current = list(designs)
        best = self._best_of_each(current)
        score = self._score_of(best)
        for factor in factors:
            settled = 0  # levels in a row that nothing better was found for: once that is all, nothing will be
            for place in cycle(range(len(current))):
                if settled == len(current):
                    break
                settled += 1
                options = self._options(current, place, factor)
                if not options:
                    continue
                found, elsewhere = self._best(options), best.clone()
                elsewhere[:, place] = 0
                highest, option = self._score(torch.maximum(found, elsewhere.amax(1, keepdim=True))).max(0)
                if float(highest) > score:
                    score, current[place], best[:, place] = float(highest), options[option], found[:, option]
                    settled = 0
        return tuple(current), score

    def score(self, designs: Designs) -> float:
        """How good the designs are: how many objects reach the threshold, then how near to it they come."""
        return self._score_of(self._best_of_each(designs))

    def _options(self, designs: Sequence[LevelDesign], place: int, factor: float) -> list[LevelDesign]:
        """What a level may become: min_size ascends, since coarse levels see what is large."""
        least = designs[place - 1].min_size if place else -math.inf
        largest = designs[place + 1].min_size if place + 1 < len(designs) else math.inf
        options = neighbours(designs[place], factor, self.problem.bounds)
        return [option for option in options if least <= option.min_size <= largest]

    def _best(self, designs: Sequence[LevelDesign]) -> Tensor:
        """`[N, V]` the best IoU of each object with V designs, which are alike in feature map and number of shapes."""
        spec, grid = self.problem.spec, (designs[0].feature_map, designs[0].stride)
        if grid not in self._centres:
            self._centres[grid] = nearest_centres(self.sample, *grid, spec)
        shapes = torch.tensor([design.shapes for design in designs], dtype=torch.float64)
        overlap = placed_iou(self.sample, self._centres[grid], shapes.flatten(0, 1), spec)
        return overlap.view(len(overlap), *shapes.shape[:2]).amax(2)

    def _best_of_each(self, designs: Sequence[LevelDesign]) -> Tensor:
        """`[N, L]` the best IoU of each object with each level."""
        return torch.cat([self._best([design]) for design in designs], 1)

    def _score_of(self, best: Tensor) -> float:
        """The score of `[N, L]` best IoUs with the levels."""
        return float(self._score(best.amax(1, keepdim=True)))

    def _score(self, best: Tensor) -> Tensor:
        """`[V]` the score of V sets of best IoUs, `[N, V]`.

        The means of min(IoU, threshold), which leads to the threshold from afar, and of the IoU, which tells apart what
        all objects reach, weigh less together than one object that reaches the threshold.
        """
        match = self.sample.match
        near = best.clamp(max=match.threshold).mean(0, dtype=torch.float64)
        return reaches(best, match.threshold, match).sum(0) + NEAR * near + CLOSE * best.mean(0, dtype=torch.float64)


def _highest(climbed: Sequence[tuple[Designs, float]]) -> Designs:
    return max(climbed, key=lambda found: found[1])[0]


def _sizes(sample: Sample, spec: PriorSpec) -> Tensor:
    """`[N, 2]` widths and heights in pixels of the network's input."""
    boxes = sample.boxes / sample.unit
    return (boxes[:, 2:] - boxes[:, :2]) * boxes.new_tensor(spec.image_size)


def _ascending(designs: Designs) -> Designs:
    """The designs with their sizes handed out anew, so that min_size ascends from level to level."""
    sizes = sorted(
        (each.min_size, each.max_size / each.min_size if each.max_size else USUAL_GROWTH) for each in designs
    )
    return tuple(
        replace(design, min_size=least, max_size=None if design.max_size is None else round(least * growth, 2))
        for design, (least, growth) in zip(designs, sizes, strict=True)
    )


def _shaken(designs: Designs, bounds: Bounds, draw: random.Random) -> Designs:
    """The designs with every number multiplied by a random factor."""

    def factor() -> float:
        return draw.lognormvariate(0.0, SHAKE)

    return tuple(scaled(each, factor(), factor(), [factor() for _ in each.ratios], bounds) for each in designs)


def _within_budget(designs: Designs, search: Search) -> Designs:
    """The designs with as few shapes as the budget asks for, or with those more that let more objects reach.

    Each step takes away what does least for the priors that it costs, or adds what does most: a square, or a ratio both
    wide and tall.
    """
    budget = search.problem.budget
    if count(designs) == budget:
        return designs
    designs, score = search.improve(designs)

    def worth(other: Designs) -> float:
        return (search.score(other) - score) / (count(other) - count(designs))

    while count(designs) > budget:
        designs = min(_resized(designs, (-1, -2)), key=worth)
        score = search.score(designs)
    while larger := [other for other in _resized(designs, (1, 2)) if count(other) <= budget]:
        grown, higher = search.improve(max(larger, key=worth), LAST_FACTORS)
        if higher <= score or score >= len(search.sample.boxes):
            break
        designs, score = grown, higher
    return designs


def _resized(designs: Designs, changes: Sequence[int]) -> list[Designs]:
    """The designs with more or fewer shapes in one level, for each level that can have so many."""
    return [
        (*designs[:place], with_shapes(design, len(design.order) + more), *designs[place + 1 :])
        for place, design in enumerate(designs)
        for more in changes
        if 1 <= len(design.order) + more <= MOST_SHAPES
    ]
