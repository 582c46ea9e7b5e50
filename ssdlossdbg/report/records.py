"""The tables of a result: each list of its document, a row a record, for data frames, CSV, Markdown and notebooks."""

from __future__ import annotations

import csv
import importlib
import io
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.report.documents import NOT_FINITE, NotFinite, document_of
from ssdlossdbg.report.visible import cell
from ssdlossdbg.results import SeenImage, SeenObject
from ssdlossdbg.results.contract import keys

Record = dict[str, Any]
# The table that a result is mostly about; of others the first of their document with a row in it is.
MAIN = {
    "AnchorsResult": "levels",
    "AuditResult": "classes",
    "CheckResult": "findings.cases",
    "CompareResult": "dialects",
    "DetectResult": "images.detections",
    "FitResult": "sizes",
    "HistoryResult": "objects",
    "LossResult": "ground_truth",
    "LossesResult": "images",
    "MatchResult": "ground_truth",
}
# Tables that documents leave out, by result and name: functions in this folder.
MORE = {
    "AuditResult": {"objects": "audit.as_csv:audit_columns"},
    "HistoryResult": {
        name: f"history.tables:{name}" for name in ("all_objects", "object_samples", "group_samples", "steps")
    },
}
# So many keys tell the tables of a data set's loss from others; of those behind, some are records, whose columns are up
# to the rows.
TELLING = 8
# Rows turned into text at a time.
ROWS = 32_768
# What tells the rows of a table apart that come from several of the one above it.
KEYS = ("index", "code", "name", "level")
LIBRARIES = ("pandas", "polars")


def headings() -> Iterator[str]:
    """How a CSV file of images or of objects of a data set's loss begins."""
    for kind in (SeenImage, SeenObject):
        yield "".join(f"{key}," for key in keys(kind)[:TELLING])


def tables(result: Any) -> dict[str, list[Record]]:
    """Every list of records in the document of a result, by the path of its key, the main one first.

    A record that holds others (`where`) has their keys behind its own and a dot; a list of records in it (`detections`
    of an image) is a table of its own, with a column that says whose row each is.
    """
    found: dict[str, list[Record]] = {}
    for path, rows in _lists(document_of(result), "", {}):
        found.setdefault(path, []).extend(rows)
    main = main_of(result, found)
    return {name: found[name] for name in sorted(found, key=lambda name: name != main)}


def main_of(result: Any, found: dict[str, list[Record]]) -> str:
    """The name of the table that a result is mostly about; empty where it has none."""
    return MAIN.get(type(result).__name__) or next((name for name, rows in found.items() if rows), "")


def _lists(value: Any, path: str, of: Record) -> Iterator[tuple[str, list[Record]]]:
    for key, item in value.items():
        inner = f"{path}.{key}" if path else key
        if isinstance(item, dict):
            yield from _lists(item, inner, of)
        elif isinstance(item, list) and all(isinstance(each, dict) for each in item):
            yield inner, [{**of, **_flat(each)} for each in item]
            for place, each in enumerate(item):
                name = next((name for name in KEYS if name in each), "")
                yield from _lists(each, inner, {**of, key.removesuffix("s"): each[name] if name else place})


def _flat(record: Record, prefix: str = "") -> Record:
    """A record without others in it; lists of numbers stay, of records go."""
    flat: Record = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        elif not (isinstance(value, list) and value and isinstance(value[0], dict)):
            flat[prefix + key] = value
    return flat


def columns(rows: list[Record]) -> dict[str, list[Any]]:
    """Rows as columns, with None where a row has no such key, and numbers that are not finite as numbers."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [_number(row.get(name)) for row in rows] for name in names}


def _number(value: Any) -> Any:
    if isinstance(value, NotFinite):
        return NOT_FINITE[value]
    return [_number(each) for each in value] if isinstance(value, list) else value


def table(result: Any, name: str = "") -> dict[str, list[Any]]:
    """One table of a result, by columns.

    Args:
        result: what was found out.
        name: as of `tables`, or one of `MORE`; the main one if empty.

    Raises:
        UnknownNameError: there is none of that name.
    """
    more = MORE.get(type(result).__name__, {})
    if name in more:
        made: dict[str, list[Any]] = pkgutil.resolve_name(f"{__package__}.{more[name]}")(result)
        return made
    found = tables(result)
    wanted = name or main_of(result, found)
    if wanted in found or not name:  # of an empty main table nothing is known but that it is empty
        return columns(found.get(wanted, []))
    known = [*found, *more]
    raise UnknownNameError("to_frame", "table", name, known)


def frame(result: Any, name: str = "", library: str = "") -> Any:
    """One table of a result as a data frame.

    Args:
        result: what was found out.
        name: as of `table`.
        library: pandas or polars; whichever is installed if empty, pandas first.

    Raises:
        InputError: neither is installed, or not the one that was asked for.
        UnknownNameError: there is no such table or library.
    """
    if library and library not in LIBRARIES:
        raise UnknownNameError("to_frame", "library", library, LIBRARIES)
    for each in (library,) if library else LIBRARIES:
        try:
            frames: Any = importlib.import_module(each)
        except ImportError:
            continue
        made = table(result, name)
        return frames.DataFrame(made, strict=False) if each == "polars" else frames.DataFrame(made)
    needed = library or "pandas or polars"
    fix = f"Run: pip install {library or LIBRARIES[0]}. Or take .to_dict(), which needs nothing."
    raise InputError("to_frame", f"needs {needed}, which {'is' if library else 'are'} not installed", fix)


def to_csv(result: Any, name: str = "") -> str:
    """One table of a result as CSV, as a spreadsheet may open it; arguments and errors as of `table`."""
    return "".join(csv_lines(table(result, name)))


def csv_lines(made: Mapping[str, Any]) -> Iterator[str]:
    """Columns as CSV, as a spreadsheet may open it, in chunks, the headings first.

    Args:
        made: lists or arrays, all as long.
    """
    yield _lines([[cell(heading) for heading in made]])
    for start in range(0, max(map(len, made.values()), default=0), ROWS):
        chunk = [_cells(column[start : start + ROWS]) for column in made.values()]
        yield _lines(zip(*chunk, strict=True))


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cells(column: Any) -> list[Any]:
    if isinstance(column, np.ndarray) and column.dtype.kind != "O":
        # As few digits as tell single precision apart; csv writes Python's own numbers far faster than NumPy's.
        texts: list[Any] = column.astype(str).tolist() if column.dtype == np.float32 else column.tolist()
        return texts
    return [_cell(value) for value in column]


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return cell(" ".join(map(str, value))) if any(isinstance(each, str) for each in value) else str(value)
    return cell(value) if isinstance(value, str) else value
