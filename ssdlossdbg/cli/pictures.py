"""A picture of each image of a batch, on its photo, or a page of all, for the commands that take `-o DIR`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.groups import Pictures
from ssdlossdbg.cli.pages import is_page, write_page
from ssdlossdbg.cli.writing import Writer, make_folder, safe_stem

if TYPE_CHECKING:
    from PIL.Image import Image

    from ssdlossdbg.report.view import View
    from ssdlossdbg.results import DetectResult, ImageDetect, ImageLoss, LossResult


def load_photos(pictures: Pictures) -> tuple[Image, ...]:
    """The photos of the first images; to be loaded before anything is computed, let alone written.

    Raises:
        InputError: one cannot be read.
    """
    from ssdlossdbg.readers.photos import load_photo

    return tuple(load_photo(path).image for path in pictures.image or ())


def write_pictures(
    result: DetectResult | LossResult,
    output: Path | None,
    kind: str,
    view: View,
    writer: Writer,
) -> None:
    """Draw every image of a batch into a folder, or write a page.

    Args:
        result: about the batch.
        output: a page by its name, else a folder, made where it does not exist; nothing is written if None.
        kind: of picture, for the files' names.
        view: how to show the result, with the photos of its first images.
        writer: of the files.

    Raises:
        InputError: the folder or a file cannot be written.
    """
    if output is None:
        return
    if is_page(output):
        write_page(result, output, view, writer)
        return
    from ssdlossdbg.report.canvas import png
    from ssdlossdbg.report.outputs import draw

    make_folder(output)
    images: Sequence[ImageLoss | ImageDetect] = result.images
    for index, image in enumerate(images):
        photo = view.photos[index] if index < len(view.photos) else None
        called = f"-{safe_stem(image.name)}" if image.name else ""
        file = f"image-{index:03d}{called}.{kind}.png"
        writer.write(output / file, png(draw(result, photo, index, view)))
