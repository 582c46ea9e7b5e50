"""TFRecord of tf.train.Example as TensorFlow's object detection API writes it: boxes as fractions of the photo.

create_pascal_tf_record.py and its kin name the features `image/filename`, `image/object/bbox/xmin` and so on; the class
is a text, a number of the label map (from 1), or both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import LARGEST_SIDE, Refused, Rows, Table
from ssdlossdbg.readers.annotations.text_rows import Bad, refuse_rows
from ssdlossdbg.readers.classes import read_label_map
from ssdlossdbg.readers.tf_records import Feature, features_of, is_tf_record, tf_records

BOX = tuple(f"image/object/bbox/{corner}" for corner in ("xmin", "ymin", "xmax", "ymax"))
TEXT, LABEL = "image/object/class/text", "image/object/class/label"
SIDES = ("image/width", "image/height")
NAMES = ("image/filename", "image/source_id")
MARKS = ("image/object/difficult", "image/object/is_crowd", "image/object/group_of")
WANTED = frozenset((*BOX, TEXT, LABEL, *SIDES, *NAMES, *MARKS))
MOST_NAMED = 8


def read_tfrecord(source: Source) -> Table:
    """Every Example of the file, by its records; what a damaged one hides is refused, and what stands before it read.

    Raises:
        InputError: the first record is damaged, or there are no boxes in it under the names that are known.
    """
    path, rows = source.path, Rows()
    bad: Bad = []
    class_file = None if source.classes else _label_map(path)
    names = source.classes or (read_label_map(class_file) if class_file else ())
    try:
        for number, record in enumerate(tf_records(path)):
            place = f"{path}, record {number}"
            try:
                _add(place, features_of(record, WANTED.__contains__), names, rows, bad)
            except (ValueError, UnicodeDecodeError) as error:
                bad.append((None, InputError(place, f"is no tf.train.Example ({error})", "Write it again.")))
    except InputError as error:
        if not rows.names:
            raise
        rows.refused.append(Refused(str(path), error))
    refuse_rows(path, bad, rows)
    return rows.table(FORMAT, listed=names, class_file=class_file)


def _add(place: str, features: Mapping[str, Feature], names: tuple[str, ...], rows: Rows, bad: Bad) -> None:
    if not any(name in features for name in (*BOX, *SIDES)):
        known = ", ".join(sorted(features)[:MOST_NAMED]) or "none"
        what = f"has no {BOX[0]}, as TensorFlow's object detection API has; its features are {known}"
        raise InputError(place, what, "Name the annotations that it was made of.")
    sides = [_first(features, side) for side in SIDES]
    size = (int(sides[0]), int(sides[1])) if all(0 < side <= LARGEST_SIDE for side in sides) else (0, 0)
    name = next((text for key in NAMES if (text := _text(features.get(key, ())))), place.rpartition(", ")[2])
    image = rows.add_image(name, place.rpartition(", ")[0], size)
    columns = [features.get(key, ()) for key in BOX]
    texts, numbers = features.get(TEXT, ()), features.get(LABEL, ())
    count = max(map(len, (*columns, texts, numbers)))
    marks = [features.get(key, ()) for key in MARKS]
    for index in range(count):
        try:
            x1, y1, x2, y2 = (float(column[index]) for column in columns)
            if not math.isfinite(x1 + y1 + x2 + y2):
                raise ValueError
            label = _label(texts[index : index + 1], numbers[index : index + 1], names)
        except (IndexError, ValueError):
            what = "has an object that lacks its class or a finite corner"
            bad.append((image, InputError(f"{place}, object {index}", what, "Write the record again.")))
            rows.skip_object(image)
        else:
            marked = any(mark[index : index + 1] == (1,) for mark in marks)
            rows.add_object(image, label, (x1, y1, x2, y2), marked)


def _label(text: Feature, number: Feature, names: tuple[str, ...]) -> str:
    """The class of an object: its text, or else what the label map has for its number, which counts from 1."""
    if text and (written := _text(text)):
        return written
    [place] = number
    return names[int(place) - 1] if 1 <= int(place) <= len(names) else f"class {int(place)}"


def _text(values: Feature) -> str:
    return values[0].decode("utf-8", errors="replace").strip() if values and isinstance(values[0], bytes) else ""


def _first(features: Mapping[str, Feature], key: str) -> float:
    value = next(iter(features.get(key, ())), 0)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _label_map(path: Path) -> Path | None:
    """The one label map that lies beside a file, or above it."""
    for folder in (path.parent, path.parent.absolute().parent):
        found = sorted(folder.glob("*.pbtxt"))
        if len(found) == 1:
            return found[0]
    return None


FORMAT = Format(
    name="tfrecord",
    title="TFRecord",
    endings=(".tfrecord", ".tfrecords", ".record", ".records"),
    read=read_tfrecord,
    sure=lambda _, data: is_tf_record(data),
    may_be=lambda _, data: is_tf_record(data),
    derived=True,
    many_in_file=True,
    fractions=True,
)
