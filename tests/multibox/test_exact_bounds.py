"""Bounds tried at their very value, by numbers that floats hold exactly."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.augmentation import draw
from ssdlossdbg.multibox.box_losses import BOXES
from ssdlossdbg.multibox.boxes import xyxy_to_cxcywh
from ssdlossdbg.multibox.crop_rules import KEEPS, SHAPES
from ssdlossdbg.multibox.designs import MOST_SHAPES, Bounds, make_design
from ssdlossdbg.multibox.detect import detect_boxes
from ssdlossdbg.multibox.fitting import Problem, Search, count, fit
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.localization import Frame, masked_places
from ssdlossdbg.multibox.matching import match, roles_of_labels
from ssdlossdbg.multibox.reach import Sample
from ssdlossdbg.rules import (
    AugmentSpec,
    CodecSpec,
    CropChoice,
    CropDemand,
    CropKeep,
    CropShape,
    DetectSpec,
    ForcedRule,
    LevelSpec,
    LocalizationLoss,
    LossSpec,
    Masking,
    MatchSpec,
    PriorSpec,
    SmallBoxes,
)

Numbers = tuple[float, ...]


def exact(*rows: Numbers) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


# Crops


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        ((0, 0, 8, 8), True),
        ((4, 0, 8, 8), False),
        ((3.5, 0, 8, 8), True),
        ((0, 4, 8, 8), False),
        ((0, 0, 4, 8), False),
        ((0, 0, 8, 4), False),
        ((0, 0, 4.5, 4.5), True),
    ],
)
def test_a_centre_on_the_border_of_a_crop_is_not_in_it(window: Numbers, inside: bool) -> None:
    """The centre of the box is (4, 4)."""
    kept = KEEPS[CropKeep.CENTRE](exact((3, 2, 5, 6)), exact(window), torch.zeros(1))
    assert kept.tolist() == [inside]


@pytest.mark.parametrize(
    ("window", "minimum", "kept"),
    [
        # Of a box of 4 x 4: a quarter, an eighth, and one that only touches it.
        ((0, 0, 2, 2), 0.25, True),
        ((0, 0, 2, 2), 0.26, False),
        ((0, 0, 2, 1), 0.0, True),
        ((4, 0, 8, 4), 0.0, False),
        ((5, 5, 8, 8), 0.0, False),
        # What reaches out of the window on one side, and lies beyond it on the other, shares nothing.
        ((5, 0, 8, 4), 0.0, False),
    ],
)
def test_what_is_covered_just_enough_is_kept(window: Numbers, minimum: float, kept: bool) -> None:
    found = KEEPS[CropKeep.OVERLAP](exact((0, 0, 4, 4)), exact(window), torch.tensor([minimum], dtype=torch.float64))
    assert found.tolist() == [kept]


@pytest.mark.parametrize("shape", [CropShape.SIDES, CropShape.RELATIVE_SIDES])
@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [(0.75, 1, True), (0.71875, 1, False), (0.625, 0.5, True), (0.65625, 0.5, False), (1, 1, True)],
)
def test_an_aspect_at_the_end_of_the_range_may_be(shape: CropShape, width: float, height: float, fits: bool) -> None:
    spec = AugmentSpec(shape=shape, size_range=(0.5, 1.0), aspect_range=(0.75, 1.25))
    one, other = exact((2 * width - 1,)), exact((2 * height - 1,))
    size, possible = SHAPES[shape](torch.full((1, 1, 2), 64.0, dtype=torch.float64), one, other, spec)
    assert size.tolist() == [[[64 * width, 64 * height]]]
    assert possible.tolist() == [[fits]]


@pytest.mark.parametrize(("least", "possible"), [(0.5, True), (0.53125, False)])
def test_a_crop_whose_least_area_fits_the_photo_just_so(least: float, possible: bool) -> None:
    """Twice as wide as high, it is as wide as the photo where it has half of its area."""
    spec = AugmentSpec(shape=CropShape.AREA_AND_ASPECT, size_range=(least, 1.0), aspect_range=(2.0, 4.0))
    canvas = torch.full((1, 1, 2), 64.0, dtype=torch.float64)
    size, found = SHAPES[spec.shape](canvas, exact((0.0,)), exact((0.75,)), spec)
    assert found.tolist() == [[possible]]
    assert not possible or size.tolist() == [[[64, 32]]]


@pytest.mark.parametrize("choice", [CropChoice.ONCE, CropChoice.REDRAWN, CropChoice.CANDIDATES])
def test_no_crop_of_whole_pixels_is_without_an_area(choice: CropChoice) -> None:
    """Of a photo of 6 x 6 pixels, most crops are cut to no pixel at all."""
    spec = AugmentSpec(
        choice=choice, size_range=(0.05, 0.3), aspect_range=(0.1, 10.0), demanded_of=CropDemand.NONE, keep_one=False
    )
    boxes, sizes = exact((0.1, 0.1, 0.9, 0.9)).repeat(200, 1), torch.full((200, 2), 6.0, dtype=torch.float64)
    drawn = draw(boxes, torch.arange(200), sizes, spec, torch.Generator().manual_seed(0))
    assert bool((drawn.sizes >= 1).all())
    assert bool((drawn.sizes == 1).any())
    assert bool(drawn.boxes.isfinite().all())


# Detections


@pytest.mark.parametrize(("width", "height", "kept"), [(0.25, 1, False), (1, 0.25, False), (0.2501, 0.2501, True)])
@pytest.mark.parametrize("rule", [SmallBoxes.BEFORE_RANKING, SmallBoxes.AFTER_RANKING])
def test_a_box_as_small_as_the_least_side_is_no_detection(
    width: float, height: float, kept: bool, rule: SmallBoxes
) -> None:
    spec = DetectSpec(small_boxes=rule, minimum_size=0.25, score_threshold=0.1)
    boxes = exact((0.5, 0.5, 0.5 + width, 0.5 + height))[None]
    found = detect_boxes(boxes, exact((0.0, 4.0))[None], (1.0, 1.0), spec)
    assert len(found.prior) == kept


# Grids


@pytest.mark.parametrize(("width", "height"), [(0, 32), (32, 0), (0, 0)])
def test_priors_without_an_area_stand_on_no_grid(width: float, height: float) -> None:
    levels = (LevelSpec((2, 2), (64.0, 64.0), ((32.0, 32.0),)),)
    cells = [(x, y) for y in (32, 96) for x in (32, 96)]
    assert Grid.of(exact(*((x, y, 32, 32) for x, y in cells)), levels) is not None
    assert Grid.of(exact(*((x, y, width, height) for x, y in cells)), levels) is None


# Forcing


def test_a_tie_takes_no_prior_that_another_object_has_of_its_own() -> None:
    """The second object overlaps both priors by half, and takes the first; the other one is all that object 0 has."""
    boxes = exact((5, 0, 8, 1), (0, 0, 6, 1))
    gt = pad_ground_truth([boxes], [torch.tensor([1, 2])])
    priors = xyxy_to_cxcywh(exact((0, 0, 3, 1), (3, 0, 6, 1)))
    found = match(gt, priors, MatchSpec(threshold=0.9, forced=ForcedRule.BIPARTITE_AND_TIES))
    assert found.gt_index.tolist() == [[1, 0]]
    assert found.labels.tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("rule", "at", "below"),
    [
        (ForcedRule.TAKEN_OVER, True, False),
        (ForcedRule.IF_NONE_REACHES, False, False),
        (ForcedRule.BIPARTITE, False, False),
        (ForcedRule.BEST_PRIOR, True, True),
        (ForcedRule.NONE, False, False),
    ],
)
@pytest.mark.parametrize("minimum", [0.4375, 0.5, 0.5625])
def test_an_overlap_that_is_the_least_for_a_forced_match(
    rule: ForcedRule, at: bool, below: bool, minimum: float
) -> None:
    """One rule asks for as much, the others for more; the object overlaps its prior by half."""
    gt = pad_ground_truth([exact((0, 0, 2, 1))], [torch.ones(1, dtype=torch.int64)])
    found = match(gt, xyxy_to_cxcywh(exact((0, 0, 1, 1))), MatchSpec(threshold=0.9, forced=rule, minimum_iou=minimum))
    forced = at if minimum == 0.5 else below if minimum > 0.5 else rule is not ForcedRule.NONE
    assert found.forced.tolist() == [[forced]]


# Losses of boxes


@pytest.mark.parametrize("aim", [(1, 0.5, 2, 2), (0.5, 1, 2, 2), (-1, 0.5, 0, 3), (0.5, -2, 3, 0)])
def test_of_boxes_that_only_touch_the_overlap_learns_nothing(aim: Numbers) -> None:
    """What is left of DIoU's gradient is that of the distance: of (dx^2 + dy^2) / (w^2 + h^2), by small steps."""

    def distance(box: list[float]) -> float:
        apart = sum((box[i] + box[i + 2] - aim[i] - aim[i + 2]) ** 2 / 4 for i in (0, 1))
        return apart / sum((max(box[i + 2], aim[i + 2]) - min(box[i], aim[i])) ** 2 for i in (0, 1))

    box, step, slopes = [0.0, 0.0, 1.0, 1.0], 1e-6, []
    for place in range(4):
        ends = [[*box[:place], box[place] + sign * step, *box[place + 1 :]] for sign in (1, -1)]
        slopes.append((distance(ends[0]) - distance(ends[1])) / (2 * step))
    leaf = exact(tuple(box)).requires_grad_()
    (gradient,) = torch.autograd.grad(BOXES[LocalizationLoss.DIOU](leaf, exact(aim), 0.0).sum(), leaf)
    assert gradient[0].tolist() == pytest.approx(slopes, abs=1e-6)


