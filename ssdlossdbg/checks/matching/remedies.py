"""What would let objects reach a prior's threshold, told from their sizes and shapes and from the priors'."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ssdlossdbg.checks.matching.gains import reached
from ssdlossdbg.results import FloatArray, IntArray, Objects

# No SSD predicts from a feature map of smaller steps than this many pixels of its input.
FINEST_STEP = 4.0
# So much may an input grow before tiles of the photo are the cheaper way.
MOST_GROWTH = 2.0
# Less of it is not worth saying: the smallest object is all but reached.
LEAST_GROWTH = 1.1
# What holds back fewer of the objects is not worth a sentence of its own.
WORTH_SAYING = 0.2
# Objects of which one is so many times as wide or high as another are not all of about their median size.
UNLIKE = 2.0
# An input is to grow until so many of the objects are large enough.
MOST = 0.9
FIT = "`ssdlossdbg anchors --fit` finds sizes and ratios for a data set"


class Obstacle(IntEnum):
    """Why no prior overlaps an object enough."""

    TAKEN = 0
    """None: it reaches the threshold with priors that other objects have."""
    TINY = 1
    """It is so small that no feature map could have enough priors of its size."""
    WIDE = 2
    """It is wider for its height than any prior."""
    TALL = 3
    """It is higher for its width than any prior."""
    SMALL = 4
    LARGE = 5
    SIZE = 6
    """It lies between the sizes of the priors."""
    PLACE = 7
    """A prior has its size and shape, but stands too far away."""


LONG = (Obstacle.WIDE, Obstacle.TALL)


@dataclass(frozen=True)
class _Group:
    """Objects that the same holds back: their rows, and the median width and height in pixels of the input.

    Of those that are too long, these are the sides of their median aspect ratio and area.

    Attributes:
        smallest: the root of the area that nine tenths of them exceed.
        count: how many of the rows they are, in words; empty where they are all.
    """

    obstacle: Obstacle
    width: float
    height: float
    smallest: float
    rows: IntArray
    count: str

    @property
    def side(self) -> float:
        """The root of the area."""
        return math.sqrt(self.width * self.height)

    @property
    def size(self) -> str:
        """In words, with the count."""
        return f"{self.width:.3g} x {self.height:.3g} px{self.count}"


@dataclass(frozen=True)
class Remedies:
    """What to do about objects that no prior overlaps enough.

    Attributes:
        objects: the table.
        rows: `[K]` those that it is about, in any order, each once.
    """

    objects: Objects
    rows: IntArray

    def of(self, row: int) -> str:
        """What to do about one of the rows and all others that the same holds back."""
        if not self.objects.levels:
            return f"Add priors of its size and shape: {FIT}."
        return self._words(Obstacle(int(self._of_row[row])))

    def of_all(self) -> str:
        """What to do about the rows, what holds back most of them first."""
        if not self.objects.levels:
            return f"Add priors of their sizes and shapes: {FIT}."
        counts = np.bincount(self._obstacles, minlength=len(Obstacle))
        common = [each for each in np.argsort(-counts, kind="stable") if counts[each] >= WORTH_SAYING * len(self.rows)]
        told = " ".join(self._words(Obstacle(int(each))) for each in common)
        first, *others = told.split(f" {FIT}.")
        return f"{first} {FIT}.{''.join(others)}" if others else told

    @cached_property
    def _of_row(self) -> NDArray[np.int8]:
        """`[N]` what holds back each object of the table, where it is one of the rows."""
        found = np.zeros(len(self.objects.index), dtype=np.int8)
        found[self.rows] = self._obstacles
        return found

    @cached_property
    def _sizes(self) -> FloatArray:
        """`[K, 2]` width and height in pixels of the network's input."""
        boxes = self.objects.boxes[self.rows]
        return np.asarray((boxes[:, 2:] - boxes[:, :2]) * self.objects.image_size)

    @cached_property
    def _shapes(self) -> FloatArray:
        """`[S, 2]` those of the priors, of all levels."""
        return np.array([shape for level in self.objects.levels for shape in level.shapes], dtype=float)

    @cached_property
    def _step(self) -> float:
        """The finest of the priors."""
        return min(min(level.stride) for level in self.objects.levels)

    @cached_property
    def _smallest(self) -> float:
        """The root of the smallest prior's area."""
        return math.sqrt(float(self._shapes.prod(axis=1).min()))

    @property
    def _largest(self) -> float:
        return math.sqrt(float(self._shapes.prod(axis=1).max()))

    @property
    def _threshold(self) -> float:
        return self.objects.rules.match.threshold

    @property
    def _reach(self) -> float:
        """The largest step at which priors of an object's size reach it everywhere, by that size; see MAT006."""
        return 2 * (1 - math.sqrt(2 * self._threshold / (1 + self._threshold)))

    @property
    def _least(self) -> float:
        """The least size of an object that the smallest prior reaches where it is centred on it."""
        return self._smallest * math.sqrt(self._threshold)

    @cached_property
    @np.errstate(divide="ignore", invalid="ignore")  # a prior without a side has no aspect, and reaches nothing
    def _obstacles(self) -> IntArray:
        """`[K]` what holds back each row, the number of an `Obstacle`."""
        (width, height), threshold = self._sizes.T, self._threshold
        side, aspect = np.sqrt(width * height), width / height
        aspects = self._shapes[:, 0] / self._shapes[:, 1]
        # Of an object and a prior of equal areas and other aspects, by the root of the aspects' ratio.
        root = np.sqrt(np.minimum(np.minimum(aspects.max() / aspect, aspect / aspects.min()), 1))
        small, long = side < self._least, np.maximum(root**2, root / (2 - root)) < threshold
        # Of which end of the priors' ratios it is the further away.
        wide = aspect**2 > aspects.min() * aspects.max()
        conditions = [
            (self.objects.lost_to[self.rows] >= 0) & (self.objects.best_iou[self.rows] >= threshold),
            small & (self._reach * side < FINEST_STEP),
            long & wide,
            long,
            small,
            side * math.sqrt(threshold) > self._largest,
            self.objects.shape_iou[self.rows] < threshold,
        ]
        return np.select(conditions, list(Obstacle)[:-1], Obstacle.PLACE)

    @cached_property
    def _told(self) -> dict[Obstacle, str]:
        return {}

    def _words(self, obstacle: Obstacle) -> str:
        """What to do about what holds objects back, told once."""
        if obstacle not in self._told:
            self._told[obstacle] = self._tell(obstacle)
        return self._told[obstacle]

    def _tell(self, obstacle: Obstacle) -> str:
        chosen = self._obstacles == obstacle
        width, height = np.median(self._sizes[chosen], axis=0).tolist()
        if obstacle in LONG:
            root = math.sqrt(float(np.median(self._sizes[chosen, 0] / self._sizes[chosen, 1])))
            side = math.sqrt(float(np.median(self._sizes[chosen].prod(axis=1))))
            width, height = side * root, side / root
        number, total = int(chosen.sum()), len(chosen)
        count = "" if number == total else f" ({number} of the {total})"
        if number == total and bool((self._sizes.max(axis=0) > UNLIKE * self._sizes.min(axis=0)).any()):
            count = f" (the median of {total})"
        smallest = math.sqrt(float(np.quantile(self._sizes[chosen].prod(axis=1), 1 - MOST)))
        group = _Group(obstacle, width, height, smallest, self.rows[chosen], count)
        if obstacle is Obstacle.TAKEN:
            return self._taken(group)
        if obstacle is Obstacle.TINY:
            return self._tiny(group)
        tell = {Obstacle.WIDE: self._long, Obstacle.TALL: self._long, Obstacle.PLACE: self._place}
        return f"{tell.get(obstacle, self._size)(group)} {self._gain(group)}{FIT}."

    def _gain(self, group: _Group) -> str:
        """How many of them would reach the threshold, and how many do, as a sentence."""
        levels = self.objects.levels
        of_size = [reached(self.objects, group.rows, [(group.width, group.height)], level).sum() for level in levels]
        best = int(np.argmax(of_size))
        won, step = int(of_size[best]), f"steps of {max(levels[best].stride):.3g} px"
        now = int((self.objects.best_iou[group.rows] >= self._threshold).sum())
        total, before = f"{len(group.rows):,}", f"now {now:,}" if now else "now none"
        if group.obstacle in LONG:
            root = math.sqrt(group.width / group.height)
            by_ratio = np.zeros(len(group.rows), dtype=bool)
            for level in levels:
                sides = {round(math.sqrt(width * height), 3) for width, height in level.shapes}
                by_ratio |= reached(self.objects, group.rows, [(side * root, side / root) for side in sides], level)
            number = int(by_ratio.sum())
            if number >= won and len(group.rows) == 1:
                return "With it in each size of each level a prior reaches it. " if number else ""
            if number >= won:
                return f"With it in each size of each level {number:,} of {total} reach the threshold, {before}. "
        if not won:
            return ""
        if len(group.rows) == 1:
            return f"On a level with {step} a prior of that size reaches it. "
        return f"On a level with {step} {won:,} of {total} reach the threshold with priors of that size, {before}. "

    def _taken(self, group: _Group) -> str:
        rules = ", or train by rules that give whoever loses its best prior the next one, as Caffe's bipartite matching"
        return (
            f"Leave it, if it is rare: {group.size} reach the threshold, and other objects have those priors. Where it "
            "is common, put priors of about that size on a level with smaller steps"
            f"{'' if self.objects.rules.match.forced.bipartite else rules}."
        )

    def _tiny(self, group: _Group) -> str:
        growth = self._least / group.smallest
        if growth <= MOST_GROWTH:
            larger = " x ".join(f"{growth * pixels:.0f}" for pixels in self.objects.image_size)
            cure = f"Use an input of {larger} px or more, or tiles of the photos"
        elif self.objects.saved:
            cure = f"Cut the photos into tiles of 1/{math.ceil(growth)} of their sides or less"
        else:
            tile = np.median(self.objects.sizes[group.rows], axis=0) / growth
            cure = f"Cut the photos into tiles of about {_about(tile[0])} x {_about(tile[1])} px or less"
        why = (
            f"{group.size} in the input are too small for priors of their own, which would have to stand every "
            f"{self._reach * group.side:.2g} px (the finest do every {self._step:.3g}), and {self._least:.3g} px reach "
            "the smallest there are"
        )
        if group.side < 1:
            cure = f"See that boxes were not divided by the image's size twice; else {cure[0].lower()}{cure[1:]}"
        return f"{cure}: {why}."

    def _long(self, group: _Group) -> str:
        aspects = self._shapes[:, 0] / self._shapes[:, 1]
        end = aspects.max() if group.obstacle is Obstacle.WIDE else aspects.min()
        return (
            f"Add an aspect ratio near {_ratio(group.width / group.height)}, for {group.size}: those of the priors end "
            f"at {_ratio(float(end))}, which reach no such object whatever their size."
        )

    def _size(self, group: _Group) -> str:
        if group.obstacle is Obstacle.SMALL:
            needed = self._reach * group.side
            why = f"the smallest are {self._smallest:.3g} px"
            if needed < self._step:
                why += (
                    f", and to reach them everywhere they must stand every {needed:.2g} px, where the finest level's "
                    f"step is {self._step:.3g}"
                )
                growth = self._least / group.smallest
                if growth >= LEAST_GROWTH:
                    why += f"; or make the input {growth:.2g} times as large"
        elif group.obstacle is Obstacle.LARGE:
            why = f"the largest are {self._largest:.3g} px"
        else:
            near = self._shapes[np.argsort(-self._overlaps(group), kind="stable")[:2]]
            why = "the nearest are " + " and ".join(f"{across:.3g} x {down:.3g}" for across, down in near.tolist())
        return f"Add priors of about {group.size}: {why}."

    def _place(self, group: _Group) -> str:
        owners = [level for level in self.objects.levels for _ in level.shapes]
        like = int(self._overlaps(group).argmax())
        step, (across, down) = max(owners[like].stride), self._shapes[like].tolist()
        if step <= self._reach * group.side:
            why = f"those most like them are {across:.3g} x {down:.3g} px, and miss them between the cells"
            return f"Add priors of about {group.size} to a level with steps of {step:.3g} px: {why}."
        return (
            f"Put priors of about {group.size} on a level with steps of {self._reach * group.side:.2g} px or less: "
            f"those most like them stand every {step:.3g} px."
        )

    def _overlaps(self, group: _Group) -> FloatArray:
        """`[S]` the IoU of each shape with the group's median, centred on it."""
        shared = np.minimum(self._shapes, (group.width, group.height)).prod(axis=1)
        overlaps: FloatArray = shared / (self._shapes.prod(axis=1) + group.width * group.height - shared)
        return overlaps


def _ratio(aspect: float) -> str:
    """Width to height."""
    return f"{aspect:.2g}:1" if aspect >= 1 else f"1:{1 / aspect:.2g}"


def _about(value: float) -> str:
    """To two digits, without an exponent."""
    return f"{float(f'{value:.2g}'):g}"
