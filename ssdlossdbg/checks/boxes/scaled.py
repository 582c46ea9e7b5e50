"""On which scale the boxes of a table are, where it is not that of their images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssdlossdbg.checks.boxes.readings import SLACK
from ssdlossdbg.checks.boxes.units import in_other_units
from ssdlossdbg.checks.boxes.wrapped import wrapped_around
from ssdlossdbg.checks.boxes.written import Reading, possible_layouts
from ssdlossdbg.checks.photos import declared_wrongly, spaces
from ssdlossdbg.checks.remembered import once_a_table
from ssdlossdbg.results import FloatArray, IntArray, Objects

# So many boxes must leave their images, of so many; half of them tell by themselves, fewer only with other signs.
LEAST_LEAVING, LEAST_BOXES, LEAST_SHARE, TELLING_SHARE = 3, 4, 0.1, 0.5
# Boxes may be wrong in other ways: so many of all, and of those that leave.
STRAYS, STRAYS_OF_LEAVING = 0.01, 0.1
# A factor nearer to 1 is none; and of all boxes, so many lie wholly outside where objects are carelessly drawn at most.
LEAST_FACTOR, WHOLLY_OUTSIDE, WITH_WHOLLY = 1.05, 0.02, 0.25
# Layouts of some images are preferred to one scale of all if they explain so many of the misfits.
MOST_EXPLAINED = 0.9
# How near to a border a box ends that was cut there, in parts of the image.
AT_BORDER = 0.005
# Boxes that end at a border which is not the image's are a sign from so many on; where none leaves, from these on.
LEAST_ENDS, LEAST_ENDS_INSIDE, PILED_UP = 3, 8, 4
# What images that are squares of so many pixels, or thousandths and the like, are mistaken for.
SIDES = (100, 224, 256, 300, 320, 384, 416, 448, 500, 512, 600, 608, 640, 768, 800, 896, 1000, 1024, 1280)
NEAR_SIDE = 0.015
# From this factor on boxes do not merely reach out a little, as those of objects do that are seen in part.
PLAIN_FACTOR = 1.25


@dataclass(frozen=True)
class Scale:
    """Boxes that lie inside their images once they are divided by a factor for each axis.

    Attributes:
        name: of what the factors are: a key of `checks.boxes.scales`.
        images: `[K]` places of the images.
        leaving, boxes: how many boxes reach out of their images, of how many.
        factors: (x, y), the largest of the images where each has its own.
        reach: (x, y) how far the boxes go, in the unit of the file.
        ends: how many boxes end at the border that the factors give.
    """

    name: str
    images: IntArray
    leaving: int
    boxes: int
    factors: tuple[float, float]
    reach: tuple[float, float]
    ends: int


@dataclass(frozen=True)
class _Parts:
    """Sound boxes in parts of their images: `[N]` their images, `[N, 2]` where they begin and end, `[N, 2]` sizes."""

    image: IntArray
    begin: FloatArray
    end: FloatArray
    sizes: FloatArray

    @property
    def allowed(self) -> int:
        """How many boxes may be wrong in other ways."""
        return int(min(STRAYS * len(self.image), STRAYS_OF_LEAVING * self.leaving))

    @property
    def leaving(self) -> int:
        """How many boxes reach out of their images to the right or down."""
        return int((self.end > 1 + SLACK).any(1).sum())


@once_a_table
def other_layouts(objects: Objects) -> tuple[Reading, ...]:
    """The images that are written in another layout, unless a scale explains what layouts of some images leave over."""
    readings, share = possible_layouts(objects)
    return () if share < MOST_EXPLAINED and other_scale(objects) else readings


@once_a_table
def other_scale(objects: Objects) -> Scale | None:
    """The scale that explains the boxes of all images which nothing simpler explains."""
    parts = _parts(objects)
    if parts is None or (parts.begin < -SLACK).any(1).sum() > parts.allowed:
        return None
    found = list(_by_sides(parts, objects))
    if found:
        return max(found, key=lambda scale: scale.ends)
    if parts.leaving >= LEAST_LEAVING:
        return _measured(parts, objects)
    return _in_a_square(parts) if _may_be_in_a_square(objects) else None


def _parts(objects: Objects) -> _Parts | None:
    """The boxes to be judged; None where there are too few, or hardly any reaches out and no factor could hide."""
    sizes = spaces(objects)
    x1, y1, x2, y2 = objects.stated.T
    with np.errstate(invalid="ignore"):
        sound = objects.finite & (x2 > x1) & (y2 > y1) & ~wrapped_around(objects)
        out = sound & ((x2 > objects.sizes[:, 0]) | (y2 > objects.sizes[:, 1]))
    hidden = objects.layout == "cxcywh" and bool((sizes[:, 0] != sizes[:, 1]).any())
    if out.sum() < LEAST_LEAVING and not hidden and not _may_be_in_a_square(objects):
        return None
    aside = in_other_units(objects).copy()
    aside[declared_wrongly(objects)] = True
    readings, share = possible_layouts(objects)
    for reading in readings if share >= MOST_EXPLAINED else ():
        aside[reading.images] = True
    rows = np.flatnonzero(sound & ~aside[objects.image])
    if len(rows) < LEAST_BOXES:
        return None
    image = objects.image[rows]
    own = sizes[image]
    return _Parts(image, objects.stated[rows, :2] / own, objects.stated[rows, 2:] / own, own)


def _may_be_in_a_square(objects: Objects) -> bool:
    """Whether the boxes of all images, which are larger, end at the borders of one square of a known size."""
    if objects.saved or objects.layout == "cxcywh" or not len(objects.stated):
        return False
    side = _square(objects.stated[:, 2:].max(0))
    return side > 0 and bool((spaces(objects) > side * LEAST_FACTOR).all())


def _in_a_square(parts: _Parts) -> Scale | None:
    """The square that all boxes lie in, if several end at its right border, and several at its lower one."""
    ends = parts.end * parts.sizes
    far = ends.max(0)
    there = np.abs(ends - far) <= AT_BORDER * far
    before = (np.abs(ends - far) <= 11 * AT_BORDER * far) & ~there
    if (there.sum(0) < PILED_UP * before.sum(0) / 10).any():
        return None
    images = np.bincount(parts.image) > 0
    if not _square(far) or there.sum(0).min() < LEAST_ENDS_INSIDE / 2 or images.sum() < LEAST_ENDS_INSIDE:
        return None
    x, y = (far / parts.sizes.min(0)).tolist()
    return _scale(parts, "square", (x, y), int(there.any(1).sum()))


def _by_sides(parts: _Parts, objects: Objects) -> Iterator[Scale]:
    """The scales whose factors follow from each image's own width and height."""
    width, height = parts.sizes.T
    one = np.ones_like(width)
    if (np.abs(width / height - 1) < SLACK).all():
        return
    inputs = objects.image_size
    candidates = {
        "divided-by-height-width": (width / height, height / width),
        "multiplied-by-height-width": (height / width, width / height),
        "divided-by-width": (one, height / width),
        "divided-by-height": (width / height, one),
        "multiplied-by-width": (one, width / height),
        "multiplied-by-height": (height / width, one),
        "pixels-by-input": (width / inputs[0], height / inputs[1]),
    }
    fractions = objects.layout == "cxcywh"
    for name, factors in candidates.items():
        if name.startswith("multiplied") is fractions:
            continue
        scale = _explained(parts, np.stack(factors, axis=1), name)
        if scale is not None:
            yield scale


