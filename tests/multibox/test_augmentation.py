"""Training crops: what their rules promise of every draw, and the same shares as a plain-loop reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import ModuleType

import pytest
import torch
from torch import Tensor

from ssdlossdbg.multibox.augmentation import UNKNOWN_SIDE, Drawn, draw
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.readers.dialects import dialect_names, load_dialect
from ssdlossdbg.rules import AugmentSpec, CropChoice, CropDemand, CropKeep, CropOverlap, CropShape

PHOTO = (400.0, 300.0)
# One large object, one of middle size, one small one in a corner.
SCENE = [(0.1, 0.2, 0.8, 0.9), (0.5, 0.1, 0.75, 0.5), (0.02, 0.9, 0.06, 0.97)]
CROP = AugmentSpec(choice=CropChoice.REDRAWN, flip_probability=0)
# One dialect of those that share all rules.
KNOWN = [
    name
    for spec, name in {load_dialect(name).augmentation: name for name in dialect_names()}.items()
    if spec.choice is not CropChoice.UNKNOWN
]
SIDES, AREA = (CropShape.SIDES, CropShape.RELATIVE_SIDES), (CropShape.AREA_AND_ASPECT,)
Columns = tuple[Tensor, Tensor, Tensor]


def copies(boxes: list[tuple[float, float, float, float]], images: int) -> Columns:
    """The objects of one photo, in so many images."""
    image = torch.arange(images).repeat_interleave(len(boxes))
    return torch.tensor(boxes, dtype=torch.float64).repeat(images, 1), image, torch.tensor([PHOTO]).repeat(images, 1)


def seeded(columns: Columns, spec: AugmentSpec, seed: int = 7) -> Drawn:
    return draw(*columns, spec, torch.Generator().manual_seed(seed))


def random_dataset(seed: int) -> Columns:
    """100 images of any shape, some unknown, with none to a dozen objects each."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(100, (400,), generator=generator).sort().values
    size = torch.rand(400, 2, generator=generator, dtype=torch.float64) ** 2 * 0.9 + 0.005
    low = torch.rand(400, 2, generator=generator, dtype=torch.float64) * (1 - size)
    sizes = torch.randint(40, 1500, (100, 2), generator=generator).double()
    sizes[::17] = 0
    return torch.cat((low, low + size), 1), image, sizes


@pytest.fixture(scope="session")
def crop_reference(module_beside: Callable[[str], ModuleType]) -> ModuleType:
    return module_beside("crop_reference")


# Against the reference.


@pytest.mark.parametrize("name", KNOWN)
def test_the_same_distribution_as_plain_loops(name: str, crop_reference: ModuleType) -> None:
    spec = replace(load_dialect(name).augmentation, flip_probability=0)
    random = Random(3)
    expected = [measures(*crop_reference.crop_once(SCENE, PHOTO, spec, random)) for _ in range(300)]
    found = seeded(copies(SCENE, 2000), spec)
    kept = torch.zeros(6000)
    kept[found.row] = 1
    width = torch.zeros(6000)
    width[found.row] = (found.boxes[:, 2] - found.boxes[:, 0]).float()
    ours = torch.cat(((found.sizes / torch.tensor(PHOTO)).float(), kept.view(-1, 3), width.view(-1, 3)), 1)
    theirs = torch.tensor(expected)
    error = (theirs.var(0) / len(theirs) + ours.var(0) / len(ours)).sqrt()
    assert bool(((ours.mean(0) - theirs.mean(0)).abs() <= 4.5 * error + 1e-3).all())


def measures(size: tuple[float, float], seen: dict[int, tuple[float, float, float, float]]) -> list[float]:
    """The crop's sides as shares of the photo's, which objects are kept, and how wide they are, 0 if they are not."""
    shares = [size[0] / PHOTO[0], size[1] / PHOTO[1]]
    widths = [seen[row][2] - seen[row][0] if row in seen else 0.0 for row in range(3)]
    return [*shares, *(float(row in seen) for row in range(3)), *widths]


# What holds for every draw.


@pytest.mark.parametrize(("seed", "name"), list(enumerate(KNOWN)))
def test_kept_boxes_are_boxes_of_the_crop(seed: int, name: str) -> None:
    columns = random_dataset(seed)
    drawn = seeded(columns, load_dialect(name).augmentation, seed)
    assert bool((drawn.boxes >= 0).all())
    assert bool((drawn.boxes <= 1 + 1e-9).all())
    assert bool((drawn.boxes[:, 2:] > drawn.boxes[:, :2]).all())
    assert bool((drawn.row.diff() > 0).all())
    assert bool((drawn.sizes > 0).all())
    assert (drawn.row.dtype, drawn.boxes.dtype, drawn.sizes.dtype) == (torch.int64, torch.float64, torch.float64)
    assert tuple(drawn.boxes.shape) == (len(drawn.row), 4)


