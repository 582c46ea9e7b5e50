"""A picture of each image of a batch, on its photo, for the commands that take `-o DIR`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.groups import Pictures
from ssdlossdbg.cli.places import is_folder
from ssdlossdbg.cli.writing import Writer, make_folder, safe_stem
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from ssdlossdbg.readers.photos import Photo
    from ssdlossdbg.report.view import View
    from ssdlossdbg.results import DetectResult, ImageDetect, ImageLoss, LossResult


def load_photos(pictures: Pictures) -> list[Photo]:
    """The photos of the first images; to be loaded before anything is computed, let alone written.

    Raises:
        InputError: one cannot be read.
    """
    from ssdlossdbg.readers.photos import load_photo

    return [load_photo(path) for path in pictures.image or ()]


def write_pictures(
    result: DetectResult | LossResult,
    photos: Sequence[Photo],
    place: Path | None,
    kind: str,
    view: View,
    writer: Writer,
) -> None:
    """Draw every image of a batch into a folder.

    Args:
        result: about the batch.
        photos: of its first images.
        place: a folder, made where it does not exist, or the file of the only image; nothing is drawn if None.
        kind: of picture, for the files' names.
        view: how to show the result.
        writer: of the files.

    Raises:
        InputError: the folder or a file cannot be written, or one file is to hold several images.
    """
    if place is None:
        return
    from ssdlossdbg.report.canvas import picture_file, png
    from ssdlossdbg.report.outputs import draw

    images: Sequence[ImageLoss | ImageDetect] = result.images
    if not is_folder(place):
        if len(images) != 1:
            what = f"is one file, and the batch has {len(images)} images"
            raise InputError(place, what, "Name a folder, which gets a picture of each.")
        photo = photos[0].image if photos else None
        writer.write(place, picture_file(draw(result, photo, 0, view), place.suffix))
        return
    folder = make_folder(place)
    for index, image in enumerate(images):
        photo = photos[index].image if index < len(photos) else None
        called = f"-{safe_stem(image.name)}" if image.name else ""
        file = f"image-{index:03d}{called}.{kind}.png"
        writer.write(folder / file, png(draw(result, photo, index, view)))
