"""The records of a TFRecord, and the features of the tf.train.Example in each: without TensorFlow, checked by CRC.

A record is its length (8 bytes), the masked CRC-32C of that (4), the data, and the masked CRC-32C of those (4). An
Example is a protocol buffer: a map from names to lists of bytes, float32 or int64 (tensorflow/core/example/
feature.proto).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.crc32c import masked_crc32c
from ssdlossdbg.readers.files import open_file, read_bytes
from ssdlossdbg.readers.memory import in_words, most_bytes

HEADER, FOOTER = struct.Struct("<QI"), struct.Struct("<I")
DAMAGED = "It was cut short or damaged; write it again, or leave that record out."
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
WIDTHS = {FIXED64: 8, FIXED32: 4}
LONGEST_VARINT = 10
# The kinds of lists, by the numbers of their fields.
OF_BYTES, OF_FLOATS, OF_INTEGERS = 1, 2, 3
Feature = tuple[bytes, ...] | tuple[float, ...] | tuple[int, ...]


def is_tf_record(data: bytes) -> bool:
    """Whether data begins with a length and the CRC of that, and something follows."""
    if len(data) <= HEADER.size:
        return False
    return bool(HEADER.unpack_from(data)[1] == masked_crc32c(data[:8]))


def tf_records(path: Path) -> Iterator[bytes]:
    """The records of a file, one at a time.

    Raises:
        InputError: the file cannot be read, or a CRC or its length shows that it is damaged.
    """
    try:
        with open_file(path) as file:
            number, start = 0, 0
            while header := file.read(HEADER.size):
                place = f"{path}, record {number} (byte {start:,})"
                length = HEADER.unpack(header)[0] if len(header) == HEADER.size else 0
                if len(header) < HEADER.size or HEADER.unpack(header)[1] != masked_crc32c(header[:8]):
                    raise InputError(place, "has a length that its CRC does not fit", DAMAGED)
                if length > most_bytes():
                    raise InputError(place, f"claims {in_words(length)}, more than memory has room for", DAMAGED)
                data, footer = file.read(length), file.read(FOOTER.size)
                if len(data) < length or len(footer) < FOOTER.size:
                    raise InputError(place, f"is cut short: {len(data):,} of its {length:,} bytes are there", DAMAGED)
                if FOOTER.unpack(footer)[0] != masked_crc32c(data):
                    raise InputError(place, "has data that its CRC does not fit", DAMAGED)
                yield data
                number, start = number + 1, start + HEADER.size + length + FOOTER.size
    except OSError:
        read_bytes(path)  # says what is wrong with the path
        raise


def features_of(record: bytes, wanted: Callable[[str], bool]) -> dict[str, Feature]:
    """Some features of an Example; those that nobody wants are named, and empty.

    Raises:
        ValueError: it is no Example.
    """
    found: dict[str, Feature] = {}
    data = memoryview(record)
    for _, features in _messages(data, 1):
        for _, entry in _messages(features, 1):
            name, value = "", memoryview(b"")
            for number, part in _messages(entry, 1, 2):
                name, value = (bytes(part).decode(), value) if number == 1 else (name, part)
            found[name] = _feature(value) if wanted(name) else ()
    return found


def _feature(data: memoryview) -> Feature:
    values: Feature = ()
    for kind, listed in _messages(data, OF_BYTES, OF_FLOATS, OF_INTEGERS):
        if kind == OF_BYTES:
            values = tuple(bytes(part) for _, part in _messages(listed, 1))
        elif kind == OF_FLOATS:
            packed = b"".join(bytes(part) for part in _numbers(listed, FIXED32))
            values = tuple(np.frombuffer(packed, "<f4").tolist())
        else:
            values = tuple(number for part in _numbers(listed, VARINT) for number in _varints(part))
    return values


def _messages(data: memoryview, *numbers: int) -> Iterator[tuple[int, memoryview]]:
    """The fields of some numbers that hold bytes; others are passed over."""
    for number, kind, part in _fields(data):
        if kind == BYTES and number in numbers:
            yield number, part


def _numbers(data: memoryview, kind: int) -> Iterator[memoryview]:
    """The numbers of a list, packed or one by one, as the bytes they take."""
    return (part for number, of, part in _fields(data) if number == 1 and of in (kind, BYTES))


def _fields(data: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Each field's number, its kind, and its bytes.

    Raises:
        ValueError: they are none.
    """
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind, start = key & 7, place
        if kind == VARINT:
            place = _varint(data, place)[1]
        elif kind == BYTES:
            length, start = _varint(data, place)
            place = start + length
        elif kind in WIDTHS:
            place += WIDTHS[kind]
        else:
            raise ValueError(f"has a field of kind {kind}, which no Example has")
        if place > len(data):
            raise ValueError("has a field that ends behind its end")
        yield key >> 3, kind, data[start:place]


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends."""
    value = 0
    for shift, byte in enumerate(data[place : place + LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * shift
        if not byte & 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place + shift + 1
    raise ValueError("has a number without an end")


def _varints(data: memoryview) -> Iterator[int]:
    place = 0
    while place < len(data):
        value, place = _varint(data, place)
        yield value - (1 << 64) if value >> 63 else value
