"""What training makes of a dataset: zoom-outs, random crops and flips, drawn for all images at once.

Loops go over minimum overlaps and trials, on the images that still have no crop; never over images or objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.crop_rules import KEEPS, OVERLAPS, SHAPES
from ssdlossdbg.rules import AugmentSpec, CropChoice, CropDemand, CropOverlap

# Width and height in pixels that a photo of unknown size is taken to have.
UNKNOWN_SIDE = 4096.0
# How often a minimum overlap is drawn at most. With one chance in seven of the photo as it is, and no other way out,
# one image in 10^13 would need more.
ROUNDS = {CropChoice.REDRAWN: 200, CropChoice.ONCE: 1}
# More than an overlap computed in float64 can be off by, as a share of it.
ROUNDING = 1e-9
# Crops that are looked at in one step at least: with fewer, the steps themselves would take the time.
CROPS_AT_ONCE = 4096


@dataclass(frozen=True)
class Drawn:
    """What training sees of N objects in B images.

    Attributes:
        row: `[M]` int64 the objects that are still there, ascending.
        boxes: `[M, 4]` float64 xyxy, normalised to the width and height of the crop.
        sizes: `[B, 2]` float64 (width, height) of each crop in pixels of the photo.
    """

    row: Tensor
    boxes: Tensor
    sizes: Tensor


@dataclass(frozen=True)
class _Scene:
    """Objects on their canvases, everything in pixels of the photo, and how to crop them.

    Attributes:
        boxes: `[N, 4]` xyxy.
        canvas: `[B, 2]` width and height.
        first, count: `[B]` an image's first object, and how many it has.
        smallest, largest: `[B]` the areas of its smallest and its largest object.
        spec: the rules.
        generator: of all that is drawn.
    """

    boxes: Tensor
    canvas: Tensor
    first: Tensor
    count: Tensor
    smallest: Tensor
    largest: Tensor
    spec: AugmentSpec
    generator: torch.Generator

    def uniform(self, *shape: int) -> Tensor:
        """Numbers in [0, 1)."""
        return _uniform(shape, self.generator, self.boxes)


def draw(boxes: Tensor, image: Tensor, sizes: Tensor, spec: AugmentSpec, generator: torch.Generator) -> Drawn:
    """Zoom out, crop and flip every image once, as the training of a codebase does.

    What is drawn depends on the state of the generator and on all arguments, so the same images split over several
    calls get other crops: split them the same way, and seed each call, wherever equal results matter.

    Args:
        boxes: `[N, 4]` float64 xyxy, normalised to the photo, of positive width and height.
        image: `[N]` int64 the image of each object, ascending, from 0 to B - 1.
        sizes: `[B, 2]` photos' (width, height) in pixels. One of unknown size, (0, 0), is taken to be a square of
            4096 pixels a side.
        spec: the rules; its `choice` must be known.
        generator: of the CPU, whatever the device of the tensors.

    Returns:
        The objects that are still there. An image without objects is left as it is; others can lose all of theirs
        under the rules of some codebases.

    Raises:
        ValueError: the rules are unknown.
    """
    if spec.choice is CropChoice.UNKNOWN:
        raise ValueError("the rules of the crops are unknown")
    photo = torch.where((sizes > 0).all(1, keepdim=True), sizes.double(), UNKNOWN_SIDE)
    count = torch.bincount(image, minlength=len(photo))
    canvas, corner = _zoomed_out(photo, count > 0, spec, generator)
    placed = boxes * _twice(photo[image]) + _twice(corner[image])
    area = (placed[:, 2:] - placed[:, :2]).prod(1)
    smallest, largest = (
        area.new_zeros(len(photo)).scatter_reduce_(0, image, area, which, include_self=False)
        for which in ("amin", "amax")
    )
    scene = _Scene(placed, canvas, count.cumsum(0) - count, count, smallest, largest, spec, generator)
    crop, minimum = CHOICES[spec.choice](scene)

    whole = (crop == _whole(canvas)).all(1)
    row = (whole[image] | KEEPS[spec.keep](placed, crop[image], minimum[image])).nonzero().flatten()
    of = image[row]
    low, high = _twice(crop[of, :2]), _twice(crop[of, 2:])
    seen = torch.where(whole[of, None], placed[row], placed[row].clamp(low, high))
    # What is left as it is does not change by rounding either.
    untouched = whole & (canvas == photo).all(1)
    normalised = torch.where(untouched[of, None], boxes[row], (seen - low) / (high - low))
    flipped = scene.uniform(len(photo)) < spec.flip_probability
    return Drawn(row, torch.where(flipped[of, None], _mirrored(normalised), normalised), crop[:, 2:] - crop[:, :2])


def _uniform(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Numbers in [0, 1), drawn on the CPU so that every device gets the same ones."""
    return torch.rand(shape, generator=generator, dtype=torch.float64).to(like.device)


