"""Training crops in plain loops over Python floats, one image, trial and object at a time.

Its random numbers are Python's own, so that only distributions can be compared: `test_augmentation.py` does.
"""

from __future__ import annotations

from math import floor, sqrt
from random import Random

from ssdlossdbg.rules import AugmentSpec, CropChoice, CropDemand, CropKeep, CropOverlap, CropShape

Box = tuple[float, float, float, float]
Size = tuple[float, float]


def crop_once(boxes: list[Box], photo: Size, spec: AugmentSpec, random: Random) -> tuple[Size, dict[int, Box]]:
    """The crop's size in pixels, and the objects that it keeps, normalised to it. No flip."""
    canvas, (x, y) = photo, (0, 0)
    if random.random() < spec.zoom_out_probability:
        factor = random.uniform(*spec.zoom_out_range)
        canvas = (floor(photo[0] * factor), floor(photo[1] * factor))
        x = floor(random.uniform(0, canvas[0] - photo[0]))
        y = floor(random.uniform(0, canvas[1] - photo[1]))
    width, height = photo
    placed = [(a * width + x, b * height + y, c * width + x, d * height + y) for a, b, c, d in boxes]
    chosen = _choose(placed, canvas, spec, random)
    left, top, right, bottom = chosen[0] if chosen else (0.0, 0.0, *canvas)
    wide, high = right - left, bottom - top
    seen = {}
    for row, (x1, y1, x2, y2) in enumerate(placed):
        if chosen is None:
            seen[row] = (x1 / wide, y1 / high, x2 / wide, y2 / high)
        elif _keeps(placed[row], chosen[0], chosen[1], spec):
            x1, y1, x2, y2 = max(x1, left), max(y1, top), min(x2, right), min(y2, bottom)
            seen[row] = ((x1 - left) / wide, (y1 - top) / high, (x2 - left) / wide, (y2 - top) / high)
    return (wide, high), seen


def _choose(boxes: list[Box], canvas: Size, spec: AugmentSpec, random: Random) -> tuple[Box, float] | None:
    """A crop and its minimum overlap; None for the photo as it is."""
    if spec.choice is CropChoice.CANDIDATES:
        candidates: list[tuple[Box, float] | None] = [None]
        for minimum in spec.minimum_overlaps:
            crop = _try(boxes, canvas, minimum, spec, random, keep_one=False)
            if crop and (not spec.keep_one or any(_keeps(box, crop, minimum, spec) for box in boxes)):
                candidates.append((crop, minimum))
        return random.choice(candidates)
    while True:
        if random.random() < spec.photo_probability:
            return None
        minimum = random.choice(spec.minimum_overlaps)
        crop = _try(boxes, canvas, minimum, spec, random, keep_one=spec.keep_one)
        if crop:
            return crop, minimum
        if spec.choice is CropChoice.ONCE:
            return None


def _try(
    boxes: list[Box], canvas: Size, minimum: float, spec: AugmentSpec, random: Random, *, keep_one: bool
) -> Box | None:
    for _ in range(spec.trials):
        size = _shape(canvas, spec, random)
        if size is None:
            continue
        left, top = random.uniform(0, canvas[0] - size[0]), random.uniform(0, canvas[1] - size[1])
        crop = (left, top, left + size[0], top + size[1])
        if spec.whole_pixels:
            crop = (floor(crop[0]), floor(crop[1]), floor(crop[2]), floor(crop[3]))
        kept = [box for box in boxes if _keeps(box, crop, minimum, spec)]
        if keep_one and not kept:
            continue
        if spec.demanded_of is CropDemand.NONE:
            return crop
        asked = kept if spec.demanded_of is CropDemand.ANY_KEPT else boxes
        reached = (_overlap(box, crop, spec) >= minimum for box in asked)
        if all(reached) if spec.demanded_of is CropDemand.ALL else any(reached):
            return crop
    return None


def _shape(canvas: Size, spec: AugmentSpec, random: Random) -> Size | None:
    width, height = canvas
    low, high = spec.aspect_range
    if spec.shape in (CropShape.SIDES, CropShape.RELATIVE_SIDES):
        across, down = random.uniform(*spec.size_range), random.uniform(*spec.size_range)
        aspect = across / down * (width / height if spec.shape is CropShape.SIDES else 1)
        return (width * across, height * down) if low <= aspect <= high else None
    if spec.shape is CropShape.AREA_AND_ASPECT:
        aspect = random.uniform(low, high)
        least, most = (sqrt(share * width * height / aspect) for share in spec.size_range)
        most = min(most, height, width / aspect)
        down = random.uniform(least, most)
        return (down * aspect, down) if least <= most else None
    scale = random.uniform(*spec.size_range)
    if spec.shape is CropShape.SCALE_AND_ASPECT:
        aspect = random.uniform(max(low, scale**2), min(high, 1 / scale**2))
    else:
        aspect = min(max(random.uniform(low, high), scale**2), 1 / scale**2)
    return (width * scale * sqrt(aspect), height * scale / sqrt(aspect))


def _keeps(box: Box, crop: Box, minimum: float, spec: AugmentSpec) -> bool:
    if spec.keep is CropKeep.OVERLAP:
        share = _intersection(box, crop) / _area(box)
        return share > 0 and share >= minimum
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return crop[0] < x < crop[2] and crop[1] < y < crop[3]


def _overlap(box: Box, crop: Box, spec: AugmentSpec) -> float:
    common = _intersection(box, crop)
    return common / (_area(box) if spec.overlap is CropOverlap.COVERAGE else _area(box) + _area(crop) - common)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _intersection(a: Box, b: Box) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return across * down if across > 0 and down > 0 else 0.0
