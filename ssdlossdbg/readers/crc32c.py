"""CRC-32C (Castagnoli), which TFRecords guard their records by; fast enough for photos without a library of its own."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78  # of RFC 3720, bits reversed
MASK_DELTA = 0xA282EAD8  # of TensorFlow, tsl/lib/hash/crc32c.h
ALL = 0xFFFFFFFF
Words = NDArray[np.uint32]
# Shorter data is taken byte by byte.
SHORT = 512


def masked_crc32c(data: bytes) -> int:
    """The checksum as TFRecords have it: turned, and a constant added, so that what is summed may hold such sums."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & ALL


def crc32c(data: bytes) -> int:
    """The checksum of some bytes."""
    return _going_on(ALL, data) ^ ALL


def _going_on(crc: int, data: bytes) -> int:
    """The state after some bytes, from the one before them.

    Long data is cut into pieces of a power of two, which go through the table side by side, each from a state of 0 but
    the first. As the sum is linear, two neighbours make one: the left one, when as many zeros follow as the right one
    has bytes, and the right one differ in the bits of it.
    """
    if len(data) < SHORT:
        table = _table().tolist()
        for byte in data:
            crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
        return int(crc)
    power = len(data).bit_length() // 2
    pieces = len(data) >> power
    head = len(data) - (pieces << power)
    columns = np.frombuffer(data, np.uint8, offset=head).reshape(pieces, -1).T.astype(np.uint32)
    before = (1 << (pieces - 1).bit_length()) - pieces  # pieces of nothing but zeros, so that pairs come out even
    states = np.zeros(before + pieces, dtype=np.uint32)
    states[before] = _going_on(crc, data[:head])
    own, step, byte_of = states[before:], _table(), np.uint32(0xFF)
    for column in columns:
        own[:] = own >> 8 ^ step[(own ^ column) & byte_of]
    while len(states) > 1:
        states = _times(_zeros(power), states[::2]) ^ states[1::2]
        power += 1
    return int(states[0])


@cache
def _table() -> Words:
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, crc >> 1 ^ np.uint32(POLYNOMIAL), crc >> 1)
    return crc


@cache
def _zeros(power: int) -> Words:
    """`[4, 256]` what each byte of a state becomes when two to some power bytes of zero follow."""
    bytes_of = np.arange(256, dtype=np.uint32)
    each = np.stack([bytes_of << np.uint32(8 * place) for place in range(4)])
    if not power:
        return np.asarray(each >> 8 ^ _table()[each & 0xFF])
    half = _zeros(power - 1)
    return _times(half, _times(half, each))


def _times(tables: Words, states: Words) -> Words:
    """A linear map, as what it makes of each byte of a state, applied to states."""
    parts = [tables[place][states >> np.uint32(8 * place) & np.uint32(0xFF)] for place in range(4)]
    return np.asarray(parts[0] ^ parts[1] ^ parts[2] ^ parts[3])
