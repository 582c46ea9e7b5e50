"""Objects recovered from encoded targets, and the formula that the offsets follow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.encoded_table import describe_encoded
from ssdlossdbg.analysis.evidence.readings import Positives, recover_variances, stored_precision
from ssdlossdbg.analysis.evidence.same_boxes import same_boxes
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.results import EncodedTable
from ssdlossdbg.results.encoded import Formula

# Two squares and a wide prior on one place, one far away, and one without a size; cxcywh.
PRIORS = torch.tensor(
    [[0.5, 0.5, 0.4, 0.4], [0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.4, 0.2], [0.9, 0.1, 0.2, 0.2], [0.5, 0.5, 0.0, 0.0]]
)
BOX = (0.3, 0.4, 0.7, 0.6)  # that of prior 2: IoU 1/2 with priors 0 and 1


def offsets_to(box: tuple[float, ...]) -> Tensor:
    """`[P, 4]`, one prior at a time, by the formula as the paper has it."""
    x1, y1, x2, y2 = box
    rows = []
    for cx, cy, w, h in PRIORS.double().tolist():
        sizes = [math.log((x2 - x1) / w) / 0.2, math.log((y2 - y1) / h) / 0.2] if w else [math.inf] * 2
        centre = [((x1 + x2) / 2 - cx) / w / 0.1, ((y1 + y2) / 2 - cy) / h / 0.1] if w else [math.nan] * 2
        rows.append(centre + sizes)
    return torch.tensor(rows)


def describe(labels: list[list[int]], offsets: Tensor, dialect: str = "ssd.pytorch") -> EncodedTable:
    named = NamedPriors("five", "", Priors(PRIORS, (300, 300), ()))
    targets = EncodedTargets(torch.tensor(labels), offsets.expand(len(labels), -1, -1), "encoded")
    return describe_encoded(targets, named, load_dialect(dialect), "t.pt")


def test_positives_of_an_object_are_found_together() -> None:
    table = describe([[1, 1, 1, 0, 0], [0, 2, 2, 0, 0]], offsets_to(BOX))
    assert (table.images, table.priors) == (2, 5)
    assert table.image.tolist() == [0, 0, 0, 1, 1]
    assert table.prior.tolist() == [0, 1, 2, 1, 2]
    assert table.object.tolist() == [0, 0, 0, 1, 1]
    assert table.siblings.tolist() == [3, 3, 3, 2, 2]
    np.testing.assert_allclose(table.boxes, [BOX] * 5, atol=1e-6)
    np.testing.assert_allclose(table.iou, [0.5, 0.5, 1.0, 0.5, 1.0], atol=1e-6)
    np.testing.assert_allclose(table.best_own, 1.0, atol=1e-6)
    assert not table.weak.any()
    assert table.pixels(0) == pytest.approx((90, 120, 210, 180), abs=1e-3)


def test_overlap_with_priors_that_are_free_is_known_where_a_positive_is_weak() -> None:
    table = describe([[0, 0, 0, 1, 0]], offsets_to(BOX))
    assert (table.iou.tolist(), table.weak.tolist()) == ([0.0], [True])
    assert table.best_free.tolist() == pytest.approx([1.0], abs=1e-6)
    assert np.isnan(describe([[0, 0, 1, 0, 0]], offsets_to(BOX)).best_free).all()


def test_overlap_is_the_dialects() -> None:
    # Every area is in normalised units, and 1e-5 of the union is added to the divisor.
    table = describe([[0, 0, 1, 0, 0]], offsets_to(BOX), "pytorch-ssd")
    assert table.iou.tolist() == pytest.approx([0.08 / (0.08 + 1e-5)], rel=1e-6)


def test_offsets_that_stand_for_no_box() -> None:
    offsets = offsets_to(BOX)
    offsets[1, 2], offsets[2, 3] = -math.inf, -60.0
    table = describe([[1, 1, 1, 0, 1]], offsets)
    assert table.object.tolist() == [0, -1, -1, -1]
    assert table.not_finite.tolist() == [False, True, False, False]  # the last one's prior is to blame
    assert table.hidden.tolist() == [False, False, True, False]
    assert table.pixels(1) is None
    assert table.siblings.tolist() == [1, 0, 0, 0]


def test_tallies_count_image_by_image() -> None:
    offsets = offsets_to(BOX)
    offsets[3, 0] = math.nan
    table = describe([[1, 0, 0, 0, 0], [-1, 1, 0, -1, 0], [0, 0, 0, 1, 0]], offsets)
    assert [part.tolist() for part in (table.ignored.image, table.ignored.prior, table.ignored.count)] == [
        [1],
        [0],
        [2],
    ]
    bad = table.bad_negatives
    assert [part.tolist() for part in (bad.image, bad.prior, bad.count)] == [[0, 1], [3, 3], [1, 1]]


def test_no_positive() -> None:
    table = describe([[0] * 5], offsets_to(BOX))
    assert len(table.image) == len(table.weak) == len(table.siblings) == 0
    assert (table.reading.formula, table.reading.boxes, table.crowded) == (Formula.STATED, 0, False)


def test_formula_that_one_object_gives_away() -> None:
    table = describe([[1, 1, 1, 0, 0]], torch.tensor(BOX).expand(5, 4))
    assert (table.reading.formula, table.reading.boxes, table.reading.stated_boxes) == (Formula.NOT_ENCODED, 1, 3)
    np.testing.assert_allclose(table.boxes, [BOX] * 3, atol=1e-6)


@pytest.mark.parametrize("variances", [(0.1, 0.1, 0.2, 0.2), (1.0, 1.0, 1.0, 1.0), (0.125, 0.125, 0.25, 0.25)])
def test_variances_are_recovered(variances: tuple[float, float, float, float]) -> None:
    generator = np.random.default_rng(0)
    priors = np.concatenate((generator.random((40, 2)), generator.random((40, 2)) + 0.1), axis=1)
    goal = np.array([0.5, 0.4, 0.3, 0.2])
    moves = np.concatenate(((goal[:2] - priors[:, :2]) / priors[:, 2:], np.log(goal[2:] / priors[:, 2:])), axis=1)
    same = np.zeros(40, dtype=np.int64)
    found = recover_variances(Positives(same, same, moves / variances, priors, 0.0), (9.0, 9.0, 9.0, 9.0))
    for each in found:
        assert each == pytest.approx(variances, rel=1e-3)


def test_variances_that_nothing_tells() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    positives = Positives(nothing, nothing, np.zeros((0, 4)), np.zeros((0, 4)), 0.0)
    assert recover_variances(positives, (0.1, 0.1, 0.2, 0.2)) == ((0.1, 0.1, 0.2, 0.2),) * 2


def test_same_boxes_are_equal_in_all_four_numbers_and_in_the_image() -> None:
    boxes = np.array([[1, 1, 1, 1], [1, 1, 1, 1.5], [1, 1, 1, 1], [1, 1, 1, 1.004], [2, 1, 1, 1]], dtype=float)
    group = same_boxes(np.array([0, 0, 1, 0, 0]), boxes, np.full((5, 4), 0.003))
    assert (group[0] == group).tolist() == [True, False, False, True, False]
    assert len(set(group.tolist())) == 4


@pytest.mark.parametrize(
    ("dtype", "error"), [(torch.float32, 2.0**-24), (torch.float16, 2.0**-11), (torch.bfloat16, 2.0**-8)]
)
def test_precision_that_offsets_were_stored_with(dtype: torch.dtype, error: float) -> None:
    values = torch.linspace(-3, 3, 12).div(7).to(dtype).double().reshape(3, 4)
    values[0, 0] = -math.inf
    assert stored_precision(values.numpy()) == error
