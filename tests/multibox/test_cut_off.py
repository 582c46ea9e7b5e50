"""The highest scores of each row, which mining looks its cut-off up in."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox.mining import _highest


@pytest.mark.parametrize("number", [0, 1, 5, 40])
@pytest.mark.parametrize("odd", [0.0, torch.inf, -torch.inf, torch.nan])
def test_they_are_those_that_ranking_puts_first(number: int, odd: float) -> None:
    generator = torch.Generator().manual_seed(number)
    scores = torch.randint(0, 9, (3, 40), generator=generator) / 2  # with many ties
    scores[0, 7] = scores[2, ::3] = odd
    ranked = scores.sort(dim=1, descending=True).values[:, :number]
    torch.testing.assert_close(_highest(scores, number), ranked.flip(1), rtol=0, atol=0, equal_nan=True)
