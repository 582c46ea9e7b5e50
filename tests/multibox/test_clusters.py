"""k-means of shapes under 1 - IoU."""

from __future__ import annotations

import pytest
import torch

from ssdlossdbg.multibox.clusters import cluster_shapes, clustered
from ssdlossdbg.multibox.designs import Bounds, make_design


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_clusters_that_lie_apart_are_found() -> None:
    around = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    sizes = torch.cat([centre + around for centre in torch.tensor([[100.0, 20.0], [10.0, 10.0], [20.0, 100.0]])])
    found = cluster_shapes(sizes.repeat(20, 1), 3, torch.Generator().manual_seed(1))
    assert found[0].tolist() == pytest.approx([10, 10], abs=0.01)
    assert sorted(found[1:].tolist()) == [pytest.approx([20, 100], abs=0.01), pytest.approx([100, 20], abs=0.01)]


@pytest.mark.parametrize(("number", "seed"), [(60, 0), *((12, seed) for seed in range(20))])
def test_every_shape_is_nearest_to_its_own_centre(number: int, seed: int) -> None:
    """The fixed point of Lloyd's algorithm, by plain loops; of few shapes, some are left alone in their cluster."""
    sizes = 5 + 95 * torch.rand((number, 2), generator=torch.Generator().manual_seed(seed))
    centres = cluster_shapes(sizes, 4, generator()).tolist()
    members: dict[int, list[list[float]]] = {}
    for w, h in sizes.tolist():
        shared = [min(w, cw) * min(h, ch) for cw, ch in centres]
        overlap = [inter / (w * h + cw * ch - inter) for inter, (cw, ch) in zip(shared, centres, strict=True)]
        members.setdefault(overlap.index(max(overlap)), []).append([w, h])
    for place, own in members.items():
        assert centres[place] == pytest.approx([sum(axis) / len(own) for axis in zip(*own, strict=True)], rel=1e-4)


def test_fewer_shapes_than_clusters() -> None:
    assert cluster_shapes(torch.tensor([[10.0, 10.0]]), 5, generator()).tolist() == [[10.0, 10.0]]


def test_small_clusters_go_to_fine_levels() -> None:
    designs = [
        make_design((38, 38), (8.0, 8.0), 30.0, 60.0, (2.0,)),
        make_design((1, 1), (300.0, 300.0), 264.0, None, ()),
    ]
    sizes = torch.tensor([[9.0, 9.0], [10.0, 10.0], [30.0, 10.0], [40.0, 40.0], [200.0, 200.0]])
    fine, coarse = clustered(designs, sizes, Bounds(1.0, 600.0), generator())
    assert fine.min_size < 30
    assert coarse.min_size == 200
    assert [len(each.order) for each in (fine, coarse)] == [4, 1]


@pytest.mark.parametrize(
    ("sizes", "max_size", "ratios", "expected"),
    [
        # As many shapes as clusters: the squares are as large as the smaller ones in the mean, and as the largest.
        ([(10, 10), (40, 10), (20, 80), (80, 80)], 60.0, (2.0,), (20, 320, (4.0,))),
        # Without a second square, all are meant.
        ([(10, 10), (20, 20), (20, 80)], None, (2.0,), (20, None, (4.0,))),
        # Of the aspects 4, 3, 3, 2, 1 and 1, two that stand for three each.
        ([(8, 8), (32, 8), (8, 24), (16, 8), (12, 36), (32, 32)], 60.0, (2.0, 3.0), (None, None, (2.0, 4.0))),
    ],
)
def test_a_design_takes_sizes_and_ratios_of_its_clusters(
    sizes: list[tuple[float, float]],
    max_size: float | None,
    ratios: tuple[float, ...],
    expected: tuple[float | None, float | None, tuple[float, ...]],
) -> None:
    design = make_design((4, 4), (75.0, 75.0), 30.0, max_size, ratios)
    shapes = torch.tensor(sizes, dtype=torch.float64)
    (found,) = clustered([design], shapes, Bounds(0.01, 600.0), generator())
    least, largest, aspects = expected
    assert found.ratios == aspects
    assert least is None or (found.min_size, found.max_size) == (least, largest)


def test_one_shape_stands_for_all_objects() -> None:
    design = make_design((1, 1), (300.0, 300.0), 264.0, None, ())
    sizes = torch.tensor([[10.0, 10.0], [10.0, 10.0], [10.0, 10.0], [100.0, 100.0]])
    (found,) = clustered([design], sizes, Bounds(1.0, 600.0), generator())
    assert found.min_size < 90, "the smallest among them"
