"""A whole dataset, whatever its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.classes import guess_classes
from ssdlossdbg.readers.datasets.coco_file import read_coco
from ssdlossdbg.readers.datasets.folders import is_folder
from ssdlossdbg.readers.datasets.open_images import read_open_images
from ssdlossdbg.readers.datasets.recognise import DatasetFormat, recognise
from ssdlossdbg.readers.datasets.share import ALONE, Share, Track
from ssdlossdbg.readers.datasets.table import Dataset, IntArray, Table
from ssdlossdbg.readers.datasets.voc_folder import read_voc
from ssdlossdbg.readers.datasets.yolo_folder import read_yolo
from ssdlossdbg.readers.files import is_file, read_bytes


def load_dataset(
    path: Path,
    classes: tuple[str, ...] = (),
    *,
    format: DatasetFormat | None = None,
    descriptions: Path | None = None,
    share: Share | None = None,
    track: Track = iter,
) -> Dataset:
    """Every image and object of a dataset; its photos need not be there.

    Args:
        path: a Pascal VOC folder or ImageSets list, a COCO JSON, a YOLO folder, data.yaml or list of photos, or an
            Open Images CSV.
        classes: class names in the order of their ids, background left out; if empty, the dataset's own list, or else
            what its labels suggest. They name the numbers of a YOLO dataset.
        format: what the path is, where it could be several.
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
    match format or recognise(path):
        case DatasetFormat.VOC:
            table = read_voc(path, share or ALONE, track)
        case DatasetFormat.COCO:
            table = read_coco(path)
        case DatasetFormat.YOLO:
            table = read_yolo(path, classes, share or ALONE, track)
        case DatasetFormat.OPEN_IMAGES:
            table = read_open_images(path, descriptions)
    return _dataset(path, table, classes)


def _dataset(path: Path, table: Table, classes: tuple[str, ...]) -> Dataset:
    if not table.names and not table.refused:
        raise InputError(path, "holds no image", "Name the file that lists the images and their objects.")
    counts = np.bincount(table.label, minlength=len(table.labels)).tolist()
    used = [label for label, count in zip(table.labels, counts, strict=True) if count]
    class_names = classes or guess_classes(table.listed, used)
    places = _places(table.labels, class_names)
    unknown: Counter[str] = Counter()
    for label, place, count in zip(table.labels, places.tolist(), counts, strict=True):
        if place < 0 and count:
            unknown[label] += count  # two numbers of a class may have one name
    return Dataset(
        path=path,
        format=table.format,
        names=table.names,
        files=table.files,
        sizes=table.sizes,
        class_names=class_names,
        image=table.image,
        index=table.index,
        class_index=places[table.label],
        boxes=table.boxes,
        difficult=table.difficult,
        unknown=dict(unknown),
        fractions=table.fractions,
        one_based=table.one_based,
        refused=table.refused,
        class_file=table.class_file,
    )


def _places(labels: Sequence[str], class_names: Sequence[str]) -> IntArray:
    """Where each label is among the classes, as spelt or else in any case; -1 where it is not."""
    numbered = list(enumerate(class_names))[::-1]  # of two that are alike, the first is to stay
    exact = {name: place for place, name in numbered}
    folded = {name.casefold(): place for place, name in numbered}
    return np.array([exact.get(label, folded.get(label.casefold(), -1)) for label in labels], dtype=np.int64)
