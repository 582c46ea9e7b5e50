"""Where the maths turns: boxes that are none, grids that are no square, crops as wide as the photo."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou, sound_boxes, xyxy_to_cxcywh
from ssdlossdbg.multibox.crop_rules import SHAPES
from ssdlossdbg.multibox.designs import design_of, nearest_design
from ssdlossdbg.multibox.gradients import localization_gradient
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.multibox.matching import match, match_with_ties, roles_of_labels
from ssdlossdbg.multibox.priors import generate_priors, infer_levels
from ssdlossdbg.multibox.repeats import suppress_repeats
from ssdlossdbg.multibox.sparse_matching import match_sparsely
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import AugmentSpec, Clip, CropShape, ForcedRule, LevelSpec, MatchSpec, PriorSpec

NAN, INF = math.nan, math.inf


def one_image(*boxes: tuple[float, float, float, float]) -> GroundTruthBatch:
    """Objects of the classes 1, 2, and so on."""
    return pad_ground_truth([torch.tensor(boxes, dtype=torch.float64)], [torch.arange(1, len(boxes) + 1)])


def priors(*corners: tuple[float, float, float, float]) -> Tensor:
    return xyxy_to_cxcywh(torch.tensor(corners, dtype=torch.float64))


@pytest.mark.parametrize(
    ("box", "sound"),
    [
        ((0, 0, 1, 1), True),
        ((0, 0, INF, 1), False),
        ((-INF, 0, 1, 1), False),
        ((0, 0, 1, NAN), False),
        ((1, 0, 0, 1), False),
        ((0, 1, 1, 0), False),
        ((0, 0, 0, 1), False),
        ((0, 0, 1, 0), False),
    ],
)
def test_a_box_is_finite_and_has_an_area(box: tuple[float, ...], sound: bool) -> None:
    assert sound_boxes(torch.tensor([box, (2.0, 2.0, 3.0, 3.0)])).tolist() == [sound, True]


# Grids


def wide_grid() -> PriorSpec:
    """Two levels, neither square, whose strides are no whole numbers."""
    shapes = ((30.0, 30.0), (40.0, 20.0))
    return PriorSpec(
        (300, 200),
        (
            LevelSpec((7, 4), (300 / 7, 50.0), shapes),
            LevelSpec((3, 1), (100.0, 200.0), ((90.0, 60.0),)),
        ),
    )


def test_levels_are_read_out_of_centres_that_are_no_square() -> None:
    spec = wide_grid()
    found, _ = infer_levels(generate_priors(spec).boxes, spec.image_size)
    assert [level.feature_map for level in found] == [(7, 4), (3, 1)]
    assert [level.stride for level in found] == [(42.857, 50.0), (100.0, 200.0)]
    assert [level.shapes for level in found] == [level.shapes for level in spec.levels]


@pytest.mark.parametrize("clip", Clip)
def test_the_nearest_prior_of_each_shape(clip: Clip) -> None:
    """Against the distance to every one, also of objects beyond the last column and row, and left of the first.

    Of the third level a prior reaches over a dozen of its cells; where it is clipped, its columns are of all sizes.
    """
    wide = wide_grid()
    more = LevelSpec((30, 20), (10.0, 10.0), ((250.0, 150.0),)), LevelSpec((2, 2), (150.0, 100.0), ((40.0, 30.0),))
    spec = replace(wide, levels=(*wide.levels, *more), clip=clip)
    made = generate_priors(spec)
    boxes = made.boxes.double()
    grid = Grid.of(boxes, spec.levels)
    assert grid is not None
    corners = torch.rand((200, 2, 2), generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 1.6 - 0.3
    objects = torch.cat((corners.amin(1), corners.amax(1)), 1)
    centres = (objects[:, :2] + objects[:, 2:]) / 2
    shapes = [torch.arange(0, 56, 2), torch.arange(1, 56, 2), torch.arange(56, 59), torch.arange(59, 659)]
    shapes.append(torch.arange(659, 663))
    for column, chosen in zip(grid.nearest(objects).T, shapes, strict=True):
        distance = torch.cdist(centres, boxes[chosen, :2])
        assert torch.equal(column, chosen[distance.argmin(1)])


def test_an_object_that_reaches_no_threshold_gets_its_best_prior_on_a_grid_too() -> None:
    """Against its IoU with every prior; most often the best one is one of those nearest to it."""
    spec = wide_grid()
    boxes = generate_priors(spec).boxes.double()
    grid = Grid.of(boxes, spec.levels)
    assert grid is not None
    centres = torch.rand((100, 2), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    objects = cxcywh_to_xyxy(torch.cat((centres, torch.full((100, 2), 0.05, dtype=torch.float64)), 1))
    overlaps = iou(objects[:, None], cxcywh_to_xyxy(boxes))
    best = overlaps.amax(1)
    assert 0 < float(best.amax()) < MatchSpec().threshold
    for tolerance in (0.0, 0.01):
        found = match_sparsely(objects, torch.arange(100), cxcywh_to_xyxy(boxes), MatchSpec(), grid, tolerance)
        reached = best > 2 * tolerance
        assert torch.equal(found.best_iou, best)
        assert torch.equal(found.best_prior, overlaps.argmax(1))
        assert torch.equal(found.ties[reached], (overlaps >= best[:, None] - tolerance).sum(1)[reached])


# Ties and forcing


def test_ties_and_near_ties() -> None:
    """Two priors overlap the first object by half, one by a little less; nothing overlaps the second."""
    found = priors((0, 0, 1, 1), (0, 1, 1, 2), (0, 0, 1, 0.96), (5, 5, 6, 6))
    gt = one_image((0, 0, 1, 2), (8, 8, 9, 9))
    for slack, nearly in ((0.0, 2), (0.019, 2), (0.021, 3), (0.6, 4)):
        _, tied = match_with_ties(gt, found, MatchSpec(), slack)
        assert tied.exactly[0, 0] == 2
        assert tied.nearly.tolist() == [[nearly, 0]]


def test_near_ties_of_a_small_overlap() -> None:
    _, tied = match_with_ties(one_image((0, 0, 1, 1)), priors((0, 0, 10, 10), (0, 0, 10, 9)), MatchSpec(), 0.01)
    assert tied.nearly.tolist() == [[2]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gluon_forces_every_prior_that_is_as_good_as_the_best(dtype: torch.dtype) -> None:
    """Of 1/3, float32 cannot tell its slack of 1e-12 from none."""
    spec = replace(MatchSpec(), forced=ForcedRule.BIPARTITE_AND_TIES)
    found = priors((0, 0, 1, 1), (0, 1, 1, 2), (0, 0, 1, 0.99)).to(dtype)
    gt = pad_ground_truth([torch.tensor([(0, 0, 1, 3)], dtype=dtype)], [torch.ones(1, dtype=torch.int64)])
    assert match(gt, found, spec).forced.tolist() == [[True, True, False]]


def test_keras_forces_the_last_stranded_object_on_prior_0_and_gives_up_the_first_ones_prior() -> None:
    """Once only zeros are left, each further step of ssd_keras's greedy matching takes object 0 and prior 0 anew."""
    spec = replace(MatchSpec(), forced=ForcedRule.BIPARTITE_KERAS)
    found = priors((20, 20, 21, 21), (30, 30, 31, 31), (0, 0, 1, 1), (5, 5, 6, 6))
    both = match(one_image((0.4, 0, 1.4, 1), (5.4, 5, 6.4, 6)), found, spec)
    assert both.forced.tolist() == [[False, False, True, True]]
    stranded = match(one_image((0.4, 0, 1.4, 1), (5.4, 5, 6.4, 6), (50, 50, 51, 51)), found, spec)
    assert stranded.forced.tolist() == [[True, False, False, True]]
    assert stranded.labels[0, [0, 3]].tolist() == [3, 2]


