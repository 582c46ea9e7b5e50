"""The rows of YOLO files, and what those are that hold no box: polygons, oriented boxes, key points, detections."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ssdlossdbg.errors import InputError

COLUMNS, CORNERS, VISIBLE = 5, 9, (0.0, 1.0, 2.0)
# How far the corners of an oriented box may be from a parallelogram, of its longer side: they are rounded.
ROUNDED = 0.02
Row = tuple[float, float, float, float, float]
Line = tuple[int, list[str]]

POLYGON = (
    "is a polygon (class x1 y1 x2 y2 ..., YOLO's segmentation labels), not a box",
    "Convert each to its box, the least and the largest x and y, as ultralytics does when it loads them.",
)
ORIENTED = (
    "is an oriented box (class and four corners, YOLO's OBB labels), not an upright one",
    "Convert each to the upright box around it, the least and the largest x and y: SSD has no angle.",
)
KEY_POINTS = ("is a box with key points (YOLO's pose labels)", "Keep the first five columns: class cx cy w h.")
DETECTION = (
    "has a sixth number, as detections have that a network saved (its confidence)",
    "Name the annotations; if these rows are to be trained on, keep their first five columns.",
)
COMMAS = ("has commas between its numbers, where YOLO has spaces", "Write class cx cy w h, with spaces between them.")


def numbers_of(row: list[str], line: int, path: Path, kind: tuple[str, str] | None) -> Row:
    """The class, the centre, and the sides that a row holds.

    Args:
        row: its columns.
        line: its number in the file.
        path: the file.
        kind: what rows of other lengths are in that file, as of `kind_of`.

    Raises:
        InputError: it holds something else.
    """
    place = f"{path}, line {line}"
    if len(row) != COLUMNS:
        if kind:
            raise InputError(place, *kind)
        what = f"has {len(row)} {'column' if len(row) == 1 else 'columns'}, expected 5: class cx cy w h"
        raise InputError(place, what, "Correct the row, or convert the file to YOLO's boxes.")
    found = _floats(row)
    if found is None:
        raise InputError(place, f"holds something that is not a number: {' '.join(row)[:60]}", "Write five numbers.")
    number, cx, cy, w, h = found
    return number, cx, cy, w, h


def kind_of(lines: Iterable[Line]) -> tuple[str, str] | None:
    """What the rows of a file are that have not five columns, and how to convert them; None if that is not known.

    A file is of one kind, so that all its rows tell: four corners are an oriented box if they are parallelograms in
    each row, which polygons of four points hardly are.
    """
    odd = [row for _, row in lines if len(row) != COLUMNS]
    if odd and all(len(row) == 1 and row[0].count(",") == COLUMNS - 1 for row in odd):
        return COMMAS
    numbers = [_floats(row) for row in odd]
    if not odd or not all(numbers):
        return None
    rows = [found[1:] for found in numbers if found]
    if all(map(_has_key_points, rows)):
        return KEY_POINTS
    if all(len(row) == CORNERS - 1 and _is_parallelogram(row) for row in rows):
        return ORIENTED
    if all(len(row) >= 6 and len(row) % 2 == 0 for row in rows):
        return POLYGON
    return DETECTION if all(len(row) == COLUMNS for row in rows) else None


def _floats(row: Sequence[str]) -> tuple[float, ...] | None:
    """The numbers of a row; None where one is none, or not finite."""
    try:
        numbers = tuple(map(float, row))
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _has_key_points(row: Sequence[float]) -> bool:
    """Whether a box is followed by points in it, x y and how visible each is; one that is not visible lies anywhere."""
    rest = row[COLUMNS - 1 :]
    if not rest or len(rest) % 3 or not set(rest[2::3]) <= set(VISIBLE):
        return False
    cx, cy, w, h = row[: COLUMNS - 1]
    return all(
        not seen or (abs(x - cx) <= w / 2 * 1.5 and abs(y - cy) <= h / 2 * 1.5)
        for x, y, seen in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    )


def _is_parallelogram(row: Sequence[float]) -> bool:
    corners = np.asarray(row).reshape(4, 2)
    gap = corners[0] + corners[2] - corners[1] - corners[3]
    return bool(np.abs(gap).max() <= ROUNDED * max(np.ptp(corners, axis=0).max(), 1e-9))
