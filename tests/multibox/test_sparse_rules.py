"""Matching by the few pairs that matter gives what matching by all overlaps gives, under every rule there is."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, product

import pytest
import torch
from torch import Tensor

from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.multibox import greedy, pairs
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.matching import Matching, match, match_with_ties
from ssdlossdbg.multibox.matching_on_grid import match_on_grid
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.multibox.sparse_matching import can_match_sparsely, match_sparsely
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.readers.named_priors import default_priors
from ssdlossdbg.rules import (
    Clip,
    ConflictRule,
    ForcedRule,
    IouRule,
    LevelSpec,
    MatchSpec,
    Precision,
    PriorOrder,
    PriorSpec,
    Ties,
)
from tests.kinds_of_dialects import each_value_of

# 33 priors, and 7: fewer than some images have objects.
SOME = PriorSpec(
    (200, 100), (LevelSpec((5, 3), (40, 33), ((44, 36), (80, 30))), LevelSpec((3, 1), (66, 100), ((90, 60),)))
)
FEW = PriorSpec((100, 100), (LevelSpec((3, 2), (33, 50), ((50, 50),)), LevelSpec((1, 1), (100, 100), ((100, 100),))))
SLACK = 1e-5


def scene(seed: int, priors: Priors) -> GroundTruthBatch:
    """Objects that tie, repeat, are priors themselves, are tiny, lie outside, touch priors only, and crowd."""
    rng = torch.Generator().manual_seed(seed)
    corners = cxcywh_to_xyxy(priors.boxes)
    boxes = []
    for crowd in (0, 2, 5, 12, 40):
        low = torch.randint(-1, 9, (crowd, 2), generator=rng) / 8
        made = torch.cat((low, low + torch.randint(1, 6, low.shape, generator=rng) / 8), 1)
        kind = torch.randint(0, 9, (crowd,), generator=rng)
        own = corners[torch.randint(0, len(corners), (crowd,), generator=rng)]
        made = torch.where((kind == 0)[:, None], own, made)
        tiny = torch.cat((made[:, :2], made[:, :2] + 2.0**-9), 1)
        made = torch.where((kind == 1)[:, None], tiny, made)
        made = torch.where((kind == 2)[:, None], made + 3, made)
        beside = torch.stack((own[:, 2], own[:, 1], own[:, 2] + 0.125, own[:, 3]), 1)
        made = torch.where((kind == 3)[:, None], beside, made)
        any_size = torch.rand((crowd, 4), generator=rng)
        any_size[:, 2:] += any_size[:, :2] + 1e-3
        made = torch.where((kind == 4)[:, None], any_size, made)
        if crowd:
            again = torch.randint(0, crowd, (crowd,), generator=rng)
            made = torch.where((kind >= 7)[:, None], made[again], made)
        boxes.append(made)
    return pad_ground_truth(boxes, [torch.randint(0, 4, (len(each),), generator=rng) for each in boxes])


def assert_same(gt: GroundTruthBatch, priors: Priors, spec: MatchSpec) -> None:
    """Roles, owners, best priors, ties: all that is said of objects and of the priors that they get."""
    grid = priors.grid
    assert grid is not None
    every, tied = match_with_ties(gt, priors.boxes, spec, SLACK)
    assert_same_roles(gt, every, match_on_grid(gt, priors.boxes, spec, grid))
    image, slot = gt.mask.nonzero(as_tuple=True)
    corners = cxcywh_to_xyxy(priors.boxes)
    if spec.precision is Precision.FLOAT64:
        corners = cxcywh_to_xyxy(priors.boxes.double())
    found = match_sparsely(gt.boxes[image, slot], image, corners, spec, grid, SLACK)
    plainly = every.best_iou[gt.mask] > 2 * SLACK
    assert torch.equal(found.ties[plainly], tied.nearly[gt.mask][plainly])


def assert_same_roles(gt: GroundTruthBatch, every: Matching, few: Matching) -> None:
    for name in ("positive", "forced", "ignored", "labels", "owner"):
        assert torch.equal(getattr(every, name), getattr(few, name)), name
    assert torch.equal(every.gt_index[every.positive], few.gt_index[every.positive])
    for name in ("best_prior", "best_iou", "lost_to"):
        assert torch.equal(getattr(every, name)[gt.mask], getattr(few, name)[gt.mask]), name


BY_CONFLICT = (ForcedRule.BEST_PRIOR, ForcedRule.IF_NONE_REACHES, ForcedRule.TAKEN_OVER)
FORCED = [
    *(MatchSpec(forced=forced, conflict=conflict) for forced, conflict in product(BY_CONFLICT, ConflictRule)),
    *(MatchSpec(forced=forced) for forced in ForcedRule if forced not in BY_CONFLICT),
]


@pytest.mark.parametrize("spec", FORCED, ids=lambda spec: f"{spec.forced.value} {spec.conflict.value}")
@pytest.mark.parametrize("layout", [SOME, FEW], ids=["some", "few"])
def test_every_forced_rule(spec: MatchSpec, layout: PriorSpec) -> None:
    priors = generate_priors(layout)
    for seed, (ties, minimum) in enumerate(zip(cycle(Ties), (0.0, -0.5, 0.2, 0.0), strict=False)):
        assert_same(scene(seed, priors), priors, replace(spec, ties=ties, minimum_iou=minimum))


@pytest.mark.parametrize("forced", ForcedRule)
@pytest.mark.parametrize("clip", Clip)
def test_every_other_rule(forced: ForcedRule, clip: Clip) -> None:
    """On priors that reach over the border, too, and on those that were clipped there; each pair of rules meets."""
    turn = [*ForcedRule].index(forced) + [*Clip].index(clip)
    for number, rule in list(enumerate(IouRule))[turn % 2 :: 2]:
        order = PriorOrder.SHAPE if number % 2 else PriorOrder.CELL
        priors = generate_priors(replace(SOME, clip=clip, order=order))
        spec = MatchSpec(
            forced=forced,
            iou=rule,
            iou_epsilon=1e-3,
            precision=(Precision.INPUT, Precision.FLOAT64)[number % 2],
            first_prior_background=number > 2,
            ignore_from=(None, 0.3, 0.6)[number % 3],
            threshold=0.4,
        )
        assert_same(scene(100 + number, priors), priors, spec)


@pytest.mark.parametrize("name", each_value_of("match"))
def test_every_dialect(name: str) -> None:
    for seed, layout in enumerate((SOME, FEW)):
        priors = generate_priors(layout)
        assert_same(scene(10 + seed, priors), priors, load_dialect(name).match)


@pytest.mark.parametrize("name", dialect_names())
def test_every_dialect_on_the_priors_that_it_trains_on(name: str) -> None:
    """They stand on a grid, in the unit and the precision of the codebase, so that no dialect needs all overlaps."""
    rules = load_dialect(name)
    priors, spec = default_priors(rules, 21).priors, rules.match
    unit = unit_of(rules, priors)
    grid, held = priors.grid_in(unit), priors.in_units(unit, spec.precision)
    assert grid is not None
    assert can_match_sparsely(spec)
    made = scene(7, generate_priors(SOME))
    gt = replace(made, boxes=(made.boxes * unit).to(unit.dtype))
    assert_same_roles(gt, match(gt, held, spec), match_on_grid(gt, held, spec, grid))


def test_few_pairs_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loses a prior while others are looked at goes on with what is left."""
    monkeypatch.setattr(pairs, "PAIRS_AT_ONCE", 7)
    monkeypatch.setattr(greedy, "PAIRS_HELD", 5)
    monkeypatch.setattr(greedy, "PRIORS_AT_ONCE", 1)
    monkeypatch.setattr(greedy, "NEXT_SHARE", 0.9)
    for seed, forced in product(range(2), ForcedRule):
        priors = generate_priors((SOME, FEW)[seed % 2])
        assert_same(scene(seed, priors), priors, MatchSpec(forced=forced))


