"""Open Images: a CSV with a row an object, boxes as fractions of the photo."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import Rows, Table
from ssdlossdbg.readers.annotations.text_rows import Bad, csv_rows, finite, refuse_rows
from ssdlossdbg.readers.files import read_text

BOX_COLUMNS = ("XMin", "YMin", "XMax", "YMax")
# A code as /m/01g317; and its name, in a column that pytorch-ssd's open_images_downloader.py adds for its loader.
CODE, NAME = "LabelName", "ClassName"
COLUMNS = ("ImageID", CODE, *BOX_COLUMNS)
GROUP = "IsGroupOf"
DESCRIPTIONS = "*class-descriptions-boxable*.csv"


def may_be_open_images(_: Path, data: bytes) -> bool:
    """Whether a CSV begins with the titles of Open Images."""
    titles = {title.strip() for title in data.partition(b"\n")[0].decode("utf-8-sig", "replace").split(",")}
    return titles.issuperset(("ImageID", *BOX_COLUMNS)) and not titles.isdisjoint((CODE, NAME))


def read_open_images(source: Source) -> Table:
    """Every image that has an object; labels stay codes without a CSV of their names, `/m/01g317,Person` a row.

    Raises:
        InputError: the columns are missing.
    """
    path = source.path
    descriptions = source.descriptions or next(iter(sorted(path.parent.glob(DESCRIPTIONS))), None)
    names = _names(descriptions) if descriptions else {}
    rows = Rows()
    refuse_rows(path, _read_rows(path, rows), rows)
    labels = tuple(names.get(str(code), str(code)) for code in rows.labels)
    return rows.table(FORMAT, labels, listed=tuple(names.values()), class_file=descriptions)


def _names(path: Path) -> dict[str, str]:
    rows = csv.reader(read_text(path).splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[0] != "LabelName"}


def _read_rows(path: Path, rows: Rows) -> Bad:
    """Fill the columns row by row, as these files may be larger than memory.

    Returns:
        What is wrong with each row that cannot be read, and the place of its image, None where it names none.
    """
    bad: Bad = []
    images: dict[str, int] = {}
    file = str(path)
    lines = csv_rows(path)
    wanted, group = columns(next(lines, (0, []))[1], path)
    for line, row in lines:
        image = row[wanted[0]] if wanted[0] < len(row) else ""
        if image and image not in images:
            images[image] = rows.add_image(f"{image}.jpg", file)
        try:
            label, *corners = (row[column] for column in wanted[1:])
            x1, y1, x2, y2 = finite(corners)
            if not image:
                raise ValueError
        except (IndexError, ValueError):
            what = "lacks columns, or holds something that is not a finite number"
            bad.append((images.get(image), InputError(f"{path}, line {line}", what, "Correct the row or remove it.")))
            if image:
                rows.skip_object(images[image])
        else:
            grouped = group is not None and row[group : group + 1] == ["1"]
            rows.add_object(images[image], label, (x1, y1, x2, y2), grouped)
    return bad


def columns(header: Sequence[str], path: object) -> tuple[list[int], int | None]:
    """The places of `COLUMNS` in a first row, and of the flag of groups.

    Raises:
        InputError: one is missing.
    """
    titles = [title.strip() for title in header]
    label = NAME if NAME in titles else CODE
    wanted = ("ImageID", label, *BOX_COLUMNS)
    missing = [name for name in wanted if name not in titles]
    if missing:
        what = f"has no column {', '.join(missing)}" if titles else "is empty"
        raise InputError(path, what, f"Open Images has a first line with {', '.join(COLUMNS)}.")
    return [titles.index(name) for name in wanted], titles.index(GROUP) if GROUP in titles else None


FORMAT = Format(
    name="open-images",
    title="Open Images",
    endings=(".csv",),
    read=read_open_images,
    may_be=may_be_open_images,
    many_in_file=True,
    mark="group",
    fractions=True,
)
