"""VisDrone-DET: a txt file an image, a row an object: `left,top,width,height,score,category,truncation,occlusion`.

In the annotations a score of 0 says that the box is not evaluated; category 0 are ignored regions, and 11 others, which
the evaluation leaves out, too (README of the VisDrone2018-DET toolkit).
"""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.readers.annotations.format import Format, Source, add_rows, read_folder
from ssdlossdbg.readers.annotations.table import Rows, Table
from ssdlossdbg.readers.annotations.text_rows import finite, of_size, telling

CATEGORIES = ("ignored regions", "pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle",
              "awning-tricycle", "bus", "motor", "others")  # fmt: skip
IGNORED = (0, 11)
COLUMNS = 8


def read_visdrone(source: Source) -> Table:
    """Every VisDrone file of a folder, or the one that is named; errors as of `read_folder`."""
    return read_folder(source, FORMAT, _add)


def _add(file: Path, _: str, rows: Rows) -> None:
    add_rows(file, f"{file.stem}.jpg", rows, _object)


def _object(row: str) -> tuple[str, tuple[float, float, float, float], bool]:
    columns = row.strip().removesuffix(",").split(",")
    if len(columns) != COLUMNS:
        raise ValueError(f"has {len(columns)} columns, where VisDrone has {COLUMNS}")
    try:
        x, y, width, height, score, category = finite(columns[:6])
    except ValueError:
        raise ValueError("holds something that is not a finite number") from None
    if category not in range(len(CATEGORIES)):
        raise ValueError(f"has the category {category:g}, where VisDrone has 0 to 11")
    return CATEGORIES[int(category)], of_size(x, y, width, height), score == 0 or category in IGNORED


FORMAT = Format(
    name="visdrone",
    title="VisDrone",
    endings=(".txt",),
    read=read_visdrone,
    sure=telling(r"(?:-?\d+,){4}[01],(?:\d|1[01]),-?\d+,-?\d+,?"),
    folder="annotations",
    mark="ignored",
    layout="xywh",
)