@pytest.mark.parametrize("name", [name for name in KNOWN if name != "d2l"])  # which draws nothing
def test_a_seed_says_it_all(name: str) -> None:
    columns, spec = random_dataset(2), load_dialect(name).augmentation
    first, again, other = seeded(columns, spec), seeded(columns, spec), seeded(columns, spec, seed=8)
    assert torch.equal(first.row, again.row)
    assert torch.equal(first.boxes, again.boxes)
    assert torch.equal(first.sizes, again.sizes)
    assert not torch.equal(first.sizes, other.sizes)


@pytest.mark.parametrize("name", KNOWN)
def test_an_image_without_objects_is_left_as_it_is(name: str) -> None:
    boxes, image, sizes = copies(SCENE, 50)
    drawn = seeded((boxes[:3], image[:3] + 20, sizes), load_dialect(name).augmentation)
    empty = torch.arange(50) != 20
    assert torch.equal(drawn.sizes[empty], sizes[empty].double())


def test_nothing_at_all() -> None:
    nothing = (torch.zeros(0, 4, dtype=torch.float64), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2))
    for name in KNOWN:
        drawn = seeded(nothing, load_dialect(name).augmentation)
        assert (len(drawn.row), len(drawn.boxes), len(drawn.sizes)) == (0, 0, 0)


@pytest.mark.parametrize("choice", [CropChoice.REDRAWN, CropChoice.ONCE])
def test_a_photo_as_it_is_does_not_change(choice: CropChoice) -> None:
    columns = random_dataset(3)
    drawn = seeded(columns, replace(CROP, choice=choice, photo_probability=1))
    known = (columns[2] > 0).all(1)
    assert torch.equal(drawn.row, torch.arange(len(columns[0])))
    assert torch.equal(drawn.boxes, columns[0])
    assert torch.equal(drawn.sizes[known], columns[2][known])
    assert bool((drawn.sizes[~known] == UNKNOWN_SIDE).all())


def test_unknown_sizes_are_squares() -> None:
    boxes, image, sizes = copies(SCENE, 200)
    unknown = seeded((boxes, image, torch.zeros_like(sizes)), CROP)
    square = seeded((boxes, image, torch.full_like(sizes, UNKNOWN_SIDE)), CROP)
    assert torch.equal(unknown.boxes, square.boxes)
    assert torch.equal(unknown.sizes, square.sizes)


def test_unknown_rules_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="the rules of the crops are unknown"):
        seeded(copies(SCENE, 1), AugmentSpec())


# Rule by rule.


@pytest.mark.parametrize("shape", list(CropShape))
@pytest.mark.parametrize("whole_pixels", [True, False])
def test_sides_and_aspect_are_in_range(shape: CropShape, whole_pixels: bool) -> None:
    spec = replace(CROP, shape=shape, whole_pixels=whole_pixels, size_range=(0.3, 0.9), aspect_range=(0.7, 1.6))
    sizes = seeded(copies(SCENE, 3000), spec).sizes
    assert bool((sizes == sizes.floor()).all()) is whole_pixels
    slack = 1 if whole_pixels else 1e-9
    for pixels, low, high in ((sizes + slack, 0.3, torch.inf), (sizes - slack, 0, 0.9)):
        shares = pixels / torch.tensor(PHOTO)
        extent = shares if shape in SIDES else shares.prod(1) if shape in AREA else shares.prod(1).sqrt()
        assert bool(((extent >= low) & (extent <= high)).all())
    unit = torch.ones(2) if shape in (CropShape.SIDES, CropShape.AREA_AND_ASPECT) else torch.tensor(PHOTO)
    (widest, highest), (narrowest, lowest) = (((sizes + edge) / unit).unbind(1) for edge in (slack, -slack))
    assert bool(((widest / lowest >= 0.7) & (narrowest / highest <= 1.6)).all())


def test_a_crop_lies_in_the_photo_and_holds_the_centre_of_what_it_keeps() -> None:
    tiny = 1e-7
    points = [(x, y, x + tiny, y + tiny) for x in (0.1, 0.5, 0.8) for y in (0.2, 0.6, 0.9)]
    columns = copies(points, 2000)
    drawn = seeded(columns, CROP)
    size = drawn.sizes[columns[1][drawn.row]]
    corner = columns[0][drawn.row, :2] * torch.tensor(PHOTO) - drawn.boxes[:, :2] * size
    assert bool((corner > -1e-3).all())
    assert bool((corner + size < torch.tensor(PHOTO) + 1e-3).all())
    assert torch.allclose(corner, corner.round(), atol=1e-3), "whole pixels"


