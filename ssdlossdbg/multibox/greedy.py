"""The greedy matching of objects and priors, each used once, without all overlaps.

Greedily means: the pair of highest IoU that is left, time after time; of several, that of the first object, and of its
the first prior. The same comes out if each object asks for its priors in that order, best first, and each prior keeps
the best object that asked so far: who is sent away goes on with its next one. (Both are the one stable matching, since
both sides rank pairs by the same order.) So an object needs no more of its overlaps than those down to the prior that
keeps it: first those that matter to the matching anyway, more only where it runs out of them.

Those that ran out ask again, down to a level that all of them share and that falls step by step. So hardly any prior is
taken from whom a level above gave it to. What is still worth asking for, the priors that are held with less than the
level, becomes so little where there are more objects than priors that it is looked through itself, rather than what is
near each object.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.multibox.pairs import Pairs, Search, in_parts, listed

# From one level to the next the IoU falls to this share, and soon to 0.
NEXT_SHARE, ALL_BELOW = 0.5, 0.003
# Pairs worth asking for that are held at a time; priors of all images that are looked at together.
PAIRS_HELD, PRIORS_AT_ONCE = 2**19, 2**22


def greedy(search: Search, first: Pairs, floor: Tensor, best: Tensor, minimum: float) -> Tensor:
    """The prior that each object gets, `[N]` int64, and -1 for none.

    Args:
        search: the objects and their images.
        first: pairs, of each object all that overlap at least as much as its `floor`.
        floor: `[N]`.
        best: `[N]` the first of the priors that each overlaps most; any where it overlaps none.
        minimum: only what overlaps more than this, and at all, is a pair.
    """
    minimum = max(minimum, 0.0)
    first = first[first.iou > minimum]
    wants = torch.zeros_like(best, dtype=torch.bool).index_fill_(0, first.row, True)
    prior = torch.where(wants, best, -1)
    asking = wants.nonzero().flatten()
    _, claim, claims = torch.unique(search.keys(asking, best[asking]), return_inverse=True, return_counts=True)
    # Where all ask for different priors, they get them.
    contested = torch.isin(search.image, search.image[asking[claims[claim] > 1]])
    rows = contested.nonzero().flatten()
    if len(rows):
        place = contested.cumsum(0) - 1
        first = first[contested[first.row]]
        theirs = Pairs(place[first.row], first.prior, first.iou)
        prior[rows] = _settled(search.some(rows), theirs, floor[rows], minimum)
    return prior


def _settled(search: Search, first: Pairs, floor: Tensor, minimum: float) -> Tensor:
    """As `greedy`, for images numbered without a gap, some of them at a time."""
    first = first[first.row.argsort()]
    together = torch.div(search.image, max(PRIORS_AT_ONCE // len(search.corners), 1), rounding_mode="floor")
    sizes = torch.unique_consecutive(together, return_counts=True)[1]
    start, prior = 0, []
    for rows in torch.split(torch.arange(len(floor)), sizes.tolist()):
        end = int(torch.searchsorted(first.row, rows[-1], right=True))
        own = first[torch.arange(start, end)]
        asking = _Asking(search.some(rows), minimum)
        prior.append(asking.settled(Pairs(own.row - rows[0], own.prior, own.iou), floor[rows]))
        start = end
    return torch.cat(prior)


class _Asking:
    """Who holds what so far.

    Args:
        search: the objects and their images, numbered without a gap; its keys are places in what is known of priors.
        minimum: that a pair must overlap more than.
    """

    def __init__(self, search: Search, minimum: float) -> None:
        self.search, self.minimum = search, minimum
        self.objects = torch.bincount(search.image)  # of each image
        self.prior = torch.full_like(search.image, -1)  # that each object holds, -1 for none
        self.asked = search.boxes.new_full(search.image.shape, torch.inf)  # the IoU down to which each asked for all
        self.open = torch.ones_like(self.prior, dtype=torch.bool)  # whether it holds none and may ask on
        self.near = torch.zeros_like(self.prior)  # the priors that were last looked at for each
        every = len(self.objects) * len(search.corners)
        self.holder = self.prior.new_full((every,), len(self.prior))  # of each prior of each image; N for nobody
        self.held = self.asked.new_full((every,), -1.0)  # with which IoU

    def settled(self, first: Pairs, floor: Tensor) -> Tensor:
        """The prior that each gets, given `first` pairs, all down to a `floor` of each."""
        floor = floor.to(self.asked.dtype)
        self._settle(torch.arange(len(floor)), first, floor)
        level = floor.max()
        while len(rows := self.open.nonzero().flatten()):
            more = self.asked[rows] > level
            if more.any():
                self._ask(rows[more], level)
                continue
            hopeless = (self.asked[rows] <= self._least_held()[rows]) | (level <= self.minimum)
            self.open[rows[hopeless]] = False
            lower = level * NEXT_SHARE
            level = torch.where(lower < ALL_BELOW, 0.0, lower)
        return self.prior

    def _least_held(self) -> Tensor:
        """`[N]` the lowest IoU that a prior of the object's image is held with, -1 where some are free."""
        if int(self.objects.max()) < len(self.search.corners):
            return torch.full_like(self.asked, -1.0)
        return self.held.view(len(self.objects), -1).amin(1)[self.search.image]

    def _ask(self, rows: Tensor, level: Tensor) -> None:
        """Let objects that hold none ask for the rest of their pairs down to a level."""
        asking, pairs = [], []
        for some, row, prior in self._candidates(rows, level):
            asking.append(some)
            pairs.append(self._worth_asking(row, prior, level))
            if sum(len(each.row) for each in pairs) > PAIRS_HELD:
                self._settle(torch.cat(asking), Pairs.joined(pairs), level)
                asking, pairs = [], []
        if asking:
            self._settle(torch.cat(asking), Pairs.joined(pairs), level)

    def _candidates(self, rows: Tensor, level: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Some of the rows at a time, and the objects and priors of pairs, all among them that are worth asking for."""
        every = torch.zeros_like(rows, dtype=torch.bool)
        if int(self.near[rows].sum()) > len(self.held):  # else it is more work to look for what may be won
            number, first, priors = self._to_be_won(rows)
            every = number < self.near[rows]
            for each in in_parts(number[every]):
                some = rows[every][each]
                place, at = listed(first[every][each], number[every][each])
                yield some, some[place], priors[at]
        rows = rows[~every]
        for each, place, prior in self.search.candidates(rows, level.expand(len(rows))):
            self.near[rows[each]] = torch.bincount(place, minlength=len(rows))[each]
            yield rows[each], rows[place], prior

    def _to_be_won(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For each row how many priors of its image are held with less than what any row may overlap.

        Returns:
            Those numbers, where in a list of priors each row's begin, and that list.
        """
        images, of_rows = len(self.objects), self.search.image[rows]
        highest = self.held.new_full((images,), -1.0).scatter_reduce_(0, of_rows, self.asked[rows], "amax")
        image, prior = (self.held.view(images, -1) < highest[:, None]).nonzero(as_tuple=True)
        number = torch.bincount(image, minlength=images)
        return number[of_rows], (number.cumsum(0) - number)[of_rows], prior

    def _worth_asking(self, row: Tensor, prior: Tensor, level: Tensor) -> Pairs:
        """Those of pairs down to a level whose prior nobody holds who overlaps it more."""
        held = self.held.index_select(0, self.search.keys(row, prior))
        able = (held < self.asked.index_select(0, row)).nonzero().flatten()  # before the IoU, which takes longer
        row, prior, held = (each.index_select(0, able) for each in (row, prior, held))
        iou = self.search.at(row, prior)
        won = (held < iou) | ((held == iou) & (row < self.holder[self.search.keys(row, prior)]))
        return Pairs(row, prior, iou)[won & (iou >= level) & (iou > self.minimum)]

    def _settle(self, rows: Tensor, pairs: Pairs, floor: Tensor) -> None:
        """Let objects ask until each holds a prior or has no pair left.

        Args:
            rows: those that ask, which hold nothing.
            pairs: all of each down to its floor that may be won; so none that it lost before.
            floor: of each row, or of all.
        """
        order = torch.from_numpy(np.lexsort((pairs.prior.numpy(), -pairs.iou.numpy(), pairs.row.numpy())))
        pairs = pairs[order]
        keys = self.search.keys(pairs.row, pairs.prior)
        end, next_pair = torch.full_like(self.prior, -1), torch.zeros_like(self.prior)
        end[rows] = torch.searchsorted(pairs.row, rows, right=True)
        next_pair[rows] = torch.searchsorted(pairs.row, rows)
        asking, nobody, holder, held = rows, len(self.prior), self.holder, self.held
        while len(asking := asking[next_pair[asking] < end[asking]]):
            at = next_pair[asking]
            wanted, overlap = keys[at], pairs.iou[at]
            before, before_iou = holder[wanted], held[wanted]
            held.scatter_reduce_(0, wanted, overlap, "amax")
            highest = held[wanted]
            holder[wanted] = torch.where(before_iou < highest, nobody, before)
            holder.scatter_reduce_(0, wanted, torch.where(overlap == highest, asking, nobody), "amin")
            kept = holder[wanted] == asking
            holds, gained = asking[kept], at[kept]
            self.prior[holds] = pairs.prior[gained]
            # Not for all that it overlaps as much, but for all above.
            self.asked[holds] = torch.nextafter(pairs.iou[gained], self.asked.new_tensor(torch.inf))
            outdone = torch.unique(before[kept & (before < nobody)])
            self.prior[outdone], self.open[outdone] = -1, True
            asking = torch.cat((asking[~kept], outdone))
            next_pair[asking] += 1
        self.open[rows] = spent = self.prior[rows] < 0
        self.asked[rows[spent]] = floor.expand(len(rows))[spent]
