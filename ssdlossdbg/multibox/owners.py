"""Who gets what several want: the best of a row of pairs, and the object that keeps a contested prior."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssdlossdbg.rules import ConflictRule, Ties


def best(row: Tensor, item: Tensor, score: Tensor, rows: int, items: int, ties: Ties) -> tuple[Tensor, Tensor]:
    """`[rows]` the highest score of each row, -1 for a row without any, and the first or last item that has it.

    Args:
        row: `[K]` of each pair.
        item: `[K]` of each pair.
        score: `[K]` of each pair, not below 0.
        rows: how many rows there are.
        items: one more than the highest item; it stands for none.
        ties: which of several items with that score counts.
    """
    highest = score.new_full((rows,), -1.0).scatter_reduce_(0, row, score, "amax")
    if ties is Ties.FIRST:
        winner = torch.where(score == highest.index_select(0, row), item, items)
        return highest, row.new_full((rows,), items).scatter_reduce_(0, row, winner, "amin")
    winner = torch.where(score == highest.index_select(0, row), item, -1)
    last = row.new_full((rows,), -1).scatter_reduce_(0, row, winner, "amax")
    return highest, torch.where(last < 0, items, last)


def _last_wins(claim: Tensor, best_iou: Tensor, claims: int) -> Tensor:
    return claim.new_full((claims,), -1).scatter_reduce_(0, claim, _rows(claim), "amax")


def _first_wins(claim: Tensor, best_iou: Tensor, claims: int) -> Tensor:
    nobody = len(claim)
    first = claim.new_full((claims,), nobody).scatter_reduce_(0, claim, _rows(claim), "amin")
    return torch.where(first == nobody, -1, first)


def _highest_iou_wins(claim: Tensor, best_iou: Tensor, claims: int) -> Tensor:
    _, winner = best(claim, _rows(claim), best_iou, claims, len(claim), Ties.FIRST)
    return torch.where(winner == len(claim), -1, winner)


def _rows(claim: Tensor) -> Tensor:
    return torch.arange(len(claim), device=claim.device)


# `[claims]` of the objects that claim a prior, given as `[N]` the claim of each, the one that gets it; -1 for nobody.
OWNERS: dict[ConflictRule, Callable[[Tensor, Tensor, int], Tensor]] = {
    ConflictRule.LAST: _last_wins,
    ConflictRule.FIRST: _first_wins,
    ConflictRule.HIGHEST_IOU: _highest_iou_wins,
}
