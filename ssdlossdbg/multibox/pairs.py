"""Pairs of an object and a prior of its image that overlap enough, of any number of images, found on a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.rules import MatchSpec

# Pairs that are held at a time, where there may be any number of them.
PAIRS_AT_ONCE = 2**18


def in_parts(number: Tensor) -> list[Tensor]:
    """Places of `[K]` things that have so many pairs each, as many at a time as have some hundred thousand."""
    part = torch.div(number.cumsum(0) - number, PAIRS_AT_ONCE, rounding_mode="floor")
    sizes = torch.unique_consecutive(part, return_counts=True)[1].tolist()
    return list(torch.split(torch.arange(len(number)), sizes)) if sizes else []


def listed(first: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
    """Places of `[K]` runs of numbers, each as often as its run is long, and the numbers: `first`, and so many on."""
    place = torch.repeat_interleave(torch.arange(len(number)), number)
    return place, torch.arange(len(place)) + (first - (number.cumsum(0) - number))[place]


@dataclass(frozen=True)
class Pairs:
    """K pairs.

    Attributes:
        row: `[K]` int64, the object.
        prior: `[K]` int64.
        iou: `[K]` how much they overlap.
    """

    row: Tensor
    prior: Tensor
    iou: Tensor

    def __getitem__(self, which: Tensor) -> Pairs:
        """Some of them, by `[k]` places or `[K]` mask."""
        places = which.nonzero().flatten() if which.dtype is torch.bool else which
        return Pairs(*(getattr(self, each.name).index_select(0, places) for each in fields(self)))

    @staticmethod
    def joined(parts: list[Pairs]) -> Pairs:
        """All pairs of one or more lists."""
        return Pairs(*(torch.cat([getattr(part, each.name) for part in parts]) for each in fields(Pairs)))


@dataclass(frozen=True)
class Search:
    """Objects of some images, and the priors that each image has.

    Attributes:
        boxes: `[N, 4]` xyxy, finite, of positive width and height, image after image.
        image: `[N]` int64 the image of each, ascending.
        corners: `[P, 4]` the priors, xyxy, in the unit and type of the boxes.
        spec: how overlaps are measured.
        grid: that the priors stand on.
    """

    boxes: Tensor
    image: Tensor
    corners: Tensor
    spec: MatchSpec
    grid: Grid

    def some(self, rows: Tensor) -> Search:
        """Those objects, `[K]`, ascending; their images are numbered from 0 on, without a gap."""
        image = torch.unique_consecutive(self.image[rows], return_inverse=True)[1]
        return replace(self, boxes=self.boxes[rows], image=image)

    def keys(self, row: Tensor, prior: Tensor) -> Tensor:
        """A number for each prior of each image, `[K]`, given objects of the image and priors."""
        return self.image.index_select(0, row) * len(self.corners) + prior

    @cached_property
    def _coordinates(self) -> tuple[Tensor, Tensor]:
        """`[4, N]` and `[4, P]`: to pick from a row for each coordinate takes a tenth of the time."""
        return self.boxes.T.contiguous(), self.corners.T.contiguous()

    def at(self, row: Tensor, prior: Tensor) -> Tensor:
        """The IoU of pairs, `[K]`."""
        boxes, corners = self._coordinates
        ours, theirs = boxes.index_select(1, row), corners.index_select(1, prior)
        return iou(ours.movedim(0, -1), theirs.movedim(0, -1), self.spec.iou, self.spec.iou_epsilon)

    def reaching(self, least: float | Tensor, rows: Tensor | None = None) -> Pairs:
        """All pairs whose IoU is at least as high, and above 0; those of an object side by side.

        Args:
            least: one for all objects, or `[K]`.
            rows: `[K]` the objects to look at, ascending; None for all.
        """
        place, prior = self.grid.candidates(self.boxes if rows is None else self.boxes[rows], least)
        row = place if rows is None else rows.index_select(0, place)
        overlap = self.at(row, prior)
        enough = overlap >= (least.index_select(0, place) if isinstance(least, Tensor) else least)
        return Pairs(row, prior, overlap)[enough & (overlap > 0)]

    def candidates(self, rows: Tensor, least: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All pairs that may reach an IoU, however many there are: those of some objects at a time.

        Args:
            rows: `[K]` the objects to look at, ascending.
            least: `[K]`.

        Yields:
            Places in `rows`, and of each pair such a place and the prior.
        """
        windows = self.grid.windows(self.boxes[rows], least)
        number = torch.zeros(len(rows), dtype=torch.long).scatter_add_(0, windows.box, windows.count)
        places = in_parts(number)
        ends = torch.searchsorted(windows.box, torch.tensor([int(each[-1]) for each in places]), right=True).tolist()
        for place, start, end in zip(places, [0, *ends], ends, strict=False):
            yield place, *windows[start:end].pairs()
