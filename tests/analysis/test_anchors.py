"""The description of a grid against brute force: every prior, and squares laid anywhere."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ssdlossdbg.analysis.anchors import analyse_anchors
from ssdlossdbg.analysis.audit.summary import iou_by_size
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors
from ssdlossdbg.results import geometry
from ssdlossdbg.rules import LevelSpec, PriorOrder, PriorSpec

Floats = NDArray[np.float64]
RULES = load_dialect("ssd.pytorch")
PRESETS = ["ssd300-voc", "ssd300-coco", "lufficc-ssd512-voc", "linzaer-face-320", "nvidia-ssd300-coco"]
SMALL = PriorSpec((80, 40), (LevelSpec((8, 4), (10.0, 10.0), ((16.0, 16.0), (24.0, 12.0))),))


def corner_boxes(name: str) -> tuple[Floats, tuple[int, int]]:
    """A preset's priors as corners in input pixels, worked out here."""
    priors = load_priors(name).priors
    cx, cy, w, h = priors.boxes.double().numpy().T
    width, height = priors.image_size
    corners = [(cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height]
    return np.stack(corners, axis=1), priors.image_size


def best_overlaps(squares: Floats, priors: Floats) -> Floats:
    """`[S]` the best IoU of each corner box with any prior."""
    low = np.maximum(squares[:, None, :2], priors[None, :, :2])
    high = np.minimum(squares[:, None, 2:], priors[None, :, 2:])
    intersection = np.prod(np.clip(high - low, 0, None), axis=2)
    own = np.prod(squares[:, 2:] - squares[:, :2], axis=1)
    union = own[:, None] + np.prod(priors[:, 2:] - priors[:, :2], axis=1) - intersection
    best: Floats = (intersection / union).max(axis=1)
    return best


def share_reaching(name: str, side: float, threshold: float = 0.5, count: int = 1000) -> float:
    """Share of squares at random places inside the image whose best IoU reaches the threshold."""
    priors, (width, height) = corner_boxes(name)
    # Only shapes of a like area can overlap a square by the threshold.
    area = np.prod(priors[:, 2:] - priors[:, :2], axis=1)
    priors = priors[(area * threshold * 0.99 <= side**2) & (area >= side**2 * threshold * 0.99)]
    if not len(priors):
        return 0.0
    corner = np.random.default_rng(0).uniform(0, 1, (count, 2)) * (width - side, height - side)
    squares = np.concatenate((corner, corner + side), axis=1)
    # Room for float32 priors: no side here comes that close to the threshold by itself.
    return float((best_overlaps(squares, priors) >= threshold - 1e-6).mean())


@pytest.mark.parametrize(
    ("name", "side", "share"),
    [
        ("ssd300-voc", 14.0, 0.0),
        ("ssd300-voc", 21.0, 0.0),
        ("ssd300-voc", 22.0, 1.0),
        ("ssd300-coco", 14.0, 0.0),
        ("ssd300-coco", 15.0, 0.65),
        ("ssd300-coco", 16.0, 0.92),
    ],
)
def test_published_shares_of_squares(name: str, side: float, share: float) -> None:
    """The numbers that people are told (2000 random positions) hold, and ours agree with them."""
    count = 1000 if 0 < share < 1 else 100
    assert share_reaching(name, side, count=count) == pytest.approx(share, abs=0.03)
    result = analyse_anchors(load_priors(name), RULES)
    assert result.smallest_best is not None
    assert result.smallest_anywhere is not None
    assert (side >= result.smallest_best) is (share > 0)
    assert (side >= result.smallest_anywhere) is (share == 1)


@pytest.mark.parametrize(
    ("name", "threshold"),
    [("ssd300-voc", 0.5), ("ssd300-voc", 0.35), ("ssd300-coco", 0.6), ("linzaer-face-320", 0.35)],
)
def test_smallest_squares_by_brute_force(name: str, threshold: float) -> None:
    rules = replace(RULES, match=replace(RULES.match, threshold=threshold))
    result = analyse_anchors(load_priors(name), rules)
    best, anywhere = result.smallest_best, result.smallest_anywhere
    assert best is not None
    assert anywhere is not None
    assert result.threshold == threshold
    priors, _ = corner_boxes(name)
    # The finest level's centre and corner in the middle of the image, and every level's corners between four cells.
    columns, rows = result.levels[0].feature_map
    middle = np.array([columns // 2, rows // 2]) * result.levels[0].stride
    corners = [
        (column * level.stride[0], row * level.stride[1])
        for level in result.levels
        for column in range(1, level.feature_map[0])
        for row in range(1, level.feature_map[1])
        if (column * level.stride[0], row * level.stride[1]) == tuple(middle) or level.feature_map[0] < 12
    ]

    def at(side: float, places: list[tuple[float, float]]) -> Floats:
        centres = np.array(places)
        return best_overlaps(np.concatenate((centres - side / 2, centres + side / 2), axis=1), priors)

    on_centre = [(middle[0] + result.levels[0].stride[0] / 2, middle[1] + result.levels[0].stride[1] / 2)]
    assert at(best, on_centre)[0] >= threshold - 1e-6
    assert at(best - 0.1, on_centre)[0] < threshold
    assert share_reaching(name, best - 0.1, threshold) == 0.0
    assert at(anywhere, [(middle[0], middle[1])])[0] >= threshold - 1e-6
    assert at(anywhere - 0.1, corners).min() < threshold


@pytest.mark.parametrize("threshold", [0.4, 0.5, 0.6])
@pytest.mark.parametrize("level", range(6))
def test_smallest_squares_of_each_level(level: int, threshold: float) -> None:
    """A level by itself, on an endless grid: squares laid on a fine raster over one cell."""
    rules = replace(RULES, match=replace(RULES.match, threshold=threshold))
    found = analyse_anchors(load_priors("ssd300-voc"), rules).levels[level]
    shapes, stride = np.array(found.shapes), np.array(found.stride)
    steps = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 13)] * 2), axis=-1).reshape(-1, 2) * stride
    cells = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2) * stride
    centres = np.repeat(cells, len(shapes), axis=0)
    sizes = np.tile(shapes, (len(cells), 1))
    priors = np.concatenate((centres - sizes / 2, centres + sizes / 2), axis=1)

    def overlaps(side: float) -> Floats:
        return best_overlaps(np.concatenate((steps - side / 2, steps + side / 2), axis=1), priors)

    assert found.smallest_best is not None
    assert overlaps(found.smallest_best).max() >= threshold - 1e-9
    assert overlaps(round(found.smallest_best - 0.1, 1)).max() < threshold
    sides = np.round(np.arange(found.smallest_best, 300.05, 0.1 if found.smallest_best < 30 else 0.9), 1)
    if found.smallest_anywhere is None:
        assert all(overlaps(side).min() < threshold for side in sides[::5])
    else:
        assert overlaps(found.smallest_anywhere).min() >= threshold - 1e-9
        assert all(overlaps(side).min() < threshold for side in sides[sides < found.smallest_anywhere])


