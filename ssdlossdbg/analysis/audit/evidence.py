"""What the checks look at in a dataset: its objects, and what became of them."""

from __future__ import annotations

import numpy as np
import torch

from ssdlossdbg.analysis.audit.assigned import Matcher
from ssdlossdbg.analysis.audit.matched import Matched
from ssdlossdbg.analysis.evidence.objects import image_facts, labels_of, written_in
from ssdlossdbg.readers.annotations import Dataset, Scaled, taken
from ssdlossdbg.results import Objects


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