@pytest.mark.parametrize("minimum", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("demanded_of", [CropDemand.ANY, CropDemand.ANY_KEPT, CropDemand.ALL])
@pytest.mark.parametrize("choice", [CropChoice.REDRAWN, CropChoice.ONCE, CropChoice.CANDIDATES])
def test_one_object_reaches_the_minimum(choice: CropChoice, demanded_of: CropDemand, minimum: float) -> None:
    spec = replace(CROP, choice=choice, minimum_overlaps=(minimum,), demanded_of=demanded_of, whole_pixels=False)
    boxes, image, sizes = copies(SCENE[:1], 1000)
    drawn = seeded((boxes, image, sizes), spec)
    cropped = (drawn.sizes < torch.tensor(PHOTO)).all(1)[image[drawn.row]]
    assert int(cropped.sum()) > 10
    common = ((drawn.boxes[:, 2:] - drawn.boxes[:, :2]) * drawn.sizes[image[drawn.row]]).prod(1)
    area = ((boxes[:, 2:] - boxes[:, :2])[drawn.row] * torch.tensor(PHOTO)).prod(1)
    overlap = common / (area + drawn.sizes[image[drawn.row]].prod(1) - common)
    assert bool((overlap[cropped] >= minimum - 1e-9).all())


def test_all_objects_reach_the_minimum() -> None:
    spec = replace(CROP, minimum_overlaps=(0.6,), demanded_of=CropDemand.ALL, whole_pixels=False)
    pair = [(0.1, 0.1, 0.8, 0.8), (0.15, 0.15, 0.85, 0.85)]
    columns = copies(pair, 1000)
    drawn = seeded(columns, spec)
    assert len(drawn.row) == 2000, "an overlap of 0.6 has the centre inside"
    edges = torch.cat((torch.zeros(1000, 2), torch.ones(1000, 2)), 1).repeat_interleave(2, 0).double()
    unclipped = (drawn.boxes > 0).all(1) & (drawn.boxes < 1).all(1)
    assert bool((iou(drawn.boxes, edges)[unclipped] >= 0.6).all())


def test_a_demand_of_none_is_none() -> None:
    """ssd.pytorch's: the small object never has an overlap of 0.9 with a crop, yet all crops are taken."""
    columns = copies(SCENE[2:], 500)
    spec = replace(CROP, minimum_overlaps=(0.9,), whole_pixels=False, demanded_of=CropDemand.NONE)
    assert bool((seeded(columns, spec).sizes < torch.tensor(PHOTO)).all())
    in_vain = seeded(columns, replace(spec, choice=CropChoice.ONCE, demanded_of=CropDemand.ANY))
    assert torch.equal(in_vain.sizes, columns[2].double()), "after all trials the photo as it is"


@pytest.mark.parametrize("minimum", [0.0, 0.3, 1.0])
def test_what_is_kept_by_overlap_is_covered_enough(minimum: float) -> None:
    spec = replace(CROP, choice=CropChoice.ONCE, minimum_overlaps=(minimum,), overlap=CropOverlap.COVERAGE)
    spec = replace(spec, demanded_of=CropDemand.ANY, keep=CropKeep.OVERLAP, keep_one=False)
    boxes, image, sizes = copies(SCENE, 2000)
    drawn = seeded((boxes, image, sizes), spec)
    common = ((drawn.boxes[:, 2:] - drawn.boxes[:, :2]) * drawn.sizes[image[drawn.row]]).prod(1)
    area = ((boxes[:, 2:] - boxes[:, :2])[drawn.row] * torch.tensor(PHOTO)).prod(1)
    assert bool((common >= minimum * area * (1 - 1e-9)).all())
    small = seeded(copies(SCENE[2:], 2000), spec)
    assert (len(small.row) == 2000) is (minimum > 0), "a demand of nothing may keep nothing"
    own = 0.04 * 0.07 * 400 * 300
    assert minimum == 0 or float(small.sizes.prod(1).max()) > 2 * own / minimum, (
        "a crop covers an object, if far larger"
    )


@pytest.mark.parametrize("keep_one", [True, False])
@pytest.mark.parametrize("choice", list(CropChoice)[1:])
def test_crops_without_objects(choice: CropChoice, keep_one: bool) -> None:
    columns = copies(SCENE[2:], 2000)
    drawn = seeded(columns, replace(CROP, choice=choice, keep_one=keep_one))
    assert (len(drawn.row) == 2000) is keep_one


def test_candidates_are_equally_likely() -> None:
    whole_photo = [(0.0, 0.0, 1.0, 1.0)]
    spec = replace(CROP, choice=CropChoice.CANDIDATES, minimum_overlaps=(0.1, 0.2, 0.0), keep_one=False)
    share = float((seeded(copies(whole_photo, 5000), spec).sizes == torch.tensor(PHOTO)).all(1).double().mean())
    assert share == pytest.approx(1 / 4, abs=0.02)


@pytest.mark.parametrize("probability", [0.0, 0.143, 0.5, 1.0])
def test_share_of_photos_as_they_are(probability: float) -> None:
    whole_photo = [(0.0, 0.0, 1.0, 1.0)]
    drawn = seeded(copies(whole_photo, 5000), replace(CROP, photo_probability=probability))
    share = float((drawn.sizes == torch.tensor(PHOTO)).all(1).double().mean())
    assert share == pytest.approx(probability, abs=0.02)


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_zoom_out(probability: float) -> None:
    spec = replace(CROP, zoom_out_probability=probability, zoom_out_range=(1.5, 4), photo_probability=1)
    boxes, image, sizes = copies(SCENE, 5000)
    drawn = seeded((boxes, image, sizes), spec)
    larger = (drawn.sizes > torch.tensor(PHOTO)).all(1)
    assert float(larger.double().mean()) == pytest.approx(probability, abs=0.025)
    assert len(drawn.row) == len(boxes)
    if not probability:
        return
    factor = drawn.sizes[larger] / torch.tensor(PHOTO)
    assert float(factor.min()) == pytest.approx(1.5, abs=0.01)
    assert float(factor.max()) == pytest.approx(4, abs=0.01)
    assert float(factor.mean()) == pytest.approx(2.75, abs=0.05)
    pixels = drawn.boxes * drawn.sizes[image].repeat(1, 2)
    shift = pixels - boxes * torch.tensor(PHOTO).repeat(2)
    assert torch.allclose(shift, shift.round(), atol=1e-6), "whole pixels"
    assert torch.allclose(shift[:, :2], shift[:, 2:]), "nothing is scaled"


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_flip(probability: float) -> None:
    spec = replace(CROP, photo_probability=1, flip_probability=probability)
    boxes, image, sizes = copies(SCENE, 5000)
    drawn = seeded((boxes, image, sizes), spec)
    mirrored = torch.stack((1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]), 1)
    flipped = (drawn.boxes == mirrored).all(1)
    assert bool((flipped | (drawn.boxes == boxes).all(1)).all())
    assert bool((flipped.view(-1, 3).sum(1) % 3 == 0).all()), "all of an image or none"
    assert float(flipped.double().mean()) == pytest.approx(probability, abs=0.025)


