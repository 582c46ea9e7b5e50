"""What changed between two saved batches, and which input or rule explains it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.compare import RULES
from ssdlossdbg.analysis.diff.aligned import Aligned, aligned
from ssdlossdbg.analysis.diff.given import Given, Take, given_of, whole_loss
from ssdlossdbg.analysis.diff.inputs import OF_FIRST, annotated, input_changes
from ssdlossdbg.analysis.diff.notes import noted
from ssdlossdbg.analysis.diff.objects import Annotated, Pair, paired
from ssdlossdbg.analysis.diff.substitution import explain
from ssdlossdbg.analysis.diff.tables import Two, changed_objects, changed_priors, groups_of
from ssdlossdbg.analysis.diff.targets import OBJECT_PARTS, mixed
from ssdlossdbg.analysis.diff.words import summary_of
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.two_steps import scene_of
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results.diff import BATCHES, Difference, DiffResult, ObjectDifference, Side
from ssdlossdbg.rules import Dialect

LOSS = "loss"
# Fractions of the image that float32 loses on the way to pixels and back.
SAME_BOX = 1e-6
# Differences that one cause may have, by what they are called together; the narrower ones first.
GROUPS = {
    "predictions": ("loc", "conf", "landm", OF_FIRST + "loc", OF_FIRST + "conf"),
    "targets": OBJECT_PARTS,
    "encoded targets": ("labels", "locations"),
    "classes": ("conf", "labels"),
    "priors and predictions": ("priors", "loc", "conf", "landm"),
    "rules": tuple(rule for rule, _ in RULES),
}


def diff_batches(first: tuple[Batch, Dialect], second: tuple[Batch, Dialect]) -> DiffResult:
    """Say what is another in B, and by taking its parts into A one at a time, which of them makes A's loss B's.

    Args:
        first: A, each under its rules.
        second: likewise, of B.
    """
    batches = first[0], second[0]
    given = given_of(*first), given_of(*second)
    both = aligned(*given, (batches[0].images, batches[1].images))
    pairs = _pairs(both)
    mixture = Mixture(both, pairs, batches)
    differences = (*mixture.differences, *noted(*batches, _names(both, batches)))
    totals = [Losses().of(each) for each in given]
    explanations = explain(mixture.names, mixture.loss, groups=GROUPS) if None not in totals else ()
    sides = tuple(
        Side(_path(batch), _what(batch, own), total, own.refused)
        for batch, own, total in zip(batches, given, totals, strict=True)
    )
    two = _two(both, batches, pairs) if differences and None not in totals else None
    result = DiffResult(
        compared=BATCHES,
        same=not differences,
        summary="",
        measure=LOSS,
        first=sides[0],
        second=sides[1],
        differences=_sorted(differences, [each.name for each in explanations if each.explains]),
        explanations=explanations,
        groups=groups_of(two) if two else (),
        objects=changed_objects(two) if two else (),
        priors=changed_priors(two)[0] if two else (),
        roles=changed_priors(two)[1] if two else (),
    )
    result = summary_of(result)
    learnt = _learnt(result.objects) if two and not both.apart else ""
    return replace(result, summary=f"{result.summary}{learnt}")


def _learnt(objects: Sequence[ObjectDifference]) -> str:
    """How many objects cost less and more, and which are taken for what they are on one side alone; empty of few."""
    same = [each for each in objects if not each.became and each.change is not None]
    less, more = sum(each.change < 0 for each in same), sum(each.change > 0 for each in same)  # type: ignore[operator]
    right = [tuple(name != "" and name == each.label for name in each.found) for each in same]
    lost, won = right.count((True, False)), right.count((False, True))
    if not lost and not won:
        return f" Of the objects, {less} cost less and {more} cost more." if less + more > 1 else ""
    told = [f"{number} {words}" for number, words in ((won, "in B alone"), (lost, "in A alone")) if number]
    named = f"taken for what they are at their costliest prior: {' and '.join(told)}"
    return f" Of the objects, {less} cost less and {more} cost more; {named}."


class Mixture:
    """A with some of what is B's.

    Args:
        both: A and B in one order.
        pairs: their objects.
        batches: as they were read, for names.
    """

    def __init__(self, both: Aligned, pairs: Sequence[Pair], batches: tuple[Batch, Batch]) -> None:
        self.both, self.pairs = both, pairs
        names = max((batch.names for batch in batches), key=len)
        images = [batches[0].image_name(place) or "" for place in both.image.tolist()]
        content = () if both.apart else input_changes(both.first, both.second, pairs, names, images)
        changes: list[tuple[Difference, Take | None]] = [*content, *both.changes]
        self.differences = tuple(difference for difference, _ in changes)
        self.names = list(dict.fromkeys(difference.name for difference, _ in changes if difference.measured))
        self._takes = {difference.name: take for difference, take in changes if take is not None}
        self._known: dict[frozenset[str], float | None] = {}
        self._losses = Losses()

    def given(self, names: Collection[str]) -> Given:
        """A with B's of these."""
        made, other = self.both.first, self.both.second
        parts = [name for name in self.names if name in names and name in OBJECT_PARTS and name not in self._takes]
        if parts:
            every = [name for name in self.names if name in OBJECT_PARTS and name not in self._takes]
            whole = made.with_targets(**vars(other.targets))
            made = whole if parts == every else mixed(made, other, self.pairs, parts)
        for name in self.names:
            if name in names and name in self._takes:
                made = self._takes[name](made, other)
        if self.both.others is None:
            return made
        side = int("images" in names)
        whole, places = self.both.others[side], (self.both.image, self.both.other)[side]
        # What does not fit to the images that only one side has can be looked at without them alone.
        return whole.with_images(places, made) if whole.shape[1:] == made.shape[1:] else made

    def loss(self, names: Collection[str]) -> float | None:
        """The loss of that; None where it cannot be computed."""
        key = frozenset(names)
        if key not in self._known:
            self._known[key] = self._losses.of(self.given(names))
        return self._known[key]


