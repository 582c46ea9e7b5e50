"""Who gets which prior: by hand on intervals, and against plain loops on whole batches.

In the cases by hand every box spans the full height, so that an overlap is the overlap of two intervals.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import xyxy_to_cxcywh
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.matching import Matching, match
from ssdlossdbg.multibox.overlaps import overlaps
from ssdlossdbg.multibox.thresholds import reaches
from ssdlossdbg.rules import BackgroundObjects, Dialect, ForcedRule

Interval = tuple[float, float]
QUARTERS: list[Interval] = [(0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)]


def columns(intervals: list[Interval]) -> Tensor:
    """Boxes from top to bottom over these intervals."""
    rows = [[low, 0.0, high, 1.0] for low, high in intervals]
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 4)


def match_columns(
    rules: Dialect,
    *images: list[Interval],
    priors: list[Interval] = QUARTERS,
    labels: list[int] | None = None,
    threshold: float = 0.5,
) -> Matching:
    """The matching of images whose objects, labelled 1, 2, ... unless said otherwise, are columns."""
    ids = [torch.tensor(labels or list(range(1, len(image) + 1)), dtype=torch.long) for image in images]
    gt = pad_ground_truth([columns(image) for image in images], ids)
    spec = replace(rules.match, threshold=threshold)
    return match(gt=gt, priors=xyxy_to_cxcywh(columns(priors)), spec=spec)


def test_prior_at_the_threshold_is_positive(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.5)])
    assert found.labels.tolist() == [[1, 1, 0, 0]]
    assert found.prior_iou.tolist() == [[0.5, 0.5, 0.0, 0.0]]
    assert found.forced.tolist() == [[False] * 4]
    assert found.best_prior.tolist() == [[0]]
    assert found.owner.tolist() == [[0, -1, -1, -1]]


@pytest.mark.parametrize(
    ("threshold", "labels", "forced"),
    [
        (0.05, [1, 1, 1, 0], [False, False, False, False]),
        (0.25, [0, 1, 1, 0], [False, False, False, False]),
        (0.5, [0, 1, 0, 0], [False, False, False, False]),
        (0.6, [0, 1, 0, 0], [False, True, False, False]),
    ],
)
def test_threshold(threshold: float, labels: list[int], forced: list[bool], rules: Dialect) -> None:
    found = match_columns(rules, [(0.1875, 0.6875)], threshold=threshold)
    assert found.prior_iou.tolist()[0] == pytest.approx([1 / 11, 1 / 2, 1 / 3, 0.0])
    assert found.labels.tolist() == [labels]
    assert found.forced.tolist() == [forced]


def test_best_prior_below_the_threshold_is_forced(rules: Dialect) -> None:
    found = match_columns(rules, [(0.5, 0.6)])
    assert found.labels.tolist() == [[0, 0, 1, 0]]
    assert found.forced.tolist() == [[False, False, True, False]]
    assert found.best_iou.tolist()[0] == pytest.approx([0.4])


def test_last_object_keeps_a_shared_best_prior(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.25), (0.0, 0.2)])
    assert found.best_prior.tolist() == [[0, 0]]
    assert found.best_iou.tolist()[0] == pytest.approx([1.0, 0.8])
    assert found.labels.tolist() == [[2, 0, 0, 0]]
    assert found.lost_to.tolist() == [[1, -1]]
    assert found.positives_per_gt().tolist() == [[0, 1]]
    # The overlap of the winner counts, not the loser's, and it reaches the threshold.
    assert not found.forced.any()


def test_winner_below_the_threshold_is_forced_although_the_loser_reached_it(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.25), (0.0, 0.1)])
    assert found.prior_iou.tolist()[0][0] == 1.0
    assert found.labels.tolist() == [[2, 0, 0, 0]]
    assert found.forced.tolist() == [[True, False, False, False]]


def test_every_loser_lost_to_the_last(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.25), (0.5, 0.75), (0.0, 0.24), (0.0, 0.23)])
    assert found.lost_to.tolist() == [[3, -1, 3, -1]]
    assert found.labels.tolist() == [[4, 0, 2, 0]]


def test_loser_keeps_other_priors_that_reach_the_threshold(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.5), (0.0, 0.25)])
    assert found.labels.tolist() == [[2, 1, 0, 0]]
    assert found.lost_to.tolist() == [[1, -1]]
    assert found.positives_per_gt().tolist() == [[1, 1]]


def test_a_best_prior_is_taken_from_the_object_that_overlaps_it_most(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.5), (0.3, 0.34)])
    assert found.labels.tolist() == [[1, 2, 0, 0]]
    assert found.gt_index.tolist()[0][:2] == [0, 1]
    assert found.lost_to.tolist() == [[-1, -1]]


@pytest.mark.parametrize(
    ("objects", "labels", "lost_to"),
    [
        ([(2.0, 3.0)], [1, 0, 0, 0], [-1]),
        ([(0.0, 0.25), (2.0, 3.0)], [2, 0, 0, 0], [1, -1]),
        ([(2.0, 3.0), (0.0, 0.25)], [2, 0, 0, 0], [1, -1]),
        ([(2.0, 3.0), (0.5, 0.75)], [1, 0, 2, 0], [-1, -1]),
    ],
)
def test_object_without_overlap_grabs_prior_0(
    objects: list[Interval], labels: list[int], lost_to: list[int], rules: Dialect
) -> None:
    found = match_columns(rules, objects)
    assert found.labels.tolist() == [labels]
    assert found.lost_to.tolist() == [lost_to]
    away = objects.index((2.0, 3.0))
    assert found.best_prior[0, away] == 0
    assert found.best_iou[0, away] == 0


def test_ties_of_an_object_go_to_the_first_prior(rules: Dialect) -> None:
    found = match_columns(rules, [(0.375, 0.625)], priors=[(0.0, 0.25), (0.5, 0.75), (0.25, 0.5), (0.5, 0.75)])
    assert found.best_prior.tolist() == [[1]]
    assert found.labels.tolist() == [[0, 1, 0, 0]]


def test_ties_of_a_prior_go_to_the_first_object(rules: Dialect) -> None:
    priors = [(0.25, 0.75), (0.0, 0.5), (0.5, 1.0)]
    found = match_columns(rules, [(0.5, 1.0), (0.0, 0.5)], priors=priors, threshold=0.25)
    assert found.gt_index.tolist() == [[0, 1, 0]]
    assert found.labels.tolist() == [[1, 2, 1]]


def test_a_box_twice_gives_its_best_prior_to_the_second_and_the_rest_to_the_first(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.5), (0.0, 0.5)])
    assert found.labels.tolist() == [[2, 1, 0, 0]]
    assert found.lost_to.tolist() == [[1, -1]]


def test_object_labelled_background_makes_no_positive(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.5)], labels=[0])
    assert found.labels.tolist() == [[0] * 4]
    assert not found.positive.any()
    assert not found.forced.any()
    assert found.positives_per_gt().tolist() == [[0]]
    assert found.owner.tolist() == [[0, -1, -1, -1]]


def test_object_labelled_background_still_takes_a_best_prior(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.25), (0.0, 0.2)], labels=[1, 0])
    assert found.labels.tolist() == [[0] * 4]
    assert found.lost_to.tolist() == [[1, -1]]


def test_inverted_object_whose_overlap_is_nan_makes_every_such_prior_positive(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.25), (1.0, 0.75)])
    assert found.prior_iou.isnan().all()
    assert found.best_iou.tolist() == [pytest.approx([1.0, math.nan], nan_ok=True)]
    assert found.labels.tolist() == [[2, 2, 2, 2]]
    assert found.lost_to.tolist() == [[1, -1]]
    assert not found.forced.any()


def test_overlap_that_is_nan_reaches_any_threshold(rules: Dialect) -> None:
    values = torch.tensor([0.4999999, 0.5, 1.0, math.nan, -1.0])
    assert reaches(values, 0.5, rules.match).tolist() == [False, True, True, True, False]


def test_image_without_objects_is_background(rules: Dialect) -> None:
    found = match_columns(rules, [], [(0.0, 0.25)], [])
    assert found.labels.tolist() == [[0] * 4, [1, 0, 0, 0], [0] * 4]
    assert found.prior_iou.tolist() == [[-1.0] * 4, [1.0, 0.0, 0.0, 0.0], [-1.0] * 4]
    assert found.owner.tolist() == [[-1] * 4, [0, -1, -1, -1], [-1] * 4]
    assert found.positives_per_gt().tolist() == [[0], [1], [0]]


def test_image_without_objects_stays_background_at_any_threshold(rules: Dialect) -> None:
    found = match_columns(rules, [(0.0, 0.25)], [], threshold=0.0)
    assert found.positive.tolist() == [[True] * 4, [False] * 4]


def test_overlaps_mark_padding(rules: Dialect) -> None:
    gt = pad_ground_truth([columns([(0.0, 0.25), (2.0, 3.0)]), columns([])], [torch.tensor([1, 2]), torch.tensor([])])
    found = overlaps(gt=gt, priors=xyxy_to_cxcywh(columns(QUARTERS)), spec=rules.match)
    assert found.tolist() == [[[1.0, 0.0, 0.0, 0.0], [0.0] * 4], [[-1.0] * 4, [-1.0] * 4]]


@pytest.mark.parametrize("threshold", [0.35, 0.5, 0.7])
@pytest.mark.parametrize("on_grid", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_match_equals_plain_loops(
    seed: int, on_grid: bool, threshold: float, reference: ModuleType, rules: Dialect
) -> None:
    batch = reference.random_batch(seed, on_grid=on_grid)
    spec = replace(rules.match, threshold=threshold)
    found = match(gt=pad_ground_truth(batch.boxes, batch.labels), priors=batch.priors, spec=spec)
    for image, (boxes, labels) in enumerate(zip(batch.boxes, batch.labels, strict=True)):
        count = len(boxes)
        expected = reference.match_image(boxes.tolist(), labels.tolist(), batch.priors.tolist(), threshold)
        assert found.labels[image].tolist() == expected.labels
        assert found.positive[image].tolist() == expected.positive
        assert found.prior_iou[image].tolist() == pytest.approx(expected.prior_iou, rel=1e-12)
        assert found.best_prior[image, :count].tolist() == expected.best_prior
        assert found.best_iou[image, :count].tolist() == pytest.approx(expected.best_iou, rel=1e-12)
        owners = {prior: index for index, prior in enumerate(expected.best_prior)}
        assert found.owner[image].tolist() == [owners.get(prior, -1) for prior in range(len(batch.priors))]
        forced = [expected.best_iou[owners[p]] < threshold if p in owners else False for p in range(len(batch.priors))]
        assert found.forced[image].tolist() == forced
        kept = [owners[prior] for prior in expected.best_prior]
        lost = [winner if winner != index else -1 for index, winner in enumerate(kept)]
        assert found.lost_to[image, :count].tolist() == lost
        if count:
            assert found.gt_index[image].tolist() == expected.gt_index
        positives = [expected.gt_index[p] for p in range(len(batch.priors)) if expected.positive[p]]
        assert found.positives_per_gt()[image, :count].tolist() == [positives.count(index) for index in range(count)]
        per_forced = [expected.gt_index[p] for p in range(len(batch.priors)) if forced[p]]
        counts = found.positives_per_gt(found.forced)[image, :count].tolist()
        assert counts == [per_forced.count(index) for index in range(count)]


def test_grids_do_have_ties(reference: ModuleType, rules: Dialect) -> None:
    """The batches on a grid do what they are there for: best priors that tie, and overlaps of exactly one half."""
    tied = halves = 0
    for seed in range(8):
        batch = reference.random_batch(seed, on_grid=True)
        gt = pad_ground_truth(batch.boxes, batch.labels)
        overlap = overlaps(gt=gt, priors=batch.priors, spec=rules.match)[gt.mask]
        tied += int(((overlap == overlap.amax(1, keepdim=True)).sum(1) > 1).sum())
        halves += int((overlap == 0.5).sum())
    assert tied >= 10
    assert halves >= 10


@pytest.mark.parametrize("seed", range(6))
def test_batch_equals_each_image_alone(seed: int, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed)
    gt = pad_ground_truth(batch.boxes, batch.labels)
    whole = match(gt=gt, priors=batch.priors, spec=rules.match)
    for image, (boxes, labels) in enumerate(zip(batch.boxes, batch.labels, strict=True)):
        alone = match(gt=pad_ground_truth([boxes], [labels]), priors=batch.priors, spec=rules.match)
        count = len(boxes)
        for name in ("gt_index", "positive", "forced", "labels", "prior_iou", "owner"):
            assert torch.equal(getattr(whole, name)[image], getattr(alone, name)[0]), name
        for name in ("best_prior", "best_iou", "lost_to"):
            assert torch.equal(getattr(whole, name)[image, :count], getattr(alone, name)[0, :count]), name
        assert torch.equal(whole.positives_per_gt()[image, :count], alone.positives_per_gt()[0, :count])


@pytest.mark.parametrize("threshold", [0.5, 0.0])
@pytest.mark.parametrize("seed", range(4))
def test_padding_never_leaks(seed: int, threshold: float, reference: ModuleType, rules: Dialect) -> None:
    batch, spec = reference.random_batch(seed), replace(rules.match, threshold=threshold)
    gt = pad_ground_truth(batch.boxes, batch.labels)
    rubbish = 3
    boxes = torch.nn.functional.pad(gt.boxes, (0, 0, 0, rubbish))
    labels = torch.nn.functional.pad(gt.labels, (0, rubbish))
    padded = GroundTruthBatch(boxes, labels, gt.counts)
    assert not padded.mask.all()
    padded.boxes[~padded.mask] = torch.tensor([math.nan, 0.0, 1.0, 1.0], dtype=boxes.dtype)
    padded.labels[~padded.mask] = 99
    found = match(gt=padded, priors=batch.priors, spec=spec)
    expected = match(gt=gt, priors=batch.priors, spec=spec)
    for name in ("positive", "forced", "labels", "prior_iou", "owner"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    assert torch.equal(found.gt_index[gt.counts > 0], expected.gt_index[gt.counts > 0])
    for name in ("best_prior", "best_iou", "lost_to"):
        assert torch.equal(getattr(found, name)[padded.mask], getattr(expected, name)[gt.mask]), name
    assert torch.equal(found.positives_per_gt()[padded.mask], expected.positives_per_gt()[gt.mask])
    assert not found.positives_per_gt()[~padded.mask].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_match_keeps_the_dtype_and_its_inputs(dtype: torch.dtype, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(0, dtype)
    gt = pad_ground_truth(batch.boxes, batch.labels)
    boxes, priors = gt.boxes.clone(), batch.priors.clone()
    found = match(gt=gt, priors=batch.priors, spec=rules.match)
    assert found.prior_iou.dtype == found.best_iou.dtype == dtype
    assert found.labels.dtype == found.gt_index.dtype == found.best_prior.dtype == found.owner.dtype == torch.int64
    assert torch.equal(gt.boxes, boxes)
    assert torch.equal(batch.priors, priors)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("on_grid", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_match_on_a_gpu(seed: int, on_grid: bool, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed, on_grid=on_grid)
    gt = pad_ground_truth(batch.boxes, batch.labels)
    expected = match(gt=gt, priors=batch.priors, spec=rules.match)
    found = match(gt=gt.to("cuda"), priors=batch.priors.to("cuda"), spec=rules.match)
    for name in ("gt_index", "positive", "forced", "labels", "owner", "lost_to"):
        assert torch.equal(getattr(found, name).cpu()[gt.counts > 0], getattr(expected, name)[gt.counts > 0]), name
    assert torch.equal(found.best_prior.cpu()[gt.mask], expected.best_prior[gt.mask])
    assert torch.equal(found.positives_per_gt().cpu(), expected.positives_per_gt())
    torch.testing.assert_close(found.prior_iou.cpu(), expected.prior_iou, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.best_iou.cpu()[gt.mask], expected.best_iou[gt.mask], rtol=1e-5, atol=0)


@pytest.mark.parametrize("forced", list(ForcedRule))
@pytest.mark.parametrize("objects", list(BackgroundObjects))
def test_an_empty_image_has_no_owner_under_any_rule(
    forced: ForcedRule, objects: BackgroundObjects, rules: Dialect
) -> None:
    gt = pad_ground_truth([columns([(0.0, 0.25)]), columns([])], [torch.tensor([1]), torch.tensor([])])
    spec = replace(rules.match, forced=forced, background_objects=objects)
    found = match(gt, xyxy_to_cxcywh(columns(QUARTERS)), spec)
    by_threshold = forced in (ForcedRule.IF_NONE_REACHES, ForcedRule.NONE)
    assert found.owner.tolist() == [[-1 if by_threshold else 0, -1, -1, -1], [-1] * 4]
    assert found.positive.tolist() == [[True, False, False, False], [False] * 4]


def test_the_ignore_band_holds_its_lower_edge_and_not_the_threshold(rules: Dialect) -> None:
    # The object overlaps the priors by exactly 1, 1/2, 1/4 and 1/8; the first is its own.
    priors = [(0.0, 1.0), (0.0, 0.5), (0.0, 0.25), (0.0, 0.125)]
    gt = pad_ground_truth([columns([(0.0, 1.0)])], [torch.tensor([1])])
    found = match(gt, xyxy_to_cxcywh(columns(priors)), replace(rules.match, threshold=0.5, ignore_from=0.25))
    assert found.prior_iou.tolist() == [[1.0, 0.5, 0.25, 0.125]]
    assert found.labels.tolist() == [[1, 1, -1, 0]]
    assert found.ignored.tolist() == [[False, False, True, False]]
