"""Hard negative mining as ssd.pytorch does it: places, ratio and cap by hand, ties, underflow, and plain loops."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import xyxy_to_cxcywh
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.matching import Matching, match, roles_of_labels
from ssdlossdbg.multibox.mining import Mining, mine
from ssdlossdbg.multibox.quotas import negatives_available
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect, MiningPositives, MiningScope

POSITIVE = [False, True, False, False, False, False]


def scored(*losses: float, dtype: torch.dtype = torch.float64) -> Tensor:
    """Logits `[1, P, 2]` whose cross-entropy against the background is each of these losses."""
    return torch.tensor([[[0.0, math.log(math.expm1(loss))] for loss in losses]], dtype=dtype)


def roles(rules: Dialect, positive: Tensor) -> Matching:
    """A matching with just these positives `[B, P]`: an object on each of them, and no two priors that overlap."""
    low = torch.arange(positive.shape[1], dtype=torch.float64)[:, None].expand(-1, 2)
    boxes = torch.cat((low, low + 1), dim=1)
    gt = pad_ground_truth([boxes[row] for row in positive.cpu()], [torch.ones(int(row.sum())) for row in positive])
    matching = match(gt=gt.to(positive.device), priors=xyxy_to_cxcywh(boxes).to(positive.device), spec=rules.match)
    assert torch.equal(matching.positive, positive)
    return matching


def mine_batch(rules: Dialect, conf: Tensor, matching: Matching, ratio: float = 3.0) -> Mining:
    """Mining among the negatives of a matching."""
    confidence = F.cross_entropy(conf.flatten(0, 1), matching.labels.flatten(), reduction="none")
    return mine(
        conf=conf,
        confidence=confidence.view_as(matching.labels),
        matching=matching,
        decoded=None,
        spec=replace(rules.mining, ratio=ratio),
    )


def mine_one(rules: Dialect, conf: Tensor, positive: list[bool], ratio: float = 3.0) -> Mining:
    """Mining in one image."""
    return mine_batch(rules, conf, roles(rules, torch.tensor([positive])), ratio)


def mined(found: Mining) -> list[list[int]]:
    """Mined priors of each image."""
    return [row.nonzero().flatten().tolist() for row in found.mined]


def test_the_highest_losses_are_mined(rules: Dialect) -> None:
    found = mine_one(rules, scored(0.3, 9.0, 0.5, 0.2, 0.4, 0.1), POSITIVE)
    assert found.score.tolist()[0] == pytest.approx([0.3, 0.0, 0.5, 0.2, 0.4, 0.1], rel=1e-12)
    assert found.rank.tolist() == [[2, 5, 0, 3, 1, 4]]
    assert found.wanted.tolist() == [3]
    assert mined(found) == [[0, 2, 4]]


@pytest.mark.parametrize(
    ("ratio", "wanted", "expected"),
    [
        (0.0, 0, []),
        (1.0, 1, [2]),
        (2.0, 2, [2, 4]),
        (2.5, 2.5, [0, 2, 4]),
        (2.01, 2.01, [0, 2, 4]),
        (5.0, 5, [0, 2, 3, 4, 5]),
        (100.0, 5, [0, 2, 3, 4, 5]),
    ],
)
def test_ratio(ratio: float, wanted: float, expected: list[int], rules: Dialect) -> None:
    found = mine_one(rules, scored(0.3, 9.0, 0.5, 0.2, 0.4, 0.1), POSITIVE, ratio)
    assert found.wanted.tolist() == pytest.approx([wanted])
    assert mined(found) == [expected]


@pytest.mark.parametrize(
    ("positives", "wanted", "available"),
    [(0, 0, 0), (1, 3, 3), (2, 6, 6), (3, 7, 5), (5, 7, 3), (8, 7, 0)],
)
def test_wanted_is_capped_at_priors_minus_one(positives: int, wanted: int, available: int, rules: Dialect) -> None:
    positive = torch.arange(8)[None] < positives
    matching = roles(rules, positive)
    assert negatives_available(matching=matching, spec=rules.mining).tolist() == [available]
    found = mine_batch(rules, scored(*range(1, 9)), matching)
    assert found.wanted.tolist() == [wanted]
    assert int(found.mined.sum()) == available
    assert not (found.mined & positive).any()


def test_available_rounds_a_fraction_of_a_place_up(rules: Dialect) -> None:
    positive = torch.tensor([[True, False, False, False, False, False]])
    matching = roles(rules, positive)
    assert negatives_available(matching=matching, spec=replace(rules.mining, ratio=2.5)).tolist() == [3]
    assert mine_batch(rules, scored(*range(1, 7)), matching, 2.5).mined.sum() == 3


def test_each_image_has_its_own_quota(rules: Dialect) -> None:
    positive = torch.tensor([[True, True, False, False, False, False, False], [True] + [False] * 6, [False] * 7])
    conf = scored(*range(1, 8)).expand(3, -1, -1)
    found = mine_batch(rules, conf, roles(rules, positive), 2.0)
    assert found.wanted.tolist() == [4, 2, 0]
    assert mined(found) == [[3, 4, 5, 6], [5, 6], []]


def test_positives_take_up_places_when_more_are_wanted_than_there_are(rules: Dialect) -> None:
    """Scores below 0 rank behind the positives, which are set to 0, and so go without a place."""
    peak = 200.0
    conf = torch.zeros((1, 6, 2), dtype=torch.float32)
    conf[0, 0, 1] = peak  # on a positive; every other row is 200 below the batch's largest logit
    found = mine_one(rules, conf, [True, True, False, False, False, False], ratio=1.5)
    assert found.score[0, 2:].tolist() == [-math.inf] * 4
    assert found.rank[0, :2].tolist() == [0, 1]
    assert found.wanted.tolist() == [3]
    assert mined(found) == [[2]]


@pytest.mark.parametrize(("below", "lost"), [(80.0, False), (103.0, False), (105.0, True), (300.0, True)])
def test_rows_far_below_the_largest_logit_of_the_batch_underflow(below: float, lost: bool, rules: Dialect) -> None:
    conf = torch.zeros((2, 4, 2), dtype=torch.float32)
    conf[0, 0, 1] = below
    positive = torch.tensor([[True, False, False, False]] * 2)
    found = mine_batch(rules, conf, roles(rules, positive))
    assert bool((found.score[1, 1:] == -math.inf).all()) is lost
    assert bool(found.score[1, 1:].isfinite().all()) is not lost


@pytest.mark.parametrize("number", [12, 100, 1003])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("classes", [2, 3, 21])
def test_ties_go_to_the_lowest_index(classes: int, dtype: torch.dtype, number: int, rules: Dialect) -> None:
    conf = torch.linspace(-3.3, 1.7, classes, dtype=dtype).expand(1, number, classes)
    positive = torch.zeros((1, number), dtype=torch.bool)
    positive[0, 5] = positive[0, 7] = True
    found = mine_batch(rules, conf, roles(rules, positive))
    assert mined(found) == [[0, 1, 2, 3, 4, 6]]
    assert found.rank[0, [5, 7]].tolist() == [number - 2, number - 1]


def test_nan_logit_ranks_first(rules: Dialect) -> None:
    """A nan is the largest of the batch too, so every score becomes nan, and the order that of the index."""
    conf = scored(0.3, 9.0, 0.5, 0.2, 0.4, 0.1)
    conf[0, 4, 1] = math.nan
    found = mine_one(rules, conf, POSITIVE, ratio=2.0)
    assert found.score.isnan().tolist() == [[True, False, True, True, True, True]]
    assert mined(found) == [[0, 2]]


def test_minus_infinity_of_a_class_is_harmless(rules: Dialect) -> None:
    conf = scored(0.3, 9.0, 0.5, 0.2, 0.4, 0.1)
    conf[0, 2, 1] = -math.inf
    found = mine_one(rules, conf, POSITIVE)
    assert found.score[0, 2] == 0
    assert mined(found) == [[0, 3, 4]]


def test_score_is_the_cross_entropy_against_background(reference: ModuleType, rules: Dialect) -> None:
    conf = reference.random_batch(3).conf
    positive = torch.zeros(conf.shape[:2], dtype=torch.bool)
    found = mine_batch(rules, conf, roles(rules, positive))
    expected = torch.logsumexp(conf, -1) - conf[..., 0]
    torch.testing.assert_close(found.score, expected, rtol=1e-12, atol=1e-12)
    assert not found.mined.any()


@pytest.mark.parametrize("ratio", [3.0, 1.0, 0.7, 20.0])
@pytest.mark.parametrize("seed", range(8))
def test_mining_equals_plain_loops(seed: int, ratio: float, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed)
    expected = reference.loss(batch, ratio=ratio)
    matching = match(gt=pad_ground_truth(batch.boxes, batch.labels), priors=batch.priors, spec=rules.match)
    found = mine_batch(rules, batch.conf, matching, ratio)
    assert found.mined.tolist() == expected.mined
    for ranks in found.rank.tolist():
        assert sorted(ranks) == list(range(len(batch.priors)))


def test_mining_leaves_its_inputs_alone(reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(1)
    matching = roles(rules, batch.conf[..., 0] > 3)
    confidence = torch.rand(matching.labels.shape, dtype=torch.float64)
    before = [tensor.clone() for tensor in (batch.conf, confidence, matching.labels, matching.positive)]
    mine(conf=batch.conf, confidence=confidence, matching=matching, decoded=None, spec=rules.mining)
    for tensor, copy in zip((batch.conf, confidence, matching.labels, matching.positive), before, strict=True):
        assert torch.equal(tensor, copy)


@pytest.mark.parametrize("positives", list(MiningPositives))
@pytest.mark.parametrize("scope", list(MiningScope))
@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0])
@pytest.mark.parametrize("seed", range(3))
def test_same_negatives_from_the_cross_entropy(
    seed: int, scale: float, scope: MiningScope, positives: MiningPositives, rules: Dialect
) -> None:
    """Scores known only nearly choose the same negatives: among rows that tie, and among such as a rounding parts."""
    generator = torch.Generator().manual_seed(seed)
    conf = scale * torch.randn((4, 600, 5), generator=generator)
    conf[:, 100:300] = conf[:, :1] + 1e-6 * torch.randn((4, 200, 5), generator=generator)
    conf[:, 300:400] = conf[:, 1:2]
    labels = torch.where(torch.rand((4, 600), generator=generator) < 0.05, 2, 0)
    matching = roles_of_labels(labels, torch.float32)
    confidence = F.cross_entropy(conf.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
    spec = replace(rules.mining, scope=scope, positives=positives)
    every = mine(conf, confidence, matching, None, spec)
    few = mine(conf, confidence, matching, None, spec, cross_entropy_below=math.inf)
    assert torch.equal(every.mined, few.mined)
    assert torch.equal(every.places_of_positives, few.places_of_positives)
    assert torch.equal(every.score, few.score)
    ranked = every.score.reshape(len(every.wanted), -1).argsort(dim=1, descending=True, stable=True)
    places = every.wanted.long()
    for scope_row, count in zip(range(len(ranked)), places.tolist(), strict=True):
        chosen = ranked[scope_row, :count]
        expected = matching.negative.reshape(len(ranked), -1)[scope_row, chosen].sum()
        assert every.mined.reshape(len(ranked), -1)[scope_row].sum() == expected


def test_underflow_is_not_read_off_the_cross_entropy(rules: Dialect) -> None:
    conf = torch.randn((2, 50, 3), generator=torch.Generator().manual_seed(0))
    conf[0, 0, 0] = 200.0
    labels = torch.zeros((2, 50), dtype=torch.long)
    labels[:, 7] = 1
    matching = roles_of_labels(labels, torch.float32)
    confidence = F.cross_entropy(conf.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
    every = mine(conf, confidence, matching, None, rules.mining)
    few = mine(conf, confidence, matching, None, rules.mining, cross_entropy_below=math.inf)
    assert torch.equal(every.mined, few.mined)
    assert bool((few.score == -math.inf).any())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("seed", range(4))
def test_mining_on_a_gpu(seed: int, reference: ModuleType, rules: Dialect) -> None:
    batch = reference.random_batch(seed)
    gt = pad_ground_truth(batch.boxes, batch.labels)
    expected = mine_batch(rules, batch.conf, match(gt=gt, priors=batch.priors, spec=rules.match))
    matching = match(gt=gt.to("cuda"), priors=batch.priors.to("cuda"), spec=rules.match)
    found = mine_batch(rules, batch.conf.to("cuda"), matching)
    assert torch.equal(found.mined.cpu(), expected.mined)
    assert torch.equal(found.rank.cpu(), expected.rank)
    assert torch.equal(found.wanted.cpu(), expected.wanted)
    torch.testing.assert_close(found.score.cpu(), expected.score, rtol=1e-5, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_ties_on_a_gpu_go_to_the_lowest_index(rules: Dialect) -> None:
    positive = torch.zeros((1, 1003), dtype=torch.bool, device="cuda")
    positive[0, 5] = True
    found = mine_batch(rules, torch.zeros((1, 1003, 3), device="cuda"), roles(rules, positive))
    assert mined(found) == [[0, 1, 2]]


@pytest.mark.parametrize(("limit", "expected"), [(1, []), (2, [1]), (3, [1, 2]), (4, [1, 2, 3]), (9, [1, 2, 3])])
def test_as_many_priors_survive_suppression_as_the_limit_says(limit: int, expected: list[int]) -> None:
    """No two boxes overlap; the positive is the highest, and so one of those that survive."""
    spec = replace(load_dialect("tf-object-detection").mining, nms_limit=limit, ratio=9.0)
    conf, matching = scored(9.0, 5.0, 4.0, 3.0), roles_of_labels(torch.tensor([[1, 0, 0, 0]]), torch.float64)
    low = torch.arange(4.0, dtype=torch.float64)[:, None].expand(-1, 2)
    decoded = torch.cat((low, low + 1), 1)[None]
    found = mine(conf, torch.tensor([[9.0, 5.0, 4.0, 3.0]]).double(), matching, decoded, spec)
    assert mined(found) == [expected]
    assert found.dropped is not None
    assert not found.dropped.any()


def test_a_positive_beyond_the_limit_is_dropped() -> None:
    spec = replace(load_dialect("tf-object-detection").mining, nms_limit=3)
    conf, matching = scored(1.0, 5.0, 4.0, 3.0), roles_of_labels(torch.tensor([[1, 0, 0, 0]]), torch.float64)
    low = torch.arange(4.0, dtype=torch.float64)[:, None].expand(-1, 2)
    found = mine(
        conf, torch.tensor([[1.0, 5.0, 4.0, 3.0]]).double(), matching, torch.cat((low, low + 1), 1)[None], spec
    )
    assert found.dropped is not None
    assert found.dropped.tolist() == [[True, False, False, False]]


@pytest.mark.parametrize("limit", [1, 8, 20, 39, 40, 100])
def test_looking_at_the_first_alone_gives_what_looking_at_all_does(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 40 boxes in an image most repeat others, so that twice as many are looked at again and again; many tie."""
    generator = torch.Generator().manual_seed(limit)
    low = torch.randint(0, 15, (3, 40, 1), generator=generator).float().expand(-1, -1, 2)
    decoded = torch.cat((low, low + 1), 2)
    score = torch.randint(0, 6, (3, 40), generator=generator).float()
    labels = torch.where(torch.rand((3, 40), generator=generator) < 0.2, 1, 0)
    spec = replace(load_dialect("tf-object-detection").mining, nms_limit=limit, ratio=3.0, minimum=9)
    given = torch.zeros(3, 40, 2), score, roles_of_labels(labels, torch.float32), decoded, spec
    few = mine(*given)
    monkeypatch.setattr(tiles, "on_host", lambda tensor: False)  # noqa: ARG005
    every = mine(*given)
    for name in ("mined", "dropped", "wanted"):
        assert torch.equal(getattr(few, name), getattr(every, name))
    assert few.dropped is not None
    survivors = [
        {int(row[0]) for row, mark in zip(boxes, dropped | (ids == 0), strict=True) if not mark}
        for boxes, dropped, ids in zip(decoded, few.dropped, labels, strict=True)
    ]
    assert all(len(each) <= min(limit, 15) for each in survivors)
