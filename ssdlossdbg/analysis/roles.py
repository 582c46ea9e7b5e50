"""Which objects and priors of a photo change roles under other dialects, and by which rules?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ssdlossdbg.analysis.common import box_problem, to_pixels
from ssdlossdbg.analysis.compare import RULES, setting, shown, with_settings
from ssdlossdbg.analysis.match import raises_on, status_of
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.quotas import negatives_available
from ssdlossdbg.results import MatchResult, ObjectChange, Objects, RoleChanges
from ssdlossdbg.rules import Dialect

# Rules that roles depend on, as far as they depend on no prediction.
OF_ROLES = tuple(
    (rule, keys)
    for rule, keys in RULES
    if keys[0].startswith(("targets.", "match.", "mining.")) and "score" not in rule
)


@dataclass(frozen=True)
class _Object:
    """What became of an object; fields as of `GroundTruthMatch`."""

    index: int
    label: str
    positives: int
    status: str


@dataclass(frozen=True)
class _Roles:
    """What the priors of one photo become.

    Attributes:
        owners: the object's index in its file by the index of each positive prior.
        ignored: indices of priors that are neither positive nor negative.
        negatives: how many are to be mined.
    """

    owners: dict[int, int]
    ignored: tuple[int, ...]
    negatives: int


def compare_roles(reference: MatchResult, others: Sequence[Scene]) -> tuple[RoleChanges, ...]:
    """What other dialects' matching does differently to the same photo and priors, and why.

    Args:
        reference: what one dialect's matching came to.
        others: the photo under each of the others.
    """
    changes: list[RoleChanges] = []
    seen: list[tuple[str, _Roles]] = []
    for other in others:
        roles = _roles(other)
        change = _change(reference, other, roles)
        if not seen:
            seen = [(reference.dialect, _roles(Scene(other.batch, _rules(reference))))]
        agrees = next((name for name, known in seen if known == roles), "")
        if not agrees:
            agrees = other.rules.name
            seen.append((agrees, roles))
        reasons = () if agrees == reference.dialect else _reasons(_rules(reference), other)
        changes.append(replace(change, agrees_with=agrees, reasons=reasons))
    return tuple(changes)


def _change(reference: MatchResult, other: Scene, roles: _Roles) -> RoleChanges:
    positives, objects = reference.positives, _objects(other)
    indices = [item.index for item in reference.ground_truth]
    before = _owners(positives.prior.tolist(), positives.ground_truth.tolist(), indices)
    after = roles.owners
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
        negatives=roles.negatives,
        gained=len(after.keys() - before.keys()),
        lost=len(before.keys() - after.keys()),
        moved=sum(before[prior] != after[prior] for prior in kept),
        objects=tuple(changes),
        raises=raises_on(objects, other),
    )


def _roles(scene: Scene) -> _Roles:
    matching = scene.few_overlaps
    priors = matching.positive[0].nonzero().flatten()
    places = matching.gt_index[0, priors].tolist()
    ignored = tuple(matching.ignored[0].nonzero().flatten().tolist())
    negatives = int(negatives_available(matching, scene.rules.mining)[0])
    return _Roles(_owners(priors.tolist(), places, _indices(scene)), ignored, negatives)


def _indices(scene: Scene) -> list[int]:
    """The index in its file of each object that the loader keeps."""
    assert scene.loaded.stated is not None
    indices: list[int] = scene.loaded.stated.index.tolist()
    return indices


def _objects(scene: Scene) -> list[_Object]:
    stated, matching, size = scene.loaded.stated, scene.few_overlaps, scene.batch.priors.image_size
    assert stated is not None
    positives = matching.positives_per_gt()[0].tolist()
    forced = matching.positives_per_gt(matching.forced)[0].tolist()
    boxes = scene.gt.boxes[0, : len(stated.labels)].tolist()
    return [
        _Object(index, label, count, status_of(box_problem(to_pixels(box, size)), count, own))
        for index, label, box, count, own in zip(_indices(scene), stated.labels, boxes, positives, forced, strict=False)
    ]


def _reasons(reference: Dialect, other: Scene) -> tuple[str, ...]:
    """The rules whose turning into the other dialect's, one after the other, changes roles."""
    reasons, theirs = [], other.rules
    before, known = reference, _roles(Scene(other.batch, reference))
    loading = replace(before, targets=replace(theirs.targets, units=before.targets.units), loader=theirs.loader)
    steps = [("its loader reads the objects otherwise", loading)]
    for rule, keys in OF_ROLES:
        changed = [key for key in keys if setting(before, key) != setting(theirs, key)]
        if changed:
            turned = with_settings(steps[-1][1], theirs, changed)
            steps.append((f"{rule}: {shown(theirs, changed)} instead of {shown(before, changed)}", turned))
    for reason, dialect in steps:
        roles = _roles(Scene(other.batch, dialect))
        if roles != known:
            reasons.append(reason)
        known = roles
    return tuple(reasons)


def _rules(reference: MatchResult) -> Dialect:
    """The dialect that it was matched under, with what overrode it."""
    return next(each.rules for each in reference.evidence if isinstance(each, Objects))


def _owners(priors: Iterable[int], places: Iterable[int], indices: Sequence[int]) -> dict[int, int]:
    """The object's index in its file by the index of each positive prior, given its place among the objects."""
    return {prior: indices[place] for prior, place in zip(priors, places, strict=True)}
