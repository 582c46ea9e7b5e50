"""Objects over the batches in which they were sampled: which row is of which, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from ssdlossdbg.analysis.history.groups import class_name
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.results.common import BoolArray, FloatArray, IntArray
from ssdlossdbg.results.history import FORGOTTEN, LEARNT, MISTAKEN, NEVER, OPEN, ObjectHistory
from ssdlossdbg.results.history_course import Samples
from ssdlossdbg.results.history_rows import Rows

# Boxes that differ by no more of the input are at one place.
SAME_PLACE = 1 / 256
# Boxes of one class in an image that overlap by so much are the same object, moved by augmentation.
SAME_OBJECT = 0.5
# A probability from which an object is known, and one below which it is not; likewise of the class it is taken for.
KNOWN, UNKNOWN, SURE = 0.5, 0.2, 0.7
# Samples of an object from which anything is said of it.
ENOUGH = 3
# Of a network whose objects are right in a smaller share, nothing is said of one object.
LEARNT_SHARE = 0.5
# Overlap with the best prior from which an object is well matched.
WELL_MATCHED = 0.5


def tracked(rows: Rows) -> tuple[IntArray, BoolArray]:
    """Which object each row is of, and whether that is unsure.

    Two rows are of one object where image and class agree, and the place; or, where each sample of the image has one
    object of the class only, whatever the place, since crops and flips move it.

    Args:
        rows: of `OBJECTS` whose image is known.

    Returns:
        `[N]` numbers from 0, and `[N]`.
    """
    unsure = np.zeros(len(rows), bool)
    if not len(rows):
        return np.zeros(0, np.int64), unsure
    kind = np.unique(np.stack((rows["image"], rows["label"].astype(np.int64)), 1), axis=0, return_inverse=True)[1]
    kind = kind.reshape(-1)
    of_sample = np.unique(np.stack((kind, rows["step"]), 1), axis=0, return_inverse=True, return_counts=True)
    several = np.zeros(kind.max() + 1, bool)
    several[kind[of_sample[2][of_sample[1].reshape(-1)] > 1]] = True
    own = np.where(several[kind], -1, 0)
    order = np.argsort(kind, kind="stable")
    bounds = np.flatnonzero(np.diff(kind[order])) + 1
    for members in np.split(order, bounds):
        if several[kind[members[0]]]:
            own[members], unsure[members] = _by_place(rows[members])
    number = np.unique(np.stack((kind, own), 1), axis=0, return_inverse=True)[1]
    return number.reshape(-1), unsure


def _by_place(rows: Rows) -> tuple[IntArray, BoolArray]:
    """Which of the objects of one class in one image each row is, the steps in order: the one that lies nearest."""
    boxes = rows["box"].astype(np.float64)
    places = np.unique((boxes / SAME_PLACE).round().astype(np.int64), axis=0, return_inverse=True)[1].reshape(-1)
    steps = rows["step"]
    most = int(np.unique(steps, return_counts=True)[1].max())
    if places.max() < most:
        return places, np.zeros(len(rows), bool)  # nothing ever moved
    own, unsure = np.full(len(rows), -1), np.zeros(len(rows), bool)
    last: list[FloatArray] = []
    for step in np.unique(steps):
        here = np.flatnonzero(steps == step)
        overlap = _overlaps(boxes[here], np.array(last).reshape(-1, 4))
        taken: set[int] = set()
        for at in np.argsort(-overlap.max(1, initial=0.0), kind="stable"):
            free = [track for track in np.argsort(-overlap[at], kind="stable") if track not in taken]
            row = here[at]
            if free and overlap[at, free[0]] >= SAME_OBJECT:
                own[row] = free[0]
            elif free and len(last) >= most:
                own[row], unsure[row] = free[0], True
            else:
                own[row] = len(last)
                last.append(boxes[row])
            taken.add(int(own[row]))
            last[own[row]] = boxes[row]
    return own, unsure


def _overlaps(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """`[N, M]` IoU of xyxy boxes; 0 where one is none."""
    overlap = iou(torch.from_numpy(boxes)[:, None], torch.from_numpy(others)[None])
    known: FloatArray = overlap.nan_to_num(0.0).numpy()
    return known


def object_histories(
    rows: Rows, names: Mapping[int, str], classes: Sequence[str], size: tuple[int, int] | None, learnt: float
) -> Iterator[ObjectHistory]:
    """What became of every object.

    Args:
        rows: of `OBJECTS`, in the order of steps.
        names: of images, by their numbers.
        classes: names of the classes from 1.
        size: of the input, (width, height) in pixels; None if not known.
        learnt: of all objects in the last samples, the share that is right.
    """
    rows = rows[rows["image"] >= 0]
    number, unsure = tracked(rows)
    order = np.argsort(number, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        if len(members):
            yield _history(rows[members], bool(unsure[members].any()), names, classes, size, learnt)


def _history(
    rows: Rows,
    unsure: bool,
    names: Mapping[int, str],
    classes: Sequence[str],
    size: tuple[int, int] | None,
    learnt: float,
) -> ObjectHistory:
    last, probability = rows[-1], rows["probability"]
    x1, y1, x2, y2 = map(float, last["box"])
    side = None if size is None else float(np.sqrt(max(0.0, (x2 - x1) * size[0] * (y2 - y1) * size[1])))
    only_forced = (rows["positives"] > 0) & (rows["positives"] == rows["forced"])
    return ObjectHistory(
        image=int(last["image"]),
        name=names.get(int(last["image"]), ""),
        label=int(last["label"]),
        label_name=class_name(int(last["label"]), classes),
        box=(x1, y1, x2, y2),
        side=side,
        unsure=unsure,
        seen=len(rows),
        first_step=int(rows["step"][0]),
        last_step=int(last["step"]),
        best_iou=float(np.median(rows["best_iou"])),
        shape_iou=float(np.median(rows["shape_iou"])),
        positives=float(np.median(rows["positives"])),
        forced_only=float(only_forced.mean()),
        probability=(float(probability[0]), float(probability.max()), float(probability[-1])),
        taken=int(last["taken"]),
        taken_name=class_name(int(last["taken"]), classes),
        sure=float(last["sure"]),
        cost=float((rows["localization"] + rows["confidence"]).mean()),
        state=_state(rows, learnt),
        samples=_samples(rows),
    )


def _samples(rows: Rows) -> Samples:
    boxes = rows["box"]
    return Samples(  # copies: a view of a field would hold on to all of them
        step=rows["step"].copy(),
        probability=rows["probability"].copy(),
        cost=rows["localization"] + rows["confidence"],
        best_iou=rows["best_iou"].copy(),
        positives=rows["positives"].copy(),
        taken=rows["taken"].copy(),
        moved=bool((np.abs(boxes - boxes[0]) > SAME_PLACE).any()),
    )


def _state(rows: Rows, learnt: float) -> str:
    """What became of an object; open where it was seen too rarely, or the network knows too little of all others."""
    probability, late = rows["probability"], rows[-max(2, len(rows) // 3) :]
    if probability[-1] >= KNOWN:
        return LEARNT
    if len(rows) < ENOUGH or not learnt >= LEARNT_SHARE:
        return OPEN
    other = late["taken"]
    mistaken = (late["sure"] >= SURE).all() and (late["probability"] <= UNKNOWN).all()
    matched = (late["positives"] > 0).all() and np.median(rows["best_iou"]) >= WELL_MATCHED
    if mistaken and matched and other[0] not in (0, rows["label"][-1]) and (other == other[0]).all():
        return MISTAKEN
    if probability.max() < KNOWN:
        return NEVER
    return FORGOTTEN if (late["probability"] < UNKNOWN).all() else OPEN
