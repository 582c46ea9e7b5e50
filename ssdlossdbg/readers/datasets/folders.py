"""Walking through folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

BEGINNING = 4096


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; what is too long for a name is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def walk(folder: Path) -> Iterator[Path]:
    """The files in a folder and the folders in it, the hidden ones left out."""
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in files if not name.startswith("."))


def files_below(folder: Path, ending: str, preferred: str) -> list[Path]:
    """The files with an ending, by name.

    Args:
        folder: where to look.
        ending: `.xml`, say, in lower case.
        preferred: the name of the folders where a format keeps its annotations; where there is one with such files,
            in or above the folder itself, only those in such folders count.
    """
    # By their strings: comparing a hundred thousand paths part by part takes as long as reading the files.
    found = sorted((file for file in walk(folder) if file.suffix.lower() == ending), key=str)
    return [file for file in found if preferred in file.parts[:-1]] or found


def beginning(file: Path) -> bytes:
    """What a file starts with; nothing where it cannot be read, which reading it will tell."""
    try:
        with file.open("rb") as opened:
            return opened.read(BEGINNING)
    except OSError:
        return b""
