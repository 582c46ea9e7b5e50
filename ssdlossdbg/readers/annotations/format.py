"""What an annotation format is to everything else: how its files are told, what its boxes mean, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.folders import beginning, files_below, is_folder
from ssdlossdbg.readers.annotations.notation import Notation
from ssdlossdbg.readers.annotations.share import ALONE, Share, Track
from ssdlossdbg.readers.annotations.table import Refused, Rows, Table, refusal_of_alike
from ssdlossdbg.readers.files import LARGEST_OF_IMAGE, read_text
from ssdlossdbg.readers.what_it_is import UTF_16, what_it_is
from ssdlossdbg.results.common import Box


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


def _unsure(_: Path, __: bytes) -> bool:
    return False


def _never(_: bytes) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Format(Notation):
    """An annotation format: what its boxes mean, and the row of a table that all commands read through.

    Attributes:
        read: reads a path; raises InputError where nothing in it can be read, and refuses what makes up only a part.
        sure: whether a file is one and of no other format, whatever it is called, by its path and how it begins.
        derived: whether its files are made of annotations in another format, for one loader; of a folder they count
            only where it holds no others.
        begins: bytes that its files begin with and those of no other format do.
        may_be: whether a file with such an ending that nobody named is one, by its path and how it begins.
        leads: whether a file without a known ending that begins so holds objects, or lists files that do.
        lists_ids: whether a .txt that begins so may list its files in its own way, as VOC's ImageSets do.
        list_endings: of files that lead to those of objects.
    """

    read: Callable[[Source], Table]
    sure: Callable[[Path, bytes], bool] = _unsure
    derived: bool = False
    begins: tuple[bytes, ...] = ()
    may_be: Callable[[Path, bytes], bool] = _always
    leads: Callable[[bytes], bool] = _never
    lists_ids: Callable[[bytes], bool] = _never
    list_endings: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether its files are told by their content alone."""
        return self.sure is not _unsure


def _named(file: Path, error: InputError) -> InputError:
    """The error of a file, or that which names it for what it is."""
    return what_it_is(file, beginning(file), (UTF_16,)) or error


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
            rows.refused.append(Refused(str(file), _named(file, error)))
    return rows


def read_folder(source: Source, format: Format, add: Callable[[Path, str, Rows], None]) -> Table:
    """Every file of a format of a file an image that a folder holds, or the one that is named.

    A folder may hold other text, which is passed over; what is empty may be of any format, and is an image of this one.

    Raises:
        InputError: the folder holds none.
    """
    path = source.path
    searched = is_folder(path)
    files = files_below(path, format.endings, format.folder) if searched else [path]
    if searched:
        beginnings = ((file, beginning(file).strip()) for file in files)
        files = [file for file, data in beginnings if not data or format.sure(file, data)]
    table = source.share.whole(read_each(dict.fromkeys(files, ""), source, add).table(format))
    if not table.names and not table.refused:
        raise InputError(path, f"holds no {format.title} {format.endings[0]}", "Name the folder that holds them.")
    return table


def add_rows(file: Path, photo: str, rows: Rows, parse: Callable[[str], tuple[str, Box, bool]]) -> None:
    """Add an image whose file holds an object a line.

    Args:
        file: the text.
        photo: what the image is called.
        rows: to add to.
        parse: gives the label and box of an object, and whether it is ignored, from its line; a `ValueError` says in
            words what is wrong with it.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
    """
    text = read_text(file, LARGEST_OF_IMAGE)
    image, bad = rows.add_image(photo, str(file)), []
    for line, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        try:
            label, box, ignored = parse(row)
        except ValueError as error:
            bad.append(InputError(f"{file}, line {line}", str(error), "Correct the row or remove it."))
            rows.skip_object(image)
        else:
            rows.add_object(image, label, box, ignored)
    refuse_objects(file, image, bad, rows)


def refuse_objects(file: Path, image: int, errors: Sequence[InputError], rows: Rows) -> None:
    """Say why some objects of an image are left out, once for all that are wrong in the same way."""
    alike: dict[str, list[InputError]] = {}
    for error in errors:
        alike.setdefault(error.what, []).append(error)
    rows.refused += (refusal_of_alike(file, each, frozenset([image])) for each in alike.values())
