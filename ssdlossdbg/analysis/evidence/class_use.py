"""The classes of a dataset, as the checks see them, and what the labels that are none of them must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ssdlossdbg.readers.annotations import Dataset, class_counts
from ssdlossdbg.results import ClassUse


def describe_classes(datasets: Sequence[Dataset]) -> ClassUse:
    """The classes of datasets that are looked at together, and what their objects make of them.

    Args:
        datasets: at least one, all with the same list of classes.
    """
    first = datasets[0]
    unlisted: Counter[str] = Counter()
    for each in datasets:
        unlisted.update(each.unknown)
    return ClassUse(
        file=str(first.path),
        names=first.class_names,
        given=first.names_given,
        listed=any(each.listed for each in datasets),
        counts=np.sum([class_counts(each) for each in datasets], axis=0, dtype=np.int64),
        unlisted=dict(unlisted),
        left_out=tuple(label for label in unlisted if label in first.filtered),
        counted_from_1=any(map(_counted_from_1, datasets)),
        images=sum(len(each.names) for each in datasets),
        emptied=tuple(name for each in datasets for name in _emptied(each)),
    )


def _counted_from_1(dataset: Dataset) -> bool:
    """Whether numbers of n classes are 1 to n rather than 0 to n - 1: n is among them, 0 is not, most others are."""
    classes, counts = len(dataset.class_names), class_counts(dataset)
    if not dataset.format.numbered or not classes or counts[0] or list(dataset.unknown) != [f"class {classes}"]:
        return False
    return int((counts > 0).sum()) + 1 >= (classes + 1) // 2


def _emptied(dataset: Dataset) -> tuple[str, ...]:
    """The images that have objects, none of which the list of classes leaves."""
    if not dataset.filtered:
        return ()
    dropped = np.isin(dataset.label, [place for place, label in enumerate(dataset.labels) if label in dataset.filtered])
    every, gone = (np.bincount(dataset.image[of], minlength=len(dataset.names)) for of in (slice(None), dropped))
    return tuple(dataset.names[place] for place in np.flatnonzero((every > 0) & (every == gone)).tolist())
