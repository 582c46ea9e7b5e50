"""Which photos the page of an audit shows first."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssdlossdbg import api
from ssdlossdbg.report.html.audit import worst_of_classes

SAMPLE = Path(__file__).parents[3] / "sample_data"


def test_the_worst_of_each_class_come_first() -> None:
    objects = api.audit(SAMPLE, "ssd300-voc", device="cpu").objects
    images = worst_of_classes(objects).tolist()
    assert sorted(images) == sorted(set(objects.image.tolist()))
    # Of each class its worst object: no box, then without a prior of its own, then the least overlap.
    badness = np.where(~objects.valid, -1.0, np.where(objects.forced_only, objects.best_iou / 10, 1 + objects.best_iou))
    firsts = {
        int(objects.image[of][np.argmin(badness[of])])
        for of in (np.flatnonzero(objects.class_id == each) for each in np.unique(objects.class_id))
    }
    assert set(images[: len(firsts)]) == firsts
