"""Photos: which way up, in which colours, and what is said of files that are none."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.photo_files import photo_size
from ssdlossdbg.readers.photos import load_photo

Refused = Callable[[Callable[[], object]], InputError]
ORIENTATION = 0x0112
RED, BLUE = (255, 0, 0), (0, 0, 255)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    """The image as the bytes of a file."""
    file = BytesIO()
    image.save(file, format=format, **options)
    return file.getvalue()


def red_left(size: tuple[int, int] = (40, 20)) -> Image.Image:
    """A photo whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    return image


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP"])
@pytest.mark.parametrize("name", ["photo.jpg", "photo"])
def test_format_is_recognised_by_content(format: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(red_left(), format))
    photo = load_photo(path)
    assert (photo.path, photo.size, photo.image.mode) == (path, (40, 20), "RGB")
    left, right = photo.image.getpixel((5, 10)), photo.image.getpixel((35, 10))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left == pytest.approx(RED, abs=12)
    assert right == pytest.approx(BLUE, abs=12)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16", "F"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(encoded(Image.new(mode, (4, 3)), "TIFF"))
    photo = load_photo(path)
    assert (photo.size, photo.image.mode) == ((4, 3), "RGB")


def test_palette_with_transparency_warns_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(red_left().convert("P"), "PNG", transparency=bytes([0, 9])))
    assert load_photo(path).image.mode == "RGB"


@pytest.mark.parametrize(
    ("orientation", "size", "red_at", "blue_at"),
    [
        (1, (40, 20), (2, 10), (37, 10)),
        (2, (40, 20), (37, 10), (2, 10)),
        (3, (40, 20), (37, 10), (2, 10)),
        (6, (20, 40), (10, 2), (10, 37)),
        (8, (20, 40), (10, 37), (10, 2)),
        (0, (40, 20), (2, 10), (37, 10)),
        (99, (40, 20), (2, 10), (37, 10)),
    ],
)
def test_photo_is_turned_upright(
    orientation: int, size: tuple[int, int], red_at: tuple[int, int], blue_at: tuple[int, int], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(red_left(), "PNG", exif=exif))
    photo = load_photo(path)
    assert photo.size == size
    assert photo.image.getpixel(red_at) == RED
    assert photo.image.getpixel(blue_at) == BLUE


def test_damaged_exif_data_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(red_left(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"))
    assert load_photo(path).size == (40, 20)


JPEG = encoded(red_left((64, 64)), "JPEG")


@pytest.mark.parametrize(
    ("data", "what", "fix"),
    [
        (b"", "is not an image that can be read", "Give a JPEG, PNG or the like."),
        (b"hello", "is not an image that can be read", "Give a JPEG, PNG or the like."),
        (b"<annotation/>", "is not an image that can be read", "Give a JPEG, PNG or the like."),
        (JPEG[:2], "is not an image that can be read", "Give a JPEG, PNG or the like."),
        (JPEG[: len(JPEG) // 2], "cannot be decoded (", "It may be cut short; copy it again."),
        (JPEG[:-40], "cannot be decoded (", "It may be cut short; copy it again."),
        (encoded(red_left(), "PNG")[:-30], "cannot be decoded (", "It may be cut short; copy it again."),
        (png(4, 4), "cannot be decoded (", "It may be cut short; copy it again."),
        (png(0, 4), "is not an image that can be read", "Give a JPEG, PNG or the like."),
        (png(10_000, 10_000), "claims an absurd size (", "Scale it down first."),
        (png(60_000, 60_000), "claims an absurd size (", "Scale it down first."),
        (png(2**31 - 1, 2**31 - 1), "claims an absurd size (", "Scale it down first."),
    ],
    ids=[
        "empty", "text", "xml", "two-bytes", "half-jpeg", "cut-jpeg", "cut-png", "no-pixels", "no-width",
        "large", "bomb", "largest",
    ],
)  # fmt: skip
def test_what_is_no_photo(data: bytes, what: str, fix: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    error = refused(lambda: load_photo(path))
    assert error.where == str(path)
    assert error.what.startswith(what)
    assert error.fix == fix


@pytest.mark.parametrize("error", [TypeError("bad operand"), struct.error("not an integer"), RuntimeError("no item")])
def test_whatever_a_decoder_raises(
    error: Exception, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Image.Image) -> Image.Image:
        raise error

    monkeypatch.setattr("PIL.ImageOps.exif_transpose", fail)
    path = tmp_path / "photo.jpg"
    path.write_bytes(JPEG)
    assert refused(lambda: load_photo(path)).what == f"cannot be decoded ({error})"


@pytest.mark.parametrize(
    ("name", "what"), [("", "is a folder, not a file"), ("none.jpg", "no such file"), ("a\0.jpg", "cannot be a path")]
)
def test_no_file(name: str, what: str, tmp_path: Path, refused: Refused) -> None:
    error = refused(lambda: load_photo(tmp_path / name))
    assert error.where == str(tmp_path / name)
    assert error.what.startswith(what)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


def test_postscript_starts_no_interpreter(tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(POSTSCRIPT)

    def start(*_: object, **__: object) -> None:
        pytest.fail("a program was started")

    monkeypatch.setattr("subprocess.Popen.__init__", start)
    monkeypatch.setattr("subprocess.check_call", start)
    assert refused(lambda: load_photo(path)).what == "is not an image that can be read"
    assert photo_size(path) is None
