"""What a batch holds that the same images did not hold at other steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssdlossdbg.analysis.history.groups import class_name
from ssdlossdbg.analysis.history.tracks import SAME_PLACE
from ssdlossdbg.results.common import BoolArray, FloatArray, IntArray
from ssdlossdbg.results.history_rows import Rows

# Of so many objects, and so large a share of those whose images are known, something is said.
LEAST, SHARE = 3, 0.1
# Boxes whose corners are in the same of so many parts of the input are taken for one, where any image may have it.
PARTS_OF_INPUT = 4096
EXCHANGED = [1, 0, 3, 2]
SAME, TURNED, RENAMED = range(3)


@dataclass(frozen=True, eq=False)
class Held:
    """The objects of a batch.

    Attributes:
        image: `[N]` numbers as in rows of `OBJECTS`; below 0 where that is not known.
        label: `[N]` classes, from 1.
        box: `[N, 4]` xyxy, 0 to 1, of the input.
    """

    image: IntArray
    label: IntArray
    box: FloatArray


def unlike_other_steps(held: Held, rows: Rows, classes: Sequence[str] = ()) -> str:
    """What sets the objects of a batch apart from those of the same images at other steps, in words; empty if nothing.

    No network has a say in it: it is told however little that has learnt. Where augmentation moves every box, none is
    found again, and nothing is said.

    Args:
        held: what the batch holds.
        rows: of `OBJECTS`, of all steps but that one.
        classes: names of the classes from 1.
    """
    again = rows[np.isin(rows["image"], held.image[held.image >= 0])]
    known = np.isin(held.image, again["image"])
    votes, others = np.zeros((len(known), 3), np.int64), np.zeros(len(known), np.int64)
    for image in np.unique(held.image[known]):
        here = np.flatnonzero(held.image == image)
        votes[here], others[here] = _votes(held.label[here], held.box[here], again[again["image"] == image])
    turned = (votes[:, TURNED] > votes[:, SAME]) & ~_near(held.box, held.box[:, EXCHANGED])
    renamed = (votes[:, RENAMED] > votes[:, SAME]) & ~turned
    strange = known & ~votes.any(1)
    strange[strange] = _elsewhere(held.label[strange], held.box[strange], rows)
    names = Counter(zip(held.label[renamed].tolist(), others[renamed].tolist(), strict=True))
    (label, other), _ = names.most_common(1)[0] if names else ((0, 0), 0)
    of = f" of its {known.sum():,} objects"
    said = [
        (turned, f"{of} have x and y exchanged"),
        (renamed, f"{of} have another class, as {class_name(label, classes)} for {class_name(other, classes)}"),
        (strange, f"{of} are those of other images"),
    ]
    enough = max(LEAST, SHARE * known.sum())
    words = [f"{which.sum():,}{what}" for which, what in said if which.sum() >= enough]
    return f"unlike at other steps, {', '.join(words)}" if words else ""


def _votes(label: IntArray, box: FloatArray, rows: Rows) -> tuple[IntArray, IntArray]:
    """Of one image: how many rows have each object as it is, exchanged, and with another class; and which one.

    Returns:
        `[N, 3]` and `[N]`, 0 where there is none.
    """
    labelled = np.concatenate((rows["label"][:, None], rows["box"]), 1)
    there, times = np.unique(labelled, axis=0, return_counts=True)  # an object that never moves is in it once
    named = there[:, 0] == label[:, None]
    same, turned = (_near(each[:, None], there[:, 1:]) for each in (box, box[:, EXCHANGED]))
    votes = np.stack([(which * times).sum(1) for which in (same & named, turned & named, same & ~named)], 1)
    others = np.where(votes[:, RENAMED] > 0, there[(same & ~named).argmax(1), 0], 0)
    return votes, others.astype(np.int64)


def _near(boxes: FloatArray, others: FloatArray) -> BoolArray:
    return np.asarray((np.abs(boxes - others) <= SAME_PLACE).all(-1))


def _elsewhere(label: IntArray, box: FloatArray, rows: Rows) -> BoolArray:
    """Which objects are those of any image, by class and place."""
    if not len(label):
        return np.zeros(0, bool)
    own, there = (
        np.concatenate((labels[:, None], (boxes * PARTS_OF_INPUT).round()), 1).astype(np.int64)
        for labels, boxes in ((label, box), (rows["label"], rows["box"]))
    )
    found = {row.tobytes() for row in np.unique(there, axis=0)}
    return np.array([row.tobytes() in found for row in own])
