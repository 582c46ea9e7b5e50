"""A file of rows that only grows: readable while it is written, safe to kill, bounded by thinning."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssdlossdbg.results.history_rows import FIRST, HEAD, SAVED, Rows, Table, describes, head_of, rows_in
from ssdlossdbg.whole_files import replace_whole

# What is left out beyond this is of no use: what remains are steps that are kept for their own sake.
MOST_STRIDE = 1 << 30


class RowFile:
    """Rows of one table, each written whole by one call of the system, so that a kill tears none but the last.

    One that an earlier process left is taken on where it describes the same rows; its torn end is cut off first.

    Args:
        path: of the file; its folder exists.
        table: what it holds.
        about: what its head says of the run.
        most_bytes: what it may grow to; then every other step in it goes.

    Attributes:
        stride: only steps that this divides are still in it.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path, table: Table, about: Mapping[str, Any], most_bytes: int) -> None:
        self.path, self.table, self.most_bytes, self.stride = path, table, most_bytes, 1
        self._head = table.head(about)
        if _same_rows(path, table):
            whole = (path.stat().st_size - HEAD) // table.dtype.itemsize
            os.truncate(path, HEAD + whole * table.dtype.itemsize)
        else:
            if path.exists():
                path.replace(_free(path))
            replace_whole(path, [self._head])
        self._file = path.open("ab", buffering=0)

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._file.fileno()).st_size

    def last_step(self) -> int:
        """Of the rows in it, which stand in the order of steps; -1 where there are none."""
        if self.size == HEAD:
            return -1
        with self.path.open("rb") as file:
            file.seek(-self.table.dtype.itemsize, os.SEEK_END)
            return int(np.frombuffer(file.read(), self.table.dtype)["step"][0])

    def append(self, rows: Rows) -> None:
        """Write rows at the end.

        Raises:
            OSError: they cannot be written; a part that was is cut off again.
        """
        if self.size + rows.nbytes > self.most_bytes:
            self._thin()
        data, before = np.ascontiguousarray(self._kept(rows)).tobytes(), self.size
        try:
            if self._file.write(data) != len(data):
                raise OSError(28, os.strerror(28))
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(before)
            raise

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _rows(self) -> Rows:
        return rows_in(self.path.read_bytes(), self.table)

    def _kept(self, rows: Rows) -> Rows:
        """Those of the steps that are kept; and those where a run began, or a batch was saved."""
        if self.stride == 1:
            return rows
        kept = rows["step"] % self.stride == 0
        if "marks" in (rows.dtype.names or ()):
            kept |= (rows["marks"] & np.uint32(FIRST | SAVED)) > 0
        remaining: Rows = rows[kept]
        return remaining

    def _thin(self) -> None:
        """Leave every other step out, and from now on too."""
        rows = self._rows()
        while HEAD + rows.nbytes > self.most_bytes // 2 and self.stride < MOST_STRIDE:
            self.stride *= 2
            rows = self._kept(rows)
        self._file.close()
        replace_whole(self.path, [self._head, rows.tobytes()])
        self._file = self.path.open("ab", buffering=0)


def _same_rows(path: Path, table: Table) -> bool:
    """Whether a file is there that holds rows of this table, as this program writes them."""
    try:
        with path.open("rb") as file:
            return describes(head_of(file.read(HEAD)), table)
    except OSError:
        return False


def _free(path: Path) -> Path:
    number = 1
    while (other := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return other
