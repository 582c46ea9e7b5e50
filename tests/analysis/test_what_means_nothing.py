"""Batches of which a criterion is not asked: of some rules they have no loss, and some are about objects alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ssdlossdbg.analysis.identity import loss_cases
from ssdlossdbg.analysis.identity.cases import MAKERS, cases
from ssdlossdbg.analysis.identity.makers import Maker
from ssdlossdbg.analysis.identity.trials import trial_of
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import MiningSelection, Units


@pytest.mark.parametrize(
    ("dialect", "offset", "defined"),
    [
        ("ssd.pytorch", 0.0, True),
        ("ssd.pytorch", math.nan, True),
        ("tf-object-detection", 0.0, True),
        ("tf-object-detection", math.nan, False),
        ("tf-object-detection", -math.inf, False),
    ],
)
def test_boxes_to_be_suppressed_are_numbers(dialect: str, offset: float, defined: bool) -> None:
    """Of a single offset that is none there is no say which boxes are left."""
    rules = load_dialect(dialect)
    suppresses = rules.mining.selection is MiningSelection.NON_MAXIMUM_SUPPRESSION
    assert suppresses is (dialect == "tf-object-detection")
    case = loss_cases.ordinary(Maker(5, 1, 3, 0))
    place = torch.zeros_like(case.loc)
    place[0, 0, 2] = offset
    found = trial_of(replace(case, loc=case.loc + place), Units.NORMALIZED).losses(rules)
    assert (found is not None) is defined


def test_what_tells_of_objects_is_asked_with_objects() -> None:
    """Of targets that are encoded already, only what tells of losses."""
    made = cases(5, 1, 3)
    assert len(made) == len(MAKERS)
    for (make, _), case in zip(MAKERS, made, strict=True):
        assert case.with_objects is (make.__module__ != loss_cases.__name__), case.name
