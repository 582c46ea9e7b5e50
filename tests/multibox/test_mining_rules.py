"""Each rule of mining by hand, on one image of six priors: caps, minimum, ignored priors, suppression, nan."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.matching import roles_of_labels
from ssdlossdbg.multibox.mining import Mining, mine
from ssdlossdbg.multibox.quotas import negatives_available, negatives_wanted
from ssdlossdbg.rules import MiningCap, MiningPositives, MiningScope, MiningScore, MiningSelection, MiningSpec

# A positive, an ignored prior, and four negatives, one of which costs nothing.
ROLES = roles_of_labels(torch.tensor([[1, -1, 0, 0, 0, 0]]), torch.float64)
COSTS = torch.tensor([[9.0, 8.0, 0.5, 0.0, 2.0, 1.0]], dtype=torch.float64)
BY_COST = {"score": MiningScore.CONFIDENCE_LOSS, "cap": MiningCap.NONE}


def chosen(spec: MiningSpec, costs: Tensor = COSTS, labels: Tensor | None = None) -> Mining:
    """The negatives mined by what they cost."""
    matching = ROLES if labels is None else roles_of_labels(labels, torch.float64)
    return mine(torch.zeros((*costs.shape, 2), dtype=torch.float64), costs, matching, apart(costs), spec)


def apart(costs: Tensor) -> Tensor:
    """A box for each prior, none of which meets another."""
    low = torch.arange(costs.shape[1], dtype=torch.float64)[:, None].expand(-1, 2)
    return torch.cat((low, low + 0.5), 1).expand(len(costs), -1, -1)


def mined(found: Mining) -> list[int]:
    """The priors mined of one image."""
    return found.mined[0].nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("cap", "wanted"),
    [
        (MiningCap.NONE, 30),
        (MiningCap.PRIORS, 6),
        (MiningCap.PRIORS_MINUS_ONE, 5),
        (MiningCap.NEGATIVES, 4),
        (MiningCap.NONZERO_NEGATIVES, 3),
    ],
)
def test_caps(cap: MiningCap, wanted: int) -> None:
    assert negatives_wanted(COSTS, ROLES, MiningSpec(ratio=30, cap=cap)).tolist() == [wanted]


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        (MiningSpec(ratio=2), 2),
        (MiningSpec(ratio=2, count_ignored=True), 4),
        (MiningSpec(ratio=1.5), 1.5),
        (MiningSpec(ratio=1.5, whole=True), 1),
        (MiningSpec(ratio=0, minimum=3), 3),
        (MiningSpec(ratio=4, minimum=3), 4),
    ],
)
def test_places(spec: MiningSpec, wanted: float) -> None:
    assert negatives_wanted(COSTS, ROLES, spec).tolist() == [wanted]
    assert negatives_available(ROLES, spec).tolist() == [math.ceil(wanted)]


def test_no_more_are_available_than_there_are() -> None:
    assert negatives_available(ROLES, MiningSpec(ratio=30, cap=MiningCap.NONE)).tolist() == [4]


@pytest.mark.parametrize(
    ("positives", "ratio", "expected"),
    [
        (MiningPositives.LAST, 1, [4]),
        (MiningPositives.LAST, 3, [2, 4, 5]),
        (MiningPositives.LAST, 4, [2, 3, 4, 5]),
        (MiningPositives.AS_ZERO, 3, [2, 4, 5]),
        (MiningPositives.AS_ZERO, 5, [2, 4, 5]),  # the positive and the ignored prior come before the free one
        (MiningPositives.AS_ZERO, 6, [2, 3, 4, 5]),
    ],
)
def test_what_is_no_negative_takes_a_place_or_none(
    positives: MiningPositives, ratio: float, expected: list[int]
) -> None:
    assert mined(chosen(MiningSpec(ratio=ratio, positives=positives, **BY_COST))) == expected  # type: ignore[arg-type]


def test_ties_with_the_last_one_wanted_are_taken_as_well() -> None:
    costs = torch.tensor([[9.0, 8.0, 2.0, 1.0, 2.0, 2.0]], dtype=torch.float64)
    for selection, expected in ((MiningSelection.RANKED, [2]), (MiningSelection.WITH_TIES, [2, 4, 5])):
        assert mined(chosen(MiningSpec(ratio=1, selection=selection, **BY_COST), costs)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", [{}, {"ratio": 0}, {"cap": MiningCap.PRIORS, "minimum": 1}, {"whole": True}])
def test_where_none_is_chosen_every_negative_counts_and_is_ranked_by_its_cost(spec: dict[str, Any]) -> None:
    found = chosen(MiningSpec(selection=MiningSelection.NONE, scope=MiningScope.BATCH, **spec))
    assert mined(found) == [2, 3, 4, 5]
    assert found.wanted.tolist() == [4]
    assert negatives_available(ROLES, MiningSpec(selection=MiningSelection.NONE)).tolist() == [4]
    assert found.rank[0].tolist() == [4, 5, 2, 3, 0, 1]
    assert found.dropped is None
    assert not found.places_of_positives.any()


def test_one_nan_ranks_above_all_numbers() -> None:
    costs = torch.tensor([[9.0, 8.0, 0.5, math.nan, 2.0, 1.0]], dtype=torch.float64)
    spec = MiningSpec(ratio=2, positives=MiningPositives.LAST, **BY_COST)  # type: ignore[arg-type]
    assert mined(chosen(spec, costs)) == [3, 4]


def test_a_batch_shares_its_places_where_its_images_compete() -> None:
    costs = torch.tensor([[9.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]], dtype=torch.float64)
    labels = torch.tensor([[1, 0, 0, 0], [0, 0, 0, 0]])
    for scope, expected in (
        (MiningScope.IMAGE, [[0, 0, 1, 1], [0, 0, 0, 0]]),
        (MiningScope.BATCH, [[0, 0, 0, 0], [0, 0, 1, 1]]),
    ):
        spec = MiningSpec(ratio=2, scope=scope, positives=MiningPositives.LAST, **BY_COST)  # type: ignore[arg-type]
        assert chosen(spec, costs, labels).mined.int().tolist() == expected


@pytest.mark.parametrize(
    ("ratio", "minimum", "expected"),
    [(1, 0, [4, 5]), (1.4, 0, [4, 5]), (1.5, 0, [2, 4, 5]), (0, 1, [4]), (1, 1, [4, 5])],
)
def test_so_many_a_positive_of_what_survives_suppression(ratio: float, minimum: int, expected: list[int]) -> None:
    """Two positives, both of which survive."""
    labels = torch.tensor([[1, 1, 0, 0, 0, 0]])
    spec = MiningSpec(
        ratio=ratio,
        minimum=minimum,
        score=MiningScore.CONFIDENCE_LOSS,
        selection=MiningSelection.NON_MAXIMUM_SUPPRESSION,
    )
    found = chosen(spec, COSTS, labels)
    assert mined(found) == expected
    assert found.wanted.tolist() == [max(int(2 * ratio), minimum)]
    assert not found.places_of_positives.any()
    assert found.dropped is not None
    assert not found.dropped.any()


def test_suppression_without_boxes_is_refused() -> None:
    spec = MiningSpec(selection=MiningSelection.NON_MAXIMUM_SUPPRESSION)
    with pytest.raises(ValueError, match="needs the decoded boxes"):
        mine(torch.zeros(1, 6, 2), COSTS, ROLES, None, spec)
