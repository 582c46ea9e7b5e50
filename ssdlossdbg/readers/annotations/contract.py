"""What a codebase's loader makes of numbers and boxes, and which objects it drops; the clauses of `LoaderSpec`."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ssdlossdbg.readers.annotations.table import IGNORED, Dataset, taken
from ssdlossdbg.readers.files import is_file
from ssdlossdbg.results import POINTS, BoolArray, FloatArray, IntArray
from ssdlossdbg.rules import Clipping, Dialect, Difficult, Marked, Numbers, Rounding

LIST = "labels.txt"
DROPPED = (Difficult.DROP, Difficult.DROP_UNLESS_ALL)


def class_lists_beside(dataset: Dataset) -> dict[str, Path]:
    """The labels.txt above each folder of Pascal VOC files, where pytorch-ssd looks for it, by that folder.

    Folders are as the files name them; one above which there is none is left out.
    """
    if not dataset.format.one_based:
        return {}
    folders = dict.fromkeys(os.path.split(file)[0] for file in dataset.files)
    named = {folder: Path(folder).absolute() for folder in folders}
    lists = {folder: path.parent / LIST for folder, path in named.items() if path.name == dataset.format.folder}
    return {folder: path for folder, path in lists.items() if is_file(path)}


def dropped(dataset: Dataset, rules: Dialect) -> BoolArray:
    """`[N]` which objects of a dataset the loader drops for their mark: difficult, crowd or group."""
    loader, difficult = rules.loader, rules.targets.difficult
    marks = {
        "difficult": difficult in DROPPED,
        "crowd": loader.crowds is Marked.DROP,
        "group": loader.groups is Marked.DROP,
        IGNORED: True,  # what the data set itself leaves out, whoever loads it
    }
    drops = dataset.difficult & marks[dataset.format.mark]
    if dataset.format.mark == "difficult" and difficult is Difficult.DROP_UNLESS_ALL and drops.any():
        others = np.bincount(dataset.image, ~drops, len(dataset.names))
        drops = drops & ~((dataset.index == 0) & (others[dataset.image] == 0))
    return drops


def read_numbers(boxes: FloatArray, dataset: Dataset, rows: IntArray, rules: Dialect) -> FloatArray:
    """What a loader of Pascal VOC makes of coordinates, `[N, 4]` of some rows; those of other formats as they are."""
    numbers = rules.loader.numbers
    if dataset.traits is None or not dataset.format.one_based:  # whole numbers, which all read alike
        return boxes
    if numbers is Numbers.INT_OF_FLOAT:
        return np.trunc(boxes)
    if numbers is Numbers.INT_OR_ZERO:
        traits = taken(dataset.traits, rows)
        pointed = np.stack([traits & int(point) for point in POINTS], axis=1) > 0
        return np.where(pointed, 0.0, boxes)
    return boxes


def clipped(boxes: FloatArray, sizes: IntArray, dataset: Dataset, rules: Dialect) -> tuple[FloatArray, BoolArray]:
    """Boxes in pixels, `[N, 4]`, as the loader clips them to declared sizes, `[N, 2]`, and which it keeps."""
    rule = rules.loader.clip_coco if dataset.format.mark == "crowd" else rules.loader.clip
    if rule is Clipping.NONE:
        return boxes, np.ones(len(boxes), dtype=np.bool_)
    if rule is Clipping.CLIP_LAST_PIXEL:
        boxes = np.clip(boxes, 0, np.tile(sizes - 1, 2))
    x1, y1, x2, y2 = boxes.T
    width, height = sizes.T
    if rule is Clipping.DROP_UNDER_PIXEL:
        inside = (np.minimum(x2, width) > np.maximum(x1, 0)) & (np.minimum(y2, height) > np.maximum(y1, 0))
        return boxes, np.asarray(inside & (x2 - x1 >= 1) & (y2 - y1 >= 1))
    kept = (x2 > x1) & (y2 > y1)
    if rule in (Clipping.DROP_PAST_END, Clipping.DROP_BEYOND):
        kept &= (x2 <= width) & (y2 <= height)
    if rule is Clipping.DROP_BEYOND:
        kept &= (x1 >= 0) & (y1 >= 0)
    return boxes, np.asarray(kept)


def rounded(boxes: FloatArray, input_size: tuple[int, int], rules: Dialect) -> tuple[FloatArray, BoolArray]:
    """Normalised boxes, `[N, 4]`, as the loader rounds them to pixels of the input, and which are large enough."""
    loader, size = rules.loader, np.tile(np.asarray(input_size, dtype=np.float64), 2)
    if loader.rounding is Rounding.INPUT_PIXELS:
        boxes = np.trunc(boxes * size) / size
    if not loader.smallest_side:
        return boxes, np.ones(len(boxes), dtype=np.bool_)
    sides = (boxes[:, 2:] - boxes[:, :2]) * size[:2]
    return boxes, np.asarray((sides > loader.smallest_side).all(1))
