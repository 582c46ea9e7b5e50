"""Which priors objects get whatever they overlap, as `forcing` decides it, from the pairs that matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ssdlossdbg.multibox.greedy import greedy
from ssdlossdbg.multibox.owners import OWNERS, best
from ssdlossdbg.multibox.pairs import Pairs, Search, in_parts, listed
from ssdlossdbg.multibox.thresholds import TIE_SLACK, reaches
from ssdlossdbg.rules import ConflictRule, ForcedRule, MatchSpec, Ties


@dataclass(frozen=True)
class Sought:
    """What is known of N objects before any gets a prior whatever it overlaps.

    Attributes:
        search: the objects and their images.
        pairs: of each object all that overlap at least as much as its `floor`; so of all together, at least all that
            reach `least`.
        floor: `[N]`, no higher than `best_iou`.
        least: the highest of the floors.
        best_iou, best_prior: `[N]` the highest IoU of each, and which of the priors that have it counts.
    """

    search: Search
    pairs: Pairs
    floor: Tensor
    least: float
    best_iou: Tensor
    best_prior: Tensor

    @cached_property
    def spans(self) -> tuple[Tensor, Tensor]:
        """`[N]` the first object of each object's image, and `[N]` how many the image has."""
        _, place, count = torch.unique_consecutive(self.search.image, return_inverse=True, return_counts=True)
        return (count.cumsum(0) - count)[place], count[place]

    @property
    def starts(self) -> Tensor:
        """`[N]` the first object of each object's image."""
        return self.spans[0]

    @cached_property
    def best_keys(self) -> Tensor:
        """`[N]` the best prior of each, as a key of `Search`."""
        return self.search.keys(torch.arange(len(self.floor)), self.best_prior)

    @cached_property
    def nearest(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the priors in `pairs`: their keys, ascending, the highest IoU, and the object that has it.

        Both are true of all objects where that IoU is at least `least`, and else of those whose pair is known.
        """
        keys, place = torch.unique(self.search.keys(self.pairs.row, self.pairs.prior), return_inverse=True)
        number = len(self.floor)
        return keys, *best(place, self.pairs.row, self.pairs.iou, len(keys), number, self.search.spec.ties)

    def known(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """`[K]` where in `nearest` priors given as keys are, and whether they are there at all."""
        known = self.nearest[0]
        if not len(known):
            return torch.zeros_like(keys), torch.zeros_like(keys, dtype=torch.bool)
        place = torch.searchsorted(known, keys).clamp(max=len(known) - 1)
        return place, known[place] == keys

    def nearest_iou(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """`[K]` what `nearest` says of priors given as keys: highest IoU and whose; -1 where no pair is known."""
        _, highest, whose = self.nearest
        iou, object_ = highest.new_full((len(keys),), -1.0), torch.full_like(keys, -1)
        place, there = self.known(keys)
        iou[there], object_[there] = highest[place[there]], whose[place[there]]
        return iou, object_


@dataclass(frozen=True)
class SparseClaims:
    """Priors that objects are given, each prior of an image once.

    Attributes:
        row: `[C]` int64 the object.
        prior: `[C]` int64.
        forced: `[C]` bool, whether that makes it positive.
    """

    row: Tensor
    prior: Tensor
    forced: Tensor

    def __getitem__(self, which: Tensor) -> SparseClaims:
        """Some of them."""
        return SparseClaims(self.row[which], self.prior[which], self.forced[which])

    @staticmethod
    def of(row: Tensor, prior: Tensor) -> SparseClaims:
        """Claims that all force."""
        return SparseClaims(row, prior, torch.ones_like(row, dtype=torch.bool))


def _claims_on_best(sought: Sought, claimants: Tensor) -> tuple[Tensor, Tensor]:
    """Keys of the priors that objects `[N]` bool claim as their best ones, and who gets each."""
    rows = claimants.nonzero().flatten()
    keys, claim = torch.unique(sought.best_keys[rows], return_inverse=True)
    owner = OWNERS[sought.search.spec.conflict](claim, sought.best_iou[rows], len(keys))
    return keys, rows[owner]


def _everybody(sought: Sought) -> Tensor:
    return torch.ones_like(sought.best_prior, dtype=torch.bool)


def _prior_of(sought: Sought, keys: Tensor) -> Tensor:
    return keys % len(sought.search.corners)


def _best_prior(sought: Sought, spec: MatchSpec) -> SparseClaims:
    keys, owner = _claims_on_best(sought, _everybody(sought))
    if spec.conflict is ConflictRule.HIGHEST_IOU:  # as `forcing` says: of zeros, the largest is that of row 0
        owner = torch.where(sought.best_iou[owner] == 0, sought.starts[owner], owner)
    return SparseClaims.of(owner, _prior_of(sought, keys))


def _if_none_reaches(sought: Sought, spec: MatchSpec) -> SparseClaims:
    lost = ~reaches(sought.best_iou, spec.threshold, spec) & (sought.best_iou > spec.minimum_iou)
    keys, owner = _claims_on_best(sought, lost)
    free = ~reaches(sought.nearest_iou(keys)[0], spec.threshold, spec)
    return SparseClaims.of(owner[free], _prior_of(sought, keys[free]))


def _taken_over(sought: Sought, spec: MatchSpec) -> SparseClaims:
    keys, owner = _claims_on_best(sought, _everybody(sought))
    strong = torch.isin(keys, sought.best_keys[~(sought.best_iou < spec.minimum_iou)])
    return SparseClaims(owner, _prior_of(sought, keys), strong)


def _none(sought: Sought, spec: MatchSpec) -> SparseClaims:
    nobody = sought.best_prior[:0]
    return SparseClaims.of(nobody, nobody)


def _greedily(sought: Sought, spec: MatchSpec) -> Tensor:
    """`[N]` the prior that the greedy matching gives each object, -1 for none."""
    first = sought.best_prior
    if spec.ties is not Ties.FIRST:  # the greedy matching takes the first, whichever is reported as the best
        pairs = sought.pairs
        first = best(pairs.row, pairs.prior, pairs.iou, len(first), len(sought.search.corners), Ties.FIRST)[1]
    prior = greedy(sought.search, sought.pairs, sought.floor, first, spec.minimum_iou)
    return _with_what_is_left(sought, prior) if spec.minimum_iou < 0 else prior


def _with_what_is_left(sought: Sought, prior: Tensor) -> Tensor:
    """As `_greedily`, where what does not overlap is a pair, too: one after the other gets the first free prior."""
    number, image = len(sought.search.corners), sought.search.image
    stranded = (prior < 0).nonzero().flatten()
    # How many are stranded before each, in its image.
    earlier = torch.arange(len(stranded)) - torch.searchsorted(image[stranded], image[stranded])
    keys = sought.search.keys(torch.arange(len(prior)), prior)[prior >= 0].sort().values
    taken_in = torch.div(keys, number, rounding_mode="floor")
    first_of = torch.searchsorted(taken_in, taken_in)
    # Of the taken ones in order, each says how many free ones come before it; those counts never fall.
    free_before = keys % number - (torch.arange(len(keys)) - first_of)
    wanted = image[stranded] * (number + 1) + earlier
    passed = torch.searchsorted(taken_in * (number + 1) + free_before, wanted, right=True)
    found = earlier + passed - torch.searchsorted(taken_in, image[stranded])
    prior[stranded] = torch.where(found < number, found, -1)
    return prior


def _bipartite(sought: Sought, spec: MatchSpec) -> SparseClaims:
    prior = _greedily(sought, spec)
    rows = (prior >= 0).nonzero().flatten()
    return SparseClaims.of(rows, prior[rows])


def _bipartite_keras(sought: Sought, spec: MatchSpec) -> SparseClaims:
    prior = _greedily(sought, spec)
    stranded, rows = prior < 0, torch.arange(len(prior))
    last = torch.full_like(prior, -1).scatter_reduce_(0, sought.starts, torch.where(stranded, rows, -1), "amax")
    some = last[sought.starts] >= 0
    # As `forcing` says: there, whatever object 0 owns is given back, and the last of the stranded may get prior 0.
    prior = torch.where(some & (rows == sought.starts), -1, prior)
    on_first = torch.full_like(prior, -1)
    on_first.scatter_reduce_(0, sought.starts, torch.where(prior == 0, rows, -1), "amax")
    winner = torch.maximum(last, on_first)[sought.starts]
    prior = torch.where(some & (rows == winner), 0, torch.where(some & (prior == 0), -1, prior))
    rows = (prior >= 0).nonzero().flatten()
    return SparseClaims.of(rows, prior[rows])


def _bipartite_and_ties(sought: Sought, spec: MatchSpec) -> SparseClaims:
    claims, search = _bipartite(sought, spec), sought.search
    owned = search.keys(claims.row, claims.prior)
    pairs = sought.pairs[sought.pairs.iou + TIE_SLACK >= sought.best_iou[sought.pairs.row]]
    keys = search.keys(pairs.row, pairs.prior)
    _, whose = sought.nearest_iou(keys)
    pairs = pairs[(whose == pairs.row) & ~torch.isin(keys, owned)]
    surely = pairs.iou >= sought.least
    pairs = Pairs.joined([pairs[surely], _nearest_of_all(sought, pairs[~surely])])
    row, prior = _beside_all(sought, spec)
    free = ~torch.isin(search.keys(row, prior), owned)
    rows, priors = torch.cat((claims.row, pairs.row, row[free])), torch.cat((claims.prior, pairs.prior, prior[free]))
    return SparseClaims.of(rows, priors)


def _nearest_of_all(sought: Sought, pairs: Pairs) -> Pairs:
    """Those pairs whose object is the one of its image that overlaps the prior most."""
    number = sought.spans[1][pairs.row]
    kept = []
    for each in in_parts(number):
        place, rival = listed(sought.starts[pairs.row[each]], number[each])
        overlap = sought.search.at(rival, pairs.prior[each][place])
        _, nearest = best(place, rival, overlap, len(each), len(sought.floor), sought.search.spec.ties)
        kept.append(each[nearest == pairs.row[each]])
    return pairs[torch.cat(kept)] if kept else pairs


def _beside_all(sought: Sought, spec: MatchSpec) -> tuple[Tensor, Tensor]:
    """Objects that overlap nothing, and the priors that no object of their image overlaps.

    To such a prior all are as near, and the first counts, or the last; if that overlaps nothing, no prior is better.
    """
    counted = sought.starts if spec.ties is Ties.FIRST else sought.starts + sought.spans[1] - 1
    lonely = torch.unique(counted)
    lonely = lonely[sought.best_iou[lonely] <= TIE_SLACK]
    priors = len(sought.search.corners)
    untouched = torch.ones((len(lonely), priors), dtype=torch.bool)
    if len(lonely):
        place = torch.searchsorted(lonely, counted).clamp(max=len(lonely) - 1)
        rows = (lonely[place] == counted).nonzero().flatten()
        for _, at, prior in sought.search.candidates(rows, torch.zeros(len(rows), dtype=sought.best_iou.dtype)):
            touches = sought.search.at(rows[at], prior) > 0
            untouched[place[rows[at[touches]]], prior[touches]] = False
    image, prior = untouched.nonzero(as_tuple=True)
    return lonely[image], prior


SPARSE_FORCING: dict[ForcedRule, Callable[[Sought, MatchSpec], SparseClaims]] = {
    ForcedRule.BEST_PRIOR: _best_prior,
    ForcedRule.BIPARTITE: _bipartite,
    ForcedRule.BIPARTITE_KERAS: _bipartite_keras,
    ForcedRule.BIPARTITE_AND_TIES: _bipartite_and_ties,
    ForcedRule.IF_NONE_REACHES: _if_none_reaches,
    ForcedRule.TAKEN_OVER: _taken_over,
    ForcedRule.NONE: _none,
}
