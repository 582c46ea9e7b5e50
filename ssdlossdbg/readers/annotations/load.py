"""Annotated objects, whatever their format: a whole dataset, one file, or any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.annotations.class_filter import filtered
from ssdlossdbg.readers.annotations.folders import is_folder
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.recognise import FORMATS, files_in, formats_in, nothing_in, recognise
from ssdlossdbg.readers.annotations.share import ALONE, Share, Track, join
from ssdlossdbg.readers.annotations.table import IGNORED, Dataset, Refused, Table
from ssdlossdbg.readers.classes import guess_classes
from ssdlossdbg.readers.files import is_file, read_bytes


@dataclass(frozen=True)
class Part:
    """A folder or file to read.

    Attributes:
        path: where it is.
        format: what it is in; None where that is still to be recognised.
    """

    path: Path
    format: Format | None = None


def load_dataset(
    path: Path,
    classes: tuple[str, ...] = (),
    *,
    format: str | None = None,
    descriptions: Path | None = None,
    share: Share = ALONE,
    track: Track = iter,
) -> Dataset:
    """Every image and object of a dataset, or of one file; the photos need not be there.

    Args:
        path: a Pascal VOC folder, file or ImageSets list, a COCO JSON, a YOLO folder, file, data.yaml or list of
            photos, an Open Images CSV, or what else `readers/formats.py` lists; or a folder of several of them.
        classes: class names in the order of their ids, background left out; if empty, the dataset's own list, or else
            what its labels suggest. They name the numbers of a YOLO dataset.
        format: the name of the path's format, where it could be several.
        descriptions: Open Images' CSV of class names, where it does not lie beside the path.
        share: this process's share, where several read the dataset together: a dataset of many files is read in
            parts, of which each process gets the whole; one of a single file is read whole by each.
        track: watches the files of a dataset of many being read.

    Returns:
        The dataset; of a folder with several formats the first, with the others in `beside`.

    Raises:
        InputError: there is nothing that can be read. What makes up only part of a dataset is left out instead, and
            listed in `refused`.
    """
    parts = _parts(path, bool(classes), _named(format) if format else None)
    datasets, refused = load_parts(parts, Source(path, classes, descriptions, share, track))
    if not datasets:
        raise refused[0].error
    first, *others = datasets
    return replace(first, refused=(*first.refused, *refused), beside=tuple(others))


def load_parts(parts: Sequence[Part], source: Source) -> tuple[tuple[Dataset, ...], tuple[Refused, ...]]:
    """The objects of any number of folders and files.

    Args:
        parts: what is to be read; a file that comes up in several is read once.
        source: how, its path being where all of them come from. Without classes the lists of all are taken, followed
            by the labels of those that list none.

    Returns:
        A dataset for each format, all with the same list of classes; and what cannot be read at all.

    Raises:
        InputError: a path does not exist.
    """
    tables: dict[str, list[Table]] = {}
    refused = []
    seen: set[str] = set()
    for part in sorted(parts, key=lambda part: not is_folder(part.path)):  # folders first: they may hold the files
        if str(part.path) in seen:
            continue
        try:
            table = _read(part, replace(source, path=part.path))
        except InputError as error:
            refused.append(Refused(_file_of(error, part.path), error))
            continue
        seen.update(table.files)
        seen.update(each.file for each in table.refused)
        tables.setdefault(table.format.name, []).append(table)
    joined = [join(of_format) for of_format in tables.values()]
    names = source.classes or _guess(joined)
    datasets = [_dataset(table, source.path, names, bool(source.classes)) for table in joined]
    if left_out := filtered(datasets):
        datasets = [replace(each, filtered=left_out) for each in datasets]
    return tuple(datasets), tuple(refused)


def _parts(path: Path, classes: bool, format: Format | None) -> list[Part]:
    """What a path leads to.

    Raises:
        InputError: it does not exist, or is a folder with nothing to be read.
    """
    if not is_folder(path):
        if not is_file(path):
            read_bytes(path)  # says what is wrong with the path
        return [Part(path, format)]
    if format is None:
        parts = parts_of(path, classes, alone=True)
        if not parts:
            raise nothing_in(path)
        return parts
    files = files_in(path, format) if format.many_in_file else None
    return [Part(file, format) for file in files or [path]]


def parts_of(folder: Path, classes: bool, alone: bool) -> list[Part]:
    """What a folder holds to be read: the whole of it for a format of a file an image, else each file.

    Args:
        folder: where to look.
        classes: whether there are names for classes that have numbers only.
        alone: whether nothing else is there to be looked at.
    """
    found = formats_in(folder)
    parts = []
    for each, files in found.items():
        if each.many_in_file:
            parts += [Part(file, each) for file in files]
        elif classes or not each.numbered or (alone and len(found) == 1) or each.folder in files[0].parts:
            parts.append(Part(folder, each))
    return parts


def _read(part: Part, source: Source) -> Table:
    """What a path holds.

    Raises:
        InputError: nothing that can be read.
    """
    table = (part.format or recognise(part.path)).read(source)
    if not table.names and not table.refused:
        raise InputError(part.path, "holds no image", "Name the file that lists the images and their objects.")
    return table


def _file_of(error: InputError, path: Path) -> str:
    """The file that an error is about, which may lie in the folder that was to be read."""
    return str(path) if error.where.startswith(str(path)) and not is_folder(path) else error.where.partition(", ")[0]


def _named(format: str) -> Format:
    if format not in FORMATS:
        raise UnknownNameError("--dataset-format", "format", format, FORMATS)
    return FORMATS[format]


def _dataset(table: Table, path: Path, class_names: tuple[str, ...], given: bool) -> Dataset:
    return Dataset(**vars(table), path=path, class_names=class_names, names_given=given)


def _guess(tables: Sequence[Table]) -> tuple[str, ...]:
    """The classes that all tables list, followed by the labels in those that list none; or a guess."""
    listed = list(chain.from_iterable(table.listed for table in tables))
    beside = sorted({label for table in tables if not table.listed for label in _used(table)})
    return guess_classes(tuple(dict.fromkeys([*listed, *beside])) if listed else (), beside)


def _used(table: Table) -> list[str]:
    used = table.label[~table.difficult] if table.format.mark == IGNORED else table.label
    return [table.labels[place] for place in np.flatnonzero(np.bincount(used)).tolist()]