# Gradients


@pytest.mark.parametrize("name", dialect_names())
def test_no_gradient_where_localisation_does_not_count(name: str) -> None:
    rules = load_dialect(name)
    generator = torch.Generator().manual_seed(1)
    boxes = priors(*((x / 8, y / 8, (x + 2) / 8, (y + 2) / 8) for y in range(6) for x in range(6)))
    loc, conf = (torch.randn((1, 36, width), generator=generator, dtype=torch.float64) for width in (4, 5))
    gt = one_image((0.1, 0.1, 0.4, 0.35), (0.5, 0.55, 0.8, 0.8))
    result = multibox_loss(loc, conf, boxes, gt, rules.match, rules.codec, rules.mining, rules.loss)
    gradient = localization_gradient(loc, result, rules.loss).dense
    assert result.localized.any()
    assert torch.equal(gradient.any(-1), result.localized)


# Crops


@pytest.mark.parametrize("shape", [CropShape.SCALE_AND_ASPECT, CropShape.SCALE_AND_CLAMPED_ASPECT])
@pytest.mark.parametrize("scale", [0.3, 0.75, 0.9, 1.0])
def test_an_aspect_is_held_to_what_the_photo_has_room_for(shape: CropShape, scale: float) -> None:
    """The widest crop of a scale is as wide as the photo, and the highest as high, or has the greatest aspect."""
    spec = AugmentSpec(shape=shape, size_range=(0.1, 1.0), aspect_range=(0.5, 2.0))
    canvas = torch.tensor([[400.0, 300.0]] * 2, dtype=torch.float64)
    one = torch.full((2,), (scale - 0.1) / 0.9, dtype=torch.float64)
    size, drawn = SHAPES[shape](canvas, one, torch.tensor([0.0, 1.0], dtype=torch.float64), spec)
    longest = min(1.0, scale * math.sqrt(2))
    shortest = scale**2 / longest
    assert drawn.all()
    expected = [[400 * shortest, 300 * longest], [400 * longest, 300 * shortest]]
    torch.testing.assert_close(size, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=0)


