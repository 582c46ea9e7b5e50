"""Of more objects than are held against all priors at a time, the roles are those that all overlaps give."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox import overlaps, tiles
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching, holds_all_overlaps, match, match_with_ties
from ssdlossdbg.multibox.overlaps import Tied, has_crowds
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import ForcedRule, MatchSpec
from tests.kinds_of_dialects import each_value_of
from tests.multibox.test_sparse_rules import SOME, scene

SLACK = 1e-5
PRIORS = generate_priors(SOME)
# So that 33 priors are held against three objects at a time.
TILE = 100


def assert_same(whole: tuple[Matching | Tied, ...], found: tuple[Matching | Tied, ...]) -> None:
    for one, other in zip(whole, found, strict=True):
        for name, column in vars(one).items():
            got = getattr(other, name)
            assert got.dtype == column.dtype
            assert torch.equal(got.nan_to_num(7), column.nan_to_num(7)), name


@pytest.fixture
def nobody_holds_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few numbers at a time, and a failure where somebody asks for all overlaps."""

    def refuse(*_: object) -> None:
        raise AssertionError("all overlaps were asked for")

    monkeypatch.setattr(tiles, "TILE_ON_CPU", TILE)
    monkeypatch.setattr(overlaps, "overlaps", refuse)


@pytest.mark.parametrize(("seed", "name"), list(enumerate(each_value_of("match"))))
def test_every_dialect(seed: int, name: str, request: pytest.FixtureRequest) -> None:
    gt, spec = scene(seed, PRIORS), load_dialect(name).match
    whole = match_with_ties(gt, PRIORS.boxes, spec, SLACK)
    request.getfixturevalue("nobody_holds_all")
    assert has_crowds(gt, PRIORS.boxes)
    assert not holds_all_overlaps(gt, PRIORS.boxes, spec, PRIORS.grid)
    found = match_with_ties(gt, PRIORS.boxes, spec, SLACK, PRIORS.grid)
    assert_same(whole, found)
    assert_same(whole[:1], (match(gt, PRIORS.boxes, spec, PRIORS.grid),))


def with_an_object_that_is_no_box(gt: GroundTruthBatch) -> GroundTruthBatch:
    boxes = gt.boxes.clone()
    boxes[3, 1, 2] = boxes[3, 1, 0]
    return GroundTruthBatch(boxes, gt.labels, gt.counts)


@pytest.mark.parametrize("forced", ForcedRule)
@pytest.mark.parametrize("sound", [True, False])
def test_where_no_grid_says_what_greed_gets(forced: ForcedRule, sound: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Priors without a grid, or an object without an area: all overlaps, if a rule wants them, and the same roles."""
    spec, gt, boxes, grid = MatchSpec(forced=forced), scene(4, PRIORS), PRIORS.boxes, PRIORS.grid
    if sound:
        boxes, grid = boxes[torch.randperm(len(boxes), generator=torch.Generator().manual_seed(0))], None
    else:
        gt = with_an_object_that_is_no_box(gt)
    whole = match_with_ties(gt, boxes, spec, SLACK)
    monkeypatch.setattr(tiles, "TILE_ON_CPU", TILE)
    greedy = forced.value.startswith("bipartite")
    assert holds_all_overlaps(gt, boxes, spec, grid) is greedy
    assert_same(whole, match_with_ties(gt, boxes, spec, SLACK, grid))