@pytest.mark.parametrize("held", [10, 400])
@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("minimum", [-0.5, 0.0, 0.125])
def test_ties_of_all_kinds(monkeypatch: pytest.MonkeyPatch, held: int, share: float, minimum: float) -> None:
    """On a lattice, where several priors tie for an object, and several objects for a prior, at every level."""
    monkeypatch.setattr(pairs, "PAIRS_AT_ONCE", held)
    monkeypatch.setattr(greedy, "PAIRS_HELD", held)
    monkeypatch.setattr(greedy, "NEXT_SHARE", share)
    priors = generate_priors(PriorSpec((128, 128), (LevelSpec((4, 4), (32, 32), ((32, 32), (64, 64))),)))
    rng = torch.Generator().manual_seed(0)
    for objects in (24, 60):
        low = torch.randint(0, 6, (8, objects, 2), generator=rng) / 8
        boxes = torch.cat((low, low + torch.randint(1, 5, low.shape, generator=rng) / 8), 2)
        gt = pad_ground_truth(list(boxes), [torch.ones(objects, dtype=torch.long)] * 8)
        assert_same(gt, priors, MatchSpec(forced=ForcedRule.BIPARTITE, minimum_iou=minimum))


@pytest.mark.parametrize("seed", range(6))
def test_many_more_objects_than_priors(seed: int) -> None:
    """Of 33 priors, few are still to be won at the low levels, and none where all are held with more than the last."""
    rng = torch.Generator().manual_seed(seed)
    low = torch.rand((4, 250, 2), generator=rng) * 0.8
    boxes = torch.cat((low, low + 0.02 + 0.2 * torch.rand((4, 250, 2), generator=rng)), -1)
    gt = pad_ground_truth(list(boxes), [torch.ones(250, dtype=torch.long)] * 4)
    assert_same(gt, generate_priors(SOME), MatchSpec(forced=ForcedRule.BIPARTITE))


