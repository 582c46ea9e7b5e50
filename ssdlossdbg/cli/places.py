"""Where `-o` writes, by one rule for all commands: a file by its ending, a folder without one, stdout for `-`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdlossdbg.errors import InputError

STDOUT = Path("-")
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
# Of a page.
ENDINGS = (".html", ".htm")
# Endings that a folder's name hardly has, so that a file is meant.
FILES = (*PICTURES, ".bmp", ".csv", ".gif", ".htm", ".html", ".json", ".md", ".npy", ".pdf", ".svg", ".tif", ".tiff",
         ".toml", ".txt", ".xml", ".yaml", ".yml")  # fmt: skip


def is_folder(path: Path) -> bool:
    """Whether a folder is meant, which need not exist yet."""
    device = path.exists() and not path.is_file() and not path.is_dir()
    return path != STDOUT and not device and (path.is_dir() or path.suffix.lower() not in FILES)


def file_at(path: Path, name: str, endings: Sequence[str] = PICTURES) -> Path:
    """The file that `-o` names.

    Args:
        path: what the user gave.
        name: of the file, where that is a folder.
        endings: that the file may have.

    Raises:
        InputError: it has another ending.
    """
    if path == STDOUT:
        return path
    if is_folder(path):
        return path / name
    # What is there may be an input, of which there is something else to say, or a device.
    if not path.exists() and path.suffix.lower() not in endings:
        raise InputError(path, f"ends in {path.suffix}", _advice(endings))
    return path


def _advice(endings: Sequence[str]) -> str:
    *others, last = endings
    return f"End it in {', '.join(others)} or {last}." if others else f"End it in {last}."
