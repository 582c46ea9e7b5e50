"""Objects over the batches in which they were sampled: which row is of which, and what became of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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
# A probability from which an object is known, and one below which it is not.
KNOWN, UNKNOWN = 0.5, 0.2
# Probabilities below that are no different.
LEAST = 1e-4
# Samples of an object from which anything is said of it.
ENOUGH = 3
# Of a network whose objects are right in a smaller share, nothing is said of one object.
LEARNT_SHARE = 0.5
# Samples on either side of one that say with it how well a class is told from the others, from so many objects of it
# on; and the share that must be, for what the network thinks of one object to count against its label.
AROUND, ENOUGH_OF_CLASS, DISCERNED = 2, 5, 0.8
# Another class counts against a label where it is so many times as likely, and no less so than at the true objects of
# that class but for so many percent of them; in at least so many samples, and so large a share of those that count.
# Where so large a share of all objects was right once, so that wrong labels are soon learnt by heart, less will do.
LEAST_SURE, AGAIN, MOST_RIGHT = 3.0, 2, 0.6
TIMES, AGAINST = (5.0, 3.0), (0.5, 0.35)
# And where that would come about, at any of all objects, at most so often by the errors that a network makes anyway.
CHANCE = 0.05


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
        return np.empty(0, np.int64), unsure
    kind = np.unique(np.stack((rows["image"], rows["label"].astype(np.int64)), 1), axis=0, return_inverse=True)[1]
    kind = kind.reshape(-1)
    of_sample = np.unique(np.stack((kind, rows["step"]), 1), axis=0, return_inverse=True, return_counts=True)
    several = np.zeros(kind.max() + 1, bool)
    several[kind[of_sample[2][of_sample[1].reshape(-1)] > 1]] = True
    own = np.zeros(len(rows), np.int64)
    for members in _by_number(kind):
        if several[kind[members[0]]]:
            own[members], unsure[members] = _by_place(rows[members])
    number = np.unique(np.stack((kind, own), 1), axis=0, return_inverse=True)[1]
    return number.reshape(-1), unsure


def _by_number(numbers: IntArray) -> list[IntArray]:
    """The rows of each number, in their order, of which there are some."""
    order: IntArray = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


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
    rows: Rows, names: Mapping[int, str], classes: Sequence[str], size: tuple[int, int] | None, right: Sequence[float]
) -> Iterator[ObjectHistory]:
    """What became of every object.

    Args:
        rows: of `OBJECTS`, in the order of steps.
        names: of images, by their numbers.
        classes: names of the classes from 1.
        size: of the input, (width, height) in pixels; None if not known.
        right: of all objects, the share that is right, in each part of the run of which it is known.
    """
    learnt = right[-1] if right else float("nan")
    rows = rows[rows["image"] >= 0]
    if not len(rows):
        return
    number, unsure = tracked(rows)
    judged = _judged(rows)
    well = int(max(right[1:], default=0.0) >= MOST_RIGHT)  # at its very start it may be right by chance
    against = _against(rows, judged, TIMES[well])
    objects = _by_number(number)
    # A network that is wrong of most is so whatever their labels: no share of its samples speaks against one.
    least = AGAINST[well] if learnt >= LEARNT_SHARE else math.inf
    doubts = [
        _doubt(rows["rival"][members[against[members]]], int(judged[members].sum()), least) for members in objects
    ]
    labels = [int(rows["label"][members[0]]) for members in objects]
    for members, doubt in zip(objects, _beyond_chance(doubts, labels), strict=True):
        yield _history(rows[members], bool(unsure[members].any()), doubt, names, classes, size, learnt)


@dataclass(frozen=True)
class _Doubt:
    """What speaks against the label of an object.

    Attributes:
        rival: the class that it was taken for; 0 where that is none.
        against: in how many samples.
        judged: of how many in which the network told both classes apart.
        founded: whether that is enough to doubt the label.
    """

    rival: int
    against: int
    judged: int
    founded: bool


def _judged(rows: Rows) -> BoolArray:
    """In which rows the network's word counts: there it tells the object's class, and its rival's, from the others.

    What it thinks of an object is held against what it thinks of its class at the time, background left out of account:
    a network that knows little yet takes most objects for the most common class.
    """
    _, at = np.unique(rows["step"], return_inverse=True)
    classes, places = np.unique(np.concatenate((rows["label"], rows["rival"])), return_inverse=True)
    labels, rivals = places.reshape(2, -1)
    shape = at.max() + 1, len(classes)
    told, number = np.zeros(shape), np.zeros(shape)
    np.add.at(told, (at, labels), rows["probability"] > rows["rival_sure"])
    np.add.at(number, (at, labels), 1)
    around = []
    for counts in (told, number):
        sums = np.concatenate((np.zeros((1, shape[1])), counts.cumsum(0)))
        place = np.arange(shape[0])
        around.append(sums[(place + AROUND + 1).clip(max=shape[0])] - sums[(place - AROUND).clip(min=0)])
    known = (around[1] >= ENOUGH_OF_CLASS) & (around[0] >= DISCERNED * around[1])
    judged: BoolArray = known[at, labels] & known[at, rivals] & (rows["rival"] > 0) & (rows["positives"] > 0)
    return judged


def _against(rows: Rows, judged: BoolArray, times: float) -> BoolArray:
    """In which of these rows the rival is the likelier by far, and as surely as where it is true."""
    own, other = (np.log(np.maximum(rows[name], LEAST)) for name in ("probability", "rival_sure"))
    against: BoolArray = judged & (other - own >= np.log(times))
    steps, at = np.unique(rows["step"], return_inverse=True)
    first = np.searchsorted(rows["step"], steps)  # rows are in the order of steps
    for step, rival in {(int(at[row]), int(rows["rival"][row])) for row in np.flatnonzero(against)}:
        low = first[max(0, step - AROUND)]
        high = first[step + AROUND + 1] if step + AROUND + 1 < len(first) else len(rows)
        true = (rows["label"][low:high] == rival) & (rows["positives"][low:high] > 0)
        bound = np.percentile((own - other)[low:high][true], LEAST_SURE) if true.any() else np.inf
        against &= (other - own >= bound) | (at != step) | (rows["rival"] != rival)
    return against


def _doubt(rivals: IntArray, judged: int, least: float) -> _Doubt:
    rival = int(np.bincount(rivals).argmax()) if len(rivals) else 0
    number = int((rivals == rival).sum()) if rival else 0
    return _Doubt(rival, number, judged, number >= max(AGAIN, least * max(1, judged)))


def _beyond_chance(doubts: Sequence[_Doubt], labels: Sequence[int]) -> Iterator[_Doubt]:
    """The same, founded only where the network is wrong of such objects too seldom for that to come about by chance.

    How often it is wrong is seen at the other objects of the label, whose samples are taken to be drawn one by one: the
    number of those that speak against a label is then binomial.
    """
    wrong, judged = Counter[int](), Counter[int]()
    for doubt, label in zip(doubts, labels, strict=True):
        if not doubt.founded:
            wrong[label] += doubt.against
            judged[label] += doubt.judged
    for doubt, label in zip(doubts, labels, strict=True):
        rate = (wrong[label] + 0.5) / (judged[label] + 1)  # by the prior of Jeffreys: of few samples, not quite none
        rare = doubt.founded and len(doubts) * _at_least(doubt.against, doubt.judged, rate) < CHANCE
        yield replace(doubt, founded=rare)


def _at_least(times: int, of: int, rate: float) -> float:
    """How likely something of that rate comes about so many times, or more often."""
    ways = (math.lgamma(of + 1) - math.lgamma(x + 1) - math.lgamma(of - x + 1) for x in range(times, of + 1))
    shares = (x * math.log(rate) + (of - x) * math.log1p(-rate) for x in range(times, of + 1))
    return sum(math.exp(way + share) for way, share in zip(ways, shares, strict=True))


def _history(
    rows: Rows,
    unsure: bool,
    doubt: _Doubt,
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
        rival=doubt.rival,
        rival_name=class_name(doubt.rival, classes) if doubt.rival else "",
        against=doubt.against,
        judged=doubt.judged,
        state=MISTAKEN if doubt.founded else _state(rows, learnt),
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
    if probability.max() < KNOWN:
        return NEVER
    return FORGOTTEN if (late["probability"] < UNKNOWN).all() else OPEN