# Images and priors that take no part


def test_an_image_without_objects_is_background_whatever_its_priors_are() -> None:
    """A prior that is no number has an overlap that is below no threshold."""
    empty = pad_ground_truth([exact((0, 0, 1, 1))[:0]], [torch.zeros(0, dtype=torch.int64)])
    priors = exact((0.5, 0.5, 1, 1), (math.nan, 0.5, 1, 1))
    found = match(empty, priors, MatchSpec(one_class=True))
    assert found.labels.tolist() == [[0, 0]]
    assert not found.positive.any()


@pytest.mark.parametrize(
    ("masking", "masked"),
    [
        (Masking.INDEXED, None),
        (Masking.LOCALIZATION_OF_SELECTED, [False, True, False]),
        (Masking.MULTIPLIED, [False, True, True]),
    ],
)
def test_where_localisation_is_multiplied_by_0(masking: Masking, masked: list[bool] | None) -> None:
    """Of a positive, a negative that counts, and one that does not."""
    kept, selected = torch.tensor([[True, False, False]]), torch.tensor([[True, True, False]])
    found = masked_places(kept, selected, LossSpec(masking=masking))
    assert (None if found is None else found[0].tolist()) == masked


# Sizes that are too large


@pytest.mark.parametrize("row", [0, 1])
def test_each_size_is_clamped_by_its_own_variance(row: int) -> None:
    """A box whose width or height is beyond the bound costs what the one at the bound costs."""
    most = 0.5
    codec = CodecSpec(variances=(0.125, 0.25, 0.5, 0.25))
    spec = LossSpec(localization=LocalizationLoss.GIOU, largest_scale=most)
    frame = Frame(
        exact((0.5, 0.5, 0.25, 0.25)),
        codec,
        roles_of_labels(torch.ones((1, 1), dtype=torch.int64), torch.float64),
        None,
    )
    bound = [most / 0.5, most / 0.25]
    beyond, at = list(bound), list(bound)
    beyond[row] += 1
    at[1 - row] = beyond[1 - row] = bound[1 - row] / 2
    targets = exact((0, 0, 0, 0))[None]
    costs = [
        frame.costs(exact((0.1, 0.2, *sizes))[None], targets, None, rules).item()
        for sizes, rules in (
            (beyond, spec),
            (at, replace(spec, largest_scale=math.inf)),
            (beyond, replace(spec, largest_scale=math.inf)),
        )
    ]
    assert costs[0] == pytest.approx(costs[1], abs=1e-12)
    assert abs(costs[0] - costs[2]) > 0.01


