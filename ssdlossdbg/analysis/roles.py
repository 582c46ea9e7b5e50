"""Which objects and priors of a photo change roles under other dialects?"""

from __future__ import annotations

from ssdlossdbg.results import MatchResult, ObjectChange, RoleChanges


def compare_roles(reference: MatchResult, other: MatchResult) -> RoleChanges:
    """What another dialect's matching does differently to the same photo and priors.

    Args:
        reference: what one dialect's matching came to.
        other: the same for another dialect.
    """
    before, after = _owners(reference), _owners(other)
    kept = before.keys() & after.keys()
    mine = {item.index: item for item in reference.ground_truth}
    theirs = {item.index: item for item in other.ground_truth}
    changes = [
        ObjectChange(
            index=index,
            label=(mine.get(index) or theirs[index]).label,
            positives=tuple(side[index].positives if index in side else None for side in (mine, theirs)),
            status=tuple(side[index].status if index in side else "left out" for side in (mine, theirs)),
        )
        for index in sorted(mine.keys() | theirs.keys())
        if index not in mine
        or index not in theirs
        or (mine[index].positives, mine[index].status) != (theirs[index].positives, theirs[index].status)
    ]
    return RoleChanges(
        dialect=other.dialect,
        positives=other.totals.positives,
        negatives=other.totals.negatives,
        gained=len(after.keys() - before.keys()),
        lost=len(before.keys() - after.keys()),
        moved=sum(before[prior] != after[prior] for prior in kept),
        objects=tuple(changes),
        raises=other.raises,
    )


def _owners(result: MatchResult) -> dict[int, int]:
    """The object's index by the index of each positive prior."""
    positives = result.positives
    indices = [item.index for item in result.ground_truth]
    pairs = zip(positives.prior.tolist(), positives.ground_truth.tolist(), strict=True)
    return {prior: indices[place] for prior, place in pairs}