def _twice(pairs: Tensor) -> Tensor:
    """`[K, 4]` (x, y, x, y) of `[K, 2]` (x, y)."""
    return pairs.repeat(1, 2)


def _whole(canvas: Tensor) -> Tensor:
    """`[B, 4]` the crop that is all of the canvas, `[B, 2]`."""
    return torch.cat((torch.zeros_like(canvas), canvas), 1)


def _mirrored(boxes: Tensor) -> Tensor:
    """`[M, 4]` the boxes, left and right exchanged."""
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack((1 - x2, y1, 1 - x1, y2), 1)


def _zoomed_out(photo: Tensor, wanted: Tensor, spec: AugmentSpec, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`[B, 2]` the canvases, and where on them the photos' upper left corners are, both in whole pixels."""
    chance, factor, *place = _uniform((4, len(photo)), generator, photo)
    least, greatest = spec.zoom_out_range
    larger = (photo * (least + (greatest - least) * factor)[:, None]).floor().maximum(photo)
    zoomed = wanted & (chance < spec.zoom_out_probability)
    canvas = torch.where(zoomed[:, None], larger, photo)
    return canvas, ((canvas - photo) * torch.stack(place, 1)).floor()


def _drawn_anew(scene: _Scene) -> tuple[Tensor, Tensor]:
    crop, minimum = _whole(scene.canvas), scene.canvas.new_zeros(len(scene.canvas))
    options = minimum.new_tensor(scene.spec.minimum_overlaps)
    waiting = scene.count.nonzero().flatten()
    for _ in range(ROUNDS[scene.spec.choice]):
        if not len(waiting):
            break
        chance, option = scene.uniform(2, len(waiting))
        cropped = chance >= scene.spec.photo_probability
        waiting, drawn = waiting[cropped], options[(option[cropped] * len(options)).long()]
        found, place = _search(scene, waiting, drawn, keep_one=scene.spec.keep_one)
        crop[waiting[found]], minimum[waiting[found]] = place[found], drawn[found]
        waiting = waiting[~found]
    return crop, minimum


def _among_candidates(scene: _Scene) -> tuple[Tensor, Tensor]:
    crop, minimum = _whole(scene.canvas), scene.canvas.new_zeros(len(scene.canvas))
    images = scene.count.nonzero().flatten()
    # Of numbers that are drawn alike, each is as likely to be the highest.
    highest = scene.uniform(len(images))
    for overlap in scene.spec.minimum_overlaps:
        demanded = crop.new_full((len(images),), overlap)
        found, place = _search(scene, images, demanded, keep_one=False)
        if scene.spec.keep_one:
            found &= _keeps_one(scene, images, place, demanded)
        number = scene.uniform(len(images))
        found &= number > highest
        crop[images[found]], minimum[images[found]], highest[found] = place[found], overlap, number[found]
    return crop, minimum


# `[B, 4]` the crop of each image, all of the canvas for the photo as it is, and `[B]` the minimum overlap it was drawn
# at, which is 0 for the photo.
CHOICES: dict[CropChoice, Callable[[_Scene], tuple[Tensor, Tensor]]] = {
    CropChoice.REDRAWN: _drawn_anew,
    CropChoice.ONCE: _drawn_anew,
    CropChoice.CANDIDATES: _among_candidates,
}


def _search(scene: _Scene, images: Tensor, minimum: Tensor, *, keep_one: bool) -> tuple[Tensor, Tensor]:
    """The first crop of each image that fulfils the demands, of as many as there are trials.

    Trials are judged several at once, the more the fewer images are left.

    Args:
        scene: the objects and the rules.
        images: `[U]` the images to search.
        minimum: `[U]` the minimum overlap of each.
        keep_one: whether a crop must keep an object.

    Returns:
        `[U]` whether there is one, and `[U, 4]` the crop, zeros where there is none.
    """
    found = torch.zeros_like(images, dtype=torch.bool)
    place = scene.canvas.new_zeros(len(images), 4)
    least, greatest = _areas(scene, images, minimum)
    tried, waiting = 0, torch.arange(len(images), device=images.device)
    while tried < scene.spec.trials and len(waiting):
        several = min(max(1, tried, CROPS_AT_ONCE // len(waiting)), scene.spec.trials - tried)
        size, possible = _sizes(scene, images[waiting], several)
        area = size.prod(-1)
        possible &= (area >= least[waiting, None]) & (area <= greatest[waiting, None])
        of, trial = possible.nonzero(as_tuple=True)
        who = waiting[of]
        crops = _placed(scene, images[who], size[of, trial])
        good = _fulfilling(scene, images[who], crops, minimum[who]).nonzero().flatten()
        if keep_one:
            good = good[_keeps_one(scene, images[who[good]], crops[good], minimum[who[good]])]
        first = waiting.new_full((len(waiting),), len(crops)).scatter_reduce_(0, of[good], good, "amin")
        some = first < len(crops)
        found[waiting[some]], place[waiting[some]] = True, crops[first[some]]
        waiting, tried = waiting[~some], tried + several
    return found, place


def _areas(scene: _Scene, images: Tensor, minimum: Tensor) -> tuple[Tensor, Tensor]:
    """`[U]` the least and the greatest area that a crop of each image can have and fulfil the demands.

    An IoU is never above the ratio of the two areas: most crops that are in vain need not be looked at.
    """
    spec = scene.spec
    if spec.overlap is not CropOverlap.IOU or spec.demanded_of is CropDemand.NONE:
        return torch.zeros_like(minimum), torch.full_like(minimum, torch.inf)
    smallest, largest = scene.smallest[images], scene.largest[images]
    if spec.demanded_of is CropDemand.ALL:
        smallest, largest = largest, smallest
    # Cut to whole pixels, a side may gain or lose one.
    slack = (scene.canvas[images].sum(1) + 1) * spec.whole_pixels + ROUNDING * largest
    return smallest * minimum - slack, largest / minimum + slack


def _sizes(scene: _Scene, images: Tensor, several: int) -> tuple[Tensor, Tensor]:
    """`[U, several, 2]` the sizes of crops of the images, `[U]`, and `[U, several]` whether each may be."""
    canvas = scene.canvas[images, None]
    one, other = scene.uniform(2, len(images), several)
    size, possible = SHAPES[scene.spec.shape](canvas, one, other, scene.spec)
    return size.minimum(canvas), possible


def _placed(scene: _Scene, images: Tensor, size: Tensor) -> Tensor:
    """`[L, 4]` crops of a size, `[L, 2]`, anywhere in the images, `[L]`."""
    low = (scene.canvas[images] - size) * scene.uniform(len(images), 2)
    crops = torch.cat((low, low + size), 1)
    return crops.floor() if scene.spec.whole_pixels else crops


def _fulfilling(scene: _Scene, images: Tensor, crops: Tensor, minimum: Tensor) -> Tensor:
    """`[L]` whether crops, `[L, 4]` of the images, `[L]`, have an area, and enough overlap with the objects asked."""
    spec = scene.spec
    good = (crops[:, 2:] > crops[:, :2]).all(1)
    if spec.demanded_of is CropDemand.NONE:
        return good
    crop, row = _pairs(scene, images)
    boxes, window, least = scene.boxes[row], crops[crop], minimum[crop]
    reached = OVERLAPS[spec.overlap](boxes, window) >= least
    if spec.demanded_of is CropDemand.ALL:
        return good & ~_some(~reached, crop, len(crops))
    if spec.demanded_of is CropDemand.ANY_KEPT:
        reached &= KEEPS[spec.keep](boxes, window, least)
    return good & _some(reached, crop, len(crops))


def _keeps_one(scene: _Scene, images: Tensor, crops: Tensor, minimum: Tensor) -> Tensor:
    """`[L]` whether crops, `[L, 4]` of the images, `[L]`, keep any object."""
    crop, row = _pairs(scene, images)
    return _some(KEEPS[scene.spec.keep](scene.boxes[row], crops[crop], minimum[crop]), crop, len(crops))


def _pairs(scene: _Scene, images: Tensor) -> tuple[Tensor, Tensor]:
    """`[K]` places in `images`, `[L]`, and objects: every place with all objects of its image."""
    count = scene.count[images]
    place = torch.repeat_interleave(count)
    before = count.cumsum(0) - count
    return place, torch.arange(len(place), device=place.device) + (scene.first[images] - before)[place]


def _some(mask: Tensor, group: Tensor, groups: int) -> Tensor:
    """`[groups]` whether the mask, `[K]`, holds for any member of each group, `[K]`."""
    held = torch.zeros(groups, dtype=torch.bool, device=mask.device)
    held[group[mask]] = True
    return held
