"""Non-maximum suppression against a plain loop; ours and torchvision's operator alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import nms, tiles
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.nms import fits_torchvision, suppress, suppress_by, suppress_in_blocks, suppress_repeats
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
@pytest.mark.parametrize("seed", range(4))
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
    boxes, valid = crowd(4, 150, seed=2), torch.ones((4, 150), dtype=torch.bool)
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
    operator = nms.torchvision_nms()
    if operator is None:
        pytest.skip("torchvision is not installed, or was built for another torch")
    boxes = crowd(5, 400, seed=3, dtype=dtype)
    boxes[0, 200:] = boxes[0, :200]
    valid = torch.rand((5, 400), generator=torch.Generator().manual_seed(4)) > 0.3
    valid[4] = False
    for suppression in (Suppression.MORE_THAN, Suppression.NOT_AT_MOST):
        assert fits_torchvision(boxes, IouRule.PLAIN, valid, suppression)
        ours = suppress_in_blocks(boxes, threshold, IouRule.PLAIN, 0.0, valid, suppression)
        assert torch.equal(suppress_by(operator, boxes, threshold, valid), ours)


def test_what_stands_in_for_torchvision_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is an operator it is used, in falling order of scores, row by row."""
    asked = []

    def operator(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
        asked.append((boxes, scores, threshold))
        everything = torch.ones((1, len(boxes)), dtype=torch.bool)
        kept = suppress_in_blocks(boxes[None], threshold, IouRule.PLAIN, 0.0, everything, Suppression.MORE_THAN)
        return kept[0].nonzero().flatten()

    boxes = crowd(3, 60)
    valid = torch.ones((3, 60), dtype=torch.bool)
    valid[1] = False
    valid[2, ::2] = False
    expected = by_loop(boxes, 0.45, IouRule.PLAIN, 0.0, valid, Suppression.MORE_THAN)
    monkeypatch.setattr(nms, "torchvision_nms", lambda: operator)
    assert torch.equal(suppress(boxes, 0.45, valid=valid), expected)
    assert [len(boxes) for boxes, *_ in asked] == [60, 30]
    assert all(bool((scores.diff() < 0).all()) for _, scores, _ in asked)
    assert asked[0][2] == float(torch.tensor(0.45))


@pytest.mark.parametrize(
    ("box", "rule", "suppression"),
    [
        ((0.0, 0.0, 1.0, 1.0), IouRule.EPSILON_ADDED, Suppression.MORE_THAN),
        ((0.0, 0.0, 1.0, 1.0), IouRule.PLAIN, Suppression.NOT_BELOW),
        ((0.0, 0.0, 0.0, 1.0), IouRule.PLAIN, Suppression.MORE_THAN),
        ((1.0, 1.0, 0.0, 0.0), IouRule.PLAIN, Suppression.MORE_THAN),
        ((NAN, 0.0, 1.0, 1.0), IouRule.PLAIN, Suppression.MORE_THAN),
        ((0.0, 0.0, float("inf"), 1.0), IouRule.PLAIN, Suppression.MORE_THAN),
        ((0.0, 0.0, 1e-30, 1e-30), IouRule.PLAIN, Suppression.MORE_THAN),
    ],
)
def test_torchvision_is_not_asked_where_it_differs(
    box: tuple[float, ...], rule: IouRule, suppression: Suppression
) -> None:
    boxes, valid = torch.tensor([[box]]), torch.ones((1, 1), dtype=torch.bool)
    assert not fits_torchvision(boxes, rule, valid, suppression)
    if rule is IouRule.PLAIN and suppression is Suppression.MORE_THAN:
        assert fits_torchvision(boxes, rule, ~valid, suppression), "what takes no part does not matter"


def test_a_broken_torchvision_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    nms.torchvision_nms.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("importlib.import_module", explode)
        assert nms.torchvision_nms() is None
    nms.torchvision_nms.cache_clear()


@pytest.mark.parametrize(
    "odd", [(0.5, 0.1, 0.5, 0.4), (0.5, 0.4, 0.9, 0.4), (0.9, 0.1, 0.5, 0.4), (0.0, 0.0, 2e19, 2e19)]
)
def test_one_odd_box_among_others_is_enough_to_do_without_the_operator(odd: tuple[float, ...]) -> None:
    """Without a width, a height, or a finite sum of areas; it need not be there to be asked."""
    boxes, valid = torch.tensor([[(0.1, 0.1, 0.4, 0.4), odd, (0.2, 0.2, 0.9, 0.9)]]), torch.ones(1, 3, dtype=torch.bool)
    asked = IouRule.PLAIN, valid, Suppression.MORE_THAN
    assert not fits_torchvision(boxes, *asked)
    assert fits_torchvision(boxes[:, [0, 2, 2]], *asked)
    assert not fits_torchvision(boxes[:, [0, 2, 2]], IouRule.UNION_FLOOR, valid, Suppression.MORE_THAN)
