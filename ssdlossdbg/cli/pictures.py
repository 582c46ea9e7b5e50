"""A picture of each image of a batch, on its photo, or a page of all, for the commands that take `-o DIR`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.groups import Pictures
from ssdlossdbg.cli.pages import is_page, write_page
from ssdlossdbg.cli.places import is_folder
from ssdlossdbg.cli.writing import Writer, safe_stem
from ssdlossdbg.errors import InputError
from ssdlossdbg.report.outputs import PAGE

if TYPE_CHECKING:
    from PIL.Image import Image

    from ssdlossdbg.report.view import View
    from ssdlossdbg.results import DetectResult, ImageDetect, ImageLoss, LossResult


def load_photos(pictures: Pictures, format: str) -> tuple[Image, ...]:
    """The photos of the first images; to be loaded before anything is computed, let alone written.

    Args:
        pictures: what is asked for.
        format: of the report, which may be a page that shows them.

    Raises:
        InputError: one cannot be read, or is to be the ground of nothing.
    """
    if pictures.image and pictures.output is None and format != PAGE:
        what = "is the ground of a picture, and none is asked for"
        raise InputError("--image", what, "Add -o DIR, or leave it out.")
    from ssdlossdbg.readers.photos import load_photo

    return tuple(load_photo(path).image for path in pictures.image or ())


def write_pictures(
    result: DetectResult | LossResult,
    place: Path | None,
    kind: str,
    view: View,
    writer: Writer,
) -> None:
    """Draw every image of a batch into a folder, or write a page.

    Args:
        result: about the batch.
        place: a page by its name, else a folder, made where it does not exist, or the file of the only image; nothing
            is written if None.
        kind: of picture, for the files' names.
        view: how to show the result, with the photos of its first images.
        writer: of the files.

    Raises:
        InputError: the folder or a file cannot be written, or one file is to hold several images.
    """
    if place is None:
        return
    if is_page(place):
        write_page(result, place, view, writer)
        return
    from ssdlossdbg.report.canvas import picture_file, png
    from ssdlossdbg.report.outputs import draw

    images: Sequence[ImageLoss | ImageDetect] = result.images
    if not is_folder(place):
        if len(images) != 1:
            what = f"is one file, and the batch has {len(images)} images"
            raise InputError(place, what, "Name a folder, which gets a picture of each.")
        photo = view.photos[0] if view.photos else None
        writer.write(place, picture_file(draw(result, photo, 0, view), place.suffix))
        return
    folder = writer.folder(place)
    for index, image in enumerate(images):
        photo = view.photos[index] if index < len(view.photos) else None
        called = f"-{safe_stem(image.name)}" if image.name else ""
        file = f"image-{index:03d}{called}.{kind}.png"
        writer.write(folder / file, png(draw(result, photo, index, view)))
