"""Photos inside a page: JPEGs in data URIs, as large as the room that is left for them allows."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO

from PIL import Image

# Longest sides to try, in pixels, and the quality of the JPEG.
SIDES = (1600, 1200, 900, 640, 480, 320, 200)
QUALITY = 82
# What a pixel takes at that quality in base 64, as photos go: to begin with a side that has a chance.
BYTES_OF_PIXEL = 0.2


def encoded_photos(photos: Sequence[Image.Image | None], room: int) -> tuple[list[str | None], str]:
    """Data URIs of photos, and a sentence about those that are left out; empty where none is.

    Args:
        photos: in the order of the page; None where one is not at hand.
        room: bytes that they may take altogether.
    """
    there = [photo for photo in photos if photo is not None]
    if not there:
        return [None] * len(photos), ""
    fitting = [side for side in SIDES if sum(_pixels(photo, side) for photo in there) * BYTES_OF_PIXEL <= room]
    for side in fitting or SIDES[-1:]:
        made = [None if photo is None else data_uri(photo, side) for photo in photos]
        if sum(len(uri or "") for uri in made) <= room:
            return made, ""
    return _first_that_fit(made, room)


def _first_that_fit(made: Sequence[str | None], room: int) -> tuple[list[str | None], str]:
    kept: list[str | None] = []
    for uri in made:
        room -= len(uri or "")
        kept.append(uri if room >= 0 else None)
    lost = sum(uri is not None for uri in made) - sum(uri is not None for uri in kept)
    return kept, f"{lost} of {len(made)} photos, which would make it too large" if lost else ""


def _pixels(photo: Image.Image, side: int) -> float:
    scale = min(1.0, side / max(photo.size))
    return photo.size[0] * photo.size[1] * scale**2


def data_uri(photo: Image.Image, side: int, quality: int = QUALITY) -> str:
    """A photo as a JPEG in a data URI, its longer side of that many pixels at the most."""
    scale = min(1.0, side / max(photo.size))
    if scale < 1:
        size = (max(1, round(photo.size[0] * scale)), max(1, round(photo.size[1] * scale)))
        photo = photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    out = BytesIO()
    photo.save(out, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")
