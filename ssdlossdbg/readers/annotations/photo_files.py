"""The sizes of photos that lie where datasets have them: beside their annotations, or in a folder beside theirs."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from ssdlossdbg.readers.annotations.table import Dataset
from ssdlossdbg.readers.exif import ORIENTATION, SIDEWAYS, TURNED, UPRIGHT
from ssdlossdbg.readers.files import open_file
from ssdlossdbg.readers.photos import FORMATS
from ssdlossdbg.results import IntArray
from ssdlossdbg.rules import Orientation

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


# The folders that photos lie in, by those that their annotations lie in: YOLO's and KITTI's.
BESIDE = {"labels": "images", "label_2": "image_2"}
# What the lists of WIDER FACE are called, whose photos lie in WIDER_train/images.
WIDER = re.compile(r"wider_face_(train|val|test)_")


def find_photos(dataset: Dataset) -> list[Path | None]:
    """The photo of each of a dataset's B images, None where it is not found; none is opened."""
    photos = Photos(dataset.format.many_in_file)
    return [photos.find(file, name) for file, name in zip(dataset.files, dataset.names, strict=True)]


def photo_sizes(found: Sequence[Path | None], places: Iterable[int] | None = None) -> IntArray:
    """int64 `[B, 3]` width and height in pixels of photos as they are stored, and how EXIF turns them.

    The third number is EXIF's orientation, 1 where there is none; all are 0 for photos that are not found.

    Args:
        found: as of `find_photos`.
        places: of the images to look at, the others staying 0; all if None.
    """
    sizes = np.zeros((len(found), 3), dtype=np.int64)
    for place in range(len(sizes)) if places is None else places:
        photo = found[place]
        sizes[place] = (photo and photo_size(photo)) or 0
    return sizes


def sizes_seen(photos: IntArray, orientation: Orientation) -> IntArray:
    """int64 `[B, 2]` (width, height) of photos, `[B, 3]` as of `photo_sizes`, as a loader sees them."""
    sideways = np.isin(photos[:, 2], SIDEWAYS) & (orientation is Orientation.TURN)
    return np.where(sideways[:, None], photos[:, 1::-1], photos[:, :2])


@lru_cache(maxsize=64)
def folder_and_stem(file: str) -> tuple[Path, str]:
    """The folder of an annotation file, and what it is called without its ending.

    To take a path apart takes longer than all else that is done for an image, and a file may list a hundred thousand.
    """
    path = Path(file)
    return path.parent, path.stem


@dataclass(frozen=True)
class _Listing:
    """What a folder holds, as it is called: by name, and photos by name without ending; both with case folded."""

    folder: Path
    names: dict[str, str]
    stems: dict[str, str]


class _Listings:
    """Listings of folders in their order, those left out that hold nothing; each is listed when it is first reached."""

    def __init__(self, listings: Iterator[_Listing]) -> None:
        self._rest = (listing for listing in listings if listing.names)
        self._reached: list[_Listing] = []

    def __iter__(self) -> Iterator[_Listing]:
        yield from self._reached
        for listing in self._rest:
            self._reached.append(listing)
            yield listing


class Photos:
    """Finds photos; each folder is listed once, and only where the photo is in none before it.

    Args:
        many_in_file: whether annotation files hold many images. Where each has one of its own, the photo that is called
            as the file is comes before the one that the file names, as VOC's loaders look for it.
    """

    def __init__(self, many_in_file: bool) -> None:
        self._many_in_file = many_in_file
        self._listings: dict[Path, _Listing] = {}
        self._searched: dict[tuple[Path, str, str], _Listings] = {}

    def find(self, file: str, name: str) -> Path | None:
        """The photo that an annotation file calls so, None where it is not found.

        Args:
            file: that lists its objects.
            name: of the photo; without an ending where the annotation does not say it.
        """
        parent, stem = folder_and_stem(file)
        head, _, tail = name.replace("\\", "/").rpartition("/")
        if not self._many_in_file and (found := self._called(stem, self._folders(parent))):
            return found
        folders = self._folders(parent, stem if self._many_in_file else "", head)
        wanted = tail.casefold()
        exact = (listing.folder / listing.names[wanted] for listing in folders if wanted in listing.names)
        return next(exact, None) or self._called(tail, folders)

    def _called(self, stem: str, folders: Iterable[_Listing]) -> Path | None:
        wanted = stem.casefold()
        return next((each.folder / each.stems[wanted] for each in folders if wanted in each.stems), None)

    def _folders(self, parent: Path, split: str = "", head: str = "") -> _Listings:
        """The folders to search, those left out that hold nothing."""
        key = parent, split, head
        if key not in self._searched:
            listings = (self._listing(folder / head) for folder in _folders(parent, split))
            self._searched[key] = _Listings(listings)
        return self._searched[key]

    def _listing(self, folder: Path) -> _Listing:
        if folder not in self._listings:
            try:
                # As plain names: of a folder of thousands, few or none are asked for.
                names = {name.casefold(): name for name in os.listdir(folder)}  # noqa: PTH208
            except (OSError, ValueError):
                names = {}
            self._listings[folder] = _Listing(folder, names, _by_stem(names))
        return self._listings[folder]


def _by_stem(names: Mapping[str, str]) -> dict[str, str]:
    split = ((*folded.rpartition(".")[::2], name) for folded, name in names.items() if folded.endswith(ENDINGS))
    photos = [(ENDINGS.index(f".{end}"), stem, name) for stem, end, name in split]
    # Backwards, so that of several the one whose ending comes first is the one that stays.
    return {stem: name for _, stem, name in sorted(photos, reverse=True)}


def photo_size(path: Path) -> tuple[int, int, int] | None:
    """Width and height of a photo in pixels as it is stored, and EXIF's orientation; None where it cannot be read.

    That is not the annotation's fault: the photo may be a mere pointer where only the text of a repository was fetched.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF data and large photos: none is decoded
            with open_file(path) as file, Image.open(file, formats=FORMATS) as image:
                # Pillow decodes a whole PNG to look for EXIF data behind its pixels.
                has_exif = image.format != "PNG" or "exif" in image.info
                turned = image.getexif().get(ORIENTATION) if has_exif else None
                return *image.size, turned if turned in TURNED else UPRIGHT
    except Exception:  # a decoder raises whatever it stumbles over in a damaged file
        return None


def _folders(own: Path, split: str) -> Iterator[Path]:
    """Where photos of annotations in a folder may lie: VOC's and COCO's folders, and what `BESIDE` names."""
    above = own / ".."  # not `own.parent`, which for the working folder is itself
    yield own
    yield own / "images"
    yield above / "JPEGImages"
    yield above / "images"
    if split:
        yield above / split.removeprefix("instances_")
        part = split.removesuffix("_labels")  # as train_labels.csv is called beside images/train
        yield from (own / part, own / "images" / part, above / "images" / part)
        if wider := WIDER.match(split):
            yield from (folder / f"WIDER_{wider[1]}" / "images" for folder in (own, above))
    yield above
    for labels, images in BESIDE.items():
        if labels in own.parts:
            last = len(own.parts) - 1 - own.parts[::-1].index(labels)
            yield Path(*own.parts[:last], images, *own.parts[last + 1 :])
