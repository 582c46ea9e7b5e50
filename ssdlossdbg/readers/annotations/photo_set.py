"""Photos that no annotation file belongs to, photos that several describe, and annotations that are there twice."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath, PureWindowsPath

import numpy as np

from ssdlossdbg.readers.annotations.photo_files import ENDINGS, folder_and_stem
from ssdlossdbg.readers.annotations.table import Dataset
from ssdlossdbg.results import PhotoSet, SharedPhoto

# What parts a name into folders, a drive and itself, and what stands for a folder.
IN_PATHS = frozenset("/\\:")


def photo_set(dataset: Dataset, found: Sequence[Path | None], before: Sequence[Dataset] = ()) -> PhotoSet:
    """What there is to say of a data set's photos; only folders are listed, and no photo is opened.

    Args:
        dataset: whose photos.
        found: as of `find_photos`.
        before: what was looked at before it, in other formats.
    """
    title, copies, again = dataset.format.title, _copies(dataset), _again(dataset, before)
    if dataset.format.many_in_file:
        return PhotoSet(title, 0, (), _shared(zip(dataset.names, dataset.files, strict=True)), copies, again)
    photos, without_file = _without_file(dataset, found)
    entries = ((_photo(dataset, place, path), dataset.files[place]) for place, path in enumerate(found))
    return PhotoSet(title, photos, without_file, _shared(entries), copies, again)


def _again(dataset: Dataset, before: Sequence[Dataset]) -> tuple[SharedPhoto, ...]:
    """Photos that datasets before describe, too, by their names without endings, which YOLO's have not."""
    if not before:
        return ()
    files = {_stem(name): file for each in before for name, file in zip(each.names, each.files, strict=True)}
    pairs = ((name, files.get(_stem(name)), file) for name, file in zip(dataset.names, dataset.files, strict=True))
    return tuple(SharedPhoto(name, (other, file)) for name, other, file in pairs if other)


def _stem(name: str) -> str:
    return PureWindowsPath(name).stem.casefold()


def _photo(dataset: Dataset, place: int, found: Path | None) -> str:
    """What two entries of one photo agree in: where it is, or else its name in the folder of the annotation."""
    return os.path.normpath(found or Path(dataset.files[place]).parent / dataset.names[place])


def _shared(entries: Iterable[tuple[str, str]]) -> tuple[SharedPhoto, ...]:
    """Photos that come up more than once among pairs of a photo and the file that describes it.

    Photos of one name in several folders are several; and where files name a photo that none of them is called after,
    the name is one that a tool left in all of them.
    """
    pairs, files = list(entries), defaultdict[tuple[str, Path], list[str]](list)
    often = _often(photo for photo, _ in pairs)
    for photo, file in pairs:
        if photo in often:
            files[photo, folder_and_stem(file)[0]].append(file)
    return tuple(
        SharedPhoto(photo, tuple(own))
        for (photo, _), own in files.items()
        if len(own) > 1 and (len(set(own)) == 1 or any(PurePath(file).stem == PurePath(photo).stem for file in own))
    )


def _often(values: Iterable[str]) -> set[str]:
    """Those that come up more than once."""
    return {value for value, number in Counter(values).items() if number > 1}


def _bare(name: str) -> str:
    """The name of a photo without folders: of most there are none, and to take a path apart takes long."""
    return name if IN_PATHS.isdisjoint(name) else PureWindowsPath(name).name


def _copies(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Pairs of files that hold an image of one name with the same boxes to the last digit."""
    starts = np.searchsorted(dataset.image, np.arange(len(dataset.names) + 1)).tolist()
    names = [_bare(name) for name in dataset.names]
    often = _often(names)
    first: dict[tuple[str, bytes], str] = {}
    pairs = []
    for place, name in enumerate(names):
        if name in often and starts[place] < starts[place + 1]:
            boxes = dataset.boxes[starts[place] : starts[place + 1]].tobytes()
            file = dataset.files[place]
            other = first.setdefault((name, boxes), file)
            pairs += [(other, file)] if other != file else []
    return tuple(pairs)


def _without_file(dataset: Dataset, found: Sequence[Path | None]) -> tuple[int, tuple[str, ...]]:
    """How many photos lie where those of the images do, and those of them without an annotation file of their own."""
    folders: defaultdict[Path, set[Path]] = defaultdict(set)
    named: defaultdict[Path, set[str]] = defaultdict(set)
    for file, path in zip(dataset.files, found, strict=True):
        if path is not None:
            folders[path.parent].add(Path(file).parent)
            named[path.parent].add(path.stem.casefold())
    photos, without = 0, list[str]()
    for folder, own in folders.items():
        files = (path for each in own for path in _listed(each, dataset.format.endings))
        known = named[folder] | {path.stem.casefold() for path in files}
        here = {path.stem.casefold(): os.path.normpath(path) for path in _listed(folder, ENDINGS)}
        photos += len(here)
        without += [here[stem] for stem in here.keys() - known]
    return photos, tuple(sorted(without))


def _listed(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.suffix.lower() in endings]
    except OSError:
        return []
