"""What the checks look at in a dataset: its objects, and what of it could not be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ssdlossdbg.analysis.audit.assigned import Matcher
from ssdlossdbg.analysis.audit.matched import Matched
from ssdlossdbg.analysis.check import refusal
from ssdlossdbg.analysis.common import taken
from ssdlossdbg.analysis.evidence.objects import LAYOUTS
from ssdlossdbg.analysis.scaled import Scaled
from ssdlossdbg.errors import nearest
from ssdlossdbg.readers.datasets import Dataset
from ssdlossdbg.results import ImageFacts, Objects, Refusal

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
    classes, image = taken(dataset.class_index, rows), taken(dataset.image, rows)
    names = np.asarray(dataset.class_names, dtype=object)
    return Objects(
        images=_images(dataset, scaled, places.tolist()),
        image=image if matched.done.all() else np.searchsorted(places, image),
        index=taken(dataset.index, rows),
        labels=tuple(names[classes].tolist()),
        class_id=classes + 1,
        stated=taken(dataset.boxes, rows),
        boxes=matcher.seen(torch.from_numpy(taken(scaled.boxes, matched.rows))).numpy(),
        layout=LAYOUTS.get(dataset.format, "xyxy"),
        saved=False,
        one_based=dataset.one_based,
        image_size=matcher.priors.image_size,
        rules=matcher.dialect,
        **matched.columns,
    )


def refusals(dataset: Dataset, scaled: Scaled) -> tuple[Refusal, ...]:
    """What of a dataset takes no part: what cannot be read, what cannot be scaled, classes that nobody listed."""
    unreadable = (refusal(file, error) for file, error in (*dataset.refused, *scaled.refused))
    unknown = (_unknown_class(dataset, label, number) for label, number in dataset.unknown.items())
    return (*unreadable, *unknown)


def _unknown_class(dataset: Dataset, label: str, number: int) -> Refusal:
    path = str(dataset.path)
    close = nearest(label, dataset.class_names)
    guess = f"Did you mean {close!r}? " if close else ""
    what = f"the class {label!r} ({number:,} {'object' if number == 1 else 'objects'}) is not in the list of classes"
    return Refusal(path, path, what, f"{guess}Correct the labels or --classes; they are left out here.", UNKNOWN_CLASS)


def _images(dataset: Dataset, scaled: Scaled, places: Sequence[int]) -> tuple[ImageFacts, ...]:
    left_out: dict[int, list[tuple[int, str]]] = {}
    for row in scaled.left_out.tolist():
        item = int(dataset.index[row]), dataset.class_names[dataset.class_index[row]]
        left_out.setdefault(int(dataset.image[row]), []).append(item)
    sizes, unusable = scaled.sizes.tolist(), scaled.unusable.tolist()
    return tuple(
        ImageFacts(
            file=dataset.files[place],
            name=dataset.names[place] if dataset.many_in_file else None,
            size=(1, 1) if dataset.fractions else tuple(sizes[place]),
            left_out=tuple(left_out.get(place, ())),
            unusable=unusable[place],
        )
        for place in places
    )