# Designs


def test_a_ratio_is_recognised_though_its_sides_were_rounded() -> None:
    level = LevelSpec((4, 4), (75.0, 75.0), ((60.0, 60.0), (84.9, 42.4), (42.4, 84.9)))
    design = design_of(level)
    assert design is not None
    assert (design.min_size, design.max_size, design.ratios) == (60.0, None, (2.0,))


def test_shapes_of_one_size_get_a_range_all_the_same() -> None:
    """Caffe refuses a max_size that is not above min_size."""
    design = nearest_design(LevelSpec((4, 4), (75.0, 75.0), ((10.0, 20.0), (20.0, 10.0))))
    assert (design.min_size, design.max_size) == (14.14, 21.21)
    wide = nearest_design(LevelSpec((4, 4), (75.0, 75.0), ((10.0, 20.0), (40.0, 20.0))))
    assert wide.max_size == pytest.approx(800 / math.sqrt(200), abs=0.01)


# Suppression


@pytest.mark.parametrize("threshold", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("repeats", [True, False])
def test_a_repetition_that_is_as_flat_as_one_can_be(threshold: float, repeats: bool) -> None:
    """The box further left is as much flatter as the threshold allows, or a little more."""
    height = threshold * (1 + (1e-5 if repeats else -1e-5))
    boxes = torch.tensor([[[0, 0, 1, 1], [-1e-7, 1 - height, 1, 1]]], dtype=torch.float64)
    assert suppress_repeats(boxes, threshold).tolist() == [[True, not repeats]]


def test_roles_of_labels_own_nothing() -> None:
    found = roles_of_labels(torch.tensor([[0, 3, -1, -7]]), torch.float64)
    assert found.positive.tolist() == [[False, True, False, False]]
    assert found.ignored.tolist() == [[False, False, True, True]]
    assert found.labels.tolist() == [[0, 3, -1, -1]]
    assert found.owner.tolist() == [[-1] * 4]
    assert found.prior_iou.tolist() == [[-1.0] * 4]
    assert (found.best_prior.tolist(), found.best_iou.tolist()) == ([[0]], [[-1.0]])
    assert not found.forced.any()
    assert not found.gt_index.any()
