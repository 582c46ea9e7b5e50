"""Reading files so that every failure is one clear sentence."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.memory import in_words, most_bytes

# Device and inode: what a file is, under whatever name and through whatever link.
Identity = tuple[int, int]
NO_FILE = "no file, but a pipe or a device"
# What a file of settings may have; and one that is about a single image, for 100,000 objects have fewer bytes.
LARGEST_TABLE, LARGEST_OF_IMAGE = 1_000_000, 2**26
# A dotted key opens a table within a table for each dot, and the parser walks all of them for each.
MOST_DOTS = 200
_PART = r"""(?:(?<![\w-])[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
DEEP_KEY = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MOST_DOTS}}}")
_opened: ContextVar[set[Identity] | None] = ContextVar("opened", default=None)


@contextlib.contextmanager
def noting() -> Iterator[None]:
    """Note which files are read from here on, so that what is written then replaces none of them."""
    before = _opened.set(set())
    try:
        yield
    finally:
        _opened.reset(before)


def was_read(file: os.stat_result) -> bool:
    """Whether this file was read, under any name, since `noting` began."""
    return (file.st_dev, file.st_ino) in (_opened.get() or ())


def open_file(path: Path, largest: float = math.inf) -> BinaryIO:
    """The file, opened to be read; every reader opens its files here, so that they are noted.

    Args:
        path: the file.
        largest: how many bytes it may have; no more than memory has room for in any case.

    Raises:
        OSError: as `open` does; of what is no file: a pipe that nobody may ever write to, a device without an end; and
            of a file that is too large.
    """
    # A pipe is opened without waiting for whoever writes to it.
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        os.close(file)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        raise OSError(errno.EINVAL, NO_FILE)
    largest = min(largest, most_bytes())
    if status.st_size > largest:
        os.close(file)
        raise OSError(errno.EFBIG, f"it has {in_words(status.st_size)}, and may have {in_words(largest)}")
    opened = _opened.get()
    if opened is not None:
        opened.add((status.st_dev, status.st_ino))
    return os.fdopen(file, "rb")


def read_bytes(path: Path, largest: float = math.inf) -> bytes:
    """The file's bytes.

    Args:
        path: the file.
        largest: how many bytes it may have.

    Raises:
        InputError: there is no such file, it cannot be read, or is too large.
    """
    with explained(path), open_file(path, largest) as file:
        return file.read()


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say of a file that is opened or read here why it cannot be.

    Raises:
        InputError: there is no such file, it cannot be read, or is too large.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(path, "no such file", _near_miss(path)) from None
    except IsADirectoryError:
        raise InputError(path, "is a folder, not a file", "Name a file inside it.") from None
    except OSError as error:
        fixes = {errno.EINVAL: "Save what it gives as a file.", errno.EFBIG: "Split it, or name the right file."}
        fix = fixes.get(error.errno or 0, "Check its permissions.")
        raise InputError(path, f"cannot be read ({error.strerror})", fix) from None
    except MemoryError:
        size = in_words(path.stat().st_size)
        raise InputError(path, f"takes more memory than there is ({size})", "Split it.") from None
    except ValueError as error:
        raise InputError(path, f"cannot be a path ({error})", "Check the path.") from None


def is_file(path: Path) -> bool:
    """Whether there is such a file; what is too long for a file name (a list of classes, say) is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _near_miss(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {folder} does not exist either; check the path."
    same_stem = sorted(entry.name for entry in folder.glob(f"{glob.escape(path.stem)}.*") if entry.exists())
    return f"There is {same_stem[0]} beside it." if same_stem else "Check the path."


def read_text(path: Path, largest: float = math.inf) -> str:
    """The file's text, which must be UTF-8; arguments as of `read_bytes`.

    Raises:
        InputError: the file cannot be read or decoded.
    """
    try:
        return read_bytes(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(path, f"is not UTF-8 text (byte {error.start})", "Save it as UTF-8.") from None


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that hold something, without the blanks around it; errors as of `read_text`."""
    return lines_of(read_text(path))


def lines_of(text: str) -> list[str]:
    """The lines of a text that hold something, without the blanks around it."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_table(path: Path) -> dict[str, Any]:
    """The table in a TOML file, or in a JSON file where the name ends so.

    Raises:
        InputError: the file cannot be read or parsed, or holds something else than a table.
    """
    text = read_text(path, LARGEST_TABLE)
    is_json = path.suffix.lower() == ".json"
    if not is_json and DEEP_KEY.search(text):
        raise InputError(path, f"has a key of more than {MOST_DOTS} parts", "Flatten it.")
    try:
        table = json.loads(text) if is_json else tomllib.loads(text)
    except ValueError as error:  # not only the parsers' own: an integer of 5000 digits is none either
        raise InputError(path, f"cannot be parsed: {error}", "Correct that place.") from None
    except RecursionError:
        raise InputError(path, "is nested too deeply", "Flatten it.") from None
    if not isinstance(table, dict):
        raise InputError(path, "does not hold a table of keys", "Put `key = value` pairs at the top level.")
    return table
