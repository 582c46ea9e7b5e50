"""Which sizes and aspect ratios of priors would let more objects of a dataset reach the match threshold?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.common import summarise, unit_of
from ssdlossdbg.analysis.size_ranges import size_edges, size_names
from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.designs import SIZE_GRAIN, LevelDesign, bounds_for, design_of, nearest_design, scaled
from ssdlossdbg.multibox.fitting import Designs, Problem, fit
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.multibox.reach import Sample, best_iou
from ssdlossdbg.multibox.thresholds import reaches
from ssdlossdbg.readers.annotations import Dataset, Scaled, find_photos, photo_sizes, scale_like
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.prior_configs import PriorConfig
from ssdlossdbg.results import (
    BoolArray,
    FitResult,
    FittedDataset,
    FittedLevel,
    FittedPriors,
    FloatArray,
    IntArray,
    Reach,
    sound_boxes,
)
from ssdlossdbg.rules import LENGTHS, Dialect, LevelSpec, MatchSpec, PriorSpec

# Of the images with objects, those that the search may not look at.
HELD_OUT = 0.2
MOST_OBJECTS = 20_000


def analyse_fit(
    dataset: Dataset,
    config: PriorConfig,
    dialect: Dialect,
    levels: Sequence[tuple[int, int]] = (),
    budget: int | None = None,
    seed: int = 0,
) -> FitResult:
    """Fit the sizes and aspect ratios of priors to a dataset, and say what that gains.

    Args:
        dataset: whose objects; each counts the same.
        config: the priors to start from and to compare with.
        dialect: how objects are loaded and matched.
        levels: (columns, rows) of the feature maps to use; those of the config if empty.
        budget: priors that there may be; as many as the config has if None.
        seed: of the split, the sample and the search.

    Raises:
        InputError: no object has an area, a level has more cells than the input has pixels, or the budget does not
            allow for one shape a level.
    """
    start = _start(config.spec, levels)
    budget = _checked_budget(start, budget, config)
    objects = [
        scale_like(part, dialect, photo_sizes(find_photos(part)), config.spec.image_size) for part in dataset.parts
    ]
    every = np.concatenate([part.boxes for part in objects])
    sound = _fitting(every, config.spec.image_size)
    if not sound.any():
        fix = "Name a dataset with objects; `ssdlossdbg check` says what is wrong with their boxes."
        raise InputError(dataset.path, "holds no object with an area, so there is nothing to fit to", fix)
    boxes = every[sound]
    named = NamedPriors(config.name, config.codebase, generate_priors(config.spec))
    unit = unit_of(dialect, named.priors)
    sample = Sample((torch.from_numpy(boxes) * unit).to(unit.dtype), unit, dialect.match)

    held_out, searched = _split(_images(objects)[sound], seed)
    bounds = bounds_for(start, config.spec.image_size)
    found = fit(Problem(sample[torch.from_numpy(searched)], config.spec, bounds, budget, seed), start)
    fitted = replace(config.spec, levels=tuple(design.spec for design in found))
    outcome = _Outcome(dialect.match, best_iou(sample, config.spec), best_iou(sample, fitted))
    before = _grid(config.spec, map(_as_it_is, config.spec.levels))
    after = _grid(config.spec, map(_level, found))
    if _may_stay(config.spec, start, budget) and outcome.reach("fitted", ~held_out).won <= 0:
        outcome, after = replace(outcome, after=outcome.before), before
    return FitResult(
        dataset=_described(dataset, objects, sound),
        config=summarise(named),
        dialect=dialect.name,
        threshold=dialect.match.threshold,
        seed=seed,
        budget=budget,
        searched=len(searched),
        before=before,
        after=after,
        total=outcome.reach("all", np.ones_like(held_out)),
        fitted=outcome.reach("fitted", ~held_out),
        held_out=outcome.reach("held out", held_out),
        sizes=_by_size(outcome, boxes, config.spec.image_size),
        mean_before=float(outcome.before.mean()),
        mean_after=float(outcome.after.mean()),
    )


def _fitting(boxes: FloatArray, image_size: tuple[int, int]) -> BoolArray:
    """`[N]` which boxes are any, and of a size that priors can have."""
    sound = sound_boxes(boxes)
    with np.errstate(over="ignore", invalid="ignore"):
        held = boxes.astype(np.float32)  # as priors meet them: a box a billion photos away has no sides there
        sides = (held[:, 2:] - held[:, :2]) * image_size
    return sound & (sides >= SIZE_GRAIN).all(1) & (sides <= LENGTHS.high).all(1)


@dataclass(frozen=True)
class _Outcome:
    """The best IoU of N objects, `[N]`, with the priors before and after."""

    match: MatchSpec
    before: Tensor
    after: Tensor

    def reach(self, name: str, rows: BoolArray) -> Reach:
        """Of objects chosen by `[N]`, those that reach the threshold."""
        chosen = torch.from_numpy(rows)
        reached = (reaches(iou[chosen], self.match.threshold, self.match) for iou in (self.before, self.after))
        return Reach(name, int(rows.sum()), *(int(each.sum()) for each in reached))


def _may_stay(spec: PriorSpec, start: Designs, budget: int) -> bool:
    """Whether the priors are on the levels asked for, and within the budget."""
    same_levels = [design.feature_map for design in start] == [level.feature_map for level in spec.levels]
    return same_levels and spec.count <= budget


def _split(image: IntArray, seed: int) -> tuple[BoolArray, IntArray]:
    """`[N]` which objects only judge the priors, whole images of them, and `[M]` the rows that the search looks at."""
    draw = np.random.default_rng(seed)
    images = draw.permutation(np.unique(image))
    held_out = np.isin(image, images[: int(HELD_OUT * len(images))])
    return held_out, np.sort(draw.permutation(np.flatnonzero(~held_out))[:MOST_OBJECTS])


def _by_size(outcome: _Outcome, boxes: FloatArray, image_size: tuple[int, int]) -> tuple[Reach, ...]:
    side = np.sqrt(np.prod((boxes[:, 2:] - boxes[:, :2]) * image_size, axis=1))
    edges = size_edges(image_size)
    groups = (
        replace(outcome.reach(name, (side >= low) & (side < high)), low=low)
        for name, (low, high) in zip(size_names(edges), pairwise(edges), strict=True)
    )
    return tuple(group for group in groups if group.ground_truth)


def _images(objects: Sequence[Scaled]) -> IntArray:
    """`[N]` the image of each object, those of a part after those of the parts before it."""
    firsts = np.cumsum([0, *(len(part.sizes) for part in objects[:-1])])
    return np.concatenate([part.image + first for part, first in zip(objects, firsts, strict=True)])


def _described(dataset: Dataset, objects: Sequence[Scaled], sound: BoolArray) -> FittedDataset:
    refused = [each for part in dataset.parts for each in part.refused]
    refused += [each for part in objects for each in part.refused]
    return FittedDataset(
        path=str(dataset.path),
        format=" and ".join(part.format.title for part in dataset.parts),
        images=sum(len(part.names) for part in dataset.parts),
        ground_truth=int(sound.sum()),
        invalid=int((~sound).sum()),
        refused=tuple(str(each.error) for each in refused),
    )


def _grid(spec: PriorSpec, levels: Iterable[FittedLevel]) -> FittedPriors:
    return FittedPriors(spec.image_size, tuple(levels), spec.clip, spec.order, spec.offset, spec.rounding)


def _level(design: LevelDesign) -> FittedLevel:
    sizes = design.min_size, design.max_size
    return FittedLevel(design.feature_map, design.stride, *sizes, design.ratios, design.words)


def _as_it_is(level: LevelSpec) -> FittedLevel:
    """The level to the last digit, whatever its shapes are made of."""
    design = design_of(level)
    if design is None:
        return FittedLevel(level.feature_map, level.stride, None, None, (), level.shapes)
    made = _level(design)
    return made if design.shapes == level.shapes else replace(made, words=level.shapes)


def _start(spec: PriorSpec, levels: Sequence[tuple[int, int]]) -> Designs:
    """A design for each feature map, finest first: the config's own, or one after that of similar size."""
    if not levels:
        return tuple(map(nearest_design, spec.levels))
    for columns, rows in levels:
        if columns > spec.image_size[0] or rows > spec.image_size[1]:
            what = (
                f"asks for {columns} x {rows} cells, more than the {spec.image_size[0]} x {spec.image_size[1]} pixels"
            )
            raise InputError("--levels", f"{what} of the input", "Name feature maps that a network can have.")
    finest_first = sorted(levels, key=math.prod, reverse=True)
    return tuple(_design_for(feature_map, spec) for feature_map in finest_first)


def _design_for(feature_map: tuple[int, int], spec: PriorSpec) -> LevelDesign:
    def distance(level: LevelSpec) -> float:
        return abs(math.log(level.cells / math.prod(feature_map)))

    own = [level for level in spec.levels if level.feature_map == feature_map]
    if own:
        return nearest_design(own[0])
    like = min(spec.levels, key=distance)
    stride = (spec.image_size[0] / feature_map[0], spec.image_size[1] / feature_map[1])
    design = replace(nearest_design(like), feature_map=feature_map, stride=stride)
    factor = stride[0] / like.stride[0]
    return scaled(design, factor, factor, [1.0] * len(design.ratios), bounds_for([design], spec.image_size))


def _checked_budget(start: Designs, budget: int | None, config: PriorConfig) -> int:
    cells = sum(math.prod(design.feature_map) for design in start)
    allowed = config.spec.count if budget is None else budget
    if cells > allowed:
        where = "--levels" if budget is None else "--budget"
        whose = f"{config.name} has" if budget is None else "there may be"
        what = f"one prior a cell makes {cells:,}, and {whose} {allowed:,}"
        raise InputError(where, what, f"Allow for them with --budget {cells}, or name fewer or coarser levels.")
    return allowed
