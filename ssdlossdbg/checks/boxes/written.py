"""In which layout the boxes of a table are written: of all its images, or of some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ssdlossdbg.checks.boxes.readings import READS, TIERS, WRITES, has_sides, inside, tiers_beside
from ssdlossdbg.checks.boxes.units import in_other_units
from ssdlossdbg.checks.boxes.wrapped import wrapped_around
from ssdlossdbg.checks.photos import declared_wrongly, spaces
from ssdlossdbg.checks.remembered import once_a_table
from ssdlossdbg.checks.rows import with_objects
from ssdlossdbg.results import BoolArray, FloatArray, IntArray, Objects

# From these on a layout is doubted: single boxes are wrong in other ways. Corners that are swapped in all boxes are so
# in nearly all; many images that seem so are not two in a large data set.
LEAST_MISFITS, LEAST_SHARE, LEAST_SWAPPED, LEAST_OF_MANY = 2, 0.1, 0.9, 4
MANY_IMAGES = 20
# A layout explains a set although so many of its boxes are wrong in other ways, too.
STRAYS, STRAYS_OF_MISFITS = 0.01, 0.1
# Images with one misfit each are judged together from so many on, and if so many of them fit.
LEAST_SINGLE, MOST_FITTING = 5, 0.9
# Images whose misfit is but one box take part where at least so large a share of all has more.
LEAST_CLEAR = 0.2
MOST_READINGS = 3
# A box ends at a border that is so near, in parts of the image; so many tell, or so many misfits that are most.
AT_BORDER, LEAST_ENDS, LEAST_TELLING, LEAST_PART = 0.005, 3, 10, 0.2


@dataclass(frozen=True)
class Reading:
    """Images whose boxes are written in another layout.

    Attributes:
        layouts: those that fit, by name; the declared size may be exchanged instead where one of them is merely turned.
        images: `[K]` places of the images.
        misfits, boxes: how many boxes do not fit as they are read, of how many.
        whole: whether those are all images with boxes that could be judged.
        undecided: whether the boxes of all others fit as they are read and in one of these layouts, too.
    """

    layouts: tuple[str, ...]
    images: IntArray
    misfits: int
    boxes: int
    whole: bool
    undecided: bool = False


@dataclass(frozen=True)
class _Boxes:
    """The judged boxes of B images, a row a box.

    Attributes:
        objects: the table.
        images: `[K]` the places of all images that take part, those too whose boxes tell nothing.
        rows: `[N]` theirs in it.
        image: `[N]` their images.
        misfit: `[N]` whether a box does not fit as it is read.
        of, bad: `[B]` how many boxes each image has, and how many of them do not fit.
    """

    objects: Objects
    images: IntArray
    rows: IntArray
    image: IntArray
    misfit: BoolArray
    of: IntArray
    bad: IntArray

    def misfits_as(self, layout: str, images: BoolArray) -> IntArray:
        """`[B]` how many boxes of chosen images, `[B]`, do not fit in a layout; 0 for the others."""
        chosen = images[self.image]
        fits = inside(*self._read(layout, chosen))
        counts: IntArray = np.bincount(self.image[chosen][~fits], minlength=len(self.of))
        return counts

    def merely_reach_out(self, layouts: Sequence[str], images: BoolArray) -> bool:
        """Whether the misfits of images, `[B]`, may be boxes that reach out of them, as those of hidden parts do.

        None is inverted, fewer than half of all leave their images by no more than half of themselves, and read in
        another layout no more end at a border, where objects are cut.
        """
        rows = self.rows[images[self.image] & self.misfit]
        boxes, sizes = self.objects.stated[rows], spaces(self.objects)[self.objects.image[rows]]
        low, high = boxes[:, :2], boxes[:, 2:]
        many = len(rows) >= LEAST_TELLING and images.sum() >= LEAST_PART * (self.of > 0).sum()
        if (high < low).any() or (many and 2 * len(rows) >= self.of[images].sum()):
            return False
        if 4 * ((low + high < 0) | (low + high > 2 * sizes)).any(1).sum() >= len(rows):
            return False
        own, *others = (self._ends(name, images) for name in (self.objects.layout, *layouts))
        return max(others) < max(LEAST_ENDS, 2 * own)

    def _ends(self, layout: str, images: BoolArray) -> int:
        """How many boxes of images, `[B]`, end at a border, read in a layout."""
        boxes, sizes = self._read(layout, images[self.image])
        near = np.abs(boxes - np.concatenate((np.zeros_like(sizes), sizes), axis=1)) <= AT_BORDER * np.tile(sizes, 2)
        return int(near.any(1).sum())

    def _read(self, layout: str, chosen: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Chosen boxes, `[N]`, in a layout: `[K, 4]` xyxy, and `[K, 2]` the sizes of their images in the same unit."""
        stated, sizes = self.objects.stated[self.rows[chosen]], spaces(self.objects)[self.image[chosen]]
        if self.objects.layout == "cxcywh":  # which are fractions, whose axes have one unit
            stated, sizes = stated / np.tile(sizes, 2), np.ones_like(sizes)
        with np.errstate(invalid="ignore", over="ignore"):  # of numbers beyond all floats
            return READS[layout](WRITES[self.objects.layout](stated)), sizes


