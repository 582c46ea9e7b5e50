"""The CSV of TensorFlow's tutorials: `filename,width,height,class,xmin,ymin,xmax,ymax`, a row an object.

xml_to_csv.py writes pixels as Pascal VOC has them; others write fractions of the photo. A file of which every box lies
between 0 and 1, with a number that is not whole, holds fractions: no box of pixels does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import LARGEST_SIDE, Rows, Table
from ssdlossdbg.readers.annotations.text_rows import Bad, csv_rows, finite, refuse_rows

TITLES = ("filename", "class", "xmin", "ymin", "xmax", "ymax")
SIDES = ("width", "height")
CORRECT = "Correct the row or remove it."


def is_tf_csv(_: Path, data: bytes) -> bool:
    """Whether a CSV begins with the titles of TensorFlow's tutorials."""
    return set(titles_of(data.partition(b"\n")[0].decode("utf-8-sig", "replace").split(","))).issuperset(TITLES)


def titles_of(row: Sequence[str]) -> list[str]:
    """The titles of a first row, as they are compared."""
    return [title.strip().strip('"').casefold() for title in row]


def read_tf_csv(source: Source) -> Table:
    """Every image and object of the file.

    Raises:
        InputError: the columns are missing, or it is no CSV.
    """
    path, rows = source.path, Rows()
    lines = csv_rows(path)
    titles = titles_of(next(lines, (0, []))[1])
    missing = [title for title in TITLES if title not in titles]
    if missing:
        what = f"has no column {', '.join(missing)}"
        raise InputError(path, what, f"Its first line is to be {','.join((*TITLES[:1], *SIDES, *TITLES[1:]))}.")
    bad: Bad = []
    places: dict[str, int] = {}
    for line, row in lines:
        cells = dict(zip(titles, row, strict=False))
        name = cells.get("filename", "").strip()
        if name and name not in places:
            places[name] = rows.add_image(name, str(path), _size(cells))
        try:
            label = cells["class"].strip()
            x1, y1, x2, y2 = finite(cells[title] for title in TITLES[2:])
            if not (name and label):
                raise ValueError
        except (KeyError, ValueError):
            what = "lacks its photo or class, or has a box that is not four finite numbers"
            bad.append((places.get(name), InputError(f"{path}, line {line}", what, CORRECT)))
            if name:
                rows.skip_object(places[name])
        else:
            rows.add_object(places[name], label, (x1, y1, x2, y2))
    refuse_rows(path, bad, rows)
    table = rows.table(FORMAT)
    return replace(table, format=NORMALISED) if _are_fractions(table) else table


def _size(cells: dict[str, str]) -> tuple[int, int]:
    """The declared (width, height), (0, 0) where there is none that makes sense."""
    try:
        width, height = map(int, finite(cells[side] for side in SIDES))
    except (KeyError, ValueError):
        return 0, 0
    return (width, height) if min(width, height) > 0 and max(width, height) <= LARGEST_SIDE else (0, 0)


def _are_fractions(table: Table) -> bool:
    boxes = table.boxes
    return bool(len(boxes) and boxes.min() >= 0 and boxes.max() <= 1 and (boxes != np.floor(boxes)).any())


FORMAT = Format(
    name="tf-csv",
    title="TensorFlow's CSV",
    endings=(".csv",),
    read=read_tf_csv,
    sure=is_tf_csv,
    may_be=is_tf_csv,
    derived=True,
    many_in_file=True,
)
NORMALISED = replace(FORMAT, name="tf-csv-fractions", title="TensorFlow's CSV, boxes as fractions", fractions=True)
