"""What a file is by its first bytes, whatever it is called, where it is not what is to be read.

A row of the table says what that is, as in "is a JPEG photo", what to do, and how the first bytes tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ssdlossdbg.errors import InputError

FETCH = "Fetch the file itself: git lfs pull."
PHOTO = "Name its annotations here; the photo goes where a command asks for one."
UNPACK = "Unpack it, and name what is in it."
TENSORS = "Saved tensors go to loss, detect and compare, by names that end in .pt, .npz, .npy or .safetensors."
MODEL = "Name what the model is trained on, or its saved outputs."
DOWNLOAD = "Download the file again: what came is a page about it, an error or a login, say."
UTF_16 = "text in UTF-16"
# A protocol buffer's first field with a small version, and its second or seventh with a text or message.
PHOTOS = ("a JPEG photo", "a PNG photo", "a GIF picture", "a TIFF photo", "a WebP photo", "a BMP photo", "a JPEG 2000")
ONNX = re.compile(rb"\x08[\x01-\x14](?:\x12.[ -~]{2,}|[\x3a\x12\x1a])", re.DOTALL)


class Known(NamedTuple):
    """A kind of file.

    Attributes:
        what: it is.
        fix: what to do.
        told_by: the bytes that it begins with, or what tells it by how it begins.
    """

    what: str
    fix: str
    told_by: tuple[bytes, ...] | Callable[[bytes], bool]

    def tells(self, data: bytes) -> bool:
        """Whether a file that begins so is of this kind."""
        return data.startswith(self.told_by) if isinstance(self.told_by, tuple) else self.told_by(data)


def what_it_is(path: Path, data: bytes, but: tuple[str, ...] = ()) -> InputError | None:
    """The error that names a file for what it is; None where its first bytes tell nothing.

    Args:
        path: the file.
        data: how it begins, some hundred bytes at least.
        but: what it may be, as beginnings of `Known.what`.
    """
    found = next((each for each in TABLE if each.tells(data)), None)
    if found is None or found.what.startswith(but or ("\0",)):
        return None
    return InputError(path, f"is {found.what} by its content", found.fix)


def _page(data: bytes) -> bool:
    """Whether data is a web page, rather than text that has a tag in it."""
    text = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    text = re.sub(rb"^(?:<\?xml[^>]*>|<!--.*?-->|\s)+", b"", text, flags=re.DOTALL)
    return text.startswith((b"<!doctype html", b"<html", b"<head>", b"<body"))


def _riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda data: data[:4] == b"RIFF" and data[8:12] == kind


def _zip(*names: bytes) -> Callable[[bytes], bool]:
    """Whether data begins as an archive does that has one of some names among its first."""
    return lambda data: data[:4] == b"PK\3\4" and any(name in data for name in names)


TABLE: tuple[Known, ...] = (
    Known("a pointer of Git LFS, which stands for a file that was not fetched", FETCH, (b"version https://git-lfs",)),
    Known(
        "a pointer of git-annex, which stands for a file that was not fetched",
        "Fetch the file itself: git annex get.",
        (b"/annex/objects/", b"../.git/annex/", b".git/annex/objects"),
    ),
    Known("a web page (HTML)", DOWNLOAD, _page),
    Known(
        "an error in XML that a store of files sent (S3, say)",
        DOWNLOAD,
        lambda data: bool(re.match(rb"(?:<\?xml[^>]*>\s*)?<Error>\s*<Code>", data)),
    ),
    Known("a JPEG photo", PHOTO, (b"\xff\xd8\xff",)),
    Known("a PNG photo", PHOTO, (b"\x89PNG\r\n\x1a\n",)),
    Known("a GIF picture", PHOTO, (b"GIF87a", b"GIF89a")),
    Known("a TIFF photo", PHOTO, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    Known("a WebP photo", PHOTO, _riff(b"WEBP")),
    Known("a BMP photo", PHOTO, lambda data: data[:2] == b"BM" and data[6:10] == bytes(4) and len(data) > 26),
    Known("a JPEG 2000 photo", PHOTO, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    Known(
        "a HEIC or AVIF photo",
        "Save it as JPEG or PNG.",
        lambda data: data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"hevc"),
    ),
    Known("a Photoshop file", "Save it as JPEG or PNG.", (b"8BPS",)),
    Known("an icon", "Name the photo.", (b"\0\0\1\0",)),
    Known(
        "a film",
        "Cut it into photos, each a frame.",
        lambda data: data[4:8] == b"ftyp" or data[:4] in (b"\x1aE\xdf\xa3", b"\0\0\1\xba") or _riff(b"AVI ")(data),
    ),
    Known("tensors that torch.save wrote", TENSORS, _zip(b"data.pkl")),
    Known("arrays of NumPy in an archive (.npz)", TENSORS, _zip(b".npy")),
    Known("a model of Keras (.keras)", MODEL, _zip(b"metadata.json", b"model.weights.h5")),
    Known(
        "a spreadsheet or document of Office",
        "Save the sheet as CSV, with the columns filename,width,height,class,xmin,ymin,xmax,ymax.",
        _zip(b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis"),
    ),
    Known("an archive (zip)", UNPACK, (b"PK\3\4", b"PK\5\6")),
    Known("an archive (gzip)", UNPACK, (b"\x1f\x8b",)),
    Known("an archive (bzip2)", UNPACK, (b"BZh",)),
    Known("an archive (xz)", UNPACK, (b"\xfd7zXZ\0",)),
    Known("an archive (zstd)", UNPACK, (b"\x28\xb5\x2f\xfd",)),
    Known("an archive (7z)", UNPACK, (b"7z\xbc\xaf\x27\x1c",)),
    Known("an archive (rar)", UNPACK, (b"Rar!\x1a\7",)),
    Known("an archive (tar)", UNPACK, lambda data: data[257:262] == b"ustar"),
    Known("an array of NumPy (.npy)", TENSORS, (b"\x93NUMPY",)),
    Known(
        "tensors of safetensors",
        TENSORS,
        lambda data: data[8:10] == b'{"' and 2 <= int.from_bytes(data[:8], "little") < 2**27,
    ),
    Known(
        "an HDF5 file (weights of Keras, or h5py's arrays)",
        "Export boxes as COCO JSON; save arrays as .npz.",
        (b"\x89HDF\r\n\x1a\n",),
    ),
    Known("a MATLAB file", "Convert it to COCO JSON with scipy.io.loadmat.", (b"MATLAB 5.0", b"MATLAB 7.3")),
    Known("a model of TensorFlow Lite", MODEL, lambda data: data[4:8] == b"TFL3"),
    Known("an ONNX model", MODEL, lambda data: bool(ONNX.match(data)) and (b"onnx" in data or b"pytorch" in data)),
    Known(
        "pickled Python objects",
        "Unpickling runs whatever was put into them: save plain arrays, or JSON.",
        lambda data: data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5"),
    ),
    Known(
        "an LMDB database",
        "Name the list of photos and XML files that it was made of.",
        lambda data: data[16:20] == b"\xde\xc0\xef\xbe",
    ),
    Known("an MXNet RecordIO file", "Name the annotations that it was made of.", (b"\x0a\x23\xd7\xce",)),
    Known("an SQLite database", "Export its boxes as COCO JSON.", (b"SQLite format 3\0",)),
    Known("an Arrow file", "Save it as Parquet: dataset.to_parquet(path).", (b"ARROW1",)),
    Known("a PDF", "Name the annotations.", (b"%PDF-",)),
    Known("a document of Office", "Save the sheet as CSV.", (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)),
    Known(
        "a program",
        "Name the annotations.",
        lambda data: data[:4] in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe") or data[:4] == b"MZ\x90\0",
    ),
    Known(
        "what macOS keeps beside a file (._name)",
        "Delete it: the file itself has the same name without ._ before it.",
        (b"\0\5\x16\7",),
    ),
    Known(
        UTF_16,
        "Save it as UTF-8.",
        lambda data: data[:2] in (b"\xff\xfe", b"\xfe\xff") and len(data) > 3 and b"\0" in data[2:4],
    ),
)
