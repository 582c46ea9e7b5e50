"""What codebases hold of their priors, bit for bit, and what hangs on the last of those bits."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch

from ssdlossdbg.multibox.boxes import Corners, centres_of, corners_of, cxcywh_to_xyxy, xyxy_to_cxcywh
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.multibox.priors import generate_priors
from ssdlossdbg.readers.named_priors import load_priors, recognise_priors
from ssdlossdbg.readers.prior_configs import load_prior_config
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.rules import LevelSpec, MatchSpec, Precision, PriorOrder, PriorRounding, PriorSpec

# sha256 of the bytes that each codebase's own code returned, float32, in its own unit.
NATIVE = {
    ("caffe-ssd300-coco", "fractions"): "9b529bfdfd00c742d98d0187d58c6856e0f8184b0f25a094778a83a16e17d913",
    ("caffe-ssd300-voc", "fractions"): "d66250280afaeb680ec03d26c0e8cfd08b104be660b5ee9284a35ef77189d70e",
    ("caffe-ssd512-coco", "fractions"): "39db1572a5046ca6e012d6bc4e3b34b0e000fcda2ca7a2944451e42b5b30b274",
    ("caffe-ssd512-voc", "fractions"): "752a97797b7fb4620a2e32be9ab8a2a827f13120f73c15dcac1e3ef5a87baad2",
    ("mmdet-ssd300-coco", "pixels"): "4368ea575777774c1ea7ef4a8f70ffb41baf0f580ad6827e4be9c75f00b368bf",
    ("mmdet-ssd300-voc", "pixels"): "d4dc0653faada1d24ce030fcd6e84365db03fdc6a6fe3b078aad27b7fd22b544",
    ("mmdet-ssd512-coco", "pixels"): "ece295156b68fc3621e0e2bc2e9ccaaa2e211c927563b2ad3c423154ef22defb",
    ("mmdet-ssd512-voc", "pixels"): "526f80143b97e338967e2c12fbd81eb41e084d4fa346143ec14b94573e7e644e",
    ("torchvision-ssd300", "pixels"): "aee73ce50ce5a499c482e830a571619ca113cc9f4b2d19ba56f8d3096a1cb1a7",
    ("gluoncv-ssd300-vgg16-voc", "pixels"): "d08081e34c156a84eb47a00d644bcd40c2ec48c1941ef9bba9d1b14537a06f5b",
    ("gluoncv-ssd300-resnet34", "pixels"): "770c226f0153934cfc2ec69809f39cd6aafc5700b6997f7ee1fc0e555a767913",
    ("gluoncv-ssd300-mobilenet0.25", "pixels"): "b27a2da1769ba0e16942ca12ec2cd142674c19a3353cd5652f6d079ca4231e98",
    ("gluoncv-ssd300-mobilenet1.0-lite", "pixels"): "dc98f0665ef6cb5b46256e8863ea40e887eaa94579d2420e2d5c3b37838c12ab",
    ("gluoncv-ssd512-resnet152", "pixels"): "4008dde94fe9efbe04209dccc71785d1f3b0a4a346467ad7ef4b40cd381b9724",
    ("gluoncv-ssd512-mobilenet1.0", "pixels"): "831c54e44a069ad37183b3a12f789f5e89aca5bd169f38febad1977d9cf371bf",
    ("ssd300-voc", "fractions"): "a962243ddb360b314b547e9f8718fe969000367ae261cf551ecd1527cc68ac93",
    ("nvidia-ssd300-coco", "fractions"): "4906fa2e69958980a2a1ded1e869e2611cde3fa131b56b5ab356d16b09d1f2a3",
    ("tf2-object-detection-fpn-320", "fractions"): "636f751105c3e1963bea15189b1d18f65dcd9c8e51ac4c4dea98a550ca079c75",
    ("tf2-object-detection-fpn-640", "fractions"): "2cf8da023d74fc3b1f6e7c015512debea80247eee5f57df0d516836d34615e12",
    ("tf2-object-detection-fpn-1024", "fractions"): "3e046a98f0b162973a44f3e6089fff9cb23393c2e84349ce6b92f877e108e143",
}


def held(name: str, unit: str, precision: Precision = Precision.INPUT) -> torch.Tensor:
    """`[P, 4]` of a preset, as its codebase holds it."""
    priors = load_priors(name).priors
    sides = torch.tensor(priors.image_size * 2).float() if unit == "pixels" else torch.ones(4)
    found = priors.in_units(sides, precision)
    return found.xyxy if isinstance(found, Corners) else found


@pytest.mark.parametrize(("name", "unit"), NATIVE)
def test_presets_are_the_codebases_own_bytes(name: str, unit: str) -> None:
    assert sha256(held(name, unit).contiguous().numpy().tobytes()).hexdigest() == NATIVE[name, unit]


def torchvision_corners(side: int, maps: tuple[int, ...], scales: list[float]) -> np.ndarray:
    """The corners of a square input's default boxes with ratios 2 and 3, computed as torchvision does, in float32."""
    rows = []
    for index, cells in enumerate(maps):
        own, between = scales[index], (scales[index] * scales[index + 1]) ** 0.5
        sizes = [[own, own], [between, between]]
        for root in (2**0.5, 3**0.5):
            sizes += [[own * root, own / root], [own / root, own * root]]
        size = np.clip(np.array(sizes, np.float32), 0, 1)
        centre = (np.arange(cells, dtype=np.float32) + np.float32(0.5)) / np.float32(cells)
        for y in centre:
            for x in centre:
                middle, half = np.array([x, y], np.float32), np.float32(0.5) * size
                rows.append(np.concatenate([(middle - half) * np.float32(side), (middle + half) * np.float32(side)], 1))
    return np.concatenate(rows)


