"""A picture of each image of a batch, on its photo, for the commands that take `-o DIR`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.groups import Pictures
from ssdlossdbg.cli.writing import Writer, make_folder, safe_stem

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
    folder: Path | None,
    kind: str,
    view: View,
    writer: Writer,
) -> None:
    """Draw every image of a batch into a folder.

    Args:
        result: about the batch.
        photos: of its first images.
        folder: made where it does not exist; nothing is drawn if None.
        kind: of picture, for the files' names.
        view: how to show the result.
        writer: of the files.

    Raises:
        InputError: the folder or a file cannot be written.
    """
    if folder is None:
        return
    from ssdlossdbg.report.canvas import png
    from ssdlossdbg.report.outputs import draw

    make_folder(folder)
    images: Sequence[ImageLoss | ImageDetect] = result.images
    for index, image in enumerate(images):
        photo = photos[index].image if index < len(photos) else None
        called = f"-{safe_stem(image.name)}" if image.name else ""
        file = f"image-{index:03d}{called}.{kind}.png"
        writer.write(folder / file, png(draw(result, photo, index, view)))
