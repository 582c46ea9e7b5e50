"""Writing a file whole or not at all: what is not whole yet has no name, or one by which the next writer clears it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, which lets nobody remove a file that another process has open
    flock = None  # type: ignore[assignment]

# Bytes of the 255 that a name may have: the others are for what makes it the name of a part.
LONGEST_NAME = 200
# What a file that has no name yet can be given one by.
OPEN_FILES = "/proc/self/fd"


def replace_whole(path: Path, chunks: Iterable[bytes], *, mode: int | None = None, lasting: bool = False) -> None:
    """Write a file whole or not at all, in place of one that may be there.

    Args:
        path: where to.
        chunks: what.
        mode: the rights that it is to have; those that the umask leaves if None.
        lasting: whether it is to be on the disk before it takes its name, lest a crash of the machine leave half.

    Raises:
        OSError: it cannot be written; nothing of it is left then, as after Ctrl-C.
    """
    with _written(path, chunks, mode, lasting) as part:
        part.replace(path)


def add_whole(names: Iterable[Path], chunks: Iterable[bytes]) -> Path:
    """Write a file under the first name that is free once it is whole, which no other process can take then.

    Args:
        names: in one folder, in order, without end.
        chunks: what.

    Returns:
        The name that it has.

    Raises:
        OSError: as of `replace_whole`.
    """
    names = iter(names)
    first = next(names)
    with _written(first, chunks, None, False) as part:
        for name in itertools.chain([first], names):
            with contextlib.suppress(FileExistsError):
                part.add(name)
                return name
    raise AssertionError  # there is no end of names


@dataclass
class _Part:
    """A file that is written to, and takes its name when it is whole.

    Attributes:
        file: it, locked while it is open, so that nobody clears it away.
        name: its name so far; None where it has none, as many file systems can have it.
    """

    file: BinaryIO
    name: Path | None

    def add(self, path: Path) -> None:
        """Name it so.

        Raises:
            FileExistsError: there is such a file.
        """
        if self.name is None:
            try:
                return self._link(path)
            except FileExistsError:
                raise
            except OSError:  # a file system, or a sandbox, that can have such files and not name them
                self._copy(path)
        assert self.name is not None
        try:
            os.link(self.name, path)
        except FileExistsError:
            raise
        except OSError:  # the file system knows no second names
            path.touch(exist_ok=False)
            try:
                self.name.replace(path)
            except BaseException:
                path.unlink()
                raise

    def replace(self, path: Path) -> None:
        """Name it so, in place of a file that may be there."""
        if self.name is None:
            try:
                return self.add(path)
            except FileExistsError:
                pass
        if self.name is None:  # a link cannot replace what is there, and a renamed file can
            for name in _names(path):
                with contextlib.suppress(FileExistsError):
                    self.add(name)
                    self.name = self.name or name
                    break
        assert self.name is not None
        self.name.replace(path)
        return None

    def end(self) -> None:
        """Close it, and take away the name that it had while it was no more than a part."""
        try:
            if self.name is not None and (self.file.closed or _is(self.name, self.file.fileno())):
                self.name.unlink()
        except OSError:
            pass
        finally:
            self.file.close()

    def _link(self, path: Path) -> None:
        home = os.open(path.parent, os.O_RDONLY)  # Python follows what a file is open as only from a folder
        try:
            os.link(f"{OPEN_FILES}/{self.file.fileno()}", path, src_dir_fd=home)
        finally:
            os.close(home)

    def _copy(self, path: Path) -> None:
        """Go on with a copy that has a name."""
        status = os.fstat(self.file.fileno())
        copy = _open_named(path, 0o600)
        with self.file as file:
            self.file, self.name = copy.file, copy.name
            file.seek(0)
            shutil.copyfileobj(file, self.file)
            self.file.flush()
            os.chmod(self.file.fileno(), stat.S_IMODE(status.st_mode))  # noqa: PTH101 -- what is open


@contextlib.contextmanager
def _written(path: Path, chunks: Iterable[bytes], mode: int | None, lasting: bool) -> Iterator[_Part]:
    """A whole file beside `path`, and none afterwards that was given no other name, whatever happens."""
    for name in _numbered(path):
        if not os.path.lexists(name):
            break
        _clear(name)
    part = _open(path, 0o666 if mode is None else 0o600)  # nobody reads meanwhile what only some may read
    try:
        part.file.writelines(chunks)
        part.file.flush()
        if lasting:
            os.fsync(part.file.fileno())
        if mode is not None:
            os.chmod(part.name or part.file.fileno(), mode)  # noqa: PTH101 -- it may have no name
        if flock is None:  # where an open file cannot be renamed
            part.file.close()
        yield part
    finally:
        part.end()


def _open(path: Path, mode: int) -> _Part:
    """A new file in the folder of `path`."""
    if hasattr(os, "O_TMPFILE") and Path(OPEN_FILES).is_dir():
        with contextlib.suppress(OSError):  # not every file system can; what else is wrong will be said again
            handle = os.open(path.parent, os.O_TMPFILE | os.O_RDWR, mode)
            _lock(handle)
            return _Part(os.fdopen(handle, "w+b"), None)
    return _open_named(path, mode)


def _open_named(path: Path, mode: int) -> _Part:
    for name in _names(path):
        try:
            handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), mode)
        except FileExistsError:
            continue
        if not _lock(handle) or _is(name, handle):
            return _Part(os.fdopen(handle, "wb"), name)
        os.close(handle)  # somebody cleared it away before it was locked
    raise AssertionError  # there is no end of names


def _numbered(path: Path) -> Iterator[Path]:
    """What parts of the file are called."""
    stem = os.fsdecode(os.fsencode(path.name)[:LONGEST_NAME])
    return (path.with_name(f".{stem}.ssdlossdbg-{number}.part") for number in itertools.count(1))


def _names(path: Path) -> Iterator[Path]:
    """Names for a part of the file, each as often as it was free and is so again."""
    for name in _numbered(path):
        while not os.path.lexists(name):
            yield name


def _clear(name: Path) -> None:
    """Take away what a process of this user left of a file, if it is gone: then nobody holds the lock on it."""
    with contextlib.suppress(OSError):  # a stranger's, or one that is being written to
        if flock is None:  # where nobody can remove what another has open
            return name.unlink()
        handle = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            status = os.fstat(handle)
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                flock(handle, LOCK_EX | LOCK_NB)
                if _is(name, handle):  # else another did so meanwhile, and has begun one of its own
                    name.unlink()
        finally:
            os.close(handle)
    return None


def _lock(handle: int) -> bool:
    """Lock an open file as long as it is open; False where the file system cannot, and so nobody can clear it."""
    try:
        if flock is not None:
            flock(handle, LOCK_EX)  # whoever clears holds it for a moment
    except OSError:
        return False
    return flock is not None


def _is(name: Path, handle: int) -> bool:
    """Whether a name is that of an open file."""
    try:
        return os.path.samestat(name.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False
