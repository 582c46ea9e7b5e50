"""What an annotation format is to everything else: how its files are told, what its boxes mean, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.notation import Notation
from ssdlossdbg.readers.annotations.share import ALONE, Share, Track
from ssdlossdbg.readers.annotations.table import Refused, Rows, Table, refusal_of_alike


@dataclass(frozen=True)
class Source:
    """What is to be read.

    Attributes:
        path: a folder, a file that lists others, or a file of objects.
        classes: class names in the order of their ids; empty where the user gave none.
        descriptions: Open Images' CSV of class names, where it does not lie beside the path.
        share: which of its files to read here.
        track: watches the files being read.
    """

    path: Path
    classes: tuple[str, ...] = ()
    descriptions: Path | None = None
    share: Share = ALONE
    track: Track = iter


def _always(_: Path, __: bytes) -> bool:
    return True


def _never(_: bytes) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Format(Notation):
    """An annotation format: what its boxes mean, and the row of a table that all commands read through.

    Attributes:
        read: reads a path; raises InputError where nothing in it can be read, and refuses what makes up only a part.
        begins: bytes that its files begin with and those of no other format do.
        may_be: whether a file with such an ending that nobody named is one, by its path and how it begins.
        leads: whether a file without a known ending that begins so holds objects, or lists files that do.
        lists_ids: whether a .txt that begins so may list its files in its own way, as VOC's ImageSets do.
        list_endings: of files that lead to those of objects.
    """

    read: Callable[[Source], Table]
    begins: tuple[bytes, ...] = ()
    may_be: Callable[[Path, bytes], bool] = _always
    leads: Callable[[bytes], bool] = _never
    lists_ids: Callable[[bytes], bool] = _never
    list_endings: tuple[str, ...] = ()


def read_each(files: Mapping[Path, str], source: Source, add: Callable[[Path, str, Rows], None]) -> Rows:
    """The rows of this process's share of many files; what cannot be read is refused and stops none of the others.

    Args:
        files: each with the name of its image, or with none.
        source: whose share it is, and who watches.
        add: appends a file's image and objects, or raises InputError before it appends anything.
    """
    rows = Rows()
    for file, image in source.track(source.share.part(list(files.items()))):
        try:
            add(file, image, rows)
        except InputError as error:
            rows.refused.append(Refused(str(file), error))
    return rows


def refuse_objects(file: Path, image: int, errors: Sequence[InputError], rows: Rows) -> None:
    """Say why some objects of an image are left out, once for all that are wrong in the same way."""
    alike: dict[str, list[InputError]] = {}
    for error in errors:
        alike.setdefault(error.what, []).append(error)
    rows.refused += (refusal_of_alike(file, each, frozenset([image])) for each in alike.values())
