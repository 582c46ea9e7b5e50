"""Two files that were given in each other's place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ssdlossdbg.cli.streams import say_note
from ssdlossdbg.errors import InputError, SeveralBatchesError
from ssdlossdbg.readers.files import is_file

if TYPE_CHECKING:
    from ssdlossdbg.readers.saved.tensor_files import Saved

T = TypeVar("T")
# How photos begin: JPEG, PNG, GIF, BMP, TIFF of both orders, and WebP.
PHOTOS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")


def photo_first(photo: Path, annotation: Path) -> tuple[Path, Path]:
    """A photo and its annotation, whichever came first: only the photo begins as photos do."""
    if _is_photo(annotation) and photo.is_file() and not _is_photo(photo):
        _say(annotation, "the photo", photo, "its annotation")
        return annotation, photo
    return photo, annotation


def either_way(run: Callable[[Path | Saved, Path | Saved | None], T], predictions: Path, targets: Path | None) -> T:
    """What comes of predictions and targets; of the two the other way round, where only so they can be read.

    Each file is loaded once, whichever way it goes.

    Raises:
        InputError: as they were given, where that holds both ways.
    """
    if targets is None or not (is_file(predictions) and is_file(targets)):
        return run(predictions, targets)
    from ssdlossdbg.readers.saved.tensor_files import load

    first = load(predictions)
    second = first if targets == predictions else load(targets)
    try:
        return run(first, second)
    except SeveralBatchesError:
        raise
    except InputError as error:
        refusal = error.with_traceback(None)  # whose frames would hold what was computed beside what is computed next
    try:
        result = run(second, first)
    except InputError:
        raise refusal from None
    _say(targets, "the predictions", predictions, "the targets")
    return result


def _is_photo(path: Path) -> bool:
    from ssdlossdbg.readers.annotations.folders import beginning

    return path.is_file() and beginning(path).startswith(PHOTOS)


def _say(first: Path, what: str, second: Path, other: str) -> None:
    say_note(f"by what they hold, {first} is {what} and {second} {other}: taken that way round.")