@once_a_table
def possible_layouts(objects: Objects) -> tuple[tuple[Reading, ...], float]:
    """The images that may be written in another layout, and the share of all misfits that this explains."""
    aside = in_other_units(objects).copy()
    aside[declared_wrongly(objects)] = True
    judged = has_sides(objects.stated) & ~aside[objects.image] & ~wrapped_around(objects)
    rows = np.flatnonzero(judged)
    image = objects.image[rows]
    with np.errstate(invalid="ignore"):
        misfit = ~inside(objects.stated[rows], spaces(objects)[image])
    of, bad = (np.bincount(of_image, minlength=len(objects.images)) for of_image in (image, image[misfit]))
    if bad.sum() < LEAST_MISFITS:
        return (), 1.0
    annotated = with_objects(objects)
    boxes = _Boxes(objects, annotated[~aside[annotated]], rows, image, misfit, of, bad)
    found = _of_all(boxes)
    if found:
        return (found,), 1.0
    readings = tuple(_of_some(boxes))
    return readings, sum(reading.misfits for reading in readings) / int(bad.sum())


def _of_all(boxes: _Boxes) -> Reading | None:
    """The layout in which every image is written, if one explains all."""
    total, misfits = int(boxes.of.sum()), int(boxes.bad.sum())
    allowed = min(STRAYS * total, STRAYS_OF_MISFITS * misfits)
    suspects = boxes.bad > 0

    def explains(layout: str) -> bool:
        return bool(
            boxes.misfits_as(layout, suspects).sum() <= allowed
            and boxes.misfits_as(layout, ~suspects).sum() <= allowed
            and (layout not in TIERS[2] or misfits >= max(LEAST_SWAPPED * total, LEAST_MISFITS + 1))
        )

    if misfits < LEAST_SHARE * total:
        return None
    layouts = _simplest(boxes.objects.layout, explains)
    if not layouts or (len(layouts) > 1 and 2 * misfits < total):
        return None
    if boxes.merely_reach_out(layouts, boxes.of > 0):
        return None
    return Reading(layouts, boxes.images, misfits, total, whole=True)


def _of_some(boxes: _Boxes) -> Iterator[Reading]:
    """Images written in another layout than the rest."""
    left = boxes.bad > 0
    clear = (boxes.bad >= LEAST_MISFITS) & (boxes.bad >= LEAST_SHARE * boxes.of)
    for _ in range(MOST_READINGS):
        found = _of_clear(boxes, left, clear) or _of_single(boxes, left)
        if found is None:
            return
        yield found
        left[found.images] = False


def _of_clear(boxes: _Boxes, left: BoolArray, clear: BoolArray) -> Reading | None:
    """The layout that most images fit which tell by themselves, with those that fit it and tell less."""
    judged = left & clear
    if not judged.any():
        return None
    fits = _fitting(boxes, left)
    for tier in tiers_beside(boxes.objects.layout):
        votes = {name: int((fits[name] & judged).sum()) for name in tier}
        most = max(votes.values())
        layouts = tuple(name for name in tier if votes[name] == most)
        if most:
            chosen = np.logical_and.reduce([fits[name] for name in layouts])
            return _accepted(boxes, layouts, left & chosen, clear, tier is TIERS[2])
    return None


def _accepted(
    boxes: _Boxes, layouts: Sequence[str], fitting: BoolArray, clear: BoolArray, swapped: bool
) -> Reading | None:
    """The reading of images that fit, `[B]`, if their boxes are evidence enough."""
    sure, single = fitting & clear, fitting & ~clear
    misfits, total = int(boxes.bad[sure].sum()), int(boxes.of[sure].sum())
    many = (boxes.of > 0).sum() >= MANY_IMAGES
    if misfits < (LEAST_OF_MANY if many else LEAST_MISFITS):
        return None
    if len(layouts) > 1 and (many or 2 * misfits < total):
        return None
    if boxes.merely_reach_out(layouts, sure):
        return None
    if swapped and misfits < max(LEAST_SWAPPED * total, LEAST_MISFITS + 1):
        return None
    unclear = (boxes.bad > 0) & ~clear
    with_single = sure.sum() >= max(LEAST_MISFITS, LEAST_CLEAR * unclear.sum())
    with_single &= single.sum() >= MOST_FITTING * unclear.sum()
    return _reading(boxes, layouts, fitting if with_single else sure)


def _of_single(boxes: _Boxes, left: BoolArray) -> Reading | None:
    """The one layout that fits nearly all images with misfits, where most of their boxes are such."""
    if (
        left.sum() < max(LEAST_SINGLE, LEAST_SHARE * (boxes.of > 0).sum())
        or 2 * boxes.bad[left].sum() < boxes.of[left].sum()
    ):
        return None
    fits = _fitting(boxes, left)
    for tier in tiers_beside(boxes.objects.layout)[:2]:
        layouts = [name for name in tier if (fits[name] & left).sum() >= MOST_FITTING * left.sum()]
        if layouts:
            sure = len(layouts) == 1 and not boxes.merely_reach_out(layouts, left)
            return _reading(boxes, layouts, left & fits[layouts[0]]) if sure else None
    return None


def _fitting(boxes: _Boxes, images: BoolArray) -> dict[str, BoolArray]:
    """By layout, `[B]` whether all boxes of chosen images, `[B]`, fit."""
    others = (name for tier in tiers_beside(boxes.objects.layout) for name in tier)
    return {name: images & (boxes.misfits_as(name, images) == 0) for name in others}


def _reading(boxes: _Boxes, layouts: Sequence[str], images: BoolArray) -> Reading:
    others = (boxes.of > 0) & ~images
    alike = any(boxes.misfits_as(layout, others).sum() == 0 for layout in layouts)
    return Reading(
        tuple(layouts),
        np.flatnonzero(images),
        int(boxes.bad[images].sum()),
        int(boxes.of[images].sum()),
        whole=not others.any(),
        undecided=bool(others.any()) and alike and boxes.bad[others].sum() == 0,
    )


def _simplest(layout: str, explains: Callable[[str], bool]) -> tuple[str, ...]:
    """Of the layouts but the file's own that explain its boxes, those of the first tier that has any."""
    for tier in tiers_beside(layout):
        found = tuple(filter(explains, tier))
        if found:
            return found
    return ()