@pytest.mark.parametrize("trials", [1, 2, 3, 50])
def test_no_more_crops_are_tried_than_there_are_trials(trials: int) -> None:
    """A crop of half the sides holds a centre at a quarter of them with a chance of 1/2 an axis, so 1/4."""
    spec = replace(
        CROP,
        choice=CropChoice.ONCE,
        demanded_of=CropDemand.NONE,
        size_range=(0.5, 0.5),
        aspect_range=(0.1, 10.0),
        whole_pixels=False,
        trials=trials,
    )
    columns = copies([(0.2, 0.2, 0.3, 0.3)], 1000)
    cropped = torch.cat([(seeded(columns, spec, seed).sizes < torch.tensor(PHOTO)).all(1) for seed in range(6)])
    assert float(cropped.double().mean()) == pytest.approx(1 - 0.75**trials, abs=0.025)


@pytest.mark.parametrize("keep_one", [True, False])
def test_whole_pixels_may_make_a_crop_of_what_was_drawn_larger(keep_one: bool) -> None:
    """Only a crop of 3 x 3 pixels is the object, and nearly all of those were drawn larger or smaller, then cut."""
    spec = replace(CROP, choice=CropChoice.ONCE, minimum_overlaps=(1.0,), aspect_range=(0.1, 10.0), keep_one=keep_one)
    boxes, image, _ = copies([(1 / 6, 1 / 3, 4 / 6, 5 / 6)], 400)
    drawn = seeded((boxes, image, torch.full((400, 2), 6.0)), spec)
    exact = (drawn.sizes == 3).all(1)
    assert int(exact.sum()) > 20
    assert bool(((drawn.sizes == 3).all(1) | (drawn.sizes == 6).all(1)).all())
