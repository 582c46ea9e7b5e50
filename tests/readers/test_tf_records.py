"""TFRecords, against files put together byte by byte by other rules than those that read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.crc32c import crc32c
from tests.readers.annotations import other_tools
from tests.readers.annotations.other_tools import EXAMPLE, LABEL_MAP, example, field, record

Refused = Callable[[Callable[[], object]], InputError]


@pytest.mark.parametrize(
    ("data", "crc"),
    [  # the test vectors of RFC 3720, B.4, and of every other implementation
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
    ],
)
def test_checksums(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 1025, 4000])
def test_checksums_of_long_data(length: int) -> None:
    data = np.random.default_rng(length).bytes(length)
    assert crc32c(data) == other_tools.crc32c(data)


def write(path: Path, *records: bytes) -> Path:
    path.write_bytes(b"".join(records))
    return path


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (1, 1, [1, 1]),
        (0, 60, [0, 0]),
        (80, 0, [0, 0]),
        (80, -1, [0, 0]),
        (2**31, 60, [2**31, 60]),
        (80, 2**31 + 1, [0, 0]),
    ],
)
def test_sizes_that_a_photo_can_have(width: int, height: int, size: list[int], tmp_path: Path) -> None:
    sides: dict[str, list[bytes] | list[int] | list[float]] = {"image/width": [width], "image/height": [height]}
    path = write(tmp_path / "a.tfrecord", record(example({**EXAMPLE, **sides})))
    assert load_dataset(path).sizes.tolist() == [size]


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (3, "has a length that its CRC does not fit"),
        (40, "has data that its CRC does not fit"),
        (-1, "has data that its CRC does not fit"),
    ],
)
def test_damage_is_seen_and_what_stands_before_it_read(place: int, what: str, tmp_path: Path, refused: Refused) -> None:
    sound = record(example(EXAMPLE))
    damaged = bytearray(sound)
    damaged[place] ^= 1
    path = write(tmp_path / "a.tfrecord", sound, bytes(damaged))
    [told] = load_dataset(path).refused
    assert (told.error.where, told.error.what) == (f"{path}, record 1 (byte {len(sound):,})", what)
    assert len(load_dataset(path).boxes) == 2
    assert refused(lambda: load_dataset(write(tmp_path / "b.tfrecord", bytes(damaged)))).what == what


@pytest.mark.parametrize("cut", [-1, -5, 14, 5])
def test_a_file_that_is_cut_short(cut: int, tmp_path: Path) -> None:
    sound = record(example(EXAMPLE))
    [told] = load_dataset(write(tmp_path / "a.tfrecord", sound, sound[:cut])).refused
    assert "is cut short" in told.error.what or "has a length" in told.error.what


def test_numbers_for_classes_take_a_label_map(tmp_path: Path) -> None:
    features = {key: value for key, value in EXAMPLE.items() if not key.endswith("/text")}
    path = write(tmp_path / "a.record", record(example(features)))
    assert load_dataset(path).labels == ("class 1", "class 2")
    assert load_dataset(path, ("cup", "tea")).labels == ("cup", "tea")
    (tmp_path / "label_map.pbtxt").write_text(LABEL_MAP)
    assert load_dataset(path).labels == ("cat", "dog")


def test_an_object_that_lacks_a_corner(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "a.record", record(example({**EXAMPLE, "image/object/bbox/ymax": [0.5]}))))
    assert (len(dataset.boxes), dataset.unread is not None and dataset.unread.tolist()) == (1, [1])


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (example({"image": [b"x"], "objects/bbox": [0.1]}), "its features are image, objects/bbox"),
        (field(1, b"\xff\xff"), "is no tf.train.Example"),
    ],
)
def test_records_of_another_kind(data: bytes, what: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", record(data))
    try:
        said = [each.error.what for each in load_dataset(path).refused]
    except InputError as error:
        said = [error.what]
    assert what in said[0]
