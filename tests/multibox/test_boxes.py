"""Box forms, and overlaps computed by hand and by plain loops."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ssdlossdbg.multibox.boxes import at_places, cxcywh_to_xyxy, iou, sides_iou, xyxy_to_cxcywh
from ssdlossdbg.rules import IouRule

UNIT = [0.0, 0.0, 1.0, 1.0]


def random_corners(seed: int, count: int) -> Tensor:
    """Proper float64 corner boxes."""
    points = torch.rand((count, 2, 2), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.cat((points.amin(1), points.amax(1)), dim=1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forms(dtype: torch.dtype) -> None:
    corners = torch.tensor([[[0.25, 0.125, 0.75, 1.0]], [[10.0, 20.0, 40.0, 30.0]]], dtype=dtype)
    centred = torch.tensor([[[0.5, 0.5625, 0.5, 0.875]], [[25.0, 25.0, 30.0, 10.0]]], dtype=dtype)
    assert torch.equal(xyxy_to_cxcywh(corners), centred)
    assert torch.equal(cxcywh_to_xyxy(centred), corners)
    assert xyxy_to_cxcywh(corners).dtype == dtype


def test_forms_are_inverse() -> None:
    boxes = random_corners(0, 200)
    torch.testing.assert_close(cxcywh_to_xyxy(xyxy_to_cxcywh(boxes)), boxes, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param(UNIT, UNIT, 1.0, id="identical"),
        pytest.param(UNIT, [0.5, 0.0, 1.5, 1.0], 1 / 3, id="half of each"),
        pytest.param(UNIT, [0.0, 0.0, 0.5, 1.0], 0.5, id="exactly half"),
        pytest.param(UNIT, [0.25, 0.25, 0.75, 0.75], 0.25, id="inside"),
        pytest.param(UNIT, [0.5, 0.5, 1.5, 1.5], 0.25 / 1.75, id="corner"),
        pytest.param(UNIT, [1.0, 0.0, 2.0, 1.0], 0.0, id="touching"),
        pytest.param(UNIT, [2.0, 0.0, 3.0, 1.0], 0.0, id="disjoint in x"),
        pytest.param(UNIT, [0.0, 2.0, 1.0, 3.0], 0.0, id="disjoint in y"),
        pytest.param(UNIT, [2.0, 2.0, 3.0, 3.0], 0.0, id="disjoint in both"),
        pytest.param([-2.0, -2.0, 0.0, 0.0], [-1.0, -2.0, 0.0, 0.0], 0.5, id="negative coordinates"),
        pytest.param([0.0, 0.0, 300.0, 300.0], [0.0, 0.0, 30.0, 30.0], 0.01, id="pixels"),
        pytest.param(UNIT, [0.5, 0.0, 0.5, 1.0], 0.0, id="zero width"),
        pytest.param(UNIT, [0.5, 0.5, 0.5, 0.5], 0.0, id="a point"),
        pytest.param(UNIT, [0.75, 0.25, 0.25, 0.75], 0.0, id="inverted in x"),
        pytest.param(UNIT, [0.75, 0.75, 0.25, 0.25], 0.0, id="inverted in both"),
        pytest.param(UNIT, [2.0, 0.0, 1.0, 1.0], math.nan, id="inverted, areas cancel"),
        pytest.param([0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], math.nan, id="two points"),
        pytest.param(UNIT, [math.nan, 0.0, 1.0, 1.0], math.nan, id="nan"),
    ],
)
def test_iou_by_hand(a: list[float], b: list[float], expected: float) -> None:
    for dtype, tolerance in ((torch.float32, 1e-7), (torch.float64, 1e-15)):
        first, second = torch.tensor(a, dtype=dtype), torch.tensor(b, dtype=dtype)
        for value in (iou(first, second), iou(second, first)):
            assert value.dtype == dtype
            assert float(value) == pytest.approx(expected, abs=tolerance, nan_ok=True)


def test_iou_equals_plain_loops(reference: ModuleType) -> None:
    a, b = random_corners(1, 40), random_corners(2, 60)
    expected = torch.tensor([[reference.iou(x, y) for y in b.tolist()] for x in a.tolist()], dtype=torch.float64)
    found = iou(a[:, None], b)
    assert found.shape == (40, 60)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)
    assert float(found.amin()) == 0.0
    assert float(found.amax()) > 0.8


def test_iou_is_symmetric_and_ignores_place_and_scale() -> None:
    a, b = random_corners(3, 50)[:, None], random_corners(4, 50)
    overlap = iou(a, b)
    assert torch.equal(overlap, iou(b, a))
    torch.testing.assert_close(iou(a * 300, b * 300), overlap, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(iou(a - 7, b - 7), overlap, rtol=1e-10, atol=1e-13)


def test_iou_leaves_its_inputs_alone() -> None:
    a, b = random_corners(5, 10), random_corners(6, 10)
    before = a.clone(), b.clone()
    iou(a, b)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])


@pytest.mark.parametrize(
    ("rule", "epsilon", "expected"),
    [
        (IouRule.UNION_FLOOR, 1.0, 1 / 7),  # a union above the floor is left as it is
        (IouRule.UNION_FLOOR, 7.0, 1 / 7),
        (IouRule.UNION_FLOOR, 10.0, 1 / 10),
        (IouRule.EPSILON_ADDED, 1.0, 1 / 8),
        (IouRule.EPSILON_ADDED, 3.0, 1 / 10),
    ],
)
def test_an_epsilon_is_a_floor_or_is_added(rule: IouRule, epsilon: float, expected: float) -> None:
    a, b = torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([1.0, 1.0, 3.0, 3.0])
    assert float(iou(a, b, rule, epsilon)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((10, 20), (20, 10), 100 / 300),
        ((4, 4), (4, 4), 1.0),
        ((2, 3), (8, 6), 6 / 48),
        ((0, 5), (3, 5), 0.0),
        ((0, 0), (0, 7), math.nan),
    ],
)
def test_sides_iou_by_hand(a: tuple[float, float], b: tuple[float, float], expected: float) -> None:
    """The same as of two boxes with one corner in common."""
    first, second = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    corner = torch.zeros(2, dtype=torch.float64)
    assert float(sides_iou(first, second)) == pytest.approx(expected, nan_ok=True)
    assert float(iou(torch.cat((corner, first)), torch.cat((corner, second)))) == pytest.approx(expected, nan_ok=True)


class Named(TorchDispatchMode):
    """Notes what operations of torch are asked for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names = set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func._schema.name)
        return func(*args, **(kwargs or {}))


def test_what_some_priors_have_is_taken_without_a_copy_of_all() -> None:
    """Of rows side by side, of rows turned, of one row for all, and of a part of each row."""
    image, prior = torch.tensor([0, 2, 2, 1]), torch.tensor([4, 0, 4, 3])
    side_by_side = torch.arange(60.0).view(3, 5, 4)
    turned = torch.arange(60.0).view(3, 4, 5).transpose(1, 2)
    for each in (side_by_side, turned, side_by_side[:1].expand(3, -1, -1), side_by_side[..., 1:3]):
        expected = torch.stack([each[row, column] for row, column in zip(image, prior, strict=True)])
        with Named() as asked:
            found = at_places(each, image, prior)
        assert torch.equal(found, expected)
        assert not asked.names & {"aten::clone", "aten::copy_", "aten::contiguous"}
