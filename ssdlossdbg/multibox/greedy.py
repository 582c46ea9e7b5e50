"""The greedy matching of objects and priors, each used once, without all overlaps.

Greedily means: the pair of highest IoU that is left, time after time; of several, that of the first object, and of its
the first prior. The same comes out if each object asks for its priors in that order, best first, and each prior keeps
the best object that asked so far: who is sent away goes on with its next one. (Both are the one stable matching, since
both sides rank pairs by the same order.) So an object needs no more of its overlaps than those down to the prior that
keeps it: first those that matter to the matching anyway, more only where it runs out of them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.multibox.pairs import Pairs, Search

# An object that ran out of pairs is given those of this share of the IoU, and soon all there are.
NEXT_SHARE, ALL_BELOW = 0.25, 0.03


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
        asking_more = _Asking(search, floor, prior.masked_fill_(contested, -1), minimum)
        asking_more.settle(rows, first[contested[first.row]])
        asking_more.go_on()
    return prior


class _Asking:
    """Who holds what so far.

    Args:
        search: the objects and their images.
        floor: `[N]` IoU down to which each object's pairs are known to have been asked for.
        prior: `[N]` that each holds, -1 for none; filled in.
        minimum: that a pair must overlap more than.
    """

    def __init__(self, search: Search, floor: Tensor, prior: Tensor, minimum: float) -> None:
        self.search, self.prior, self.minimum = search, prior, minimum
        self.floor = floor.to(search.boxes.dtype).clone()
        self.iou = torch.full_like(self.floor, -1.0)  # of what each holds, or lost last
        self.lost = torch.full_like(prior, -1)  # the prior that each lost last; P where all down to the floor are
        self.open = torch.zeros_like(prior, dtype=torch.bool)  # whether it holds none and may ask on

    def go_on(self) -> None:
        """Give objects that hold none more of their pairs, until each has one or none is left."""
        while len(rows := self._next_rows()):
            least = self.floor[rows]
            for place, pairs in self.search.parts(least, rows):
                before = (pairs.iou < self.iou[pairs.row]) | (
                    (pairs.iou == self.iou[pairs.row]) & (pairs.prior > self.lost[pairs.row])
                )
                self.settle(rows[place], pairs[before & (pairs.iou > self.minimum)])

    def _next_rows(self) -> Tensor:
        """Those that may ask on, with their floors lowered where they ran out of pairs."""
        rows = self.open.nonzero().flatten()
        spent = self.lost[rows] == len(self.search.corners)
        hopeless = spent & ((self.floor[rows] <= self.minimum) | (self.floor[rows] <= self._least_held()[rows]))
        self.open[rows[hopeless]] = False
        lower = rows[spent & ~hopeless]
        floor = self.floor[lower] * NEXT_SHARE
        self.floor[lower] = torch.where(floor < ALL_BELOW, 0.0, floor)
        return rows[~hopeless]

    def _least_held(self) -> Tensor:
        """`[N]` the lowest IoU that a prior of the object's image is held with, -1 where some are free."""
        holding = self.prior >= 0
        images, place, count = torch.unique_consecutive(self.search.image, return_inverse=True, return_counts=True)
        if int(count.max()) < len(self.search.corners):
            return torch.full_like(self.iou, -1.0)
        held = torch.bincount(place[holding], minlength=len(images)) == len(self.search.corners)
        least = self.iou.new_full((len(images),), torch.inf).scatter_reduce_(
            0, place[holding], self.iou[holding], "amin"
        )
        return torch.where(held, least, -1.0)[place]

    def settle(self, rows: Tensor, pairs: Pairs) -> None:
        """Let objects ask until each holds a prior or has no pair left.

        Args:
            rows: those that ask, which hold nothing.
            pairs: that they did not ask for yet, all of each down to its floor.
        """
        keys, place = torch.unique(self.search.keys(pairs.row, pairs.prior), return_inverse=True)
        holder, held = self._holders(keys)
        left = (held[place] < pairs.iou) | ((held[place] == pairs.iou) & (pairs.row < holder[place]))
        pairs, place = pairs[left], place[left]
        order = torch.from_numpy(np.lexsort((pairs.prior.numpy(), -pairs.iou.numpy(), pairs.row.numpy())))
        pairs, place = pairs[order], place[order]
        end = torch.full_like(self.prior, -1)
        end[rows] = torch.searchsorted(pairs.row, rows, right=True)
        next_pair = torch.zeros_like(self.prior)
        next_pair[rows] = torch.searchsorted(pairs.row, rows)
        asking, nobody = rows, len(self.prior)
        while len(asking := asking[next_pair[asking] < end[asking]]):
            at = next_pair[asking]
            wanted, overlap = place[at], pairs.iou[at]
            before, before_iou = holder[wanted], held[wanted]
            held.scatter_reduce_(0, wanted, overlap, "amax")
            highest = held[wanted]
            holder[wanted] = torch.where(before_iou < highest, nobody, before)
            holder.scatter_reduce_(0, wanted, torch.where(overlap == highest, asking, nobody), "amin")
            kept = holder[wanted] == asking
            self.prior[asking[kept]], self.iou[asking[kept]] = pairs.prior[at[kept]], overlap[kept]
            outdone = torch.unique(before[kept & (before < nobody)])
            self.lost[outdone], self.prior[outdone] = self.prior[outdone], -1
            asking = torch.cat((asking[~kept], outdone))
            next_pair[asking] += 1
            self.open[outdone] = True
        ran_out = rows[self.prior[rows] < 0]
        self.open[rows] = False
        self.open[ran_out], self.lost[ran_out] = True, len(self.search.corners)
        self.iou[ran_out] = self.floor[ran_out]

    def _holders(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Who holds priors of images, given as their keys, and with which IoU: N and -1 for nobody."""
        holder, held = torch.full_like(keys, len(self.prior)), self.iou.new_full((len(keys),), -1.0)
        holding = (self.prior >= 0).nonzero().flatten()
        theirs = self.search.keys(holding, self.prior[holding])
        place = torch.searchsorted(keys, theirs).clamp(max=max(len(keys) - 1, 0))
        known = (keys[place] == theirs) if len(keys) else torch.zeros_like(holding, dtype=torch.bool)
        holder[place[known]], held[place[known]] = holding[known], self.iou[holding[known]]
        return holder, held
