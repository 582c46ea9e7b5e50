"""Walking through folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import open_file

# How many bytes of a file tell what it is.
BEGINNING = 4096
# What file systems and NAS boxes put into folders, for themselves alone.
OF_SYSTEM = frozenset({"lost+found", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "#snapshot"})


# What TensorFlow writes behind the ending of a file that is one of several.
SHARD = re.compile(r"-\d+-of-\d+$")


def ending_of(name: str) -> str:
    """The ending of a file's name, in lower case, without the number of a shard behind it."""
    bare = SHARD.sub("", name) if "-of-" in name else name
    return bare[bare.rfind(".") :].lower() if "." in bare else ""


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; what is too long for a name is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def walk(folder: Path, endings: tuple[str, ...] = ("",)) -> Iterator[Path]:
    """The files in a folder and the folders in it, linked ones too and hidden ones left out.

    Args:
        folder: where to look.
        endings: in lower case, as `.xml`; only files whose names end in one of them.

    Raises:
        InputError: a folder may not be listed; what it holds would be missing without a word.
    """
    seen = set()
    for root, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        # In the order of names, so that of two links to a folder the same one is followed every time.
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in OF_SYSTEM)
        wanted = [name for name in files if _ends(name, endings) and not name.startswith(".")]
        real = os.path.realpath(root)
        if real in seen:  # a link may lead back to a folder above it
            folders.clear()
        else:
            seen.add(real)
            yield from (Path(root, name) for name in wanted)


def _ends(name: str, endings: tuple[str, ...]) -> bool:
    return name.lower().endswith(endings) or ("-of-" in name and ending_of(name) in endings)


def _refuse(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return  # gone since it was listed, or never there
    fix = "Check its permissions, or name the folders beside it one by one."
    raise InputError(error.filename, f"is a folder that cannot be listed ({error.strerror})", fix) from None


def files_below(folder: Path, endings: tuple[str, ...], preferred: str) -> list[Path]:
    """The files with one of some endings, by name.

    Args:
        folder: where to look.
        endings: as of `walk`.
        preferred: the name of the folders where a format keeps its annotations; where there is one with such files,
            in or above the folder itself, only those in such folders count.
    """
    # By their strings: comparing a hundred thousand paths part by part takes as long as reading the files.
    found = sorted(walk(folder, endings), key=str)
    return [file for file in found if preferred in file.parts[:-1]] or found


def beginning(file: Path, length: int = BEGINNING) -> bytes:
    """The bytes that a file starts with; none where it cannot be read, which reading it will tell."""
    try:
        with open_file(file) as opened:
            return opened.read(length)
    except (OSError, ValueError):  # the latter of a name that no file can have
        return b""
