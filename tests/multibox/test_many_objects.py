"""Matching of many objects looks at them a few at a time, and comes to what it comes to all at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.matching import match, match_with_ties
from ssdlossdbg.multibox.overlaps import overlaps
from ssdlossdbg.rules import ForcedRule, MatchSpec, Precision, Ties


def crowded(seed: int) -> tuple[GroundTruthBatch, Tensor]:
    """Objects and priors on a coarse grid, so that many overlap alike; some objects are no boxes."""
    rng = torch.Generator().manual_seed(seed)
    boxes = []
    for _ in range(3):
        low = torch.randint(0, 8, (int(torch.randint(0, 25, (1,), generator=rng)), 2), generator=rng) / 8
        boxes.append(torch.cat((low, low + torch.randint(0, 4, low.shape, generator=rng) / 8), 1))
    if seed % 4 == 0 and len(boxes[0]):
        boxes[0][0, 0] = torch.nan
    priors = torch.randint(1, 8, (30, 4), generator=rng) / 8
    return pad_ground_truth(boxes, [torch.ones(len(each), dtype=torch.long) for each in boxes]), priors


def one_by_one(matrix: Tensor, minimum: float) -> list[int]:
    """The greedy matching of one image, `[G, P]`: the best pair that is left, time after time, by its definition."""
    owner = [-1] * matrix.shape[1]
    left = matrix.clone()
    while float(left.max()) > minimum:
        slot, prior = divmod(int(left.argmax()), left.shape[1])
        owner[prior] = slot
        left[slot], left[:, prior] = -1.0, -1.0
    return owner


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("minimum", [0.0, 0.29, -0.5])
def test_the_greedy_matching_is_that_of_its_definition(
    seed: int, minimum: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    gt, priors = crowded(4 * seed + 1)  # of nan nothing is the best
    spec = MatchSpec(forced=ForcedRule.BIPARTITE, minimum_iou=minimum)
    matrix = overlaps(gt, priors, spec)
    monkeypatch.setattr(tiles, "TILE_ON_CPU", 7 * seed + 1)
    owner = match(gt, priors, spec).owner
    for image, number in enumerate(gt.counts.tolist()):
        expected = one_by_one(matrix[image, :number], minimum) if number else [-1] * len(priors)
        assert owner[image].tolist() == expected


@pytest.mark.parametrize("spec", [
    MatchSpec(),
    MatchSpec(ties=Ties.LAST, precision=Precision.FLOAT64),
    MatchSpec(forced=ForcedRule.BIPARTITE),
    MatchSpec(forced=ForcedRule.BIPARTITE_KERAS),
    MatchSpec(forced=ForcedRule.BIPARTITE_AND_TIES, ignore_from=0.4),
])  # fmt: skip
@pytest.mark.parametrize("seed", range(2))
def test_parts_of_the_objects_come_to_the_same(spec: MatchSpec, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gt, priors = crowded(seed)
    whole, ties = match_with_ties(gt, priors, spec, 1e-5)
    matrix = overlaps(gt, priors, spec)
    for tile in (1, 31, 100):
        monkeypatch.setattr(tiles, "TILE_ON_CPU", tile)
        assert torch.equal(overlaps(gt, priors, spec).nan_to_num(7), matrix.nan_to_num(7))
        found, tied = match_with_ties(gt, priors, spec, 1e-5)
        for name, column in (*vars(whole).items(), *vars(ties).items()):
            got = getattr(found if name in vars(whole) else tied, name)
            assert got.dtype == column.dtype
            assert torch.equal(got.nan_to_num(7), column.nan_to_num(7)), name