def test_side_at_the_threshold_to_the_last_digit_counts() -> None:
    """A square of 12.3 is exactly half of 12.3 x 24.6, but its side in steps of a tenth is not exact."""
    spec = PriorSpec((100, 100), (LevelSpec((10, 10), (10.0, 10.0), ((12.3, 24.6),)),))
    named = NamedPriors(name="x", codebase="", priors=generate_priors(spec))
    assert analyse_anchors(named, RULES).smallest_best == 12.3


def test_no_square_reaches_a_threshold_that_no_shape_allows() -> None:
    spec = PriorSpec((100, 100), (LevelSpec((10, 10), (10.0, 10.0), ((10.0, 60.0),)),))
    result = analyse_anchors(NamedPriors(name="x", codebase="", priors=generate_priors(spec)), RULES)
    assert (result.smallest_best, result.smallest_anywhere) == (None, None)
    assert (result.levels[0].smallest_best, result.levels[0].smallest_anywhere) == (None, None)


@pytest.mark.parametrize("name", PRESETS)
def test_levels_by_brute_force(name: str) -> None:
    named = load_priors(name)
    result = analyse_anchors(named, RULES)
    corners, (width, height) = corner_boxes(name)
    boxes = named.priors.boxes.double().numpy()
    assert np.array_equal(result.boxes, named.priors.boxes.numpy())
    assert sum(level.priors for level in result.levels) == len(boxes) == result.config.priors
    start = 0
    for level, spec in zip(result.levels, named.priors.levels, strict=True):
        own = slice(start, start + level.priors)
        start += level.priors
        outside = [
            x1 < -1e-3 or y1 < -1e-3 or x2 > width + 1e-3 or y2 > height + 1e-3 for x1, y1, x2, y2 in corners[own]
        ]
        assert level.crossing == pytest.approx(sum(outside) / level.priors, abs=1e-12)
        centres = boxes[own, :2] * (width, height)
        assert level.reach == pytest.approx([*centres.min(axis=0), *centres.max(axis=0)], abs=1e-4)
        assert (level.feature_map, level.stride, level.shapes) == (spec.feature_map, spec.stride, spec.shapes)


