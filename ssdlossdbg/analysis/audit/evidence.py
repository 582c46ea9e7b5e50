"""What the checks look at in a dataset: its objects, and what of it could not be read."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch

from ssdlossdbg.analysis.audit.assigned import Matcher
from ssdlossdbg.analysis.audit.matched import Matched
from ssdlossdbg.analysis.evidence.objects import image_facts, labels_of, written_in
from ssdlossdbg.errors import InputError, nearest
from ssdlossdbg.readers.annotations import Dataset, Scaled, taken
from ssdlossdbg.results import Objects, Refusal

UNKNOWN_CLASS = "LBL003"


def audited_objects(dataset: Dataset, scaled: Scaled, matched: Matched, matcher: Matcher) -> Objects:
    """The objects of the images that were done, a row an object.

    Args:
        dataset: what was annotated.
        scaled: the same as the loader sees it.
        matched: what became of it.
        matcher: priors and rules.
    """
    rows = taken(scaled.rows, matched.rows)
    places = np.flatnonzero(matched.done)
    image = taken(dataset.image, rows)
    return Objects(
        images=image_facts(dataset, scaled, places.tolist()),
        image=image if matched.done.all() else np.searchsorted(places, image),
        index=taken(dataset.index, rows),
        labels=labels_of(dataset, rows),
        class_id=taken(dataset.class_index, rows) + 1,
        stated=taken(scaled.stated, matched.rows),
        boxes=matcher.seen(torch.from_numpy(taken(scaled.boxes, matched.rows))).numpy(),
        layout=dataset.format.layout,
        saved=False,
        one_based=dataset.format.one_based,
        image_size=matcher.priors.image_size,
        levels=matcher.priors.levels,
        rules=matcher.dialect,
        **written_in(dataset, rows),
        **matched.columns,
    )


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
