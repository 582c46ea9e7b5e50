"""What offsets tell that were stored in half precision, or that of several positives an object has a few apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssdlossdbg.analysis.evidence.formula_parts import size_formulas
from ssdlossdbg.analysis.evidence.readings import Positives, _closest, recover_variances

VARIANCES = (0.1, 0.1, 0.2, 0.2)


def positives(order: list[int]) -> Positives:
    """Of objects of one image, each of a class of its own, in an order."""
    random = np.random.default_rng(3)
    boxes = random.uniform((0.3, 0.3, 0.2, 0.2), (0.7, 0.7, 0.4, 0.4), (max(order) + 1, 4))[order]
    priors = boxes * random.uniform(0.9, 1.1, boxes.shape)
    centre = (boxes[:, :2] - priors[:, :2]) / priors[:, 2:] / VARIANCES[:2]
    offsets = np.concatenate((centre, np.log(boxes[:, 2:] / priors[:, 2:]) / VARIANCES[2:]), axis=1)
    return Positives(np.zeros(len(order), dtype=int), np.array(order) + 1, offsets, priors, 2.0**-24)


@pytest.mark.parametrize("order", [[0, 0, 0, 1, 1, 1], [0, 1] * 6, [0, 1, 2] * 4])
def test_variances_are_recovered_of_positives_up_to_three_apart(order: list[int]) -> None:
    """One, two, or three places; four are no longer looked at."""
    each, both = recover_variances(positives(order), (9.0, 8.0, 7.0, 6.0))
    assert each == both == pytest.approx(VARIANCES)
    far = positives([0, 1, 2, 3] * 3)
    assert recover_variances(far, (9.0, 8.0, 7.0, 6.0))[0] == (9.0, 8.0, 7.0, 6.0)


def test_sides_of_half_precision_are_one_where_their_rounding_makes_them_so() -> None:
    """So the dialect's own formula leaves as few as any other."""
    exact = positives([number for number in range(8) for _ in range(6)])
    half = replace(exact, offsets=exact.offsets.astype(np.float16).astype(np.float64), precision=2.0**-11)
    own, *others = size_formulas(VARIANCES, (300, 300), 1.0)
    assert own in _closest(half, slice(2, 4), [own, *others])
