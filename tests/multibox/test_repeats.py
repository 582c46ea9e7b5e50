"""Boxes that nearly repeat each other, found in strips of widths, against a comparison of all with all."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.mining import _in_order
from ssdlossdbg.multibox.nms import suppress_in_blocks
from ssdlossdbg.multibox.repeats import suppress_repeats
from ssdlossdbg.rules import IouRule, Suppression


def by_comparing_all(boxes: Tensor, threshold: float) -> Tensor:
    """What suppression keeps of `[R, N, 4]`."""
    valid = torch.ones(boxes.shape[:2], dtype=torch.bool)
    return suppress_in_blocks(boxes, threshold, IouRule.PLAIN, 0.0, valid, Suppression.MORE_THAN)


def families(seed: int, spread: float, dtype: torch.dtype) -> Tensor:
    """`[4, 240, 4]` boxes of all sizes and places, 12 near repetitions of each in no order."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.exp(3 * torch.randn((4, 20, 2), generator=generator, dtype=dtype))
    low = 4 * torch.randn((4, 20, 2), generator=generator, dtype=dtype)
    noise = spread * (torch.rand((4, 20, 12, 4), generator=generator, dtype=dtype) - 0.5)
    boxes = torch.cat((low, low + size), -1)[:, :, None] + noise * torch.cat((size, size), -1)[:, :, None]
    return boxes.flatten(1, 2)[:, torch.randperm(240, generator=generator)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("seed", range(3))
def test_of_many_sizes_those_go_that_comparing_all_drops(seed: int, threshold: float, dtype: torch.dtype) -> None:
    boxes = families(seed, 2 * (1 - threshold), dtype)
    kept = by_comparing_all(boxes, threshold)
    assert 0.1 < float(kept.double().mean()) < 0.99
    assert torch.equal(suppress_repeats(boxes, threshold), kept)


@pytest.mark.parametrize("threshold", [0.5, 0.99])
def test_whatever_strip_of_widths_two_stand_in(threshold: float) -> None:
    """Widths grow by less than what two repetitions differ by, so that pairs lie across the edge of every strip."""
    width = torch.exp(torch.arange(400) * (-math.log(threshold) * 0.9))[
        torch.randperm(400, generator=torch.Generator().manual_seed(0))
    ]
    boxes = torch.stack((-width, torch.zeros(400), torch.zeros(400), torch.ones(400)), -1)[None]
    kept = by_comparing_all(boxes, threshold)
    assert 150 < int(kept.sum()) < 350
    assert torch.equal(suppress_repeats(boxes, threshold), kept)


def test_at_the_very_threshold_none_goes_and_at_one_none_ever() -> None:
    boxes = torch.tensor([[[0.0, 0, 4, 4], [0, 0, 4, 3], [0, 0, 4, 4], [1, 0, 4, 4]]])
    assert suppress_repeats(boxes, 0.75).tolist() == [[True, True, False, True]]
    assert suppress_repeats(boxes, 1.0).all()


def test_what_is_no_box_drops_nothing_and_sizes_beyond_float32_are_compared_as_all_are() -> None:
    inf, nan = math.inf, math.nan
    odd = [[nan, 0, 1, 1], [0, 0, inf, 1], [0, 0, -1, -1], [0, 0, 0, 1], [-inf, 0, 1, 1]]
    sizes = [[0, 0, 1e-21, 1e-21], [0, 0, 1.2e-21, 1e-21], [0, 0, 1e19, 1e19], [0, 0, 1e19, 1e19], [0, 0, 3e38, 3e38]]
    rows = torch.tensor([[*odd, *odd], [*sizes, *sizes], [*sizes[::-1], *odd]])
    for threshold in (0.3, 0.99):
        assert torch.equal(suppress_repeats(rows, threshold), by_comparing_all(rows, threshold))
    assert suppress_repeats(rows[:1], 0.3).all()
    assert suppress_repeats(rows[:0], 0.3).shape == (0, 10)


@pytest.mark.parametrize("number", [1, 7, 30, 40])
def test_the_first_of_a_ranking_are_those_that_sorting_all_puts_first(number: int) -> None:
    """Ties, zeros of either sign, infinities, and what is nan, of either sign."""
    generator = torch.Generator().manual_seed(number)
    scores = torch.randint(-3, 4, (50, 40), generator=generator).float()
    scores[::2] *= -1
    scores[3:9, ::7] = math.inf
    scores[5:12, 1::7] = -math.inf
    scores[10:20, 2::9], scores[15:25, 3::9] = math.nan, -torch.tensor(math.nan)
    scores[30:] = torch.randn((20, 40), generator=generator)
    every = scores.argsort(dim=1, descending=True, stable=True)
    assert torch.equal(_in_order(scores, number), every[:, :number])
    assert torch.equal(_in_order(scores.double(), number), every[:, :number])
