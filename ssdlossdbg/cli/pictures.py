"""Writing a picture of each image of a batch, for the commands that take `-o DIR`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssdlossdbg.cli.session import make_folder, write_file

if TYPE_CHECKING:
    from PIL.Image import Image

    from ssdlossdbg.readers.photos import Photo


def write_pictures(
    draw: Callable[[Image | None, int], Image],
    images: int,
    photos: Sequence[Photo],
    folder: Path,
    kind: str,
    inputs: Iterable[Path],
) -> list[str]:
    """Draw every image of a batch into a folder; returns the files written.

    Args:
        draw: makes the picture on a photo, if there is one, of the image with an index.
        images: how many the batch has.
        photos: of the first images.
        folder: made where it does not exist.
        kind: of picture, for the files' names.
        inputs: files that must not be replaced.

    Raises:
        InputError: the folder or a file cannot be written.
    """
    from ssdlossdbg.report.canvas import png

    make_folder(folder)
    protected, files = tuple(inputs), []
    for index in range(images):
        photo = photos[index].image if index < len(photos) else None
        path = folder / f"image-{index:03d}.{kind}.png"
        write_file(path, png(draw(photo, index)), protected)
        files.append(str(path))
    return files
