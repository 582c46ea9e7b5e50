"""Non-maximum suppression against a plain loop; ours and torchvision's operator alike."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import nms, tiles
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.nms import suppress, suppress_in_blocks
from ssdlossdbg.multibox.repeats import suppress_repeats
from ssdlossdbg.rules import IouRule, Suppression

NAN = float("nan")


def crowd(rows: int, count: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """`[rows, count, 4]` boxes of which most overlap others."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand((rows, count, 2), generator=generator, dtype=dtype) * 0.7
    return torch.cat((low, low + 0.05 + 0.25 * torch.rand((rows, count, 2), generator=generator, dtype=dtype)), dim=-1)


def by_loop(
    boxes: Tensor, threshold: float, rule: IouRule, epsilon: float, valid: Tensor, suppression: Suppression
) -> Tensor:
    """One box after the other, as every codebase does it."""
    kept = valid.clone()
    for row in range(len(boxes)):
        for index in range(boxes.shape[1]):
            if not kept[row, index]:
                continue
            overlaps = iou(boxes[row, index], boxes[row, index + 1 :], rule, epsilon)
            stays = {
                Suppression.NOT_AT_MOST: overlaps <= threshold,
                Suppression.MORE_THAN: ~(overlaps > threshold),
                Suppression.NOT_BELOW: overlaps < threshold,
            }[suppression]
            kept[row, index + 1 :] &= stays
    return kept


@pytest.mark.parametrize("suppression", Suppression)
@pytest.mark.parametrize(
    ("rule", "epsilon"), [(IouRule.PLAIN, 0.0), (IouRule.EPSILON_ADDED, 1e-2), (IouRule.UNION_FLOOR, 1e-2)]
)
def test_against_a_loop(rule: IouRule, epsilon: float, suppression: Suppression) -> None:
    boxes = crowd(3, 90)
    valid = torch.rand((3, 90), generator=torch.Generator().manual_seed(1)) > 0.2
    expected = by_loop(boxes, 0.3, rule, epsilon, valid, suppression)
    assert 0 < int(expected.sum()) < int(valid.sum())
    assert torch.equal(suppress(boxes, 0.3, rule, epsilon, valid, suppression), expected)
    assert torch.equal(suppress_in_blocks(boxes, 0.3, rule, epsilon, valid, suppression), expected)


@pytest.mark.parametrize("threshold", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(2))
def test_repeats_against_a_loop(threshold: float, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = crowd(3, 60, seed)
    noise = torch.randn((3, 30, 4), generator=torch.Generator().manual_seed(seed))
    boxes = torch.cat((boxes, boxes[:, :30] + noise * 5e-4, boxes[:, 20:40]), dim=1)
    boxes[0, 5] = NAN
    boxes[1, 7, 2:] = torch.inf
    everything = torch.ones(boxes.shape[:2], dtype=torch.bool)
    expected = by_loop(boxes, threshold, IouRule.PLAIN, 0.0, everything, Suppression.MORE_THAN)
    assert 0 < int(expected.sum()) < everything.numel()
    assert torch.equal(suppress_repeats(boxes, threshold), expected)
    monkeypatch.setattr(tiles, "TILE_ON_CPU", 1)  # an image at a time
    assert torch.equal(suppress_repeats(boxes, threshold), expected)


@pytest.mark.parametrize(("block", "most"), [(1, 1), (7, 200), (64, 1 << 20)])
def test_the_size_of_the_blocks_does_not_matter(monkeypatch: pytest.MonkeyPatch, block: int, most: int) -> None:
    boxes, valid = crowd(3, 100, seed=2), torch.ones((3, 100), dtype=torch.bool)
    rule, drops = IouRule.PLAIN, Suppression.MORE_THAN
    expected = suppress_in_blocks(boxes, 0.4, rule, 0.0, valid, drops)
    monkeypatch.setattr(nms, "BLOCK", block)
    monkeypatch.setattr(nms, "MOST_OVERLAPS", most)
    assert torch.equal(suppress_in_blocks(boxes, 0.4, rule, 0.0, valid, drops), expected)
    assert torch.equal(by_loop(boxes, 0.4, rule, 0.0, valid, drops), expected)


def test_a_chain_of_boxes_each_dropping_the_next() -> None:
    """The deepest dependence there is: every second one stays."""
    start = torch.arange(300) * 0.3
    boxes = torch.stack((start, torch.zeros(300), start + 1, torch.ones(300)), dim=-1)[None]
    assert suppress(boxes, 0.5)[0].tolist() == [index % 2 == 0 for index in range(300)]


def test_equality_and_nan_tell_the_rules_apart() -> None:
    halves = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.5], [NAN, 0.0, 1.0, 1.0]]])
    kept = {rule: suppress(halves, 0.5, suppression=rule)[0].tolist() for rule in Suppression}
    assert kept == {
        Suppression.NOT_AT_MOST: [True, True, False],
        Suppression.MORE_THAN: [True, True, True],
        Suppression.NOT_BELOW: [True, False, False],
    }


@pytest.mark.parametrize("shape", [(0, 5), (2, 0), (0, 0)])
def test_nothing_to_suppress(shape: tuple[int, int]) -> None:
    assert suppress(torch.zeros((*shape, 4)), 0.5).shape == shape


def test_the_input_is_left_alone() -> None:
    boxes, valid = crowd(2, 50), torch.ones((2, 50), dtype=torch.bool)
    before = boxes.clone()
    suppress(boxes, 0.1, valid=valid)
    assert torch.equal(boxes, before)
    assert bool(valid.all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.45, 0.6, 1.0])
