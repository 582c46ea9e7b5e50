"""The classes of a dataset, as the checks see them, and what the labels that are none of them must be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ssdlossdbg.errors import nearest, one_slip_apart
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.results import ClassUse, IntArray

# A label with fewer objects for each of the class it is like may be misspelt; one with more is a class of its own.
RARE = 1 / 20


def describe_classes(dataset: Dataset) -> ClassUse:
    """The classes of a dataset and what its objects make of them."""
    known = dataset.class_index >= 0
    counts = np.bincount(dataset.class_index[known], minlength=len(dataset.class_names))
    unlisted = dataset.unknown
    from_1 = _counted_from_1(dataset, counts)
    left_out = _left_out(dataset, counts)
    emptied: tuple[str, ...] = ()
    if left_out:
        dropped = np.isin(dataset.label, [dataset.labels.index(label) for label in left_out])
        every, gone = (np.bincount(dataset.image[of], minlength=len(dataset.names)) for of in (slice(None), dropped))
        emptied = tuple(dataset.names[place] for place in np.flatnonzero((every > 0) & (every == gone)).tolist())
    return ClassUse(
        file=str(dataset.path),
        names=dataset.class_names,
        given=dataset.names_given,
        listed=bool(dataset.listed),
        counts=counts,
        unlisted=unlisted,
        left_out=left_out,
        counted_from_1=from_1,
        images=len(dataset.names),
        emptied=emptied,
    )


def _counted_from_1(dataset: Dataset, counts: IntArray) -> bool:
    """Whether numbers of n classes are 1 to n rather than 0 to n - 1: n is among them, 0 is not, most others are."""
    classes = len(dataset.class_names)
    if not dataset.format.numbered or not classes or counts[0] or list(dataset.unknown) != [f"class {classes}"]:
        return False
    return int((counts > 0).sum()) + 1 >= (classes + 1) // 2


def _left_out(dataset: Dataset, counts: IntArray) -> tuple[str, ...]:
    """The labels that a list of the user's, some classes of which the dataset has, leaves out on purpose."""
    if not dataset.names_given or dataset.format.numbered or not counts.any():
        return ()
    objects = dict(zip(dataset.class_names, counts.tolist(), strict=True))
    return tuple(label for label, number in dataset.unknown.items() if not _misspelt(label, number, objects))


def _misspelt(label: str, number: int, objects: Mapping[str, int]) -> bool:
    """Whether a label is like a class that has no objects by its right name, or so many that this one is a slip."""
    unused = [name for name, many in objects.items() if not many]
    if nearest(label, unused) or any(one_slip_apart(label, name, len(label) + 1) for name in objects):
        return True
    close = nearest(label, objects)
    return close is not None and number <= objects[close] * RARE
