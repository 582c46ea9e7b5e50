"""Targets that came encoded: what they say of priors that are to learn no box is no difference."""

from __future__ import annotations

import pytest
import torch

import ssdlossdbg


@pytest.mark.parametrize(("prior", "label", "names"), [(0, 1, ["locations"]), (1, 0, []), (1, -1, [])])
def test_offsets_count_at_positives(prior: int, label: int, names: list[str]) -> None:
    cells = torch.tensor([[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.5, 1.0]])
    predictions = {"loc": torch.zeros(1, 2, 4), "conf": torch.zeros(1, 2, 3), "priors": cells}
    labels, own = torch.tensor([[1, label if prior else 0]]), torch.zeros(1, 2, 4)
    changed = own.clone()
    changed[0, prior] = 0.5
    first, second = ({"labels": labels, "locations": offsets} for offsets in (own, changed))
    result = ssdlossdbg.diff((predictions, first), (predictions, second), device="cpu")
    assert [each.name for each in result.differences] == names
