"""Images of one batch in the place of another's, with all that belongs to them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch

from ssdlossdbg.analysis.diff.given import Given
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.rules import Units


def given(value: float, images: int, landmarks: bool) -> Given:
    """A batch of which every number is the same."""
    marks = torch.full((images, 2, 10), value) if landmarks else None
    predictions = Predictions(
        torch.full((images, 2, 4), value), torch.full((images, 2, 3), value), None, "", "float32", marks
    )
    boxes, labels = torch.full((1, 4), value), torch.full((1,), int(value))
    targets = Targets((boxes,) * images, (labels,) * images, Units.NORMALIZED, 0, "")
    return Given(cast(Any, None), predictions, targets, load_dialect("ssd.pytorch"), "cpu")


@pytest.mark.parametrize(("own", "others", "marks"), [(True, True, [1, 2, 1]), (True, False, [1, 1, 1])])
def test_landmarks_come_along(own: bool, others: bool, marks: list[int]) -> None:
    """Where both have some; else its own stay."""
    made = given(1, 3, own).with_images(np.array([1]), given(2, 1, others))
    assert made.predictions.landmarks is not None
    assert made.predictions.landmarks[:, 0, 0].tolist() == marks
    assert made.predictions.loc[:, 0, 0].tolist() == made.predictions.conf[:, 0, 0].tolist() == [1, 2, 1]
    assert isinstance(made.targets, Targets)
    assert [int(each) for each in made.targets.labels] == [1, 2, 1]


@pytest.mark.parametrize("others", [True, False])
def test_what_has_no_landmarks_gets_none(others: bool) -> None:
    assert given(1, 3, False).with_images(np.array([1]), given(2, 1, others)).predictions.landmarks is None
