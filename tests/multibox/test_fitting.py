"""The search for sizes and ratios that reach more objects."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from ssdlossdbg.multibox.designs import Bounds, LevelDesign, nearest_design, neighbours
from ssdlossdbg.multibox.fitting import FACTORS, Designs, Problem, Search, count, fit
from ssdlossdbg.multibox.reach import Sample, best_iou
from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.rules import Clip, MatchSpec, PriorSpec

# Every second level of SSD300: 5,776, 600 and 36 priors.
SSD300 = load_prior_config("ssd300-voc").spec
SPEC = replace(SSD300, levels=SSD300.levels[::2])
FEW, MANY = 60, 300
START: Designs = tuple(map(nearest_design, SPEC.levels))


def problem(
    sides: tuple[float, float], spec: PriorSpec = SPEC, budget: int = SPEC.count, objects: int = FEW
) -> Problem:
    """Objects whose sides lie between two lengths in pixels."""
    generator = torch.Generator().manual_seed(7)
    size = (sides[0] + (sides[1] - sides[0]) * torch.rand((objects, 2), generator=generator)) / 300
    low = torch.rand((objects, 2), generator=generator) * (1 - size)
    sample = Sample(torch.cat((low, low + size), 1), torch.ones(4), MatchSpec())
    return Problem(sample, spec, Bounds(1.0, 600.0), budget, 0)


def reached(given: Problem, designs: Designs) -> int:
    """Objects that reach the threshold."""
    spec = replace(given.spec, levels=tuple(design.spec for design in designs))
    return int((best_iou(given.sample, spec) >= 0.5).sum())


def test_small_objects_are_reached_in_the_end() -> None:
    # One level of the right size, by hand: no search should do worse.
    small, by_hand = problem((10, 14), objects=MANY), (replace(START[0], min_size=12.0, max_size=20.0), *START[1:])
    assert reached(small, START) < 30 < 170 < reached(small, by_hand)
    assert reached(small, fit(small, START)) > reached(small, by_hand)


@pytest.mark.parametrize(("sides", "clip"), [((20, 250), Clip.NONE), *(((8, 40), clip) for clip in Clip)])
def test_no_fewer_than_before(sides: tuple[float, float], clip: Clip) -> None:
    given = problem(sides, replace(SPEC, clip=clip))
    assert reached(given, fit(given, START)) >= reached(given, START)


def test_the_same_seed_gives_the_same() -> None:
    given = problem((10, 60))
    first, again, other = (fit(replace(given, seed=seed), START) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("budget", [1553, 7500])
def test_the_budget_is_kept(budget: int) -> None:
    given = problem((10, 200), budget=budget)
    found = fit(given, START)
    assert 1553 <= count(found) <= budget
    assert [each.feature_map for each in found] == [level.feature_map for level in SPEC.levels]


def test_a_larger_budget_is_used_where_it_helps() -> None:
    given = problem((10, 14))
    more = fit(replace(given, budget=20_000), START)
    assert count(more) > SPEC.count
    assert reached(given, more) >= reached(given, fit(given, START))


def test_coarser_levels_have_larger_sizes() -> None:
    found = fit(problem((10, 200)), START)
    sizes = [each.min_size for each in found]
    assert sizes == sorted(sizes)
    assert all(each.max_size is not None and each.max_size > each.min_size for each in found)


def test_the_score_counts_objects_first() -> None:
    given = problem((10, 60))
    score = Search(given, given.sample).score(START)
    assert int(score) == reached(given, START)


def test_a_climb_ends_where_no_single_step_does_better() -> None:
    given = problem((10, 60))
    search = Search(given, given.sample)
    found, score = search.improve(START, (1.25,))
    assert score == pytest.approx(search.score(found))
    for place, design in enumerate(found):
        for other in neighbours(design, 1.25, given.bounds):
            changed = (*found[:place], other, *found[place + 1 :])
            sizes = [each.min_size for each in changed]
            assert sizes != sorted(sizes) or search.score(changed) <= score + 1e-9


def test_no_nearness_is_worth_an_object_that_reaches() -> None:
    """Though all but reach a threshold that is all but 1."""
    spec = MatchSpec(threshold=0.999)
    level = LevelDesign((1, 1), (300, 300), 299.8, None, (), (0,))
    nearly = Sample(torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 9), torch.ones(4), spec)
    given = Problem(nearly, replace(SPEC, levels=(level.spec,)), Bounds(1.0, 600.0), 9, 0)
    assert 0.998 < float(best_iou(nearly, given.spec)[0]) < 0.999
    assert 0.9 < Search(given, nearly).score((level,)) < 1


def test_each_step_is_half_as_long_as_the_one_before() -> None:
    """Of the logarithms: so a climb passes over no size that lies between two of its steps."""
    steps = [math.log(factor) for factor in FACTORS]
    assert all(before / after == pytest.approx(1.9, abs=0.1) for before, after in pairwise(steps))
