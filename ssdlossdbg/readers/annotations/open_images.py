"""Open Images: a CSV with a row an object, boxes as fractions of the photo."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.table import Rows, Table, refusal_of_many
from ssdlossdbg.readers.files import open_file, read_bytes, read_text

COLUMNS = ("ImageID", "LabelName", "XMin", "YMin", "XMax", "YMax")
GROUP = "IsGroupOf"
DESCRIPTIONS = "*class-descriptions-boxable*.csv"


def may_be_open_images(_: Path, data: bytes) -> bool:
    """Whether a CSV begins with the titles of Open Images."""
    first = data.partition(b"\n")[0]
    return all(name.encode() in first for name in COLUMNS)


def read_open_images(source: Source) -> Table:
    """Every image that has an object; labels stay codes without a CSV of their names, `/m/01g317,Person` a row.

    Raises:
        InputError: the columns are missing.
    """
    path = source.path
    descriptions = source.descriptions or next(iter(sorted(path.parent.glob(DESCRIPTIONS))), None)
    names = _names(descriptions) if descriptions else {}
    rows = Rows()
    bad = _read_rows(path, rows)
    if bad:
        line, what = bad[0]
        fix = "Correct the row or remove it; it is left out here."
        rows.refused.append(refusal_of_many(path, f"line {line}", len(bad), what, fix))
    labels = tuple(names.get(str(code), str(code)) for code in rows.labels)
    return rows.table(FORMAT, labels, listed=tuple(names.values()), class_file=descriptions)


def _names(path: Path) -> dict[str, str]:
    rows = csv.reader(read_text(path).splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[0] != "LabelName"}


def _read_rows(path: Path, rows: Rows) -> list[tuple[int, str]]:
    """Fill the columns row by row, as these files may be larger than memory; return bad lines and what is wrong."""
    bad = []
    images: dict[str, int] = {}
    file = str(path)
    lines = _lines(path)
    columns, group = _columns(next(lines, (0, []))[1], path)
    for line, row in lines:
        try:
            image, label, *corners = (row[column] for column in columns)
            x1, y1, x2, y2 = map(float, corners)
        except (IndexError, ValueError):
            bad.append((line, "lacks columns, or holds something that is not a number"))
            continue
        if not math.isfinite(x1 + y1 + x2 + y2):
            bad.append((line, "holds a coordinate that is not a finite number"))
            continue
        if image not in images:
            images[image] = rows.add_image(f"{image}.jpg", file)
        rows.add_object(images[image], label, (x1, y1, x2, y2), group is not None and row[group : group + 1] == ["1"])
    return bad


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its line."""
    try:
        with TextIOWrapper(open_file(path), newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            yield from ((reader.line_num, row) for row in reader if row)
    except OSError:
        read_bytes(path)  # says what is wrong with the path
        raise
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"is not a CSV that can be read ({error})", "Save it as UTF-8 CSV.") from None


def _columns(header: Sequence[str], path: Path) -> tuple[list[int], int | None]:
    """The places of `COLUMNS` and of the flag of groups."""
    titles = [title.strip() for title in header]
    missing = [name for name in COLUMNS if name not in titles]
    if missing:
        what = f"has no column {', '.join(missing)}" if titles else "is empty"
        raise InputError(path, what, f"Open Images has a first line with {', '.join(COLUMNS)}.")
    return [titles.index(name) for name in COLUMNS], titles.index(GROUP) if GROUP in titles else None


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
