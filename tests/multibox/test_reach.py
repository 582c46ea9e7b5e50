"""The best IoU from the nearest cell alone, against that with every prior."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.overlaps import overlaps
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.multibox.reach import Sample, best_iou, nearest_centres, placed_iou
from ssdlossdbg.multibox.thresholds import reaches
from ssdlossdbg.rules import Clip, IouRule, LevelSpec, MatchSpec, Precision, PriorSpec

# Cells that do not divide the input, centres beyond it, shapes larger than it, and one column.
SPEC = PriorSpec(
    (200, 100),
    (
        LevelSpec((11, 7), (20.0, 16.0), ((24.0, 24.0), (40.0, 20.0), (13.0, 31.0))),
        LevelSpec((4, 2), (50.0, 50.0), ((60.0, 60.0), (210.0, 40.0))),
        LevelSpec((1, 3), (200.0, 40.0), ((150.0, 90.0),)),
    ),
)
RULES = [(IouRule.PLAIN, 0.0), (IouRule.EPSILON_ADDED, 1e-5), (IouRule.UNION_FLOOR, 1e-6)]


def objects(seed: int, whole: bool = False) -> Tensor:
    """`[300, 4]` boxes of all sizes, some beyond the border; of whole pixels where asked, so that they tie."""
    generator = torch.Generator().manual_seed(seed)
    size = 0.02 + torch.rand((300, 2), generator=generator) ** 2
    centre = 1.2 * torch.rand((300, 2), generator=generator) - 0.1
    boxes = torch.cat((centre - size / 2, centre + size / 2), 1)
    if whole:
        pixels = torch.tensor([200.0, 100.0, 200.0, 100.0])
        boxes = (boxes * pixels).round() / pixels
        boxes[:, 2:] = torch.maximum(boxes[:, 2:], boxes[:, :2] + 1 / pixels[:2])
    return boxes


def dense(sample: Sample, spec: PriorSpec) -> Tensor:
    """`[N]` by the matrix of all overlaps."""
    gt = pad_ground_truth([sample.boxes], [torch.ones(len(sample.boxes), dtype=torch.long)])
    return overlaps(gt, generate_priors(spec).boxes * sample.unit, sample.match)[0].amax(1)


@pytest.mark.parametrize("clip", list(Clip))
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("offset", "pixels"), [(0.5, False), (0.5, True), (0.1, False), (0.9, True)])
def test_the_same_as_with_every_prior(clip: Clip, whole: bool, offset: float, pixels: bool) -> None:
    spec = replace(SPEC, clip=clip, offset=offset)
    unit = torch.tensor([200.0, 100.0, 200.0, 100.0]) if pixels else torch.ones(4)
    sample = Sample(objects(3, whole) * unit, unit, MatchSpec())
    expected, found = dense(sample, spec), best_iou(sample, spec)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)
    assert torch.equal(reaches(found, 0.5, sample.match), reaches(expected, 0.5, sample.match))


@pytest.mark.parametrize("clip", list(Clip))
@pytest.mark.parametrize("pixels", [False, True])
def test_priors_that_are_put_on_any_centre(clip: Clip, pixels: bool) -> None:
    """Each object with a prior of each shape on a centre of its own, against the areas of both."""
    unit = torch.tensor([200.0, 100.0, 200.0, 100.0]) if pixels else torch.ones(4)
    sample = Sample(objects(5)[:30] * unit, unit, MatchSpec())
    centres = torch.rand((30, 2), generator=torch.Generator().manual_seed(1)) * unit[:2]
    shapes = [(24.0, 24.0), (210.0, 40.0), (60.0, 110.0)]
    found = placed_iou(sample, centres, torch.tensor(shapes, dtype=torch.float64), replace(SPEC, clip=clip))
    for row, (x1, y1, x2, y2) in enumerate(sample.boxes.tolist()):
        for column, shape in enumerate(shapes):
            sides = [shape[axis] / (200, 100)[axis] for axis in (0, 1)]
            if clip in (Clip.CXCYWH, Clip.WH):
                sides = [min(side, 1.0) for side in sides]
            low, high = (
                [float(centres[row, a]) + way * sides[a] * float(unit[a]) / 2 for a in (0, 1)] for way in (-1, 1)
            )
            if clip is Clip.XYXY:
                low, high = ([min(max(end[a], 0.0), float(unit[a])) for a in (0, 1)] for end in (low, high))
            across, down = min(x2, high[0]) - max(x1, low[0]), min(y2, high[1]) - max(y1, low[1])
            shared = max(across, 0.0) * max(down, 0.0)
            both = (x2 - x1) * (y2 - y1) + (high[0] - low[0]) * (high[1] - low[1]) - shared
            assert float(found[row, column]) == pytest.approx(shared / both, abs=1e-5)


@pytest.mark.parametrize(("rule", "epsilon"), RULES)
@pytest.mark.parametrize("precision", list(Precision))
def test_by_the_rules_of_the_dialect(rule: IouRule, epsilon: float, precision: Precision) -> None:
    match = MatchSpec(threshold=0.45, iou=rule, iou_epsilon=epsilon, precision=precision)
    sample = Sample(objects(5), torch.ones(4), match)
    torch.testing.assert_close(best_iou(sample, SPEC).double(), dense(sample, SPEC).double(), rtol=0, atol=2e-6)


def test_exactly_the_threshold_is_told_like_matching_tells_it() -> None:
    # A 24 x 24 prior holds an object of 16 x 18 at IoU 0.5 in several cells; rounding differs from cell to cell.
    spec = replace(SPEC, levels=(LevelSpec((40, 20), (5.0, 5.0), ((24.0, 24.0),)),))
    low = torch.rand((200, 2), generator=torch.Generator().manual_seed(0)) * torch.tensor([0.8, 0.7])
    sample = Sample(torch.cat((low, low + torch.tensor([0.08, 0.18])), 1), torch.ones(4), MatchSpec())
    reached = reaches(best_iou(sample, spec), 0.5, sample.match)
    assert torch.equal(reached, reaches(dense(sample, spec), 0.5, sample.match))
    assert reached.any()


def test_the_nearest_centre_is_the_clamped_one() -> None:
    # Columns at 10, 30, ..., 190, 210, of which the last is pulled to 200: 196 is nearer to that than to 190.
    sample = Sample(torch.tensor([[0.97, 0.4, 0.99, 0.6]]), torch.ones(4), MatchSpec())
    grid = ((11, 7), (20.0, 16.0))
    clamped = nearest_centres(sample, *grid, replace(SPEC, clip=Clip.CXCYWH))
    assert clamped[0].tolist() == pytest.approx([1.0, 0.56])
    assert nearest_centres(sample, *grid, SPEC)[0].tolist() == pytest.approx([0.95, 0.56])


def test_no_object_at_all() -> None:
    assert best_iou(Sample(torch.zeros((0, 4)), torch.ones(4), MatchSpec()), SPEC).shape == (0,)
