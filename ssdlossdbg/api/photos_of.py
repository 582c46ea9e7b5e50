"""Photos however they are handed over, and those that a result is about."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from PIL.Image import Image

from ssdlossdbg.errors import SsdLossDbgError
from ssdlossdbg.readers.dialects import load_dialect
from ssdlossdbg.readers.photos import Photo, load_photo, photo_at_hand


def as_photo(image: Any, where: str = "image") -> Photo:
    """A photo from a path, a `Photo`, a PIL image, an array (height, width, 3) or a tensor (3, height, width).

    Args:
        image: one of them.
        where: what to call it in errors.

    Raises:
        InputError: it cannot be read, or is none of these.
    """
    if isinstance(image, Photo):
        return image
    return load_photo(Path(image)) if isinstance(image, (str, PathLike)) else photo_at_hand(image, where)


def names_and_photos(images: Sequence[Any]) -> tuple[list[str], tuple[Image | None, ...]]:
    """What a batch's photos are called, and those of them that are no files, by their places; empty if none is.

    Raises:
        InputError: one can be no photo.
    """
    if all(isinstance(each, (str, PathLike)) for each in images):
        return [str(each) for each in images], ()
    photos = [
        None if isinstance(each, (str, PathLike)) else as_photo(each, f"images[{place}]")
        for place, each in enumerate(images)
    ]
    names = [str(photo.path) if photo else str(each) for each, photo in zip(images, photos, strict=True)]
    return names, tuple(photo.image if photo else None for photo in photos)


def photo_of(result: Any, photo: Any, index: int) -> Image | None:
    """The photo to draw a result on, as its loader sees it; None where none was given, and its own cannot be read.

    Args:
        result: what is to be drawn.
        photo: what the caller gave for it, if anything.
        index: which image, of a batch.

    Raises:
        InputError: what the caller gave is unusable.
    """
    if photo is not None:
        return as_photo(photo, "photo").image
    held = getattr(result, "photos", ())
    if index < len(held) and held[index] is not None:
        at_hand: Image = held[index]
        return at_hand
    images = getattr(result, "images", ())
    of_batch = isinstance(images, tuple) and 0 <= index < len(images)
    path = getattr(result, "image_path", "") or (getattr(images[index], "path", "") if of_batch else "")
    if not path:
        return None
    try:
        found = load_photo(Path(path))
        return found.seen(load_dialect(result.dialect).loader.orientation).image
    except SsdLossDbgError:  # gone since, or of a dialect that was put together by hand
        return None
