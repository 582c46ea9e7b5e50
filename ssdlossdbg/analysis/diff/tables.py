"""What changed from one batch to another, by part, level, class, image, object and prior."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.diff.objects import Pair
from ssdlossdbg.analysis.diff.substitution import is_same
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.two_steps import SecondScene
from ssdlossdbg.results import GroundTruthLoss, Parts
from ssdlossdbg.results.common import IntArray
from ssdlossdbg.results.diff import (
    BY_IMAGE,
    BY_PART,
    GroupDifference,
    ObjectDifference,
    PriorDifference,
    RoleCount,
)
from ssdlossdbg.results.history import BY_CLASS, BY_LEVEL

# A change below this share of the loss is rounding.
LEAST = 1e-6
MOST_PRIORS = 1000
LOSS = "loss"
POSITIVE, MINED, NEGATIVE, IGNORED = ROLES = ("positive", "mined", "negative", "ignored")
PARTS = (
    ("localization", "localization"),
    ("confidence of positives", "confidence_positive"),
    ("confidence of negatives", "confidence_negative"),
    ("landmarks", "landmarks"),
)


@dataclass(frozen=True, eq=False)
class Two:
    """Two scenes whose images stand in one order.

    Attributes:
        first, second: A and B.
        totals: their losses.
        pairs: which object is which.
        images: what the images are called.
        apart: whether they are other images, so that only sums can be held against each other.
    """

    first: Scene
    second: Scene
    totals: tuple[float, float]
    pairs: Sequence[Pair]
    images: Sequence[str]
    apart: bool

    @cached_property
    def least(self) -> float:
        """What is less is rounding."""
        return LEAST * max((abs(total) for total in self.totals if math.isfinite(total)), default=0.0)

    def differs(self, one: float | None, two: float | None) -> bool:
        """Whether two shares of the loss differ by more than rounding."""
        here, there = one or 0.0, two or 0.0
        return not (abs(there - here) <= self.least or is_same(here, there))


def groups_of(two: Two) -> tuple[GroupDifference, ...]:
    """The parts of the loss, and the levels, classes and images whose share is another."""
    return (*_parts(two), *(each for each in _groups(two) if two.differs(each.first, each.second)))


def _parts(two: Two) -> Iterator[GroupDifference]:
    one, other = (scene.sums.total() for scene in (two.first, two.second))
    for name, field in PARTS:
        first, second = getattr(one, field), getattr(other, field)
        if first is not None or second is not None:
            yield GroupDifference(BY_PART, name, LOSS, first, second)
    steps = [
        scene.first.sums.total().total if isinstance(scene, SecondScene) else None for scene in (two.first, two.second)
    ]
    if steps != [None, None]:
        yield GroupDifference(BY_PART, "first step", LOSS, steps[0], steps[1])


def _groups(two: Two) -> Iterator[GroupDifference]:
    levels = [
        _split(scene, scene.batch.priors.level_index, max(1, len(scene.batch.priors.levels)))
        for scene in (two.first, two.second)
    ]
    classes = [_split(scene, None, scene.batch.conf.shape[-1]) for scene in (two.first, two.second)]
    names = max((scene.batch.names for scene in (two.first, two.second)), key=len)
    yield from _rows(BY_LEVEL, [f"level {index}" for index in range(max(map(len, levels)))], levels)
    yield from _rows(BY_CLASS, names, classes)
    if not two.apart:
        yield from _rows(BY_IMAGE, two.images, [_of_images(scene) for scene in (two.first, two.second)])


def _rows(by: str, names: Sequence[str], sides: Sequence[Sequence[Parts]]) -> Iterator[GroupDifference]:
    for place, name in enumerate(names):
        first, second = (side[place].total if place < len(side) else None for side in sides)
        yield GroupDifference(by, name, LOSS, first, second)


def _split(scene: Scene, group: Tensor | None, number: int) -> list[Parts]:
    labels = scene.loss.matching.labels
    return scene.sums.split(labels.clamp(min=0) if group is None else group.expand_as(labels), number)


def _of_images(scene: Scene) -> list[Parts]:
    labels = scene.loss.matching.labels
    image = torch.arange(len(labels), device=labels.device)[:, None].expand_as(labels)
    return scene.sums.split(image, len(labels))


def changed_objects(two: Two) -> tuple[ObjectDifference, ...]:
    """The objects that are others or cost something else, the greatest change first."""
    costs = [{(each.image, each.index): each for each in scene.costs.ground_truth} for scene in (two.first, two.second)]
    made = []
    for pair in two.pairs:
        one = None if pair.first is None else costs[0].get((pair.image, pair.first))
        other = None if pair.second is None else costs[1].get((pair.image, pair.second))
        if pair.became or two.differs(_total(one), _total(other)) or _found(one) != _found(other):
            made.append(_object(two, pair, one, other))
    return tuple(sorted(made, key=lambda each: _worst(each.change)))


def _worst(change: float | None) -> float:
    """What sorts the greatest change first, and one that is no number before it."""
    return math.inf if change is None else -math.inf if math.isnan(change) else -abs(change)


def _object(two: Two, pair: Pair, one: GroundTruthLoss | None, other: GroundTruthLoss | None) -> ObjectDifference:
    some = one or other
    assert some is not None
    return ObjectDifference(
        image=two.images[pair.image],
        index=pair.first,
        other=pair.second,
        label=one.label if one else "",
        new_label=other.label if other else "",
        box=one.box if one else None,
        new_box=other.box if other else None,
        became=pair.words,
        first=one.total if one else None,
        second=other.total if other else None,
        positives=(one.positives if one else None, other.positives if other else None),
        found=(_found(one), _found(other)),
    )


def _total(cost: GroundTruthLoss | None) -> float | None:
    return None if cost is None else cost.total


def _found(cost: GroundTruthLoss | None) -> str:
    """What an object is taken for."""
    return (cost.predicted_label or "") if cost else ""


def changed_priors(two: Two) -> tuple[tuple[PriorDifference, ...], tuple[RoleCount, ...]]:
    """The priors with another role or cost, the greatest change first; and how many went from which role to which."""
    shapes = [scene.loss.matching.labels.shape for scene in (two.first, two.second)]
    if two.apart or shapes[0] != shapes[1]:
        return (), ()
    roles = [_roles(scene) for scene in (two.first, two.second)]
    costs = [scene.sums.terms.dense.sum(-1).cpu().numpy() for scene in (two.first, two.second)]
    with np.errstate(invalid="ignore"):
        change = costs[1] - costs[0]
    other = roles[0] != roles[1]
    worth = other | ~((np.abs(change) <= two.least) | (costs[0] == costs[1]) | np.isnan(costs[0]) & np.isnan(costs[1]))
    images, priors = np.nonzero(worth)
    size = np.nan_to_num(np.abs(change[images, priors]), nan=np.inf)
    order = np.argsort(-size, kind="stable")[:MOST_PRIORS]
    level = two.first.batch.priors.level_index.cpu().numpy()
    rows = [
        PriorDifference(
            image=two.images[image],
            prior=int(prior),
            level=int(level[prior]),
            roles=(ROLES[roles[0][image, prior]], ROLES[roles[1][image, prior]]),
            first=float(costs[0][image, prior]),
            second=float(costs[1][image, prior]),
        )
        for image, prior in zip(images[order].tolist(), priors[order].tolist(), strict=True)
    ]
    pairs, counts = np.unique(np.stack([side[other] for side in roles], 1), axis=0, return_counts=True)
    counted = [RoleCount(ROLES[a], ROLES[b], int(n)) for (a, b), n in zip(pairs.tolist(), counts.tolist(), strict=True)]
    return tuple(rows), tuple(sorted(counted, key=lambda each: -each.priors))


def _roles(scene: Scene) -> IntArray:
    """`[B, P]` which of `ROLES` each prior has."""
    matching, mined = scene.loss.matching, scene.loss.mining.mined
    role = torch.full_like(matching.labels, ROLES.index(NEGATIVE))
    role[matching.ignored] = ROLES.index(IGNORED)
    role[mined] = ROLES.index(MINED)
    role[matching.positive] = ROLES.index(POSITIVE)
    found: IntArray = role.cpu().numpy()
    return found
