"""Parquet of a Hugging Face data set for object detection: a row an image, `objects` with `bbox` and `category`.

The guide of `datasets` has boxes as COCO does, x y width height in pixels; classes are numbers, whose names the file's
own description has, or texts. Needs pyarrow, which `pip install ssdlossdbg[parquet]` brings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import LARGEST_SIDE, Rows, Table
from ssdlossdbg.readers.annotations.text_rows import Bad, finite, of_size, refuse_rows
from ssdlossdbg.readers.files import open_file, read_bytes
from ssdlossdbg.readers.photos import FORMATS

OBJECTS, BOXES = ("objects", "annotations"), ("bbox", "bboxes", "boxes")
CATEGORIES = ("category", "categories", "label", "labels", "category_id")
NAMES, IMAGE = ("file_name", "filename", "image_id", "id"), "image"
SIDES = ("width", "height")
KNOWN = frozenset((*OBJECTS, *BOXES, *CATEGORIES, *NAMES, *SIDES, IMAGE))
BATCH = 256


def read_parquet(source: Source) -> Table:
    """Every row of the file, a few at a time; photos that lie in it are asked for their size, and not decoded.

    Raises:
        InputError: pyarrow is not installed, it is no Parquet, or has no objects under the names that are known.
    """
    path = source.path
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        fix = "Run: pip install 'ssdlossdbg[parquet]'. Or export its boxes as COCO JSON."
        raise InputError(path, "is Parquet, which takes pyarrow to read, and that is not installed", fix) from None
    rows, bad = Rows(), Bad()
    try:
        with open_file(path) as file:
            table = parquet.ParquetFile(file)
            names = source.classes or _names(table.schema_arrow.metadata or {})
            columns = [name for name in table.schema_arrow.names if name in KNOWN]
            if not set(columns) & {*OBJECTS, *BOXES}:
                known = ", ".join(table.schema_arrow.names[:8])
                raise InputError(path, f"has no column `objects`; its columns are {known}", "Export its boxes as COCO.")
            number = 0
            for batch in table.iter_batches(BATCH, columns=columns):
                for row in batch.to_pylist():
                    _add(path, number, row, rows, bad)
                    number += 1
    except OSError:
        read_bytes(path)  # says what is wrong with the path
        raise InputError(path, "is Parquet that cannot be read", "It may be cut short; copy it again.") from None
    except (arrow.ArrowException, ValueError, MemoryError) as error:
        what = f"is Parquet that cannot be read ({str(error).splitlines()[0]})"
        raise InputError(path, what, "It may be cut short; copy it again.") from None
    refuse_rows(path, bad, rows)
    if any(isinstance(label, int) for label in rows.labels) and not names:
        raise InputError(path, "names its classes by number only", "Add --classes with the names in their order.")
    labels = tuple(_label(label, names) for label in rows.labels)
    return rows.table(FORMAT, labels, listed=names)


def _add(path: Path, number: int, row: Mapping[str, Any], rows: Rows, bad: Bad) -> None:
    photo = row.get(IMAGE)
    name = (photo.get("path") if isinstance(photo, dict) else None) or next(
        (str(row[key]) for key in NAMES if row.get(key) is not None), f"row {number}"
    )
    image = rows.add_image(str(name), str(path), _size(row, photo))
    boxes, labels = _objects(row)
    for index in range(max(len(boxes), len(labels))):
        try:
            x, y, width, height = finite(boxes[index])
            label = labels[index]
            if not isinstance(label, int | str) or isinstance(label, bool):
                raise ValueError
        except (IndexError, TypeError, ValueError):
            what = "has an object without a class, or without a bbox of four finite numbers"
            bad.append((image, InputError(f"{path}, row {number}, object {index}", what, "Correct or remove it.")))
            rows.skip_object(image)
        else:
            rows.add_object(image, label, of_size(x, y, width, height))


def _objects(row: Mapping[str, Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """The boxes and the classes of a row, which stand in lists, or as a list of objects, or in columns of their own."""
    objects = next((row[key] for key in OBJECTS if row.get(key) is not None), row)
    if isinstance(objects, list):
        dicts = [each if isinstance(each, dict) else {} for each in objects]
        return [_of(each, BOXES) for each in dicts], [_of(each, CATEGORIES) for each in dicts]
    if not isinstance(objects, dict):
        return (), ()
    boxes, labels = (_of(objects, keys) for keys in (BOXES, CATEGORIES))
    return boxes if isinstance(boxes, list) else (), labels if isinstance(labels, list) else ()


def _of(values: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((values[key] for key in keys if values.get(key) is not None), None)


def _size(row: Mapping[str, Any], photo: Any) -> tuple[int, int]:
    """(width, height) as the row says, else as the photo in it; (0, 0) where neither does."""
    sides = [row.get(side) for side in SIDES]
    if all(isinstance(side, int | float) and math.isfinite(side) and 0 < side <= LARGEST_SIDE for side in sides):
        return int(sides[0] or 0), int(sides[1] or 0)
    data = photo.get("bytes") if isinstance(photo, dict) else None
    if not isinstance(data, bytes):
        return 0, 0
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            return image.size
    except Exception:  # a decoder raises whatever it stumbles over in a damaged file
        return 0, 0


def _names(metadata: Mapping[bytes, bytes]) -> tuple[str, ...]:
    """The class names in the description that `datasets` writes into the file; empty where there is none."""
    try:
        found = _class_label(json.loads(metadata[b"huggingface"])["info"]["features"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    return found if all(isinstance(name, str) for name in found) else ()


def _class_label(features: Any) -> tuple[str, ...]:
    """The names of the first ClassLabel under a key of a category."""
    waiting = [features]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, dict):
            if each.get("_type") == "ClassLabel" and isinstance(each.get("names"), list):
                return tuple(each["names"])
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return ()


def _label(label: object, names: tuple[str, ...]) -> str:
    if isinstance(label, str):
        return label
    assert isinstance(label, int)
    return names[label] if 0 <= label < len(names) else f"class {label}"


FORMAT = Format(
    name="parquet",
    title="Parquet of Hugging Face",
    endings=(".parquet",),
    read=read_parquet,
    sure=lambda _, data: data[:4] == b"PAR1",
    may_be=lambda _, data: data[:4] == b"PAR1",
    derived=True,
    many_in_file=True,
    mark="crowd",
    layout="xywh",
)
