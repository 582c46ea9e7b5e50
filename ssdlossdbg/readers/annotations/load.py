"""Annotated objects, whatever their format: a whole dataset, one file, or any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.annotations.folders import is_folder
from ssdlossdbg.readers.annotations.format import Format, Source
from ssdlossdbg.readers.annotations.recognise import FORMATS, recognise, recognise_file
from ssdlossdbg.readers.annotations.share import ALONE, Share, Track, join
from ssdlossdbg.readers.annotations.table import Dataset, Refused, Table
from ssdlossdbg.readers.classes import guess_classes
from ssdlossdbg.readers.files import is_file, read_bytes


def load_dataset(
    path: Path,
    classes: tuple[str, ...] = (),
    *,
    format: str | None = None,
    descriptions: Path | None = None,
    share: Share = ALONE,
    track: Track = iter,
) -> Dataset:
    """Every image and object of a dataset; its photos need not be there.

    Args:
        path: a Pascal VOC folder or ImageSets list, a COCO JSON, a YOLO folder, data.yaml or list of photos, or an
            Open Images CSV.
        classes: class names in the order of their ids, background left out; if empty, the dataset's own list, or else
            what its labels suggest. They name the numbers of a YOLO dataset.
        format: the name of the path's format, where it could be several.
        descriptions: Open Images' CSV of class names, where it does not lie beside the path.
        share: this process's share, where several read the dataset together: a dataset of many files is read in
            parts, of which each process gets the whole; one of a single file is read whole by each.
        track: watches the files of a dataset of many being read.

    Raises:
        InputError: there is nothing that can be read. What makes up only part of a dataset is left out instead, and
            listed in `refused`.
    """
    if not is_folder(path) and not is_file(path):
        read_bytes(path)  # says what is wrong with the path
    found = _named(format) if format else recognise(path)
    table = found.read(Source(path, classes, descriptions, share=share, track=track))
    if not table.names and not table.refused:
        raise InputError(path, "holds no image", "Name the file that lists the images and their objects.")
    return _dataset(table, path, classes or _guess([table]), bool(classes))


def load_file(path: Path, classes: tuple[str, ...] = ()) -> Dataset:
    """The objects of one annotation file.

    Args:
        path: the file, recognised by its content, else by its ending.
        classes: as of `load_dataset`.

    Raises:
        InputError: as of `load_dataset`; or the path is no file.
    """
    table = _read_file(path, classes)
    return _dataset(table, path, classes or _guess([table]), bool(classes))


def load_files(paths: Sequence[Path], classes: tuple[str, ...] = ()) -> tuple[tuple[Dataset, ...], tuple[Refused, ...]]:
    """The objects of any number of annotation files.

    Args:
        paths: the files.
        classes: as of `load_dataset`; if empty, the lists of all files, followed by the labels of those that list none.

    Returns:
        A dataset for each format, all with the same list of classes; and the files in which nothing can be read.
    """
    tables: dict[str, list[Table]] = {}
    refused = []
    for path in paths:
        try:
            table = _read_file(path, classes)
        except InputError as error:
            refused.append(Refused(str(path), error))
        else:
            tables.setdefault(table.format.name, []).append(table)
    joined = [join(of_format) for of_format in tables.values()]
    names = classes or _guess(joined)
    return tuple(_dataset(table, paths[0], names, bool(classes)) for table in joined), tuple(refused)


def _named(format: str) -> Format:
    if format not in FORMATS:
        raise UnknownNameError("--dataset-format", "format", format, FORMATS)
    return FORMATS[format]


def _read_file(path: Path, classes: tuple[str, ...]) -> Table:
    if not is_file(path):
        read_bytes(path)  # says what is wrong with the path
    return recognise_file(path).read(Source(path, classes, holds_objects=True))


def _dataset(table: Table, path: Path, class_names: tuple[str, ...], given: bool) -> Dataset:
    return Dataset(**vars(table), path=path, class_names=class_names, names_given=given)


def _guess(tables: Sequence[Table]) -> tuple[str, ...]:
    """The classes that all tables list, followed by the labels in those that list none; or a guess."""
    listed = list(chain.from_iterable(table.listed for table in tables))
    beside = sorted({label for table in tables if not table.listed for label in _used(table)})
    return guess_classes(tuple(dict.fromkeys([*listed, *beside])) if listed else (), beside)


def _used(table: Table) -> list[str]:
    return [table.labels[place] for place in np.flatnonzero(np.bincount(table.label)).tolist()]