SSDLITE = torchvision_corners(320, (20, 10, 5, 3, 2, 1), [0.2 + 0.75 * step / 5 for step in range(6)] + [1.0])


def test_ssdlite320_is_torchvisions_to_the_last_bit() -> None:
    assert np.array_equal(held("torchvision-ssdlite320", "pixels").numpy(), SSDLITE)


def boxes(count: int) -> torch.Tensor:
    """`[count, 4]` float32 boxes of whole pixels in an input of 320."""
    generator = torch.Generator().manual_seed(0)
    low = torch.randint(0, 250, (count, 2), generator=generator)
    return torch.cat((low, low + torch.randint(8, 70, (count, 2), generator=generator)), 1).float()


def best_priors(objects: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """The first prior of highest IoU of each, in the order of operations of torchvision's box_iou."""
    low = torch.max(objects[:, None, :2], corners[:, :2])
    high = torch.min(objects[:, None, 2:], corners[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(each[:, 2] - each[:, 0]) * (each[:, 3] - each[:, 1]) for each in (objects, corners)]
    return (shared / (areas[0][:, None] + areas[1] - shared)).argmax(1)


@pytest.mark.parametrize("source", ["preset", "saved", "saved as fractions in float64"])
def test_forced_priors_are_those_of_the_codebases_corners(source: str) -> None:
    objects, corners = boxes(1000), torch.from_numpy(SSDLITE)
    layout = SavedLayout("xyxy", 320)
    named = {
        "preset": lambda: load_priors("torchvision-ssdlite320"),
        "saved": lambda: recognise_priors(corners, "priors.pt", layout),
        "saved as fractions in float64": lambda: recognise_priors(corners.double() / 320, "priors.pt", layout),
    }[source]()
    assert named.name == "torchvision-ssdlite320"
    gt = pad_ground_truth([objects], [torch.ones(len(objects))])
    in_pixels = torch.full((4,), 320.0)
    found = match(gt, named.priors.in_units(in_pixels), MatchSpec())
    wanted = best_priors(objects, corners)
    assert torch.equal(found.best_prior[0], wanted)
    by_centres = match(gt, named.priors.boxes * in_pixels, MatchSpec())
    assert (by_centres.best_prior[0] != wanted).sum() > 5  # what hangs on the last bits


def test_float64_priors_stay_what_they_are_where_overlaps_are_computed_in_float64() -> None:
    corners = cxcywh_to_xyxy(torch.rand((7, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    priors = recognise_priors(corners, "anchors.npy", SavedLayout("xyxy")).priors
    assert torch.equal(corners_of(priors.in_units(torch.ones(4), Precision.FLOAT64)), corners)
    assert torch.equal(corners_of(priors.in_units(torch.ones(4))), corners.float())
    found = priors.in_units(torch.ones(4))
    assert torch.equal(centres_of(found), xyxy_to_cxcywh(corners.float()))
    assert len(found) == 7


def test_saved_fractions_in_float32_are_held_as_they_are() -> None:
    saved = load_priors("ssd300-voc").priors.boxes
    assert recognise_priors(saved, "priors.pt").priors.held is None


@pytest.mark.parametrize("rounding", PriorRounding)
def test_rounding_moves_no_prior(rounding: PriorRounding) -> None:
    level = LevelSpec((3, 2), (32.0, 40.0), ((30.0, 30.0), (45.0, 45.0), (30 * 3**0.5, 30 / 3**0.5)))
    plain = PriorSpec((96, 80), (level,))
    for order in PriorOrder:
        spec = replace(plain, rounding=rounding, order=order)
        exact = generate_priors(replace(plain, order=order), torch.float64).boxes
        found = centres_of(generate_priors(spec).in_units(torch.tensor([96.0, 80.0, 96.0, 80.0])))
        assert torch.allclose(found.double(), exact * torch.tensor([96, 80, 96, 80]), rtol=0, atol=2e-5)


def test_a_config_that_is_based_on_a_preset_rounds_as_that_does() -> None:
    assert load_prior_config("torchvision-ssdlite320").spec.rounding is PriorRounding.CORNERS
    assert load_prior_config("gluoncv-ssd512-resnet18").spec.rounding is PriorRounding.PIXEL_CENTRES
    assert load_prior_config("ssd300").spec.rounding is PriorRounding.CENTRES