def _names(both: Aligned, batches: tuple[Batch, Batch]) -> list[tuple[str, str]]:
    """What each image that both have is called in A and in B; none where only one side says."""
    if both.apart or not all(batch.images for batch in batches):
        return []
    places = zip(both.image.tolist(), both.other.tolist(), strict=True)
    return [(batches[0].image_name(one) or "", batches[1].image_name(two) or "") for one, two in places]


class Losses:
    """The losses of many batches; of those that differ in rules alone, what they share is computed once."""

    def __init__(self) -> None:
        self._last: tuple[Given, Batch] | None = None

    def of(self, given: Given) -> float | None:
        """The loss; None where it cannot be computed, or parts do not fit together."""
        images, priors, _ = given.shape
        two = given.predictions.first is not None
        if len(given.targets.labels) != images or len(given.named.priors.boxes) != priors or given.refused:
            return None
        if two is not given.rules.refine.first_step or (two and given.encoded):
            return None
        if self._last is None or not _same_but_rules(self._last[0], given):
            self._last = given, given.batch()
        return whole_loss(scene_of(self._last[1], given.rules))


def _same_but_rules(one: Given, two: Given) -> bool:
    return one.predictions is two.predictions and one.targets is two.targets and one.named is two.named


def _pairs(both: Aligned) -> list[Pair]:
    first, second = (_objects(each) for each in (both.first, both.second))
    if first is None or second is None or len(first) != len(second):
        return []
    return paired(first, _without_rounding(first, second, both))


def _without_rounding(first: Sequence[Annotated], second: Sequence[Annotated], both: Aligned) -> list[Annotated]:
    """B's objects; where it saved boxes in another unit, A's boxes for those that are equal but for the way there."""
    units = {given.targets.units for given in (both.first, both.second) if isinstance(given.targets, Targets)}
    if len(units) < 2:
        return list(second)
    made = []
    for one, two in zip(first, second, strict=True):
        shared = min(len(one.boxes), len(two.boxes))
        boxes = two.boxes.copy()
        near = (np.abs(one.boxes[:shared] - boxes[:shared]) <= SAME_BOX).all(1)
        boxes[:shared][near] = one.boxes[:shared][near]
        made.append(replace(two, boxes=boxes))
    return made


def _objects(given: Given) -> list[Annotated] | None:
    """The objects of each image, also those that encoded targets decode to; None where there are none to speak of."""
    if not given.encoded:
        return annotated(given)
    known = None if given.refused else given.scene().known
    if known is None:
        return None
    boxes, labels, counts = (each.cpu() for each in (known.gt.boxes.double(), known.gt.labels, known.gt.counts))
    return [
        Annotated(boxes[image, :count].numpy(), labels[image, :count].numpy())
        for image, count in enumerate(counts.tolist())
    ]


def _two(both: Aligned, batches: tuple[Batch, Batch], pairs: Sequence[Pair]) -> Two:
    scenes: list[Scene] = [given.scene(batch) for given, batch in zip((both.first, both.second), batches, strict=True)]
    names = [batches[0].image_name(place) or f"image {place}" for place in both.image.tolist()]
    return Two(scenes[0], scenes[1], (whole_loss(scenes[0]), whole_loss(scenes[1])), pairs, names, both.apart)


def _path(batch: Batch) -> str:
    predictions, targets = batch.paths
    return predictions if predictions == targets else f"{predictions} {targets}"


def _what(batch: Batch, given: Given) -> str:
    images, priors, classes = given.shape
    captured = batch.captured
    step = f", step {captured.step}, {captured.reason}" if captured else ""
    count = f"{images} image{'s' * (images != 1)}"
    return f"{count}, {priors:,} priors ({given.named.name}), {classes} classes, {given.rules.name}{step}"


def _sorted(differences: Sequence[Difference], explaining: Sequence[str]) -> tuple[Difference, ...]:
    """Those that explain first, then others that can, then notes."""
    return tuple(sorted(differences, key=lambda each: (each.name not in explaining, not each.measured)))
