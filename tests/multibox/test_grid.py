"""Matching on a grid: the same roles as matching with every prior, ties included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import matching_on_grid
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.multibox.matching import Matching, match
from ssdlossdbg.multibox.matching_on_grid import match_on_grid
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
from ssdlossdbg.rules import (
    BackgroundObjects,
    Clip,
    Comparison,
    ConflictRule,
    IouRule,
    LevelSpec,
    MatchSpec,
    PriorOrder,
    PriorSpec,
)
from tests.kinds_of_dialects import each_value_of

# A grid of few cells, so that objects tie; the second level is not square and its shapes overlap the border.
SMALL = PriorSpec(
    (200, 100),
    (
        LevelSpec((10, 5), (20, 20), ((24, 24), (40, 20), (20, 40))),
        LevelSpec((4, 2), (50, 50), ((60, 60), (120, 40))),
        LevelSpec((1, 1), (200, 100), ((150, 90),)),
    ),
)


def objects(seed: int, images: int = 6, unit: tuple[float, float] = (1.0, 1.0), step: float = 0.0) -> GroundTruthBatch:
    """Boxes of all sizes, some of them the same twice; on a lattice of `step` where that is given, so that they tie."""
    generator = torch.Generator().manual_seed(seed)
    boxes, labels = [], []
    for image in range(images):
        count = 0 if image == 4 else int(torch.randint(1, 14, (), generator=generator))
        size = 0.02 + 0.9 * torch.rand((count, 2), generator=generator) ** 2
        low = torch.rand((count, 2), generator=generator) * (1 - size)
        made = torch.cat((low, low + size), 1)
        if step:
            made = (made / step).round() * step
            made[:, 2:] = torch.maximum(made[:, 2:], made[:, :2] + step)
        if count > 2:
            made[1] = made[0]
        boxes.append(made * torch.tensor([*unit, *unit]))
        labels.append(torch.randint(0 if image == 2 else 1, 5, (count,), generator=generator))
    return pad_ground_truth(boxes, labels)


def assert_same(gt: GroundTruthBatch, priors: Tensor, spec: MatchSpec, grid: Grid | None) -> None:
    """Both ways of matching give the same, to the last bit, wherever the grid says anything."""
    every, few = match(gt, priors, spec), match_on_grid(gt, priors, spec, grid)
    for name in ("positive", "forced", "ignored", "labels", "owner"):
        assert torch.equal(getattr(every, name), getattr(few, name)), name
    assert torch.equal(every.gt_index[every.positive], few.gt_index[every.positive])
    for name in ("best_prior", "best_iou", "lost_to"):
        assert torch.equal(getattr(every, name)[gt.mask], getattr(few, name)[gt.mask]), name
    reaching = every.positive & (every.owner < 0)
    assert torch.equal(every.prior_iou[reaching], few.prior_iou[reaching])


@pytest.fixture
def dense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes sure that the grid is really used."""

    def refuse(*_: object) -> None:
        raise AssertionError("fell back to matching with every prior")

    monkeypatch.setattr(matching_on_grid, "match", refuse)


# One preset of those that stand on grids of one kind.
SPECS = {name: load_prior_config(name).spec for name in preset_names()}
KINDS = {
    (spec.clip, spec.order, spec.offset, spec.rounding, len(spec.levels), len(spec.levels[0].shapes)): name
    for name, spec in SPECS.items()
}


@pytest.mark.parametrize("name", KINDS.values())
def test_candidates_hold_every_pair_that_reaches(name: str) -> None:
    priors = generate_priors(load_prior_config(name).spec)
    grid = priors.grid
    assert grid is not None
    gt = objects(1)
    boxes = gt.boxes[gt.mask]
    overlap = iou(boxes[:, None], cxcywh_to_xyxy(priors.boxes))
    for least in (0.1, 0.5, 0.8):
        rows, indices = grid.candidates(boxes, least)
        assert rows.tolist() == sorted(rows.tolist())
        found = torch.zeros_like(overlap, dtype=torch.bool)
        found[rows, indices] = True
        assert int(found.sum()) == len(rows), "no pair twice"
        assert bool((found | (overlap < least)).all())
        assert len(rows) < 3 * int((overlap >= least).sum()) + 400, "few others"


@pytest.mark.parametrize("order", PriorOrder)
@pytest.mark.parametrize("step", [0.0, 0.05, 0.125])
@pytest.mark.parametrize("seed", range(2))
def test_same_as_with_every_prior(seed: int, step: float, order: PriorOrder) -> None:
    priors = generate_priors(replace(SMALL, order=order))
    spec = MatchSpec(threshold=0.5)
    assert_same(objects(seed, step=step), priors.boxes, spec, priors.grid)


@pytest.mark.usefixtures("dense_is_refused")
def test_the_grid_is_used() -> None:
    priors = generate_priors(SMALL)
    assert int(match_on_grid(objects(0), priors.boxes, MatchSpec(), priors.grid).positive.sum()) > 0


