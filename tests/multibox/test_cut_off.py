"""What so many of each row reach, by which mining picks out those that may be among them."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox.mining import _reached_by


@pytest.mark.parametrize("columns", [40, 41, 47])
@pytest.mark.parametrize("number", [1, 2, 5, 20, 40])
@pytest.mark.parametrize("odd", [0.0, torch.inf, -torch.inf])
def test_so_many_reach_it_and_few_others(columns: int, number: int, odd: float) -> None:
    generator = torch.Generator().manual_seed(number)
    scores = torch.randint(0, 9, (3, columns), generator=generator) / 2  # with many ties
    scores[0, 7] = scores[2, ::3] = odd
    reached = _reached_by(scores, number)
    assert reached.shape == (3, 1)
    assert ((scores >= reached).sum(1) >= number).all()
    # Of groups no larger than a half of what there is for each, no more can be above it.
    assert ((scores > reached).sum(1) <= number * max(1, columns // (2 * number))).all()


def test_a_nan_shows_wherever_it_is() -> None:
    scores = torch.zeros((4, 41))
    scores[0, 0] = scores[1, 40] = scores[2, 17] = torch.nan
    assert _reached_by(scores, 3).isnan().flatten().tolist() == [True, True, True, False]
