"""Offsets from priors: by hand, by plain loops, there and back."""

from __future__ import annotations

import math
from types import ModuleType

import pytest
import torch

from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssdlossdbg.multibox.codec import decode, encode
from ssdlossdbg.rules import CodecSpec, Dialect

Variances = tuple[float, float, float, float]
VARIANCES: list[Variances] = [(0.1, 0.1, 0.2, 0.2), (1.0, 1.0, 1.0, 1.0), (0.1, 0.2, 0.3, 0.4)]
PRIOR = [0.5, 0.5, 0.25, 0.5]


def test_encode_by_hand(rules: Dialect) -> None:
    box = torch.tensor([[0.5, 0.25, 1.0, 0.5]], dtype=torch.float64)
    prior = torch.tensor([PRIOR], dtype=torch.float64)
    found = encode(boxes=box, priors=prior, spec=rules.codec)
    # Centre (0.75, 0.375), size (0.5, 0.25): one prior width right, a quarter of its height up.
    assert found.tolist()[0] == pytest.approx([10.0, -2.5, math.log(2) / 0.2, math.log(0.5) / 0.2], abs=1e-12)


def test_a_prior_is_nothing_away_from_itself(rules: Dialect) -> None:
    priors = torch.tensor([PRIOR, [0.125, 0.75, 0.25, 0.25]])
    assert torch.equal(encode(boxes=cxcywh_to_xyxy(priors), priors=priors, spec=rules.codec), torch.zeros(2, 4))
    assert torch.equal(decode(offsets=torch.zeros(2, 4), priors=priors, spec=rules.codec), cxcywh_to_xyxy(priors))


@pytest.mark.parametrize("variances", VARIANCES)
@pytest.mark.parametrize("seed", range(3))
def test_encode_equals_plain_loops(seed: int, variances: Variances, reference: ModuleType) -> None:
    batch = reference.random_batch(seed)
    boxes = torch.cat(batch.boxes)
    priors = batch.priors[: len(boxes)]
    rows = zip(boxes.tolist(), priors.tolist(), strict=True)
    expected = torch.tensor([reference.encode(box, prior, variances) for box, prior in rows], dtype=torch.float64)
    found = encode(boxes=boxes, priors=priors, spec=CodecSpec(variances=variances))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("variances", VARIANCES)
def test_decode_and_encode_are_inverse(variances: Variances, dtype: torch.dtype, tolerance: float) -> None:
    generator, spec = torch.Generator().manual_seed(0), CodecSpec(variances=variances)
    priors = (0.1 + 0.8 * torch.rand((300, 4), generator=generator, dtype=torch.float64)).to(dtype)
    boxes = cxcywh_to_xyxy(0.1 + 0.8 * torch.rand((2, 300, 4), generator=generator, dtype=torch.float64)).to(dtype)
    offsets = encode(boxes=boxes, priors=priors, spec=spec)
    assert offsets.shape == (2, 300, 4)
    assert offsets.dtype == dtype
    back = decode(offsets=offsets, priors=priors, spec=spec)
    assert back.dtype == dtype
    torch.testing.assert_close(back, boxes, rtol=0, atol=tolerance)
    again = encode(boxes=back, priors=priors, spec=spec)
    torch.testing.assert_close(again, offsets, rtol=0, atol=1e3 * tolerance)


def test_a_batch_is_encoded_image_by_image(rules: Dialect, reference: ModuleType) -> None:
    priors = reference.random_batch(0).priors
    boxes = torch.stack([cxcywh_to_xyxy(priors.roll(shift, 0)) for shift in range(3)])
    whole = encode(boxes=boxes, priors=priors, spec=rules.codec)
    for image, part in zip(boxes, whole, strict=True):
        assert torch.equal(encode(boxes=image, priors=priors, spec=rules.codec), part)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param([0.5, 0.25, 0.5, 0.75], [0.0, 0.0, -math.inf, 0.0], id="zero width"),
        pytest.param([0.375, 0.5, 0.625, 0.5], [0.0, 0.0, 0.0, -math.inf], id="zero height"),
        pytest.param([0.5, 0.5, 0.5, 0.5], [0.0, 0.0, -math.inf, -math.inf], id="a point"),
        pytest.param([0.625, 0.25, 0.375, 0.75], [0.0, 0.0, math.nan, 0.0], id="inverted in x"),
        pytest.param([0.375, 0.75, 0.625, 0.25], [0.0, 0.0, 0.0, math.nan], id="inverted in y"),
    ],
)
def test_encode_carries_what_is_not_finite(box: list[float], expected: list[float], rules: Dialect) -> None:
    found = encode(boxes=torch.tensor([box]), priors=torch.tensor([PRIOR]), spec=rules.codec)
    assert found.tolist()[0] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_decode_of_minus_infinity_is_the_point_it_came_from(rules: Dialect) -> None:
    box, prior = torch.tensor([[0.25, 0.75, 0.25, 0.75]]), torch.tensor([PRIOR])
    back = decode(offsets=encode(boxes=box, priors=prior, spec=rules.codec), priors=prior, spec=rules.codec)
    torch.testing.assert_close(back, box, rtol=0, atol=1e-7)
    assert torch.equal(xyxy_to_cxcywh(back)[:, 2:], torch.zeros(1, 2))