def test_many_alike() -> None:
    """More objects of one box than priors: the first ones get the priors that it overlaps, from the best one on."""
    priors = generate_priors(SOME)
    box = torch.tensor([[0.2, 0.2, 0.6, 0.7]])
    boxes = torch.cat((box.repeat(50, 1), box.repeat(50, 1) + 1e-3))
    gt = pad_ground_truth([boxes], [torch.ones(100, dtype=torch.long)])
    for minimum in (0.0, -0.5):
        assert_same(gt, priors, MatchSpec(forced=ForcedRule.BIPARTITE, minimum_iou=minimum))


@pytest.mark.parametrize("objects", [8, 11])
def test_a_few_more_objects_than_priors_and_all_of_them_alike(objects: int) -> None:
    """Of 7 priors some are free yet when as many objects as there are priors have lost those that they want most."""
    priors = generate_priors(FEW)
    for seed in range(6):
        low = torch.rand((2, objects, 2), generator=torch.Generator().manual_seed(seed)) * 0.1 + 0.1
        gt = pad_ground_truth(list(torch.cat((low, low + 0.5), 2)), [torch.ones(objects, dtype=torch.long)] * 2)
        assert_same(gt, priors, MatchSpec(forced=ForcedRule.BIPARTITE))


def test_no_object_at_all() -> None:
    priors = generate_priors(SOME)
    nothing = torch.zeros((0, 4))
    gt = pad_ground_truth([nothing, nothing], [torch.zeros(0, dtype=torch.long)] * 2)
    for forced in ForcedRule:
        assert_same(gt, priors, MatchSpec(forced=forced))


@pytest.mark.parametrize("clip", Clip)
@pytest.mark.parametrize("layout", [SOME, FEW], ids=["some", "few"])
def test_the_nearest_prior_of_each_shape(clip: Clip, layout: PriorSpec) -> None:
    """None of its shape has a centre that is nearer along x, or along y."""
    priors = generate_priors(replace(layout, clip=clip))
    gt, grid = scene(3, priors), priors.grid
    assert grid is not None
    boxes = gt.boxes[gt.mask].double()
    nearest = grid.nearest(boxes)
    for shape in range(nearest.shape[1]):
        for axis, along in enumerate((grid.x, grid.y)):
            rest = torch.arange(int(along.count[shape])) * along.step[shape] + grid.first[shape]
            middle = (boxes[:, axis] + boxes[:, axis + 2]) / 2
            away = (priors.boxes[rest, axis].double() - middle[:, None]).abs().amin(1)
            found = (priors.boxes[nearest[:, shape], axis].double() - middle).abs()
            assert bool((found <= away + 1e-5).all())


@pytest.mark.parametrize("clip", Clip)
def test_windows_of_anything_that_overlaps(clip: Clip) -> None:
    """Asked for any overlap at all, the windows leave out none; on clipped priors few come with them."""
    priors = generate_priors(replace(SOME, clip=clip))
    gt = scene(5, priors)
    boxes: Tensor = gt.boxes[gt.mask]
    corners = cxcywh_to_xyxy(priors.boxes)
    assert priors.grid is not None
    row, prior = priors.grid.candidates(boxes, 0.0)
    share = torch.minimum(boxes[:, None, 2:], corners[:, 2:]) - torch.maximum(boxes[:, None, :2], corners[:, :2])
    touching = (share > -1e-4).all(-1)
    overlapping = (share > 0).all(-1)
    found = torch.zeros_like(touching).index_put_((row, prior), torch.tensor(True))
    assert int(found.sum()) == len(row), "no pair twice"
    assert bool((found | ~overlapping).all())
    assert bool((touching | ~found).all())