def _explained(parts: _Parts, factors: FloatArray, name: str) -> Scale | None:
    """The scale of factors, `[N, 2]`, if the boxes lie inside once divided by them, and end at that border."""
    divided = parts.end / factors
    if (divided > 1 + SLACK).any(1).sum() > parts.allowed:
        return None
    changed = np.abs(np.log(factors)) > np.log(LEAST_FACTOR)
    ends = int((changed & (np.abs(divided - 1) <= AT_BORDER)).any(1).sum())
    as_read = int((changed & (np.abs(parts.end - 1) <= AT_BORDER)).any(1).sum())
    least = LEAST_ENDS if parts.leaving >= max(LEAST_LEAVING, LEAST_SHARE * len(parts.image)) else LEAST_ENDS_INSIDE
    if ends < max(least, 2 * as_read):
        return None
    x, y = (float(column[np.abs(np.log(column)).argmax()]) for column in factors.T)
    return _scale(parts, name, (x, y), ends)


def _measured(parts: _Parts, objects: Objects) -> Scale | None:
    """The smallest factors that explain all boxes, if enough of them leave and these end where the factors say."""
    total, leaving = len(parts.image), parts.leaving
    place = total - 1 - parts.allowed
    far = np.sort(parts.end, axis=0)[place]
    changed = far > LEAST_FACTOR
    wholly = int((parts.begin >= 1).any(1).sum())
    ends = int((changed & (np.abs(parts.end / far - 1) <= AT_BORDER)).any(1).sum())
    as_read = int((changed & (np.abs(parts.end - 1) <= AT_BORDER)).any(1).sum())
    # So many would end there of boxes that end anywhere from the image's border on.
    by_chance = (np.where(changed, (parts.end > 1).sum(0) * AT_BORDER * far / (far - 1).clip(SLACK), 0)).sum()
    cut = ends >= max(LEAST_ENDS, 2 * as_read, PILED_UP * by_chance)
    signs = cut or (wholly >= max(LEAST_LEAVING, WHOLLY_OUTSIDE * total) and leaving >= WITH_WHOLLY * total)
    signs |= far.max() >= PLAIN_FACTOR and leaving >= TELLING_SHARE * total
    if not changed.any() or leaving < LEAST_SHARE * total or not signs:
        return None
    pixels = np.sort(parts.end * parts.sizes, axis=0)[place]
    square = _square(pixels)
    x, y = far.tolist()
    if square and not objects.saved and (parts.sizes > 1).all():
        return _scale(parts, "square", (x, y), ends)
    name = "measured"
    if (parts.sizes == 1).all():
        name = "photo-by-input"
    elif objects.saved:
        name = "photo"
    elif changed.all() and abs(x / y - 1) <= NEAR_SIDE:
        name = "alike"
    if name == "photo-by-input" and abs(x * y - 1) <= NEAR_SIDE:
        name = "divided-by-height-width"
    return _scale(parts, name, (x, y), ends)


def _square(reach: FloatArray) -> int:
    """The side of the square that boxes reach the border of, `[2]`; 0 where it is none that is known."""
    near = [side for side in SIDES if all((1 - NEAR_SIDE) * side <= each <= (1 + SLACK) * side for each in reach)]
    return near[-1] if near else 0


def _scale(parts: _Parts, name: str, factors: tuple[float, float], ends: int) -> Scale:
    x, y = np.sort(parts.end * parts.sizes, axis=0)[len(parts.image) - 1 - parts.allowed].tolist()
    return Scale(name, np.unique(parts.image), parts.leaving, len(parts.image), factors, (x, y), ends)
