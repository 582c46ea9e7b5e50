"""Which inputs and rules of two batches in one order differ, and how each is taken from one into the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ssdlossdbg.analysis.compare import RULES, setting, shown, with_settings
from ssdlossdbg.analysis.diff.given import Changes, Given, Take, equal
from ssdlossdbg.analysis.diff.levels import prior_differences
from ssdlossdbg.analysis.diff.objects import Annotated, Pair
from ssdlossdbg.analysis.diff.targets import encoded_differences, object_differences
from ssdlossdbg.analysis.diff.tensors import Axes, tensor_difference
from ssdlossdbg.analysis.diff.transforms import Kind
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import COORDINATES
from ssdlossdbg.results.diff import Difference
from ssdlossdbg.rules import Dialect, differences

# What a first step is called where there are two.
OF_FIRST = "first step's "
# Settings that no loss depends on: how files are read, what is detected.
UNMEASURED = ("native", "targets", "loader", "detect", "augmentation", "raises", "weight_decay")
MOST_SETTINGS = 3


def input_changes(
    first: Given, second: Given, pairs: Sequence[Pair], names: Sequence[str], images: Sequence[str]
) -> Changes:
    """Each input and rule that is another in B, with what takes it from one batch into the other.

    Args:
        first: A in one order, of as many images.
        second: likewise, of B.
        pairs: their objects.
        names: of the classes, background first.
        images: what the images are called.
    """
    steps = [given.predictions.first is None for given in (first, second)]
    if first.shape[1:] != second.shape[1:] or steps[0] != steps[1]:
        yield from _of_other_shape(first, second)
    else:
        yield from _predictions(first, second, Axes(images, first.named.priors.levels, names))
        yield from _priors(first, second)
    yield from _targets(first, second, pairs, names, images)
    yield from _rules(first.rules, second.rules)
    yield from _saved_as(first, second)


def _of_other_shape(first: Given, second: Given) -> Changes:
    """Predictions that no part of the other fits to: they come with their priors or with their labels."""
    (_, priors, classes), (_, others, columns) = first.shape, second.shape
    words = []
    if priors != others:
        words.append(f"{priors:,} priors, now {others:,}")
    if classes != columns:
        words.append(f"{classes} classes, now {columns}")
    for difference in prior_differences(first.named, second.named):
        yield replace(difference, measured=False), None
    if (first.predictions.first is None) != (second.predictions.first is None):
        words.append("one step in A, two in B" if first.predictions.first is None else "two steps in A, one in B")

    def take(into: Given, of: Given) -> Given:
        """The predictions with all that has to fit to them."""
        whole = replace(into, predictions=of.predictions, named=of.named)
        fits = not (into.encoded or of.encoded) and classes == columns
        return whole if fits else replace(whole, targets=of.targets)

    yield Difference("predictions", ", ".join(words)), take


def _predictions(first: Given, second: Given, axes: Axes) -> Changes:
    one, two = first.predictions, second.predictions
    coordinates = Axes(axes.images, axes.levels, COORDINATES)
    for name, kind, places in (("loc", Kind.OFFSETS, coordinates), ("conf", Kind.LOGITS, axes)):
        here, there = getattr(one, name), getattr(two, name)
        if not equal(here, there):
            yield tensor_difference(name, here, there, kind, places), _tensor(name)
    if not equal(one.landmarks, two.landmarks):
        points = Axes(axes.images, axes.levels, tuple(map(str, range(10))))
        if one.landmarks is None or two.landmarks is None:
            found = Difference("landm", "only B has it" if one.landmarks is None else "only A has it")
        else:
            found = tensor_difference("landm", one.landmarks, two.landmarks, Kind.LOGITS, points)
        yield found, _tensor("landmarks")
    if one.first is not None and two.first is not None:
        of_step = Axes(axes.images, axes.levels, ("background", "object"))
        for name, kind, places in (("loc", Kind.OFFSETS, coordinates), ("conf", Kind.LOGITS, of_step)):
            here, there = getattr(one.first, name), getattr(two.first, name)
            if not equal(here, there):
                named = OF_FIRST + name
                yield tensor_difference(named, here, there, kind, places), _of_first(name)


def _tensor(name: str) -> Take:
    return lambda into, of: into.with_predictions(**{name: getattr(of.predictions, name)})


def _of_first(name: str) -> Take:
    def take(into: Given, of: Given) -> Given:
        mine, other = into.predictions.first, of.predictions.first
        assert mine is not None
        return into.with_predictions(first=replace(mine, **{name: getattr(other, name)}))

    return take


def _priors(first: Given, second: Given) -> Changes:
    found = list(prior_differences(first.named, second.named))
    one, two = (
        given.named.priors.held.values if given.named.priors.held is not None else None for given in (first, second)
    )
    if not found and not equal(one, two):
        found = [Difference("priors", "equal as float32, and others in the last bits of what is held of them")]
    for difference in found:
        yield difference, (lambda into, of: replace(into, named=of.named)) if difference.measured else None


def _targets(
    first: Given, second: Given, pairs: Sequence[Pair], names: Sequence[str], images: Sequence[str]
) -> Changes:
    one, two = first.targets, second.targets
    if isinstance(one, EncodedTargets) and isinstance(two, EncodedTargets):
        if one.labels.shape == two.labels.shape:
            yield from encoded_differences(one, two, Axes(images, first.named.priors.levels, COORDINATES))
    elif isinstance(one, Targets) and isinstance(two, Targets):
        yield from object_differences(first, second, pairs, names, images)
    else:
        what = (
            "objects in A, and encoded for each prior in B"
            if isinstance(one, Targets)
            else ("encoded for each prior in A, and objects in B")
        )
        yield Difference("targets", what), lambda into, of: replace(into, targets=of.targets)


def _rules(first: Dialect, second: Dialect) -> Changes:
    for rule, settings in RULES:
        changed = [key for key in settings if setting(first, key) != setting(second, key)]
        if changed:
            what = f"{', '.join(changed)}: {shown(first, changed)} in A, {shown(second, changed)} in B"
            yield Difference(rule, what, changed=len(changed), of=len(settings)), _settings(changed)
    told = {key for _, settings in RULES for key in settings}
    unmeasured = []
    for key, here, there in differences(first, second):
        if key not in told:
            what = f"{here} in A, {there} in B"
            if key.split(".")[0] in UNMEASURED:
                unmeasured.append(Difference(key, what, measured=False))
            else:
                yield Difference(key, what), _settings([key])
    if len(unmeasured) > MOST_SETTINGS:
        what = f"{len(unmeasured)} that no loss of a saved batch depends on: how files are read, what is detected"
        places = tuple(f"{each.name}: {each.what}" for each in unmeasured)
        unmeasured = [Difference("other settings", what, changed=len(places), places=places, measured=False)]
    yield from ((each, None) for each in unmeasured)
    if first.name != second.name:
        yield Difference("dialect", f"{first.name} in A, {second.name} in B", measured=False), None


def _settings(keys: list[str]) -> Take:
    return lambda into, of: replace(into, rules=with_settings(into.rules, of.rules, keys))


def _saved_as(first: Given, second: Given) -> Changes:
    """How the numbers were written, where that is another and they are not."""
    one, two = first.predictions.dtype, second.predictions.dtype
    if one != two:
        yield Difference("precision", f"predictions saved as {one} in A, as {two} in B", measured=False), None
    if isinstance(first.targets, Targets) and isinstance(second.targets, Targets):
        here, there = first.targets.units, second.targets.units
        if here is not there:
            yield Difference("units of boxes", f"{here} in A, {there} in B, by what is saved", measured=False), None
        counted, other = (1 - targets.label_offset for targets in (first.targets, second.targets))
        if counted != other:
            what = f"from {counted} in A, from {other} in B, by what is saved"
            yield Difference("labels counted", what, measured=False), None


def annotated(given: Given) -> list[Annotated]:
    """The objects of each image, as fractions of it."""
    boxes, labels = given.objects()
    return [Annotated(each.numpy().astype(np.float64), ids.numpy()) for each, ids in zip(boxes, labels, strict=True)]
