"""The annotation formats that there are, and which of them a file or folder is in."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import coco, open_images, photo_files, voc, yolo
from ssdlossdbg.readers.annotations.folders import beginning, is_folder, walk
from ssdlossdbg.readers.annotations.format import Format

# All commands read through this table: a new format is a file beside this one, and a row here.
FORMATS: dict[str, Format] = {each.name: each for each in (voc.FORMAT, coco.FORMAT, yolo.FORMAT, open_images.FORMAT)}
WHAT_TO_NAME = "Name the folder or file that holds the annotations."


def recognise_file(path: Path) -> Format:
    """The format of a file that is known to hold objects, by its content, else by its ending."""
    by_ending = (each for each in FORMATS.values() if path.suffix.lower() in each.endings)
    return _by_beginning(_beginning(path)) or next(by_ending, yolo.FORMAT)  # YOLO's text begins like any other


def recognise(path: Path) -> Format:
    """The format of a file or folder that there is, by its ending, else by its content.

    Raises:
        InputError: an empty file, a folder with nothing of the kind, or with two formats.
    """
    if is_folder(path):
        return _of_folder(path)
    ending = path.suffix.lower()
    for each in FORMATS.values():
        if ending != ".txt" and ending in (*each.endings, *each.list_endings):
            return each
    data = _beginning(path)
    if not data:
        raise InputError(path, "is empty", "Name a file or folder of annotations.")
    led = (each for each in FORMATS.values() if each.leads(data))
    listed = (each for each in FORMATS.values() if each.listed_by_ids and ending == ".txt")
    found = _by_beginning(data) or next(led, None) or next(listed, None)
    if found is None:
        *titles, last = (each.title for each in FORMATS.values())
        raise InputError(path, f"is neither {', '.join(titles)} nor {last}", WHAT_TO_NAME)
    return found


def _beginning(path: Path) -> bytes:
    return beginning(path).removeprefix(BOM_UTF8).strip()


def _by_beginning(data: bytes) -> Format | None:
    return next((each for each in FORMATS.values() if each.begins and data.startswith(each.begins)), None)


def _of_folder(folder: Path) -> Format:
    formats = [each for each in FORMATS.values() if not each.many_in_file]
    files = list(walk(folder, tuple(ending for each in FORMATS.values() for ending in each.endings)))
    found = [(each, first) for each in formats if (first := _first(files, each))]
    if len(found) > 1:
        # Beside other formats a .txt is one only in a folder of its format's; elsewhere it is a list of images.
        own = [(each, _own(files, each)) for each, _ in found]
        found = [(each, first) for each, files in own if (first := _first(files, each))]
    if len(found) > 1:
        what = " and ".join(f"{each.title} ({first.parent})" for each, first in found)
        raise InputError(folder, f"holds {what} annotations", "Name the folder of one of them.")
    if not found:
        raise _nothing_in(folder, files, formats)
    return found[0][0]


def _own(files: Iterable[Path], format: Format) -> list[Path]:
    return [file for file in files if ".txt" not in format.endings or format.folder in file.parts]


def _nothing_in(folder: Path, files: Sequence[Path], formats: Iterable[Format]) -> InputError:
    if not any(walk(folder)):
        return InputError(folder, "is a folder without files that can be seen", WHAT_TO_NAME)
    single = next(filter(None, (_first(files, each) for each in FORMATS.values() if each.many_in_file)), None)
    fix = f"Name the file, {single} perhaps." if single else WHAT_TO_NAME
    photos = "photos, but " if any(walk(folder, photo_files.ENDINGS)) else ""
    none = " and ".join(f"no {each.title} {each.endings[0]}" for each in formats)
    return InputError(folder, f"holds {photos}{none}", fix)


def _first(files: Iterable[Path], format: Format) -> Path | None:
    return min((file for file in files if file.suffix.lower() in format.endings), key=str, default=None)
