"""The annotation formats that there are, and which of them a file or folder is in."""

from __future__ import annotations

import pkgutil
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import photo_files
from ssdlossdbg.readers.annotations.folders import beginning, ending_of, walk
from ssdlossdbg.readers.annotations.foreign import foreign, foreign_annotations
from ssdlossdbg.readers.annotations.format import Format
from ssdlossdbg.readers.files import read_bytes
from ssdlossdbg.readers.formats import MODULES
from ssdlossdbg.readers.what_it_is import UTF_16, what_it_is

FORMATS: dict[str, Format] = {
    name: pkgutil.resolve_name(f"{__package__}.{module}:FORMAT") for name, module in MODULES.items()
}
WHAT_TO_NAME = "Name the folder or file that holds the annotations."
# How many files of a folder without annotations are looked at, to say what they are.
MOST_LOOKED_AT = 100


def recognise(path: Path) -> Format:
    """The format of a file that there is, by its content, else by its ending.

    Raises:
        InputError: a file of no format, or of one that is known but not read.
    """
    raw, ending = beginning(path), path.suffix.lower()
    if sure := _surely(path, raw):
        return sure
    if error := what_it_is(path, raw, (UTF_16,)):
        raise error
    data = _stripped(raw)
    is_text = ending == ".txt"
    named = (each for each in FORMATS.values() if ending in (*each.endings, *each.list_endings) and not is_text)
    found = _by_beginning(data) or next(named, None)
    if found and (ending in found.list_endings or found.may_be(path, data)):
        return found
    if error := foreign(path):
        raise error
    led = (each for each in FORMATS.values() if data and each.leads(data))
    listed = (each for each in FORMATS.values() if data and is_text and each.lists_ids(data))
    in_folder = (each for each in FORMATS.values() if ending in each.endings and each.folder in path.parts)
    found = found or next(led, None) or next(in_folder, None) or next(listed, None)
    if found is None and is_text and (not data or data[:1].isdigit()):
        found = next((each for each in FORMATS.values() if ending in each.endings), None)  # which says what is wrong
    if found is None:
        *titles, last = (each.title for each in FORMATS.values())
        what = f"is neither {', '.join(titles)} nor {last}" if data else "is empty"
        raise InputError(path, what, WHAT_TO_NAME)
    return found


def files_in(folder: Path, format: Format) -> list[Path]:
    """The files of one format in a folder, whatever else it holds: all if they hold many images, else one."""
    files = sorted(walk(folder, format.endings), key=str)
    return _of_format(files, format, _sure_of(files))


def formats_in(folder: Path) -> dict[Format, list[Path]]:
    """The formats that a folder holds annotations in, each with files of it: all if they hold many images, else one.

    Files that are made of other annotations for one loader (a list, a CSV, a TFRecord) count where nothing else is, and
    then those of one format, as each format of them may hold the same images once more.
    """
    files = sorted(walk(folder, tuple(ending for each in FORMATS.values() for ending in each.endings)), key=str)
    sure = _sure_of(files)
    found = {each: of for each in FORMATS.values() if (of := _of_format(files, each, sure))}
    if len(found) > 1:
        # Beside other formats a .txt is one only in a folder of its format's; elsewhere it is a list of images.
        found = {each: of for each in found if (of := _of_format(_own(files, each), each, sure))}
    original = {each: of for each, of in found.items() if not each.derived}
    return original or dict(islice(found.items(), 1))


def _sure_of(files: Sequence[Path]) -> dict[Path, Format]:
    """The files that are surely of a format, by how they begin.

    Of a folder with very many files of one ending some are looked at; where all of those are of one format of a file an
    image, so are the others. Empty files are of the format that all others beside them have.
    """
    groups: dict[tuple[Path, str], list[Path]] = {}
    for file in files:
        groups.setdefault((file.parent, ending_of(file.name)), []).append(file)
    sure: dict[Path, Format] = {}
    for group in groups.values():
        half = MOST_LOOKED_AT // 2
        shown = group if len(group) <= MOST_LOOKED_AT else [*group[:half], *group[-half:]]
        beginnings = {file: beginning(file) for file in shown}
        told = {file: _surely(file, data) for file, data in beginnings.items() if data.strip()}
        kinds = {each for each in told.values() if each}
        sure.update({file: each for file, each in told.items() if each})
        if len(kinds) == 1 and not (kind := next(iter(kinds))).many_in_file:
            alike = group if all(told.values()) else [file for file in shown if file not in told]
            sure.update(dict.fromkeys(alike, kind))
    return sure


def _surely(file: Path, data: bytes) -> Format | None:
    return next((each for each in FORMATS.values() if data and each.sure(file, data)), None)


def _of_format(files: Iterable[Path], format: Format, sure: Mapping[Path, Format]) -> list[Path]:
    if format.certain:
        own = iter(sorted((file for file, each in sure.items() if each is format), key=str))
    else:
        mine = (file for file in files if ending_of(file.name) in format.endings and file not in sure)
        own = (file for file in mine if _may_be(file, format))
    return list(own if format.many_in_file else islice(own, 1))


def _may_be(file: Path, format: Format) -> bool:
    """Whether a file of a folder is one of the format; one that cannot be read may be, and reading it will tell."""
    try:
        return format.may_be(file, read_bytes(file) if format.many_in_file else _stripped(beginning(file)))
    except InputError:
        return True


def _stripped(data: bytes) -> bytes:
    return data.removeprefix(BOM_UTF8).strip()


def _by_beginning(data: bytes) -> Format | None:
    return next((each for each in FORMATS.values() if each.begins and data.startswith(each.begins)), None)


def _own(files: Iterable[Path], format: Format) -> list[Path]:
    return [file for file in files if ".txt" not in format.endings or format.folder in file.parts]


def nothing_in(folder: Path) -> InputError:
    """The error that says of a folder without annotations what it holds instead."""
    files = list(islice(walk(folder), MOST_LOOKED_AT))
    if not files:
        return InputError(folder, "is a folder without files that can be seen", WHAT_TO_NAME)
    others = [file for file in files if file.suffix.lower() not in photo_files.ENDINGS]
    for told in (foreign_annotations, foreign):
        if error := next(filter(None, map(told, others)), None):
            return error
    photos = "photos, but " if any(walk(folder, photo_files.ENDINGS)) else ""
    none = " and ".join(
        f"no {each.title} {each.endings[0]}" for each in FORMATS.values() if not (each.many_in_file or each.certain)
    )
    return InputError(folder, f"holds {photos}{none}", WHAT_TO_NAME)
