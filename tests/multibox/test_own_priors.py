"""Priors of each image: what a batch gets is what its images get, one after the other."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import Corners, cxcywh_to_xyxy, xyxy_to_cxcywh
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.loss import multibox_loss
from ssdlossdbg.multibox.matching import Matching, match, match_with_ties
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.rules import Dialect, LocalizationLoss, Precision


@pytest.fixture(params=["a CPU", "a CPU, an image at a time", "a GPU"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways that tensors are worked on."""
    if request.param == "a GPU":
        monkeypatch.setattr(tiles, "on_host", lambda _: False)
    if request.param == "a CPU, an image at a time":
        monkeypatch.setattr(tiles, "TILE_ON_CPU", 1)


def batch() -> tuple[GroundTruthBatch, Tensor, Tensor, Tensor]:
    """Objects of three images, the priors of each, and predictions."""
    generator = torch.Generator().manual_seed(3)
    low = torch.rand((3, 40, 2), generator=generator) * 0.7
    priors = torch.cat((low, low + 0.05 + 0.25 * torch.rand((3, 40, 2), generator=generator)), -1)
    boxes = [priors[image, :count] + 0.01 for image, count in enumerate((2, 0, 5))]
    gt = pad_ground_truth(boxes, [torch.arange(len(each)) % 3 + 1 for each in boxes])
    return gt, priors, torch.randn((3, 40, 4), generator=generator), torch.randn((3, 40, 4), generator=generator)


def alone(gt: GroundTruthBatch, image: int) -> GroundTruthBatch:
    return gt.split(1)[image]


RULES = {
    "caffe": load_dialect("caffe"),
    "ssd.pytorch": load_dialect("ssd.pytorch"),
    "d2l": load_dialect("d2l"),
    "float64": load_dialect("ssd.pytorch"),
    "giou": load_dialect("ssd.pytorch"),
    "last object": load_dialect("chainercv"),
}
RULES["float64"] = replace(RULES["float64"], match=replace(RULES["float64"].match, precision=Precision.FLOAT64))
RULES["giou"] = replace(RULES["giou"], loss=replace(RULES["giou"].loss, localization=LocalizationLoss.GIOU))


@pytest.mark.parametrize("name", RULES)
@pytest.mark.usefixtures("way")
def test_a_batch_is_its_images(name: str) -> None:
    gt, priors, loc, conf = batch()
    rules: Dialect = RULES[name]

    def loss(of: slice, own: Corners, some: GroundTruthBatch) -> tuple[Matching, Tensor, Tensor]:
        terms = multibox_loss(loc[of], conf[of], own, some, rules.match, rules.codec, rules.mining, rules.loss)
        return terms.matching, terms.targets, terms.localization_terms

    found = loss(slice(None), Corners(priors), gt)
    for image in range(3):
        # An image's own priors, once as those of each image, and once as those of all.
        for own in (Corners(priors[image : image + 1]), Corners(priors[image])):
            part, targets, terms = loss(slice(image, image + 1), own, alone(gt, image))
            for each in fields(Matching):
                assert torch.equal(getattr(found[0], each.name)[image], getattr(part, each.name)[0]), each.name
            assert torch.equal(found[1][image], targets[0])
            torch.testing.assert_close(found[2][image], terms[0], equal_nan=True)
    assert found[0].positive.any(1).tolist() == [True, False, True]


@pytest.mark.usefixtures("way")
def test_priors_that_all_images_share() -> None:
    gt, priors, *_ = batch()
    spec = RULES["ssd.pytorch"].match
    shared = match(gt, Corners(priors[0]), spec)
    matching, tied = match_with_ties(gt, Corners(priors[:1].expand(3, -1, -1)), spec, 0.01)
    assert all(torch.equal(getattr(shared, each.name), getattr(matching, each.name)) for each in fields(Matching))
    assert torch.equal(tied.exactly, match_with_ties(gt, Corners(priors[0]), spec, 0.01)[1].exactly)


def test_decoding_from_priors_of_each_image() -> None:
    _, priors, loc, _ = batch()
    spec, centres = RULES["ssd.pytorch"].codec, xyxy_to_cxcywh(priors)
    decoded = decode(loc, centres, spec)
    assert torch.equal(decoded, torch.stack([decode(loc[image], centres[image], spec) for image in range(3)]))
    assert len(Corners(priors)) == 40
    torch.testing.assert_close(cxcywh_to_xyxy(centres), priors)
