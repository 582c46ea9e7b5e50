"""The sides of objects that an audit tells apart."""

from __future__ import annotations

import numpy as np
import pytest

from ssdlossdbg import LevelSpec, PriorSpec, generate_priors
from ssdlossdbg.analysis.audit.summary import iou_by_size
from ssdlossdbg.analysis.audit.tallies import Outcomes
from ssdlossdbg.results import IouBySize


def by_size(image: tuple[int, int], objects: list[tuple[float, bool, float]]) -> IouBySize:
    """What is counted of objects, by side, whether they are boxes, and IoU."""
    level = LevelSpec((2, 2), (image[0] / 2, image[1] / 2), ((image[0] / 2, image[1] / 2),))
    outcome = Outcomes.__new__(Outcomes)
    columns = np.array(objects, dtype=float).reshape(-1, 3).T
    for name, values in zip(("side", "valid", "best_iou"), columns, strict=True):
        object.__setattr__(outcome, name, values.astype(bool) if name == "valid" else values)
    return iou_by_size(outcome, generate_priors(PriorSpec(image, (level,))))


@pytest.mark.parametrize(("image", "last"), [((100, 50), 49), ((50, 100), 49), ((300, 300), 60), ((1, 1), 1)])
def test_each_is_a_tenth_longer_from_a_pixel_on(image: tuple[int, int], last: int) -> None:
    """To the first that is no shorter than the image."""
    edges = by_size(image, []).edges
    np.testing.assert_allclose(edges, 1.1 ** np.arange(last + 1), rtol=1e-12)
    assert edges[-1] >= max(image) or max(image) == 1


def test_each_object_is_counted_by_its_side_and_overlap() -> None:
    """Those beyond the ends with the outermost; what is no box nowhere."""
    sides = [0.2, 1.0, 1.09, 1.1, 50.0, 107.0, 5000.0]
    overlaps = [0.0, 0.049, 0.061, 0.51, 0.999, 1.0, 0.31]
    boxes = [(side, True, overlap) for side, overlap in zip(sides, overlaps, strict=True)]
    found = by_size((100, 50), [*boxes, (5.0, False, 0.5)])
    expected = np.zeros_like(found.counts)
    # 1.1^41 is 49.8, 1.1^42 54.8; the last of 49 is from 97.0 to 106.7 and beyond.
    for row, overlap in zip([0, 0, 0, 1, 41, 48, 48], overlaps, strict=True):
        (column,) = (
            k for k, edge in enumerate(found.iou_edges[:-1]) if edge <= min(overlap, 0.999) < found.iou_edges[k + 1]
        )
        expected[row, column] += 1
    assert expected.shape[0] == 49
    assert found.counts.tolist() == expected.tolist()
