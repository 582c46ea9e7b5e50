"""Boxes of an image that are nearly the same, found without comparing every two."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.results import FloatArray, IntArray, Objects, box_areas

# What an IoU may lie above the ratio of the areas.
ROUNDING = 1e-9
# Of one box to its right. Nobody draws an object so often; of files made by a machine it would be millions of pairs.
MOST_PARTNERS = 64
# Objects of a group all of which may be compared with all.
FEW = 200


def overlapping_pairs(objects: Objects, least: float, same_class: bool) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of objects of one image whose boxes are nearly the same.

    The boxes of an image, or of a class in it, are gone through from left to right: each round compares those that are
    so many places apart, and leaves out those that lie too far right of their partner for any further one to overlap
    enough. Of many in a column, all are near each other so; those are gone through from top to bottom. An IoU is at
    most the smaller area over the larger, so areas are compared first, and few pairs are left to work it out for.

    Args:
        objects: the table.
        least: the IoU from which on a pair counts, above 0.
        same_class: whether the two are to be of one class, or of two.

    Returns:
        `[K]` row of the first, `[K]` row of the second, `[K]` IoU; the nearest rows first. An object is the left one
        of `MOST_PARTNERS` pairs at most: of a thousand copies of a box, each is in a pair, and few are in many.
    """
    sound = np.flatnonzero(objects.valid)
    boxes, label = objects.boxes[sound], objects.class_id[sound]
    group = _groups(objects.image[sound], label) if same_class else objects.image[sound]
    axis = _shorter_way(boxes, group, 1 - least + ROUNDING)
    place = np.arange(len(sound))
    start, end = boxes[place, axis], boxes[place, axis + 2]
    order = np.lexsort((start, group))
    start, reach = start[order], (start + (1 - least + ROUNDING) * (end - start))[order]
    boxes, group, label, order = boxes[order], group[order], label[order], sound[order]
    area = box_areas(boxes)
    last = np.searchsorted(group, group, side="right")
    partners = np.zeros(len(order), dtype=np.int64)
    rows, apart = np.arange(len(order)), 0
    found = [np.zeros((2, 0), dtype=np.int64)]
    overlaps: list[FloatArray] = [np.zeros(0)]
    while len(rows):
        apart += 1
        rows = rows[(last[rows] > rows + apart) & (partners[rows] < MOST_PARTNERS)]
        rows = rows[start[rows + apart] <= reach[rows]]
        one, other = area[rows], area[rows + apart]
        alike = rows[np.minimum(one, other) >= (least - ROUNDING) * np.maximum(one, other)]
        if not same_class:
            alike = alike[label[alike] != label[alike + apart]]
        overlap = _iou(boxes[alike], boxes[alike + apart])
        near = overlap >= least
        alike, overlap = alike[near], overlap[near]
        partners[alike] += 1
        found.append(np.sort(order[np.stack((alike, alike + apart))], axis=0))
        overlaps.append(overlap)
    (first, second), overlap = np.concatenate(found, axis=1), np.concatenate(overlaps)
    nearest = np.lexsort((first, second - first))
    return first[nearest], second[nearest], overlap[nearest]


def _groups(image: IntArray, label: IntArray) -> IntArray:
    """`[N]` int64 one number for the objects of one class in one image, counted from 0."""
    order = np.lexsort((label, image))
    image, label = image[order], label[order]
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum((np.diff(image, prepend=-1) != 0) | (np.diff(label, prepend=-1) != 0)) - 1
    return group


def _shorter_way(boxes: FloatArray, group: IntArray, share: float) -> IntArray:
    """`[N]` 0 for boxes of groups that are gone through from left to right, 1 from top to bottom.

    Args:
        boxes: `[N, 4]` sound ones.
        group: of each: its image, or its class in that.
        share: of its side, how far another box may begin behind a box to be compared with it.
    """
    axis = np.zeros(len(boxes), dtype=np.int64)
    if not len(group):
        return axis
    many = np.flatnonzero(np.bincount(group)[group] > FEW)
    if len(many):
        across, down = (_comparisons(boxes[many], group[many], share, each) for each in (0, 1))
        axis[many] = (down < across)[group[many]]
    return axis


def _comparisons(boxes: FloatArray, group: IntArray, share: float, axis: int) -> IntArray:
    """How many pairs of boxes a group gives to compare, by group: for each, those that begin in its reach."""
    start, end = boxes[:, axis], boxes[:, axis + 2]
    where = np.concatenate((start, start + share * (end - start)))
    kind = np.repeat([0, 1], len(boxes))  # of what is at one place, what begins there goes before what ends there
    order = np.lexsort((kind, where, np.tile(group, 2)))
    begun = np.cumsum(kind[order] == 0)
    before = np.empty(len(order), dtype=np.int64)
    before[order] = begun
    inside = before[len(boxes) :] - before[: len(boxes)]
    total: IntArray = np.bincount(group, weights=inside).astype(np.int64)
    return total


def _iou(ones: FloatArray, others: FloatArray) -> FloatArray:
    """`[K]` of pairs of sound boxes."""
    (x1, y1), (x2, y2) = np.maximum(ones, others).T[:2], np.minimum(ones, others).T[2:]
    shared = (x2 - x1).clip(0) * (y2 - y1).clip(0)
    overlap: FloatArray = shared / (box_areas(ones) + box_areas(others) - shared)
    return overlap
