"""YOLO txt: a row an object, `class cx cy w h`, the box as fractions of the photo."""

from __future__ import annotations

import math
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation, Source

COLUMNS = 5
Row = tuple[float, float, float, float, float]


def may_be_yolo(data: bytes) -> bool:
    """Whether text is empty or begins as a row does, with three columns or more of which two are numbers."""
    first = data.decode("utf-8-sig", errors="replace").strip().partition("\n")[0].split()
    return not first or (len(first) > 2 and all(map(_is_number, first[:2])))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse_yolo(source: Source) -> Annotation:
    """The objects of a YOLO file.

    Raises:
        InputError: not text, a row that is not five numbers, no class names, or a class number beyond them.
    """
    path, classes = source.path, source.classes
    objects = tuple(
        _object(row, index, f"{path}, line {line}", source.photo_size or (1, 1), classes)
        for index, (line, row) in enumerate(parse_rows(source.data, path))
    )
    return Annotation(path, "YOLO", None, objects, class_names=classes)


def parse_rows(data: bytes, path: Path) -> list[tuple[int, Row]]:
    """The rows `class, cx, cy, w, h` of a YOLO file, each with the number of its line.

    Args:
        data: what the file holds.
        path: its path, for messages.

    Raises:
        InputError: not text, or a row that is not five finite numbers.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(path, "is neither XML, JSON nor text", "Give Pascal VOC, COCO or YOLO annotations.") from None
    columns = ((number, line.split()) for number, line in enumerate(lines, start=1))
    return [(number, _numbers(row, number, path)) for number, row in columns if row]


def _numbers(row: list[str], line: int, path: Path) -> Row:
    if len(row) != COLUMNS:
        what = f"has {len(row)} columns, expected 5: class cx cy w h"
        raise InputError(f"{path}, line {line}", what, "Polygons and other formats are not YOLO boxes; convert them.")
    try:
        number, cx, cy, w, h = map(float, row)
    except ValueError:
        number = cx = cy = w = h = math.nan
    if not all(map(math.isfinite, (number, cx, cy, w, h))):
        what = f"holds something that is not a number: {' '.join(row)[:60]}"
        raise InputError(f"{path}, line {line}", what, "Write five numbers.")
    return number, cx, cy, w, h


def _object(row: Row, index: int, where: str, photo_size: tuple[int, int], classes: tuple[str, ...]) -> AnnotatedObject:
    number, cx, cy, w, h = row
    if not classes:
        fix = "Add --classes with the file of names, or a,b,c in their order."
        raise InputError(where, f"names class {number:g} by number only", fix)
    if number != int(number) or not 0 <= number < len(classes):
        what = f"has class {number:g}, but --classes names {len(classes)} (0 to {len(classes) - 1})"
        raise InputError(where, what, "Correct the row or the list of classes.")
    width, height = photo_size
    box = ((cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height)
    return AnnotatedObject(index, classes[int(number)], box)
