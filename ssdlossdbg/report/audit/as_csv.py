"""A row an object of `audit`, for people's own notebooks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from ssdlossdbg.report.visible import cell
from ssdlossdbg.results import FORCED_ONLY, INVALID, MATCHED, UNMATCHED, AuditResult, ImageFacts, IntArray, Objects

HEADINGS = (
    *("image", "file", "object", "class", "class_id", "x1", "y1", "x2", "y2", "width", "height", "best_prior", "level"),
    *("best_iou", "shape_iou", "positives", "forced", "lost_to", "status"),
)
# Rows turned into text at a time: enough that a chunk costs nothing of its own, few enough to stay below 100 MB.
ROWS = 32_768
# Decimals of what was computed; coordinates are given as the file states them.
PIXEL_DIGITS, IOU_DIGITS = 3, 6


def audit_csv(result: AuditResult) -> Iterator[bytes]:
    r"""The objects as CSV in UTF-8, in chunks, the headings first.

    Corners are as the file states them; width and height are of the box that the network sees, in pixels of its input.
    `lost_to` is an object of the same image. Lines end in "\n"; fields that hold commas or quotes are quoted. Names
    that a spreadsheet would compute begin with an apostrophe, and control characters in them are shown as signs. Half
    a surrogate pair, which UTF-8 has no bytes for, is written as a backslash escape.
    """
    yield _lines([HEADINGS])
    objects = result.objects
    images = np.array([cell(_image_name(image)) for image in objects.images], dtype=object)
    files = np.array([cell(image.file) for image in objects.images], dtype=object)
    status = _status(objects)
    for start in range(0, len(objects.image), ROWS):
        rows = slice(start, start + ROWS)
        image = objects.image[rows]
        columns = (images[image], files[image], *_columns(objects, result.prior_level, rows), status[rows])
        yield _lines(zip(*(_cells(column) for column in columns), strict=True))


def audit_columns(result: AuditResult) -> dict[str, list[Any]]:
    """The objects by the columns of the CSV, with names as they are, for data frames."""
    objects = result.objects
    image = objects.image.tolist()
    names, files = [_image_name(each) for each in objects.images], [each.file for each in objects.images]
    rest = list(_columns(objects, result.prior_level, slice(None)))
    rest[1] = objects.labels
    winner = HEADINGS.index("lost_to") - 2
    rest[winner] = [None if loser == "" else loser for loser in _cells(rest[winner])]
    made = ([names[place] for place in image], [files[place] for place in image], *rest, _status(objects))
    return {heading: list(_cells(column)) for heading, column in zip(HEADINGS, made, strict=True)}


def _image_name(image: ImageFacts) -> str:
    """What the file calls its image, or the file's own name without its ending if it is about one."""
    return PurePath(image.file).stem if image.name is None else str(image.name)


def _status(objects: Objects) -> Any:
    """`[N]` what became of each object, as the reports call it."""
    words = np.array([MATCHED, FORCED_ONLY, UNMATCHED, INVALID], dtype=object)
    return words[np.select([objects.matched, objects.forced_only, objects.without_positive], [0, 1, 2], 3)]


def _columns(objects: Objects, prior_level: IntArray, rows: slice) -> Iterator[Any]:
    """From `object` to `lost_to`."""
    yield objects.index[rows]
    yield [cell(label) for label in objects.labels[rows]]
    yield objects.class_id[rows]
    yield from objects.stated[rows].T
    boxes = objects.boxes[rows]
    yield from ((boxes[:, 2:] - boxes[:, :2]) * objects.image_size).round(PIXEL_DIGITS).T
    yield objects.best_prior[rows]
    yield prior_level[objects.best_prior[rows]]
    yield objects.best_iou[rows].astype(float).round(IOU_DIGITS)
    yield objects.shape_iou[rows].astype(float).round(IOU_DIGITS)
    yield objects.positives[rows]
    yield objects.forced[rows]
    winner = objects.lost_to[rows]
    yield np.where(winner >= 0, objects.index[winner].astype(object), "")


def _cells(column: Any) -> Sequence[Any]:
    # Python's own numbers and strings: csv writes them several times as fast as NumPy's.
    cells: Sequence[Any] = column.tolist() if isinstance(column, np.ndarray) else column
    return cells


def _lines(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
