"""Photographs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.exif import ORIENTATION, SIDEWAYS, UPRIGHT
from ssdlossdbg.readers.files import read_bytes
from ssdlossdbg.readers.what_it_is import PHOTOS, what_it_is
from ssdlossdbg.rules import Orientation

# What undoes the turns of `ImageOps.exif_transpose`, by EXIF's orientation.
TURNED_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}

# What Pillow may take a file for, whatever it is called: of all that it knows, some start other programs (PostScript
# starts Ghostscript), and no camera or dataset writes them.
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "JPEG2000", "PPM")


# Of an array of pixels.
CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class Photo:
    """A decoded photo, and the file it came from.

    Attributes:
        path: the file.
        image: turned upright as its EXIF data say.
        orientation: how they say that it is turned, as EXIF numbers it; 1 where they do not.
    """

    path: Path
    image: Image.Image
    orientation: int = UPRIGHT

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.size

    @property
    def stored(self) -> tuple[int, int, int]:
        """Width and height in pixels as the file stores it, and how EXIF turns it: a row of `photo_sizes`."""
        width, height = self.size[::-1] if self.orientation in SIDEWAYS else self.size
        return width, height, self.orientation

    def seen(self, orientation: Orientation) -> Photo:
        """The photo as a loader sees it, turned or not."""
        if orientation is Orientation.TURN or self.orientation == UPRIGHT:
            return self
        return replace(self, image=self.image.transpose(TURNED_BACK[self.orientation]), orientation=UPRIGHT)


def photo_at_hand(image: Any, where: str) -> Photo:
    """A photo that a program has: a PIL image, an array or a tensor of RGB.

    Args:
        image: uint8, or floats from 0 to 1; (height, width, 1, 3 or 4), (height, width), or the channels first.
        where: what to call it in errors.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(image, Image.Image):
        turned = image.getexif().get(ORIENTATION)
        path = Path(getattr(image, "filename", "") or where)
        upright = ImageOps.exif_transpose(image).convert("RGB")
        return Photo(path, upright, turned if turned in TURNED_BACK else UPRIGHT)
    values = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
    if values.ndim == 3 and values.shape[0] in CHANNELS and values.shape[2] not in CHANNELS:
        values = np.moveaxis(values, 0, 2)
    fix = "Give a path, a PIL image, or an RGB array of uint8, (height, width, 3)."
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in CHANNELS) or 0 in values.shape:
        raise InputError(where, f"is no photo: {_described(image, values)}", fix)
    if values.dtype.kind == "f":
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise InputError(where, "is an array of floats that do not all lie between 0 and 1", fix)
        values = np.round(values * 255).astype(np.uint8)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * 255
    if values.dtype != np.uint8:
        raise InputError(where, f"is no photo: {_described(image, values)}", fix)
    values = values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values
    return Photo(Path(where), Image.fromarray(np.ascontiguousarray(values)).convert("RGB"))


def _described(image: Any, values: Any) -> str:
    if values.dtype == object or not values.shape:
        return f"a {type(image).__name__}"
    return f"{values.dtype} of shape ({', '.join(map(str, values.shape))})"


def load_photo(path: Path, side: int | None = None) -> Photo:
    """An RGB photo, turned upright as its EXIF data say (cv2.imread, which ssd.pytorch reads with, does so too).

    Args:
        path: its file.
        side: the longest that it is wanted with, in pixels, where that is less than it has: a JPEG is then decoded in
            a fraction of the time. As large as it is if None.

    Raises:
        InputError: the file cannot be read, is no image, is cut short, or claims an absurd size.
    """
    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF data and the like: the pixels are what is wanted
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                turned = image.getexif().get(ORIENTATION)
                if side is not None:
                    image.draft("RGB", (side, side))
                upright = ImageOps.exif_transpose(image).convert("RGB")
                if side is not None:
                    upright.thumbnail((side, side))
                return Photo(path, upright, turned if turned in TURNED_BACK else UPRIGHT)
    except UnidentifiedImageError:
        if error := what_it_is(path, data, PHOTOS):
            raise error from None
        raise InputError(path, "is not an image that can be read", "Give a JPEG, PNG or the like.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(path, f"claims an absurd size ({error})", "Scale it down first.") from None
    except Exception as error:  # a decoder raises whatever it stumbles over in a damaged file
        raise InputError(path, f"cannot be decoded ({error})", "It may be cut short; copy it again.") from None
