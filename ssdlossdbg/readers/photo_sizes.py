"""The sizes of photos that lie where datasets have them: beside their annotations, or in a folder beside theirs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ssdlossdbg.readers.files import open_file

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# Values of EXIF's orientation that swap width and height.
ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)


class PhotoSizes:
    """Finds photos and reads their headers; each folder is listed once."""

    def __init__(self) -> None:
        self._listings: dict[Path, dict[str, Path]] = {}

    def of_stem(self, annotation: Path) -> tuple[int, int] | None:
        """(width, height) of the photo that is called as its annotation is, None where there is none."""
        return self._first(annotation, [annotation.stem + ending for ending in ENDINGS])

    def named(self, annotation: Path, name: str) -> tuple[int, int] | None:
        """(width, height) of the photo that the annotation names, None where it is not found."""
        return self._first(annotation, [name.replace("\\", "/")]) if name else None

    def path_of(self, annotation: Path, name: str) -> Path | None:
        """The photo that the annotation calls so, None where it is not found.

        Args:
            annotation: the file that lists its objects.
            name: of the photo; without an ending where the annotation does not say it.
        """
        name = name.replace("\\", "/")
        return self._found(annotation, [name, *(name + ending for ending in ENDINGS)]) if name else None

    def _first(self, annotation: Path, names: list[str]) -> tuple[int, int] | None:
        found = self._found(annotation, names)
        return photo_size(found) if found else None

    def _found(self, annotation: Path, names: list[str]) -> Path | None:
        for folder in _folders(annotation):
            for name in names:
                wanted = folder / name
                found = self._listing(wanted.parent).get(wanted.name.casefold())
                if found:
                    return found
        return None

    def _listing(self, folder: Path) -> dict[str, Path]:
        if folder not in self._listings:
            try:
                self._listings[folder] = {entry.name.casefold(): entry for entry in folder.iterdir()}
            except (OSError, ValueError):
                self._listings[folder] = {}
        return self._listings[folder]


def photo_size(path: Path) -> tuple[int, int] | None:
    """(width, height) of a photo in pixels, upright as its EXIF data say; None where its header cannot be read.

    That is not the annotation's fault: the photo may be a mere pointer where only the text of a repository was fetched.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF data and large photos: none is decoded
            with open_file(path) as file, Image.open(file) as image:
                # Pillow decodes a whole PNG to look for EXIF data behind its pixels.
                has_exif = image.format != "PNG" or "exif" in image.info
                sideways = has_exif and image.getexif().get(ORIENTATION) in SIDEWAYS
                return (image.height, image.width) if sideways else image.size
    except Exception:  # a decoder raises whatever it stumbles over in a damaged file
        return None


def _folders(annotation: Path) -> Iterator[Path]:
    """Where the photos may lie: VOC's and COCO's folders, and YOLO's `images` in the place of `labels`."""
    own = annotation.parent
    above = own / ".."  # not `own.parent`, which for the working folder is itself
    yield own
    yield own / "images"
    yield above / "JPEGImages"
    yield above / "images"
    yield above / annotation.stem.removeprefix("instances_")
    yield above
    if "labels" in own.parts:
        last = len(own.parts) - 1 - own.parts[::-1].index("labels")
        yield Path(*own.parts[:last], "images", *own.parts[last + 1 :])
