"""KITTI: a txt file an image, a row an object: `type truncated occluded alpha left top right bottom ...`.

The box is columns 5 to 8, in pixels from 0 (readme.txt of KITTI's object development kit); what is in three dimensions
is passed over. DontCare rows are regions in which nothing was labelled, so that nothing there is an error.
"""

from __future__ import annotations

from pathlib import Path

from ssdlossdbg.readers.annotations.format import Format, Source, add_rows, read_folder
from ssdlossdbg.readers.annotations.table import Rows, Table
from ssdlossdbg.readers.annotations.text_rows import NUMBER, finite, telling

DONT_CARE = "dontcare"
COLUMNS, SCORED, BOX = 15, 16, slice(4, 8)


def read_kitti(source: Source) -> Table:
    """Every KITTI file of a folder, or the one that is named; errors as of `read_folder`."""
    return read_folder(source, FORMAT, _add)


def _add(file: Path, _: str, rows: Rows) -> None:
    add_rows(file, f"{file.stem}.png", rows, _object)


def _object(row: str) -> tuple[str, tuple[float, float, float, float], bool]:
    columns = row.split()
    if len(columns) not in (COLUMNS, SCORED):
        raise ValueError(f"has {len(columns)} columns, where KITTI has {COLUMNS}")
    x1, y1, x2, y2 = _box(columns)
    return columns[0], (x1, y1, x2, y2), columns[0].casefold() == DONT_CARE


def _box(columns: list[str]) -> tuple[float, ...]:
    try:
        return finite(columns[BOX])
    except ValueError:
        raise ValueError("has a box that is not four finite numbers (columns 5 to 8)") from None


FORMAT = Format(
    name="kitti",
    title="KITTI",
    endings=(".txt",),
    read=read_kitti,
    sure=telling(rf"[A-Za-z_][\w-]*(?:[ \t]+{NUMBER}){{14,15}}"),
    folder="label_2",
    mark="ignored",
)