@pytest.mark.parametrize("order", PriorOrder)
def test_middle_cell(order: PriorOrder) -> None:
    priors = generate_priors(replace(SMALL, order=order))
    level = analyse_anchors(NamedPriors(name="x", codebase="", priors=priors), RULES).levels[0]
    # Column 4 of 8 and row 2 of 4: centre (45, 25) of 80 x 40.
    expected = [[37 / 80, 17 / 40, 53 / 80, 33 / 40], [33 / 80, 19 / 40, 57 / 80, 31 / 40]]
    np.testing.assert_allclose(level.middle, expected, atol=1e-6)


def test_priors_without_a_grid() -> None:
    boxes = torch.rand((9, 4), generator=torch.Generator().manual_seed(0))
    named = NamedPriors(name="mine.pt", codebase="", priors=Priors(boxes, (300, 300), ()))
    result = analyse_anchors(named, RULES)
    assert result.levels == ()
    assert (result.smallest_best, result.smallest_anywhere) == (None, None)
    assert result.config.priors == 9
    assert np.array_equal(result.boxes, boxes.numpy())
    assert result.dialect == "ssd.pytorch"


def test_rounding_of_a_prior_that_touches_the_border_is_no_crossing() -> None:
    """Float32 puts the corner of this prior at -3e-8; it lies inside all the same."""
    spec = PriorSpec((300, 300), (LevelSpec((3, 3), (100.0, 100.0), ((100.0, 100.0),)),))
    priors = generate_priors(spec)
    assert math.isclose(float((priors.boxes[:, :2] - priors.boxes[:, 2:] / 2).amin()), 0.0, abs_tol=1e-7)
    assert analyse_anchors(NamedPriors(name="x", codebase="", priors=priors), RULES).levels[0].crossing == 0.0


def test_squares_are_tried_in_parts_that_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, sides = [(10.0 + width, 20.0) for width in range(50)], np.arange(1.0, 40.0)
    whole = geometry.square_iou(shapes, sides, np.zeros((2, 1)))
    monkeypatch.setattr(geometry, "MOST_NUMBERS", 100)
    np.testing.assert_array_equal(geometry.square_iou(shapes, sides, np.zeros((2, 1))), whole)


def test_an_input_of_one_pixel_and_of_the_largest(tmp_path: Path) -> None:
    for size in (1, 65_536):
        path = tmp_path / f"{size}.toml"
        path.write_text(f"image_size = {size}\n[[levels]]\nfeature_map = 2\nshapes = [[{size}, {size}]]")
        named = load_priors(str(path))
        result = analyse_anchors(named, load_dialect("ssd.pytorch"))
        assert len(result.levels) == 1
        assert 2 <= len(edges_of(named)) <= 130


def edges_of(named: NamedPriors) -> Floats:
    """The sides by which an audit groups objects, of a data set with one."""
    one = SimpleNamespace(side=np.ones(1), valid=np.ones(1, dtype=np.bool_), best_iou=np.ones(1))
    by_size = iou_by_size(one, named.priors)  # type: ignore[arg-type]
    assert by_size.counts.sum() == 1
    return np.asarray(by_size.edges, dtype=np.float64)
