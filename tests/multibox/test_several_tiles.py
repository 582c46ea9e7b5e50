"""What is counted some objects at a time is counted as at once."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.overlaps import all_overlaps, as_good
from ssdlossdbg.rules import MatchSpec, Ties

# Of four images the object that a prior is nearest to.
OWNERS = {Ties.FIRST: [[0], [1], [0], [0]], Ties.LAST: [[2], [1], [2], [2]]}


@pytest.mark.parametrize("at_once", [1, 2, 3, 5])
def test_overlaps_that_reach_a_bound(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five objects of two images, beside three priors: of two, two and one the bounds are split as the overlaps are."""
    matrix = torch.rand((2, 5, 3), generator=torch.Generator().manual_seed(1))
    least = matrix.median(-1).values  # of three, two reach it
    least[1, 4] = 2.0
    monkeypatch.setattr(tiles, "TILE_ON_CPU", at_once * 2 * 3)
    assert len(tiles.parts(matrix, 1)) == -(-5 // at_once)
    assert as_good(matrix, least).tolist() == [[2] * 5, [2] * 4 + [0]]


@pytest.mark.parametrize("ties", Ties)
def test_the_best_object_of_each_prior(ties: Ties, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is no number is the best of all, before sound ones, behind them, and beside another such."""
    sound, better, no_number = [0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.4, 0.4], [torch.nan] * 4
    images = [[better, sound, better], [sound, no_number, better], [no_number, better, no_number], [no_number] * 3]
    gt = pad_ground_truth([torch.tensor(each) for each in images], [torch.ones(3, dtype=torch.int64)] * len(images))
    priors, spec = torch.tensor([[0.25, 0.25, 0.3, 0.3]]), MatchSpec(ties=ties)
    at_once = all_overlaps(gt, priors, spec)
    monkeypatch.setattr(tiles, "TILE_ON_CPU", 1)
    one_by_one = all_overlaps(gt, priors, spec)
    assert at_once.held is not None
    assert one_by_one.held is None
    assert one_by_one.best_gt.tolist() == at_once.best_gt.tolist() == OWNERS[ties]
    torch.testing.assert_close(one_by_one.prior_iou, at_once.prior_iou, rtol=0, atol=0, equal_nan=True)
