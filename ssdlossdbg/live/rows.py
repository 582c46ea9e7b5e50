"""A file of rows that only grows: readable while it is written, safe to kill, bounded by thinning."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssdlossdbg.results.history_rows import (
    FIRST,
    HEAD,
    SAVED,
    STEPS,
    Rows,
    Table,
    describes,
    head_of,
    rows_in,
)
from ssdlossdbg.whole_files import replace_whole

# What is left out beyond this is of no use: what remains are steps that are kept for their own sake.
MOST_STRIDE = 1 << 30
# Rows that tell where a file ends: more than one, as other ranks may have gone on in the meantime.
LAST = 64


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
        OSError: it cannot be opened, or another process writes to it.
    """

    def __init__(self, path: Path, table: Table, about: Mapping[str, Any], most_bytes: int) -> None:
        self.path, self.table, self.most_bytes, self.stride = path, table, most_bytes, 1
        self._head = table.head(about)
        self._open()

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._file.fileno()).st_size

    def last_step(self) -> int:
        """Of the rows in it, which stand in the order of steps; -1 where there are none."""
        rows = _last(self.path, self.table)
        return int(rows["step"][-1]) if len(rows) else -1

    def append(self, rows: Rows) -> None:
        """Write rows at the end.

        Raises:
            OSError: they cannot be written; a part that was is cut off again.
        """
        if not os.fstat(self._file.fileno()).st_nlink:  # somebody has taken it away
            self._file.close()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
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

    def describe(self, about: Mapping[str, Any]) -> None:
        """Have the head say something else of the run; the rows stay.

        Args:
            about: as at the beginning.

        Raises:
            OSError: it cannot be written.
        """
        self._head = self.table.head(about)
        with self.path.open("r+b", buffering=0) as file:
            file.write(self._head)
        self.claim()  # which closing any file of that name has let go of

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def claim(self) -> None:
        """Keep other processes from writing to it, where the system knows how; one that ends lets go of it.

        Whoever closes any file of that name in this process lets go of it, too, as systems have it.

        Raises:
            OSError: another process writes to it.
        """
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise OSError(error.errno, "another process writes to it", str(self.path)) from None

    def _open(self) -> None:
        """Open the file, its rows whole; one of another kind is put aside."""
        ours = _same_rows(self.path, self.table)
        if not ours:
            if self.path.exists():
                self.path.replace(_free(self.path))
            replace_whole(self.path, [self._head])
        self._file = self.path.open("ab", buffering=0)
        self.claim()
        if ours:
            whole = (self.size - HEAD) // self.table.dtype.itemsize
            self._file.truncate(HEAD + whole * self.table.dtype.itemsize)

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
        while rows.nbytes > (self.most_bytes - HEAD) // 2 and self.stride < MOST_STRIDE:
            self.stride *= 2
            rows = self._kept(rows)
        self._file.close()
        replace_whole(self.path, [self._head, rows.tobytes()])
        self._open()


def _same_rows(path: Path, table: Table) -> bool:
    """Whether a file is there that holds rows of this table, as this program writes them."""
    try:
        with path.open("rb") as file:
            return describes(head_of(file.read(HEAD)), table)
    except OSError:
        return False


def last_step_before(path: Path, moment: float) -> int:
    """The last step of another file of steps that was written before a moment, in seconds since 1970; -1 if none is."""
    try:
        rows = _last(path, STEPS) if _same_rows(path, STEPS) else np.empty(0, STEPS.dtype)
    except OSError:
        return -1
    before = rows["step"][rows["time"] < moment]
    return int(before.max()) if len(before) else -1


def _last(path: Path, table: Table) -> Rows:
    """The last rows of a file; they are whole where it is, or was torn at its end."""
    width = table.dtype.itemsize
    with path.open("rb") as file:
        whole = max(0, file.seek(0, os.SEEK_END) - HEAD) // width
        few = min(whole, LAST)
        file.seek(HEAD + (whole - few) * width)
        return np.frombuffer(file.read(few * width), table.dtype)


def _free(path: Path) -> Path:
    number = 1
    while (other := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return other
