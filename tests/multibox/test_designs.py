"""The numbers that the shapes of a level are made of."""

from __future__ import annotations

from math import sqrt

import pytest

from ssdlossdbg.multibox.designs import (
    MOST_SHAPES,
    Bounds,
    bounds_for,
    design_of,
    make_design,
    nearest_design,
    neighbours,
    scaled,
    with_shapes,
)
from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
from ssdlossdbg.rules import LevelSpec

BOUNDS = Bounds(grain=1.0, largest=600.0)
LEVEL = make_design((19, 19), (16.0, 16.0), 60.0, 111.0, (2.0, 3.0))


def test_the_shapes_are_those_of_the_paper() -> None:
    wide, mean = 60 * sqrt(2), sqrt(60 * 111)
    expected = [(60, 60), (mean, mean), (wide, wide / 2), (wide / 2, wide)]
    assert LEVEL.shapes[:4] == tuple(map(pytest.approx, expected))
    assert LEVEL.words == ("min", "mean", 2.0, "1/2", 3.0, "1/3")
    assert (LEVEL.count, LEVEL.spec.count) == (6 * 361, 6 * 361)
    assert make_design((1, 1), (1.0, 1.0), 10.0, None, (2.35,)).words == ("min", 2.35, "20/47")


@pytest.mark.parametrize("name", [name for name in preset_names() if name.startswith(("ssd300", "lufficc", "nvidia"))])
def test_presets_are_recognised(name: str) -> None:
    for level in load_prior_config(name).spec.levels:
        design = design_of(level)
        assert design is not None
        assert design.shapes == level.shapes


@pytest.mark.parametrize("name", preset_names())
def test_a_level_keeps_its_number_and_order_of_shapes(name: str) -> None:
    for level in load_prior_config(name).spec.levels:
        if level.offsets:  # no fit starts from these
            continue
        own, nearest = design_of(level), nearest_design(level)
        assert nearest.count == level.count
        if own is not None:
            assert nearest == own
            for shape, other in zip(own.shapes, level.shapes, strict=True):
                assert shape == pytest.approx(other, rel=2e-3)


def test_the_mean_comes_last_where_it_did() -> None:
    level = load_prior_config("tf-object-detection-ssd-mobilenet-v1-300").spec.levels[1]
    design = design_of(level)
    assert design is not None
    assert (design.min_size, design.max_size, design.ratios) == (105.0, 150.0, (2.0, 3.0))
    assert [word for word in design.words if isinstance(word, str)] == ["min", "1/2", "1/3", "mean"]


@pytest.mark.parametrize(
    "shapes", [((10, 10), (20, 20), (30, 30)), ((10, 20),), ((10, 10), (20, 10)), ((10, 10), (30, 20), (20, 30))]
)
def test_shapes_that_are_made_otherwise(shapes: tuple[tuple[float, float], ...]) -> None:
    level = LevelSpec((4, 4), (50.0, 50.0), shapes)
    assert design_of(level) is None
    assert nearest_design(level).count == level.count


@pytest.mark.parametrize("shapes", range(1, MOST_SHAPES + 1))
def test_any_number_of_shapes(shapes: int) -> None:
    design = with_shapes(LEVEL, shapes)
    assert len(design.shapes) == len(design.words) == len(set(design.shapes)) == shapes
    assert design.min_size == 60.0


def test_numbers_are_rounded_and_bounded() -> None:
    grown = scaled(LEVEL, 1.03, 1.0, [1.0, 1.1], BOUNDS)
    assert (grown.min_size, grown.max_size, grown.ratios) == (62.0, 111.0, (2.0, 3.3))
    above = scaled(LEVEL, 3.0, 1.0, [1.0, 1.0], BOUNDS)
    assert (above.min_size, above.max_size) == (180.0, 181.0)
    far = scaled(LEVEL, 100.0, 1e-9, [100.0, 1.0], BOUNDS)
    assert (far.min_size, far.max_size, far.ratios) == (599.0, 600.0, (3.0, 8.0))
    assert scaled(LEVEL, 1e-9, 1.0, [1.0, 1.0], BOUNDS).min_size == 1.0


def test_two_ratios_do_not_become_one() -> None:
    assert scaled(LEVEL, 1.0, 1.0, [1.5, 1.0], BOUNDS).ratios == LEVEL.ratios


def test_neighbours_are_others_each_once() -> None:
    around = neighbours(LEVEL, 1.25, BOUNDS)
    assert LEVEL not in around
    assert len(around) == len(set(around)) == 10
    assert neighbours(make_design((1, 1), (1.0, 1.0), 1.0, None, ()), 1.01, BOUNDS) == []


@pytest.mark.parametrize(("size", "grain"), [(60.0, 1.0), (60.5, 0.01)])
def test_whole_pixels_stay_whole(size: float, grain: float) -> None:
    assert bounds_for([make_design((1, 1), (1.0, 1.0), size, None, ())], (300, 200)) == Bounds(grain, 600.0)