def test_torchvision_gives_the_same(threshold: float, dtype: torch.dtype) -> None:
    operator = pytest.importorskip("torchvision.ops", exc_type=ImportError).nms
    boxes = crowd(5, 400, seed=3, dtype=dtype)
    boxes[0, 200:] = boxes[0, :200]
    valid = torch.rand((5, 400), generator=torch.Generator().manual_seed(4)) > 0.3
    valid[4] = False
    expected = torch.zeros_like(valid)
    for row in range(4):
        members = valid[row].nonzero().flatten()
        falling = torch.arange(len(members), 0, -1, dtype=dtype)
        kept = operator(boxes[row, members], falling, float(boxes.new_tensor(threshold)))
        expected[row, members[kept]] = True
    for suppression in (Suppression.MORE_THAN, Suppression.NOT_AT_MOST):
        assert torch.equal(suppress(boxes, threshold, valid=valid, suppression=suppression), expected)


def scattered(rows: int, count: int, seed: int, side: float = 0.1) -> Tensor:
    """`[rows, count, 4]` boxes of which few overlap others, a third on a lattice, so that overlaps are equal."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand((rows, count, 2), generator=generator) * 0.9
    size = side * (0.5 + torch.rand((rows, count, 2), generator=generator))
    low[:, ::3], size[:, ::3] = (low[:, ::3] * 16).round() / 16, 1 / 16
    return torch.cat((low, low + size), dim=-1)


@pytest.fixture
def compared_by_all(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows are asked of the way that compares all boxes, a number a call."""
    asked = list[int]()

    def blocks(boxes: Tensor, *rest: Any) -> Tensor:
        asked.append(len(boxes))
        return suppress_in_blocks(boxes, *rest)

    monkeypatch.setattr(nms, "suppress_in_blocks", blocks)
    return asked


@pytest.mark.parametrize("suppression", Suppression)
@pytest.mark.parametrize("rule", IouRule)
@pytest.mark.parametrize("threshold", [0.1, 1 / 3, 0.45, 0.9, 1.0])
def test_near_boxes_against_a_loop(
    threshold: float, rule: IouRule, suppression: Suppression, compared_by_all: list[int]
) -> None:
    epsilon = 1e-3 if rule in (IouRule.EPSILON_ADDED, IouRule.UNION_FLOOR) else 0.0
    for seed in range(2):
        boxes = scattered(2, 50, seed)
        boxes[:, 40:] = boxes[:, :10]
        valid = torch.rand((2, 50), generator=torch.Generator().manual_seed(seed)) > 0.2
        boxes[0, 0] = NAN if seed % 2 else 0.0
        valid[0, 0] = False
        expected = by_loop(boxes, threshold, rule, epsilon, valid, suppression)
        assert torch.equal(suppress(boxes, threshold, rule, epsilon, valid, suppression), expected)
    assert compared_by_all == [], "or this test says nothing of the other way"


def test_neighbours_at_the_edge_of_the_window_are_met(compared_by_all: list[int]) -> None:
    """Two boxes that share just so much, side by side or one above the other, of whatever size and wherever."""
    generator = torch.Generator().manual_seed(7)
    shares = 1 / 3 + (torch.randint(-3, 4, (400,), generator=generator) * 1e-7)
    size = 10.0 ** (-6 * torch.rand(400, generator=generator))
    start = torch.rand(400, generator=generator)
    step = size * (1 - shares) / (1 + shares)  # at which boxes of one size have that IoU
    for axis in (0, 1):
        first = torch.stack((start, start, start + size, start + size), dim=-1)
        second = first.clone()
        second[:, axis::2] += step[:, None]
        pairs = torch.stack((first, second), dim=1)
        far = torch.tensor([[5.0, 5.0, 6.0, 6.0]]) + torch.arange(6)[:, None] * 2
        rows = torch.cat((pairs, far.expand(400, -1, -1)), dim=1)
        valid = torch.ones(rows.shape[:2], dtype=torch.bool)
        for suppression in Suppression:
            asked = rows, 1 / 3, IouRule.PLAIN, 0.0, valid, suppression
            kept = suppress(*asked)
            assert torch.equal(kept, suppress_in_blocks(*asked))
            assert 0 < int(kept[:, 1].sum()) < 400
    assert compared_by_all == []


def test_rows_that_are_crowded_or_hold_what_is_no_box_are_compared_by_all(compared_by_all: list[int]) -> None:
    odd = [(0.5, 0.1, 0.5, 0.4), (0.9, 0.1, 0.5, 0.4), (NAN, 0.0, 1.0, 1.0), (0.0, 0.0, float("inf"), 1.0)]
    odd += [(0.0, 0.0, 1e-30, 1e-30), (0.0, 0.0, 2e19, 2e19)]
    boxes = scattered(len(odd) + 3, 40, 1)
    for row, box in enumerate(odd):
        boxes[row, 17] = torch.tensor(box)
    boxes[len(odd)] = crowd(1, 40)[0] * 0.3 + torch.tensor([0.0, 0.0, 0.3, 0.3])
    valid = torch.ones(boxes.shape[:2], dtype=torch.bool)
    for suppression in Suppression:
        expected = by_loop(boxes, 0.45, IouRule.PLAIN, 0.0, valid, suppression)
        assert torch.equal(suppress(boxes, 0.45, suppression=suppression), expected)
    assert compared_by_all == [len(odd) + 1] * 3


def test_few_pairs_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = scattered(4, 80, 3)
    expected = suppress(boxes, 0.2)
    assert bool(expected.any())
    for most in (1, 7, 100):
        monkeypatch.setattr(tiles, "TILE_ON_CPU", most)
        assert torch.equal(suppress(boxes, 0.2), expected)
