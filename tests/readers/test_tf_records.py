"""TFRecords, against files put together byte by byte by other rules than those that read them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations import load_dataset
from ssdlossdbg.readers.crc32c import crc32c
from ssdlossdbg.readers.tf_records import Feature, features_of, is_tf_record
from tests.readers.annotations import other_tools
from tests.readers.annotations.other_tools import EXAMPLE, LABEL_MAP, example, field, record, varint

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
    [told] = dataset.refused
    assert (told.error.where, told.error.what, told.images) == (
        f"{tmp_path / 'a.record'}, record 0, object 1",
        "has an object that lacks its class or a finite corner",
        frozenset({0}),
    )


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


ONE = struct.pack("<f", 1.0)


@pytest.mark.parametrize(
    ("listed", "values"),
    [
        (field(2, field(1, ONE + ONE)), (1.0, 1.0)),
        (field(2, varint(1 << 3 | 5) + ONE + field(2, ONE)), (1.0,)),
        (field(2, varint(2 << 3 | 5) + ONE + varint(1 << 3 | 1) + ONE + ONE + varint(1 << 3) + varint(7)), ()),
        (field(3, field(1, varint(3) + varint(-2)) + varint(1 << 3) + varint(300)), (3, -2, 300)),
        (field(3, varint(2 << 3) + varint(3) + varint(1 << 3 | 5) + ONE), ()),
        (field(3, field(1, varint(2**63) + varint(2**63 - 1))), (-(2**63), 2**63 - 1)),
        (field(1, field(1, b"a") + field(2, b"b") + field(1, b"")), (b"a", b"")),
        (field(4, field(1, b"a")), ()),
        (b"", ()),
    ],
)
def test_fields_that_no_list_has_are_passed_over(listed: bytes, values: Feature) -> None:
    """A list holds field 1, of the kind of its numbers or packed."""
    entry = field(1, b"f") + varint(7 << 3) + varint(1) + field(2, listed)
    record = field(2, b"x") + field(1, field(3, b"x") + field(1, entry))
    assert features_of(record, lambda name: name == "f") == {"f": values}
    assert features_of(record, lambda name: name != "f") == {"f": ()}


@pytest.mark.parametrize(
    "data", [varint(1 << 3 | 3), varint(1 << 3 | 1) + ONE, field(1, b"ab")[:-1], varint(1 << 3) + b"\xff" * 11, b"\x80"]
)
def test_what_is_no_example(data: bytes) -> None:
    """A kind that is none, a number, a text and a key that end behind the end, a number without end."""
    with pytest.raises(ValueError, match="has a "):
        features_of(data, bool)


def test_a_length_alone_is_no_file() -> None:
    """Twelve bytes, whose CRC fits; what follows may be anything."""
    data = record(b"x")
    assert not is_tf_record(data[:12])
    assert is_tf_record(data[:13])
    assert not is_tf_record(data[:8] + bytes(5))
    assert not is_tf_record(b"")
