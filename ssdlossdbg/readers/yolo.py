"""YOLO txt: a row an object, `class cx cy w h`, the box as fractions of the photo."""

from __future__ import annotations

import math

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotated import AnnotatedObject, Annotation, Source

COLUMNS = 5


def parse_yolo(source: Source) -> Annotation:
    """The objects of a YOLO file.

    Raises:
        InputError: not text, a row that is not five numbers, no class names, or a class number beyond them.
    """
    path, classes = source.path, source.classes
    try:
        lines = source.data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(path, "is neither XML, JSON nor text", "Give Pascal VOC, COCO or YOLO annotations.") from None
    rows = [(number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]
    objects = tuple(
        _object(row, index, f"{path}, line {number}", source.photo_size or (1, 1), classes)
        for index, (number, row) in enumerate(rows)
    )
    return Annotation(path, "YOLO", None, objects, class_names=classes)


def _object(
    row: list[str], index: int, where: str, photo_size: tuple[int, int], classes: tuple[str, ...]
) -> AnnotatedObject:
    if len(row) != COLUMNS:
        what = f"has {len(row)} columns, expected 5: class cx cy w h"
        raise InputError(where, what, "Polygons and other formats are not YOLO boxes; convert them.")
    try:
        number, cx, cy, w, h = (float(text) for text in row)
    except ValueError:
        number = cx = cy = w = h = math.nan
    if not all(map(math.isfinite, (number, cx, cy, w, h))):
        raise InputError(where, f"holds something that is not a number: {' '.join(row)[:60]}", "Write five numbers.")
    if not classes:
        fix = "Add --classes with the file of names, or a,b,c in their order."
        raise InputError(where, f"names class {number:g} by number only", fix)
    if number != int(number) or not 0 <= number < len(classes):
        what = f"has class {number:g}, but --classes names {len(classes)} (0 to {len(classes) - 1})"
        raise InputError(where, what, "Correct the row or the list of classes.")
    width, height = photo_size
    box = ((cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height)
    return AnnotatedObject(index, classes[int(number)], box)
