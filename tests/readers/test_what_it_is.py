"""Files are named for what they are by their first bytes, wherever they are named."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save as save_tensors

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.photos import load_photo
from ssdlossdbg.readers.saved.tensor_files import load
from ssdlossdbg.readers.what_it_is import TABLE, UTF_16, what_it_is

Refused = Callable[[Callable[[], object]], InputError]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def photo(format: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, format)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def saved(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.xml"))
    return buffer.getvalue()


FILES: dict[str, bytes] = {
    "a pointer of Git LFS": POINTER,
    "a pointer of git-annex": b"/annex/objects/MD5E-s1--68b3.jpg\n",
    "a web page": b"\n<!DOCTYPE html>\n<html><head><title>404</title>",
    "an error in XML": b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
    **{f"a {name} p": photo(name.replace(" ", "")) for name in ("JPEG", "PNG", "GIF", "TIFF", "BMP")},
    "a WebP": photo("WEBP"),
    "a JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "a HEIC": b"\0\0\0\x18ftypheic\0\0\0\0",
    "a Photoshop": b"8BPS\0\1",
    "an icon": b"\0\0\1\0\1\0",
    "a film": b"\0\0\0\x18ftypisom\0\0\2\0",
    "tensors that torch.save": saved(lambda file: torch.save(torch.ones(3), file)),
    "arrays of NumPy": saved(lambda file: np.savez(file, a=np.ones(3))),
    "a model of Keras": zipped("metadata.json", "config.json"),
    "a spreadsheet": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "an archive (zip)": zipped("a.xml"),
    "an archive (gzip)": gzip.compress(b"a"),
    "an archive (bzip2)": b"BZh91AY&SY",
    "an archive (xz)": b"\xfd7zXZ\0\0\4",
    "an archive (zstd)": b"\x28\xb5\x2f\xfd\4",
    "an archive (7z)": b"7z\xbc\xaf\x27\x1c\0\4",
    "an archive (rar)": b"Rar!\x1a\7\1\0",
    "an archive (tar)": tar(),
    "an array of NumPy": saved(lambda file: np.save(file, np.ones(3))),
    "tensors of safetensors": save_tensors({"a": np.ones(3)}),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n\0\0",
    "a MATLAB": b"MATLAB 5.0 MAT-file",
    "a model of TensorFlow Lite": b"\x1c\0\0\0TFL3\x14\0",
    "an ONNX model": b"\x08\x08\x12\x07pytorch\x1a\x052.1.0",
    "pickled Python": pickle.dumps([1]),
    "an LMDB": bytes(16) + b"\xde\xc0\xef\xbe" + bytes(40),
    "an MXNet": b"\x0a\x23\xd7\xce" + bytes(40),
    "an SQLite": b"SQLite format 3\0\x10",
    "an Arrow": b"ARROW1\0\0",
    "a PDF": b"%PDF-1.7\n",
    "a document of Office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
    "a program": b"\x7fELF\2\1\1",
    "what macOS keeps": b"\0\5\x16\7\0\2",
    "text in UTF-16": "a.jpg cat".encode("utf-16"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_named_for_what_it_is(what: str, tmp_path: Path, refused: Refused) -> None:
    for ending in (".xml", ".json", ".txt", ".csv", ""):
        path = tmp_path / f"a{ending}"
        path.write_bytes(FILES[what])
        if what.startswith("text") and ending in (".xml", ".csv", ".json"):
            continue  # XML may be so, and what the others are their readers say
        error = refused(partial(load_dataset, path))
        assert (error.where, error.what.startswith(f"is {what}")) == (str(path), True), error
        assert error.what.endswith(" by its content")


def test_each_row_has_a_file() -> None:
    told = [error.what for data in FILES.values() if (error := what_it_is(Path("a"), data))]
    assert not [each.what for each in TABLE if not any(text.startswith(f"is {each.what} by") for text in told)]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        # UTF-16 has a mark of two bytes and a zero in its first letter, on either side; what has none is no Latin text.
        (b"\xff\xfea\0", UTF_16),
        (b"\xfe\xff\0a", UTF_16),
        (b"\xff\xfeab\0", None),
        (b"\xfe\xffab", None),
        (b"\xff\xfe\0", None),
        (b"a\0b\0", None),
        (b" " * 507 + b"<html>", "a web page (HTML)"),
        (b" " * 508 + b"<html>", None),
        (b"BM" + bytes(25), "a BMP photo"),
        (b"BM" + bytes(24), None),
        (b"BM" + bytes(4) + b"\1" + bytes(30), None),
        (b"BM" + bytes(7) + b"\1" + bytes(30), None),
        (b"BM" + bytes(8) + b"\1" + bytes(30), "a BMP photo"),
        (b"RIFF\1\2\3\4WEBP", "a WebP photo"),
        (b"RIFF\1\2\3\4AVI ", "a film"),
        (b"RIFF\1\2\3\4WAVE", None),
        (b"\1\2\3\4ftypavif", "a HEIC or AVIF photo"),
        (b"\1\2\3\4ftypqt  ", "a film"),
        (b"\1\2\3\4moov", None),
        (b"\x1aE\xdf\xa3", "a film"),
        (b"\0\0\1\xba", "a film"),
        (b"PK\3\4...data.pkl", "tensors that torch.save wrote"),
        (b"PK\3\4...", "an archive (zip)"),
        (b"PK\5\6data.pkl", "an archive (zip)"),
        (bytes(257) + b"ustar", "an archive (tar)"),
        (bytes(256) + b"ustar", None),
        (b'\2\0\0\0\0\0\0\0{"', "tensors of safetensors"),
        (b'\1\0\0\0\0\0\0\0{"', None),
        (b'\xff\xff\xff\7\0\0\0\0{"', "tensors of safetensors"),
        (b'\0\0\0\x08\0\0\0\0{"', None),
        (b"\x80\2", "pickled Python objects"),
        (b"\x80\5", "pickled Python objects"),
        (b"\x80\1", None),
        (b"\x80\6", None),
        (b"\x7fELF", "a program"),
        (b"\xcf\xfa\xed\xfe", "a program"),
        (b"\xca\xfe\xba\xbe", "a program"),
        (b"MZ\x90\0", "a program"),
        (b"MZ\x90\1", None),
        (bytes(16) + b"\xde\xc0\xef\xbe", "an LMDB database"),
        (bytes(15) + b"\xde\xc0\xef\xbe", None),
    ],
)
def test_signatures_to_the_byte(data: bytes, what: str | None) -> None:
    error = what_it_is(Path("a"), data)
    assert (error and error.what) == (what and f"is {what} by its content")


@pytest.mark.parametrize(
    "text",
    [
        b"<annotation><object/></annotation>",
        b"<?xml version='1.0'?><!-- <html> --><annotation/>",
        json.dumps({"images": [], "annotations": [], "categories": []}).encode(),
        b"0 .5 .5 .2 .2\n",
        b"version 1 of our labels\n",
        b"II. cats\n",
        b"BM 1 2 3 4 5 6 7 8 9 10 11 12 13\n",
        b"\xef\xbb\xbfcat\ndog\n",
        b"",
    ],
)
def test_text_is_nothing_else(text: bytes) -> None:
    assert what_it_is(Path("a"), text) is None


@pytest.mark.parametrize(
    ("data", "what"), [(POINTER, "is a pointer of Git LFS"), (FILES["a web page"], "is a web page")]
)
def test_photos_tensors_and_files_of_a_folder_are_named_so_too(
    data: bytes, what: str, tmp_path: Path, refused: Refused
) -> None:
    for name in ("a.jpg", "a.pt", "a.npz", "a.safetensors"):
        path = tmp_path / name
        path.write_bytes(data)
        read: Callable[[Path], object] = load_photo if name == "a.jpg" else load
        assert refused(partial(read, path)).what.startswith(what)
    folder = tmp_path / "set"
    (folder / "Annotations").mkdir(parents=True)
    (folder / "Annotations/a.xml").write_bytes(data)
    (folder / "Annotations/b.xml").write_text("<annotation/>")
    [only] = load_dataset(folder).refused
    assert only.error.what.startswith(what)
