"""Boxes of an image that are nearly the same, found without comparing every two."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.results import FloatArray, IntArray, Objects, box_areas

# What an IoU may lie above the ratio of the areas.
ROUNDING = 1e-9


def overlapping_pairs(objects: Objects, least: float) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of objects of one image whose boxes are nearly the same.

    The rows of an image are neighbours: each round compares those that are so many rows apart, and leaves out the
    images that are too small for the next. An IoU is at most the smaller area over the larger, so areas are compared
    first, and few pairs are left to work it out for.

    Args:
        objects: the table.
        least: the IoU from which on a pair counts, above 0.

    Returns:
        `[K]` row of the first, `[K]` row of the second, `[K]` IoU; the nearest rows first.
    """
    area = np.where(objects.valid, box_areas(objects.boxes), np.nan)
    rows = np.arange(len(area))
    left = np.cumsum(np.bincount(objects.image, minlength=len(objects.images)))[objects.image] - rows
    found = [np.zeros((2, 0), dtype=np.int64)]
    for apart in range(1, int(left.max(initial=0))):
        rows = rows[left[rows] > apart]
        one, other = area[rows], area[rows + apart]
        alike = rows[np.minimum(one, other) >= (least - ROUNDING) * np.maximum(one, other)]
        found.append(np.stack((alike, alike + apart)))
    first, second = np.concatenate(found, axis=1)
    overlap = _iou(objects.boxes[first], objects.boxes[second])
    near = overlap >= least
    return first[near], second[near], overlap[near]


def _iou(ones: FloatArray, others: FloatArray) -> FloatArray:
    """`[K]` of pairs of sound boxes."""
    (x1, y1), (x2, y2) = np.maximum(ones, others).T[:2], np.minimum(ones, others).T[2:]
    shared = (x2 - x1).clip(0) * (y2 - y1).clip(0)
    overlap: FloatArray = shared / (box_areas(ones) + box_areas(others) - shared)
    return overlap
