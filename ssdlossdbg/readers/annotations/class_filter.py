"""Which labels a list of classes leaves out on purpose, rather than misspells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ssdlossdbg.alike import Names
from ssdlossdbg.errors import one_slip_apart
from ssdlossdbg.readers.annotations.table import Dataset

# A label with fewer objects for each of the class it is like may be misspelt; one with more is a class of its own.
RARE = 1 / 20


def filtered(datasets: Sequence[Dataset]) -> frozenset[str]:
    """The labels that a list of the user's, some classes of which the datasets have, leaves out on purpose.

    Args:
        datasets: what is looked at together, all with the same list of classes.
    """
    if not datasets or not datasets[0].names_given:
        return frozenset()
    named = [each for each in datasets if not each.format.numbered]
    counts = sum((class_counts(each) for each in named), np.zeros(len(datasets[0].class_names), dtype=np.int64))
    if not counts.any():
        return frozenset()
    objects = dict(zip(datasets[0].class_names, counts.tolist(), strict=True))
    unknown: Counter[str] = Counter()
    for each in named:
        unknown.update(each.unknown)
    unused, names = Names([name for name, many in objects.items() if not many]), Names(list(objects))

    def misspelt(label: str, number: int) -> bool:
        """Whether it is like a class that has no objects by its right name, or so many that this one is a slip."""
        near = names.one_letter_apart(label)
        if unused.nearest(label) or any(one_slip_apart(label, name, len(label) + 1) for name in near):
            return True
        close = names.nearest(label)
        return close is not None and number <= objects[close] * RARE

    return frozenset(label for label, number in unknown.items() if not misspelt(label, number))


def class_counts(dataset: Dataset) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """`[C]` how many objects each class of the list has."""
    known = dataset.class_index[dataset.class_index >= 0]
    counts: np.ndarray[tuple[int], np.dtype[np.int64]] = np.bincount(known, minlength=len(dataset.class_names))
    return counts
