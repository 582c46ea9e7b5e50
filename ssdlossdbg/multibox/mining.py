"""Hard negative mining (paper, section 2.2, "Hard negative mining")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.ascending import ascending
from ssdlossdbg.multibox.boxes import flat_places, of_chosen
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.mining_scores import Logits
from ssdlossdbg.multibox.near_scores import Scores, scores_of
from ssdlossdbg.multibox.quotas import negatives_wanted
from ssdlossdbg.multibox.repeats import suppress_repeats
from ssdlossdbg.multibox.threads import bookkeeping
from ssdlossdbg.rules import (
    MiningScope,
    MiningSelection,
    MiningSpec,
)

# `[B, K, 4]` predicted boxes, xyxy, of some priors `[B, K]` of each image.
Boxes = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Mining:
    """The negatives that take part in the loss.

    Attributes:
        scores: computes `score`, which choosing the negatives may not have needed in full.
        wanted: `[S]` places granted to each scope: an image, or the whole batch.
        mined: `[B, P]` bool, the negatives chosen.
        places_of_positives: `[B, P]` bool, the positives among the places granted.
        dropped: `[B, P]` bool, positives that mining takes out of the loss; None where it takes out none.
    """

    scores: Callable[[], Tensor]
    wanted: Tensor
    mined: Tensor
    places_of_positives: Tensor
    dropped: Tensor | None

    @cached_property
    def score(self) -> Tensor:
        """`[B, P]` what was ranked."""
        return self.scores()

    @cached_property
    def rank(self) -> Tensor:
        """`[B, P]` int64 place of each prior in its scope's ranking, 0 for the highest score.

        Ties go to the lowest prior index. Positives are ranked too and can take up places, as in the real code.
        Choosing the negatives takes no full ranking, which costs more than the rest of mining; so it is made when it
        is asked for.
        """
        return _rank(self.score.reshape(len(self.wanted), -1)).view_as(self.score)


# One more in so many is looked at than may survive suppression, as a few do not.
SPARE = 16


def mine(
    conf: Tensor | Logits,
    confidence: Tensor,
    matching: Matching,
    decoded: Tensor | Boxes | None,
    spec: MiningSpec,
    cross_entropy_below: float = 0.0,
) -> Mining:
    """Choose the negatives that hurt most.

    Args:
        conf: `[B, P, C]` logits, background in column 0; as `Logits` where they are asked for more than once.
        confidence: `[B, P]` confidence loss of every prior.
        matching: the roles of the priors.
        decoded: `[B, P, 4]` predicted boxes, xyxy, or what makes those that are asked for; only suppression asks.
        spec: ratio and rules.
        cross_entropy_below: below what `confidence` is the cross-entropy of the softmax, from which most scores can be
            known without another pass over the logits; 0 where it never is.
    """
    logits = conf if isinstance(conf, Logits) else Logits(conf)
    boxes = partial(of_chosen, decoded.detach()) if isinstance(decoded, Tensor) else decoded
    return SELECTIONS[spec.selection](logits, confidence.detach(), matching, boxes, spec, cross_entropy_below)


def _ranked(
    logits: Logits, confidence: Tensor, matching: Matching, decoded: Boxes | None, spec: MiningSpec, below: float
) -> Mining:
    return _ranked_by(scores_of(logits, confidence, matching, spec, below), matching, spec)


def _ranked_by(scores: Scores, matching: Matching, spec: MiningSpec) -> Mining:
    scoped = scores.near if spec.scope is MiningScope.IMAGE else scores.near.reshape(1, -1)
    with bookkeeping(scores.near):
        wanted = negatives_wanted(scoped, matching, spec)
    placed = _first_places(scoped, wanted, scores).view_as(matching.labels)
    with bookkeeping(scores.near):
        return Mining(
            scores=scores.exact,
            wanted=wanted,
            mined=placed & matching.negative,
            places_of_positives=placed & matching.foreground,
            dropped=None,
        )


def _ranked_with_ties(
    logits: Logits, confidence: Tensor, matching: Matching, decoded: Boxes | None, spec: MiningSpec, below: float
) -> Mining:
    scores = scores_of(logits, confidence, matching, spec, below)
    return _by_last(_ranked_by(scores, matching, spec), scores, matching, strictly=False)


def _ranked_above_last(
    logits: Logits, confidence: Tensor, matching: Matching, decoded: Boxes | None, spec: MiningSpec, below: float
) -> Mining:
    scores = scores_of(logits, confidence, matching, spec, below)
    return _by_last(_ranked_by(scores, matching, spec), scores, matching, strictly=True)


def _by_last(ranked: Mining, scores: Scores, matching: Matching, strictly: bool) -> Mining:
    """The negatives that the last of the mined does not beat, or those alone that beat it."""
    with bookkeeping(scores.near):
        return replace(ranked, mined=matching.negative & scores.by_last(ranked.mined, len(ranked.wanted), strictly))


def _after_suppression(
    logits: Logits, confidence: Tensor, matching: Matching, decoded: Boxes | None, spec: MiningSpec, below: float
) -> Mining:
    if decoded is None:
        raise ValueError("mining by non-maximum suppression needs the decoded boxes")
    score = logits.score(spec.score, confidence)
    with bookkeeping(confidence):
        first, kept = _survivors(decoded, score, spec)
        places = flat_places(first, score.shape[1])
        foreground, negative = (
            each.reshape(-1).index_select(0, places).view(kept.shape) & kept
            for each in (matching.foreground, matching.negative)
        )
        wanted = (spec.ratio * tiles.counts(foreground)).floor().clamp(min=spec.minimum)
        nowhere = torch.zeros_like(matching.negative)
        mined = nowhere.scatter(1, first, negative & (negative.cumsum(1) <= wanted[:, None]))
        survives = nowhere.scatter(1, first, kept)
        return Mining(
            scores=lambda: score,
            wanted=wanted,
            mined=mined,
            places_of_positives=torch.zeros_like(mined),
            dropped=matching.positive & ~survives,
        )


def _all_there_are(
    logits: Logits, confidence: Tensor, matching: Matching, decoded: Boxes | None, spec: MiningSpec, below: float
) -> Mining:
    # Nothing is ranked for the loss; what asks for a ranking wants to know what costs most.
    with bookkeeping(confidence):
        return Mining(
            scores=lambda: confidence.masked_fill(~matching.negative, -torch.inf),
            wanted=matching.negatives,
            mined=matching.negative,
            places_of_positives=torch.zeros_like(matching.negative),
            dropped=None,
        )


SELECTIONS: dict[MiningSelection, Callable[[Logits, Tensor, Matching, Boxes | None, MiningSpec, float], Mining]] = {
    MiningSelection.RANKED: _ranked,
    MiningSelection.WITH_TIES: _ranked_with_ties,
    MiningSelection.ABOVE_LAST: _ranked_above_last,
    MiningSelection.NON_MAXIMUM_SUPPRESSION: _after_suppression,
    MiningSelection.NONE: _all_there_are,
}


def _first_places(near: Tensor, wanted: Tensor, scores: Scores) -> Tensor:
    """`[S, N]` bool: the scores whose rank is below `wanted` `[S]`, ties going to the lowest index.

    On a CPU those that may be among them are picked out, and the score at the cut-off is looked up among these. What is
    clearly above it is in; what is near it, equal scores above all, is ranked by itself. Elsewhere, and where a nan
    makes comparing useless, everything is ranked.

    Args:
        near: `[S, N]` `scores.near`, a row a scope.
        wanted: places granted to each.
        scores: whence the exact ones can be had.
    """
    places = wanted.ceil().long().clamp(min=0, max=near.shape[1])
    if not tiles.on_host(near):  # ranking all takes a GPU less time than asking it what it has
        return _rank(near) < places[:, None]

    with bookkeeping(near):
        return _first_of_few(near, places, scores)


def _first_of_few(near: Tensor, places: Tensor, scores: Scores) -> Tensor:
    """The same, of whole places, on a CPU."""
    placed, most = torch.zeros_like(near, dtype=torch.bool), int(places.max())
    if not most:
        return placed
    floor = _reached_by(near, most)
    if bool(floor.isnan().any()):
        return _rank(scores.exact().view_as(near)) < places[:, None]
    candidates = tiles.nonzero(near >= scores.slack.surely_below(floor))
    value = near.flatten().index_select(0, candidates)
    scope = torch.div(candidates, near.shape[1], rounding_mode="floor")
    counts = torch.bincount(scope, minlength=len(near))
    column = torch.arange(len(scope)) - (counts.cumsum(0) - counts).index_select(0, scope)
    table = near.new_full((len(near), int(counts.max()) + 1), -torch.inf)
    # Those that are granted no place look behind the last one.
    table[:, -1] = torch.inf
    table[scope, column] = value
    ranked = torch.from_numpy(np.sort(table.numpy(), axis=1))
    cutoff = ranked.gather(1, table.shape[1] - 1 - places[:, None])[:, 0]
    above = scores.slack.surely_above(cutoff)
    taken = value > above.index_select(0, scope)
    left = places - (ranked[:, :-1] > above[:, None]).sum(1)
    unsure = tiles.nonzero(~taken & (value >= scores.slack.surely_below(cutoff).index_select(0, scope)))
    flat, width = candidates[unsure], scores.near.shape[1]
    exact = scores.exact_at(torch.div(flat, width, rounding_mode="floor"), flat % width)
    taken[unsure[_first_of(exact, scope[unsure], left)]] = True
    placed.view(-1).index_copy_(0, candidates, taken)
    return placed


def _first_of(score: Tensor, scope: Tensor, places: Tensor) -> Tensor:
    """Which of `[K]` scores, a scope's side by side, are among the first of their scope's, of `[S]` places."""
    # By scope, then score, then index: three stable sorts, the last one first.
    order = score.argsort(descending=True, stable=True)
    order = order[scope[order].argsort(stable=True)]
    counts = torch.bincount(scope, minlength=len(places))
    place = torch.arange(len(scope)) - (counts.cumsum(0) - counts)[scope]
    return order[place < places[scope]]


def _reached_by(scores: Tensor, number: int) -> Tensor:
    """`[S, 1]` what at least so many of each row of `[S, N]` reach, and not many more; nan where a score is; on a CPU.

    It is what so many reach of the highest in each of some groups, which are fewer.
    """
    size = max(1, scores.shape[1] // (2 * number))
    whole = scores.shape[1] // size * size
    highest = torch.cat((scores[:, :whole].view(len(scores), size, -1).amax(1), scores[:, whole:]), 1)
    place = highest.shape[1] - number
    reached = torch.from_numpy(np.partition(highest.numpy(), place, axis=1)[:, place, None])
    return torch.where(highest.isnan().any(1, keepdim=True), torch.nan, reached)


def _rank(score: Tensor) -> Tensor:
    order = score.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)


def _survivors(decoded: Boxes, score: Tensor, spec: MiningSpec) -> tuple[Tensor, Tensor]:
    """`[B, K]` priors in falling order of their scores, and whether suppression keeps each; none behind them survives.

    Only so many may survive, so on a CPU no more are looked at than it takes to find them.
    """
    number = score.shape[1]
    looked = min(number, spec.nms_limit + spec.nms_limit // SPARE) if tiles.on_host(score) else number
    while True:
        first = _in_order(score, looked)
        kept = suppress_repeats(decoded(first), spec.nms_iou)
        if looked == number or bool((tiles.counts(kept) >= spec.nms_limit).all()):
            return first, kept & (kept.cumsum(1) <= spec.nms_limit)
        looked = min(number, 2 * looked)


def _in_order(score: Tensor, number: int) -> Tensor:
    """`[B, number]` int64 the first of the ranking of scores `[B, P]`, ties going to the lowest index."""
    if not tiles.on_host(score) or score.dtype is not torch.float32:
        return score.argsort(dim=1, descending=True, stable=True)[:, :number]
    # A score and its index in one whole number, which NumPy sorts in half the time that torch takes for the scores.
    numbers = _descending(score).numpy().astype(np.int64)
    numbers <<= 32
    numbers |= np.arange(score.shape[1])
    if number < score.shape[1]:
        numbers.partition(number - 1, axis=1)
    first = numbers[:, :number].copy()
    first.sort(axis=1)
    return torch.from_numpy(first & (2**32 - 1))


def _descending(scores: Tensor) -> Tensor:
    """int32 in the falling order of some float32, of which those that are nan come first."""
    return (~ascending(scores)).masked_fill_(scores.isnan(), -(2**31))
