"""How much what a network predicts differs from place to place, where it hardly does."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg import LevelSpec, PriorSpec, generate_priors
from ssdlossdbg.analysis.evidence.predictions import _spread


@pytest.mark.parametrize(("fine", "coarse", "spread"), [(0.5, 0.25, 0.5), (0.25, 0.5, 0.5), (0.0, 0.0, 0.0)])
def test_the_level_that_differs_most_tells(fine: float, coarse: float, spread: float) -> None:
    """Of those that differ by no more than what counts as the same."""
    levels = (LevelSpec((2, 2), (50.0, 50.0), ((30.0, 30.0),)), LevelSpec((2, 1), (50.0, 100.0), ((60.0, 60.0),)))
    priors = generate_priors(PriorSpec((100, 100), levels))
    values = torch.zeros(1, 6, 3)
    values[0, 1, 2], values[0, 5, 0] = fine, coarse
    assert _spread(values, priors, 1.0) == spread
    values[0, 5, 0] = 2.0
    assert _spread(values, priors, 1.0) == 2.0