# The search for sizes


@pytest.mark.parametrize(
    ("wanted", "place", "factor"), [(50.0, 0, 1.25), (40.0, 1, 1.25), (51.0, 0, 1.275), (39.0, 1, 50 / 39)]
)
def test_a_level_may_grow_until_it_is_as_large_as_the_next(wanted: float, place: int, factor: float) -> None:
    """Squares of 40 and 50 pixels on two grids, and an object of each cell that is as large as the other level's."""
    designs = (make_design((4, 4), (64.0, 64.0), 40.0, None, ()), make_design((3, 3), (85.0, 85.0), 50.0, None, ()))
    own = designs[place]
    centres = [((x + 0.5) * own.stride[0], (y + 0.5) * own.stride[1]) for x in range(3) for y in range(3)]
    boxes = exact(*((x - wanted / 2, y - wanted / 2, x + wanted / 2, y + wanted / 2) for x, y in centres)) / 256
    sample = Sample(boxes, torch.ones(4, dtype=torch.float64), MatchSpec(threshold=0.99))
    spec = PriorSpec((256, 256), tuple(design.spec for design in designs))
    found, _ = Search(Problem(sample, spec, Bounds(1.0, 512.0), 25, 0), sample).improve(designs, (factor,))
    sizes = [40.0, 50.0]
    if 40 <= wanted <= 50:
        sizes[place] = wanted
    assert [design.min_size for design in found] == sizes


def test_a_change_that_gains_nothing_is_not_made() -> None:
    """Of an object outside of the photo, which no square overlaps: nor is there a prior more for it."""
    designs = (make_design((4, 4), (64.0, 64.0), 40.0, 60.0, (2.0,)),)
    sample = Sample(exact((5, 5, 6, 6)), torch.ones(4, dtype=torch.float64), MatchSpec())
    problem = Problem(sample, PriorSpec((256, 256), (designs[0].spec,)), Bounds(1.0, 512.0), 100, 0)
    assert Search(problem, sample).improve(designs) == (designs, 0.0)
    assert fit(replace(problem, budget=500), designs) == designs


def test_as_many_shapes_as_there_can_be_where_the_budget_is_just_enough() -> None:
    """Ten in one cell, for squares of two sizes; nine have but one of them."""
    designs = (make_design((1, 1), (256.0, 256.0), 60.0, None, (1.5, 2.0, 3.0, 4.0)),)
    boxes = exact(*((128 - side / 2, 128 - side / 2, 128 + side / 2, 128 + side / 2) for side in (60, 90))) / 256
    sample = Sample(boxes, torch.ones(4, dtype=torch.float64), MatchSpec(threshold=0.7))
    problem = Problem(sample, PriorSpec((256, 256), (designs[0].spec,)), Bounds(1.0, 512.0), 10, 0)
    assert MOST_SHAPES == 10
    assert [count(fit(replace(problem, budget=budget), designs)) for budget in (9, 10, 20)] == [9, 10, 10]
