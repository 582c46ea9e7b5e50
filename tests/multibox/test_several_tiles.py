"""What is counted some objects at a time is counted as at once."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.overlaps import as_good


@pytest.mark.parametrize("at_once", [1, 2, 3, 5])
def test_overlaps_that_reach_a_bound(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five objects of two images, beside three priors: of two, two and one the bounds are split as the overlaps are."""
    matrix = torch.rand((2, 5, 3), generator=torch.Generator().manual_seed(1))
    least = matrix.median(-1).values  # of three, two reach it
    least[1, 4] = 2.0
    monkeypatch.setattr(tiles, "TILE_ON_CPU", at_once * 2 * 3)
    assert len(tiles.parts(matrix, 1)) == -(-5 // at_once)
    assert as_good(matrix, least).tolist() == [[2] * 5, [2] * 4 + [0]]
