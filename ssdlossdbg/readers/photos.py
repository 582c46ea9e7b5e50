"""Photographs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import read_bytes

# What Pillow may take a file for, whatever it is called: of all that it knows, some start other programs (PostScript
# starts Ghostscript), and no camera or dataset writes them.
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "JPEG2000", "PPM")


@dataclass(frozen=True)
class Photo:
    """A decoded photo, and the file it came from."""

    path: Path
    image: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.size


def load_photo(path: Path) -> Photo:
    """An RGB photo, turned upright as its EXIF data say (cv2.imread, which ssd.pytorch reads with, does so too).

    Raises:
        InputError: the file cannot be read, is no image, is cut short, or claims an absurd size.
    """
    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF data and the like: the pixels are what is wanted
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                return Photo(path, ImageOps.exif_transpose(image).convert("RGB"))
    except UnidentifiedImageError:
        raise InputError(path, "is not an image that can be read", "Give a JPEG, PNG or the like.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(path, f"claims an absurd size ({error})", "Scale it down first.") from None
    except Exception as error:  # a decoder raises whatever it stumbles over in a damaged file
        raise InputError(path, f"cannot be decoded ({error})", "It may be cut short; copy it again.") from None
