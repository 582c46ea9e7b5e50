"""What a matching on a grid knows without writing its tensors out."""

from __future__ import annotations

import copy

import pytest
import torch

from ssdlossdbg import generate_priors, pad_ground_truth
from ssdlossdbg.multibox.matching import Matching, match
from ssdlossdbg.multibox.matching_on_grid import MatchingOnGrid, match_on_grid
from ssdlossdbg.rules import BackgroundObjects, MatchSpec

PRIORS = generate_priors("ssd300")


@pytest.fixture(params=[MatchSpec(), MatchSpec(background_objects=BackgroundObjects.COUNTED)])
def both(request: pytest.FixtureRequest) -> tuple[Matching, Matching]:
    """Three images, one without objects, one with an object that is labelled background: on a grid, and densely."""
    generator = torch.Generator().manual_seed(0)
    centre, size = torch.rand((2, 12, 2), generator=generator)
    boxes = torch.cat((centre - size / 6 - 0.05, centre + size / 6 + 0.05), 1)
    labels = torch.arange(12) % 5
    gt = pad_ground_truth([boxes[:5], boxes[:0], boxes[5:]], [labels[:5], labels[:0], labels[5:]])
    few = match_on_grid(gt, PRIORS.boxes, request.param, PRIORS.grid)
    assert isinstance(few, MatchingOnGrid)
    return few, match(gt, PRIORS.boxes, request.param)


def test_it_knows_its_positives(both: tuple[Matching, Matching]) -> None:
    few, dense = both
    assert few.dtype == dense.dtype == torch.float32
    assert few.positives.tolist() == dense.positives.tolist() == dense.positive.sum(1).tolist()
    for sparse, written in zip(few.learnt, dense.learnt, strict=True):
        assert torch.equal(sparse, written)
    assert torch.equal(few.negative, dense.negative)
    assert torch.equal(few.foreground, dense.foreground)
    assert not {"positive", "labels"} & set(vars(few))
    image, prior, slot = few.learnt
    assert torch.equal(few.gt_index[image, prior], slot)
    assert bool(few.positive[image, prior].all())


def test_what_is_written_out_is_kept(both: tuple[Matching, Matching]) -> None:
    few = both[0]
    assert few.labels is few.labels
    assert torch.equal(copy.copy(few).owner, few.owner)


def test_it_has_nothing_else(both: tuple[Matching, Matching]) -> None:
    with pytest.raises(AttributeError, match="'MatchingOnGrid' object has no attribute 'prior'"):
        _ = both[0].prior  # type: ignore[attr-defined]
