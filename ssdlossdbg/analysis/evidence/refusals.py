"""What of annotations takes no part, as the checks see it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ssdlossdbg.errors import InputError, nearest
from ssdlossdbg.readers.annotations import Dataset, Scaled
from ssdlossdbg.results import Refusal

UNKNOWN_CLASS = "LBL003"


def refusal(file: str, error: InputError) -> Refusal:
    """What a reader refused, for the checks."""
    return Refusal(file, error.where, error.what, error.fix, error.code)


def refusals(dataset: Dataset, scaled: Scaled) -> tuple[Refusal, ...]:
    """What of a dataset takes no part: what cannot be read, what cannot be scaled, classes that nobody listed."""
    rows = np.flatnonzero(dataset.class_index < 0)
    files = (dataset.files[place] for place in dataset.image[rows].tolist())
    labels = (dataset.labels[place] for place in dataset.label[rows].tolist())
    unknown, totals = Counter(zip(files, labels, strict=True)), dataset.unknown
    return (
        *(refusal(each.file, each.error) for each in (*dataset.refused, *scaled.refused)),
        *(_unknown_class(dataset, file, label, number, totals[label]) for (file, label), number in unknown.items()),
    )


def _unknown_class(dataset: Dataset, file: str, label: str, number: int, total: int) -> Refusal:
    close = nearest(label, dataset.class_names)
    guess = f"Did you mean {close!r}? " if close else ""
    elsewhere = f", {total:,} in all" if total > number else ""
    objects = f"{number:,} {'object' if number == 1 else 'objects'}{elsewhere}"
    what = f"the class {label!r} ({objects}) is not in the list of classes"
    return Refusal(file, file, what, f"{guess}Correct the labels or --classes; they are left out here.", UNKNOWN_CLASS)
