"""Copies of annotation files in a folder that mirrors where they lie, none of it written unless all of it may be."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ssdlossdbg.cli.places import STDOUT, is_folder
from ssdlossdbg.cli.writing import Writer, check_folder
from ssdlossdbg.errors import InputError

CHUNK = 2**20


def check_copies(given: Sequence[Path], folder: Path) -> None:
    """Refuse, before anything is read, a folder that copies cannot go into.

    Args:
        given: the files and folders that are checked.
        folder: for their copies.

    Raises:
        InputError: it is no folder, or lies in one that is checked.
    """
    if folder == STDOUT or not is_folder(folder):
        raise InputError(folder, "is no folder, and --fix writes a copy of each file", "Name a folder with -o.")
    own = Path(os.path.realpath(folder))
    for path in given:
        home = Path(os.path.realpath(path))
        if path.is_dir() and home in (own, *own.parents):
            what = f"lies in {path}, which is checked: the copies would be part of it"
            raise InputError(folder, what, "Name a folder beside it.")
    check_folder(folder)


def targets_of(files: Sequence[str], beside: Sequence[str], given: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Where the copy of each file goes: as it lies below the folder that all of them have in common.

    Args:
        files: that are to be copied.
        beside: others that are to be, unless they lie elsewhere.
        given: files and folders that were named.
        folder: for the copies.

    Raises:
        InputError: they have no folder in common.
    """
    homes = [os.path.abspath(path if path.is_dir() else path.parent) for path in given]  # noqa: PTH100 -- links stay
    paths = {file: os.path.abspath(file) for file in files}  # noqa: PTH100
    try:
        root = os.path.commonpath([*homes, *map(os.path.dirname, paths.values())])
    except ValueError:  # on two drives
        raise InputError(
            folder, "is for files without a folder in common", "Check those of one drive at a time."
        ) from None
    lying = {file: os.path.relpath(file, root) for file in beside}
    paths |= {file: os.path.join(root, path) for file, path in lying.items() if not path.startswith(os.pardir)}  # noqa: PTH118
    return {file: folder / os.path.relpath(path, root) for file, path in paths.items()}


def write_copies(copies: Mapping[Path, tuple[str, bytes | None]], writer: Writer) -> None:
    """Write copies; what is there already, byte for byte, stays.

    Args:
        copies: by where they go: the file, and what its copy holds, None if what the file does.
        writer: of the command.

    Raises:
        InputError: one of them is a file that was read, or somebody else's, and none is written then.
    """
    sources = {(found.st_dev, found.st_ino) for file, _ in copies.values() for found in [Path(file).stat()]}
    waiting = {}
    for path, (file, data) in copies.items():
        if path.exists():
            found = path.stat()
            if (found.st_dev, found.st_ino) in sources:
                raise InputError(path, "is an input and would be overwritten", "Choose another folder with -o.")
            if _holds(path, file, data):
                continue
            writer.check(path)
        waiting[path] = file, data
    for home in {path.parent for path in waiting}:
        check_folder(home)
    for path, (file, data) in waiting.items():
        writer.write(path, _chunks(file) if data is None else data)


def _holds(path: Path, file: str, data: bytes | None) -> bool:
    """Whether a file holds what a copy is to hold."""
    if not path.is_file():
        return False
    from ssdlossdbg.readers.files import read_bytes

    size = Path(file).stat().st_size if data is None else len(data)
    if path.stat().st_size != size:
        return False
    return path.read_bytes() == (read_bytes(Path(file)) if data is None else data)


def _chunks(file: str) -> Iterator[bytes]:
    from ssdlossdbg.readers.files import open_file

    with open_file(Path(file)) as opened:
        while chunk := opened.read(CHUNK):
            yield chunk
