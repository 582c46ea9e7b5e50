"""The history that a capture kept of a run: rows of all its ranks, and the batches that were saved beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import explained, open_file, read_bytes
from ssdlossdbg.readers.saved.captured import header_of
from ssdlossdbg.results import Captured
from ssdlossdbg.results.captured import CAPTURED_NAME
from ssdlossdbg.results.history_rows import (
    FOLDER,
    GROUPS,
    OBJECTS,
    SIDES,
    SIZE,
    STEPS,
    VALIDATION,
    Rows,
    Table,
    describes,
    head_of,
    rows_in,
)

KEEP = "Keep one with ssdlossdbg.capture(criterion, run, history=True), or ssdlossdbg run --history."
# What is counted, or numbered from 0, in rows.
COUNTS = ("kind", "key", "objects", "unmatched", "forced_only", "right", "positives", "negatives", "label", "level",
          "forced", "taken", "rival")  # fmt: skip
MOST_STEPS, MOST_COUNT = 1 << 40, 1 << 24
# More is no header of ours.
MOST_HEADER = 1 << 20


@dataclass(frozen=True)
class SavedBatch:
    """A captured batch of the run.

    Attributes:
        path: of its file.
        captured: its header.
    """

    path: Path
    captured: Captured


@dataclass(frozen=True, eq=False)
class RunHistory:
    """What was kept of a run.

    Attributes:
        folder: of the run.
        about: what the heads of the files say of it: criterion, dialect.
        steps: rows of `STEPS`, in the order of steps, of one step in that of ranks.
        rank: of each of those.
        groups, objects: rows of `GROUPS` and `OBJECTS`, in the order of steps.
        names: of images, by the numbers that stand for them in rows.
        batches: that were saved, in the order of their times.
    """

    folder: Path
    about: Mapping[str, Any]
    steps: Rows
    rank: np.ndarray[Any, np.dtype[np.int64]]
    groups: Rows
    objects: Rows
    names: Mapping[int, str]
    batches: tuple[SavedBatch, ...]


def read_history(run: Path) -> RunHistory:
    """What a capture kept in the folder of a run, which may still be going on.

    Args:
        run: the folder that was given to `capture`.

    Raises:
        InputError: it holds no history, or one that cannot be read.
    """
    folder = run / FOLDER
    try:
        files = sorted(each.name for each in folder.iterdir())
    except OSError:
        raise InputError(run, f"holds no history (a folder {FOLDER} with steps.rows)", KEEP) from None
    steps, rank, about = _of_ranks(folder, files, STEPS)
    if not len(steps):
        raise InputError(folder, "holds no step yet", "Wait for the first one, or see what the training printed.")
    if bool(((steps["marks"] & np.uint32(VALIDATION)) > 0).all()):
        what = f"holds no step of a training: its {len(steps):,} steps are all of validation"
        raise InputError(folder, what, "ssdlossdbg loss RUN has what their images cost.")
    groups, objects = (_of_ranks(folder, files, table)[0] for table in (GROUPS, OBJECTS))
    names = {number: name for file in files if file.startswith("images") for number, name in _names(folder / file)}
    batches = sorted(_batches(run), key=lambda batch: batch.captured.epoch_time)
    return RunHistory(run, about, steps, rank, groups, objects, names, tuple(batches))


def _of_ranks(folder: Path, files: list[str], table: Table) -> tuple[Rows, np.ndarray[Any, Any], Mapping[str, Any]]:
    """The rows of a table of all ranks in the order of steps, the rank of each, and what a head says."""
    parts, ranks = [np.empty(0, table.dtype)], [np.empty(0, np.int64)]
    about: dict[str, Any] = {}
    for name in files:
        found = re.fullmatch(rf"{table.name}(?:\.rank(\d+))?\.rows", name)
        if not found:
            continue
        data = read_bytes(folder / name)
        head = head_of(data)
        if not describes(head, table):
            what = f"is no file of {table.name} that this version writes"
            raise InputError(folder / name, what, "Read it with the version that kept it, or keep another history.")
        parts.append(_possible(rows_in(data, table)))
        ranks.append(np.full(len(parts[-1]), int(found[1] or 0)))
        about = about or {key: value for key, value in head.items() if key not in ("table", "row", "fields")}
    rows, rank = np.concatenate(parts), np.concatenate(ranks)
    order = np.lexsort((rank, rows["step"]))
    return rows[order], rank[order], about


def _possible(rows: Rows) -> Rows:
    """The rows that a training can have written: those of a file that was damaged say anything."""
    fields = rows.dtype.names or ()
    counts = [name for name in ("epoch", *COUNTS) if name in fields]
    kept = (rows["step"] >= 0) & (rows["step"] < MOST_STEPS)
    for name in counts:
        kept &= (rows[name] >= 0) & (rows[name] < MOST_COUNT)
    if "key" in fields:
        kept &= (rows["kind"] != SIZE) | (rows["key"] <= len(SIDES))
    if "time" in fields:
        kept &= np.isfinite(rows["time"])
    if "box" in fields:
        kept &= np.isfinite(rows["box"]).all(1) & (np.abs(rows["box"]) < MOST_COUNT).all(1)
    possible: Rows = rows[kept]
    for name in fields:
        if possible[name].dtype.kind == "f":  # a nan of a damaged file may be one that signals
            possible[name][np.isnan(possible[name])] = np.nan
    return possible


def _names(path: Path) -> Iterator[tuple[int, str]]:
    """(number, name) of images; a line that is torn or no line of ours tells nothing."""
    for line in read_bytes(path).splitlines():
        try:
            told = json.loads(line)
            yield int(told["image"]), str(told["name"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            continue


def _batches(run: Path) -> Iterator[SavedBatch]:
    """The captured batches of a run, those of the processes that it was begun with before, too."""
    for path in [*run.glob("step*.safetensors"), *run.glob("earlier-*/step*.safetensors")]:
        if not re.fullmatch(CAPTURED_NAME, path.name) or not path.is_file():
            continue
        with explained(path), open_file(path) as file:
            known = int.from_bytes(file.read(8), "little") <= MOST_HEADER
            file.seek(0)
            captured = header_of(file, path) if known else None
        if captured is not None:
            yield SavedBatch(path, captured)
