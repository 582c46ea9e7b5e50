"""The photos of a dataset, as the checks see them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ssdlossdbg.readers.annotations import Dataset, Scaled
from ssdlossdbg.results import PhotoFiles
from ssdlossdbg.rules import Dialect, PhotoName


def describe_photos(
    dataset: Dataset,
    scaled: Scaled,
    dialect: Dialect,
    found: Sequence[Path | None],
    copies: Sequence[tuple[str, str]] = (),
) -> tuple[PhotoFiles, ...]:
    """The photos of a dataset; nothing where none was seen, as its annotations may be all that there is.

    Args:
        dataset: what was annotated.
        scaled: the same as the loader sees it.
        dialect: whose loader it is.
        found: as of `find_photos`.
        copies: pairs of annotation files that hold the same; either's photo is that of both.
    """
    if not scaled.photo_sizes.any():
        return ()
    folder = next((os.path.normpath(path.parent) for path in found if path), "")
    return (
        PhotoFiles(
            file=str(dataset.path),
            dialect=dialect.name,
            names=_names(dataset, found, copies),
            opened=tuple(_opened(dataset, place, dialect.targets.photo_name) for place in range(len(found))),
            images=dataset.names,
            folder=folder,
        ),
    )


def _names(dataset: Dataset, found: Sequence[Path | None], copies: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    names = {
        (file, image): path.name for file, image, path in zip(dataset.files, dataset.names, found, strict=True) if path
    }
    twins = {one: other for pair in copies for one, other in (pair, pair[::-1])}
    pairs = zip(dataset.files, dataset.names, strict=True)
    return tuple(names.get((file, image), names.get((twins.get(file, ""), image), "")) for file, image in pairs)


def _opened(dataset: Dataset, place: int, rule: PhotoName) -> str:
    if dataset.format.many_in_file or (dataset.format.one_based and rule is PhotoName.FILENAME):
        return dataset.names[place].replace("\\", "/").rpartition("/")[2]
    named_by_id = dataset.format.one_based and rule is PhotoName.ID_JPG
    return f"{Path(dataset.files[place]).stem}.jpg" if named_by_id else ""
