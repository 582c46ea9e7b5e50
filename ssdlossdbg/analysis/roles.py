"""Which objects and priors of a photo change roles under other dialects?"""

from __future__ import annotations

from collections.abc import Iterable

from ssdlossdbg.analysis.match import matched_objects, raises_on
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.quotas import negatives_available
from ssdlossdbg.results import GroundTruthMatch, MatchResult, ObjectChange, RoleChanges


def compare_roles(reference: MatchResult, other: Scene) -> RoleChanges:
    """What another dialect's matching does differently to the same photo and priors.

    Args:
        reference: what one dialect's matching came to.
        other: the photo under another dialect.
    """
    matching, objects = other.matching, matched_objects(other)
    priors = matching.positive[0].nonzero().flatten()
    positives = reference.positives
    before = _owners(positives.prior.tolist(), positives.ground_truth.tolist(), reference.ground_truth)
    after = _owners(priors.tolist(), matching.gt_index[0, priors].tolist(), objects)
    kept = before.keys() & after.keys()
    mine = {item.index: item for item in reference.ground_truth}
    theirs = {item.index: item for item in objects}
    changes = []
    for index in sorted(mine.keys() | theirs.keys()):
        sides = [side.get(index) for side in (mine, theirs)]
        numbers = tuple(item.positives if item else None for item in sides)
        status = tuple(item.status if item else "left out" for item in sides)
        if numbers[0] != numbers[1] or status[0] != status[1]:
            changes.append(ObjectChange(index, (mine.get(index) or theirs[index]).label, numbers, status))
    return RoleChanges(
        dialect=other.rules.name,
        positives=len(after),
        negatives=int(negatives_available(matching, other.rules.mining)[0]),
        gained=len(after.keys() - before.keys()),
        lost=len(before.keys() - after.keys()),
        moved=sum(before[prior] != after[prior] for prior in kept),
        objects=tuple(changes),
        raises=raises_on(objects, other),
    )


def _owners(priors: Iterable[int], places: Iterable[int], objects: tuple[GroundTruthMatch, ...]) -> dict[int, int]:
    """The object's index in its file by the index of each positive prior, given its place among the objects."""
    return {prior: objects[place].index for prior, place in zip(priors, places, strict=True)}
