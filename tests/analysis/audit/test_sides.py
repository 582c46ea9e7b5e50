"""The sides of objects that an audit tells apart."""

from __future__ import annotations

import numpy as np
import pytest

from ssdlossdbg import LevelSpec, PriorSpec, generate_priors
from ssdlossdbg.analysis.audit.summary import iou_by_size
from ssdlossdbg.analysis.audit.tallies import Outcomes


@pytest.mark.parametrize(("image", "last"), [((100, 50), 49), ((50, 100), 49), ((300, 300), 60), ((1, 1), 1)])
def test_each_is_a_tenth_longer_from_a_pixel_on(image: tuple[int, int], last: int) -> None:
    """To the first that is no shorter than the image."""
    level = LevelSpec((2, 2), (image[0] / 2, image[1] / 2), ((image[0] / 2, image[1] / 2),))
    nothing = np.zeros(0)
    outcome = Outcomes.__new__(Outcomes)
    for name, values in (("side", nothing), ("valid", nothing.astype(bool)), ("best_iou", nothing)):
        object.__setattr__(outcome, name, values)
    edges = iou_by_size(outcome, generate_priors(PriorSpec(image, (level,)))).edges
    np.testing.assert_allclose(edges, 1.1 ** np.arange(last + 1), rtol=1e-12)
    assert edges[-1] >= max(image) or max(image) == 1