@pytest.mark.parametrize("conflict", ConflictRule)
@pytest.mark.parametrize("comparison", Comparison)
@pytest.mark.parametrize("background", BackgroundObjects)
@pytest.mark.parametrize("ignore_from", [None, 0.3])
@pytest.mark.parametrize("rule", IouRule)
def test_same_under_every_rule(
    conflict: ConflictRule,
    comparison: Comparison,
    background: BackgroundObjects,
    ignore_from: float | None,
    rule: IouRule,
) -> None:
    spec = MatchSpec(
        conflict=conflict,
        comparison=comparison,
        background_objects=background,
        ignore_from=ignore_from,
        iou=rule,
        iou_epsilon=1e-3,
    )
    priors = generate_priors(SMALL)
    assert_same(objects(7, step=0.05), priors.boxes, spec, priors.grid)


@pytest.mark.parametrize(("name", "unit"), list(zip(each_value_of("match"), cycle([1.0, 300.0]), strict=False)))
def test_same_under_every_dialect(name: str, unit: float) -> None:
    priors = generate_priors(load_prior_config("ssd300").spec)
    boxes = priors.boxes * unit
    grid = Grid.of(boxes, priors.levels, priors.order)
    assert grid is not None
    assert_same(objects(3, unit=(unit, unit)), boxes, load_dialect(name).match, grid)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda boxes: boxes[..., [2, 1, 0, 3]],
        lambda boxes: boxes[..., [0, 1, 0, 3]],
        lambda boxes: boxes * torch.nan,
        lambda boxes: boxes + 3,
    ],
    ids=["inverted", "flat", "nan", "outside"],
)
def test_objects_that_are_no_boxes(spoil: Callable[[Tensor], Tensor]) -> None:
    priors = generate_priors(SMALL)
    gt = objects(5)
    gt.boxes[0, 0] = spoil(gt.boxes[0, 0])
    every, few = (found.labels for found in (match(gt, priors.boxes, MatchSpec()), _on_grid(gt, priors)))
    assert torch.equal(every, few)


def _on_grid(gt: GroundTruthBatch, priors: Priors) -> Matching:
    return match_on_grid(gt, priors.boxes, MatchSpec(), priors.grid)


def test_without_a_threshold_every_pair_counts() -> None:
    priors, spec = generate_priors(SMALL), MatchSpec(threshold=0.0)
    every, few = match(objects(2), priors.boxes, spec), match_on_grid(objects(2), priors.boxes, spec, priors.grid)
    assert torch.equal(every.prior_iou, few.prior_iou)
    assert torch.equal(every.labels, few.labels)


def test_no_grid() -> None:
    priors = generate_priors(SMALL)
    moved = priors.boxes.clone()
    moved[7, 0] += 1e-3
    for boxes, levels in (
        (moved, priors.levels),
        (priors.boxes, priors.levels[:2]),
        (priors.boxes, ()),
        (priors.boxes * torch.nan, priors.levels),
        (priors.boxes.flip(0), priors.levels),
    ):
        assert Grid.of(boxes, levels) is None
    assert_same(objects(2), moved, MatchSpec(), None)


def test_centres_that_were_clamped_are_still_a_grid() -> None:
    """As the last ones of ssd.pytorch's 10 x 10 level, which lie at 1.013 of the image."""
    far = replace(SMALL, clip=Clip.CXCYWH, levels=(LevelSpec((10, 5), (21.5, 22), ((24, 24), (40, 20))),))
    priors = generate_priors(far)
    assert float(priors.boxes[:, 0].max()) == 1.0
    assert priors.grid is not None
    assert_same(objects(8), priors.boxes, MatchSpec(), priors.grid)


def test_same_loss_with_a_grid() -> None:
    dialect = load_dialect("ssd.pytorch")
    specs = dialect.match, dialect.codec, dialect.mining, dialect.loss
    priors, gt = generate_priors(load_prior_config("ssd300").spec), objects(9, images=3)
    generator = torch.Generator().manual_seed(0)
    loc, conf = (torch.randn((3, 8732, size), generator=generator) for size in (4, 6))
    every = multibox_loss(loc, conf, priors.boxes, gt, *specs)
    few = multibox_loss(loc, conf, priors.boxes, gt, *specs, priors.grid)
    assert torch.equal(every.total, few.total)
    for name in ("localization_terms", "confidence_terms", "targets"):
        assert torch.equal(getattr(every, name), getattr(few, name)), name


def test_a_grid_in_another_unit_is_that_of_the_boxes_in_it() -> None:
    priors, unit = generate_priors(SMALL), torch.tensor([200.0, 100.0, 200.0, 100.0])
    found, wanted = priors.grid_in(unit), Grid.of(priors.boxes * unit, priors.levels, priors.order)
    assert found is not None
    assert wanted is not None
    for axis in ("x", "y"):
        one, two = getattr(found, axis), getattr(wanted, axis)
        for name in vars(two):
            assert torch.equal(torch.as_tensor(getattr(one, name)), torch.as_tensor(getattr(two, name)))
    assert priors.grid_in(unit) is found
    assert priors.grid_in(unit.double()) is not found
