"""The greedy matching where an overlap is just the least that counts, and where a single object's priors tie."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.multibox.matching_on_grid import match_on_grid
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.rules import ForcedRule, LevelSpec, MatchSpec, PriorSpec, Ties

# A left and a right half of the image.
HALVES = generate_priors(PriorSpec((100, 100), (LevelSpec((2, 1), (50, 100), ((50, 100),)),)))
BIPARTITE = [rule for rule in ForcedRule if rule.value.startswith("bipartite")]


def owners(boxes: list[list[float]], spec: MatchSpec) -> list[int]:
    """The object that each half is forced for, or -1: by all overlaps and by the few that matter alike."""
    gt = pad_ground_truth([torch.tensor(boxes)], [torch.ones(len(boxes), dtype=torch.long)])
    assert HALVES.grid is not None
    every, few = match(gt, HALVES.boxes, spec), match_on_grid(gt, HALVES.boxes, spec, HALVES.grid)
    found = [torch.where(each.forced, each.owner, -1)[0].tolist() for each in (every, few)]
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(("minimum", "second"), [(0.249, 1), (0.25, -1)])
def test_who_loses_goes_on_with_what_overlaps_more_than_the_minimum(minimum: float, second: int) -> None:
    """Three quarters of the image overlap the left half by 2/3, and the right by a quarter of all, exactly."""
    spec = MatchSpec(forced=ForcedRule.BIPARTITE, minimum_iou=minimum, threshold=0.9)
    assert owners([[0.0, 0.0, 0.75, 1.0]] * 2, spec) == [0, second]


@pytest.mark.parametrize(("minimum", "got"), [(0.499, [0, 1]), (0.5, [-1, -1])])
def test_who_asks_first_needs_more_than_the_minimum(minimum: float, got: list[int]) -> None:
    spec = MatchSpec(forced=ForcedRule.BIPARTITE, minimum_iou=minimum, threshold=0.9)
    assert owners([[0.0, 0.0, 1.0, 1.0]] * 2, spec) == got


@pytest.mark.parametrize("rule", BIPARTITE)
@pytest.mark.parametrize("ties", Ties)
def test_alone_it_gets_the_first_of_two_whichever_is_reported(rule: ForcedRule, ties: Ties) -> None:
    """All of the image overlaps both halves by half; with ties, the other one is its own, too."""
    both = [0, 0] if rule is ForcedRule.BIPARTITE_AND_TIES else [0, -1]
    assert owners([[0.0, 0.0, 1.0, 1.0]], MatchSpec(forced=rule, ties=ties, threshold=0.9)) == both
