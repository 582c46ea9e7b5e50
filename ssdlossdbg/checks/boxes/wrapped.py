"""Coordinates below 0 that an unsigned number of a few bytes turned into its largest."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.boxes.family import BOXES
from ssdlossdbg.checks.cases import TableCases, of_rows
from ssdlossdbg.checks.remembered import once_a_table
from ssdlossdbg.results import BoolArray, Case, FloatArray, IntArray, Objects, Severity

BITS = (8, 16, 32, 64)
# How far below 0 a coordinate may have been; 255 is a coordinate like any other, so of a byte only -1 is asked.
MOST_BELOW, MOST_BELOW_OF_BYTE = 16, 1
# A byte holds the coordinates of an image up to so large, or those of all boxes; then two are a sign.
SIDE_OF_BYTE, LEAST_OF_BYTE = 256, 2
# Sides in pixels that a fraction may have been divided by.
LIKELY_SIDES = (32, 8192)


@BOXES.check(15, "coordinate that wrapped around", Severity.ERROR, Objects, ("BOX012",))
def wrapped(objects: Objects) -> TableCases:
    """A box begins at the largest number that a few bytes hold, which is what they make of -1.

    What it means:
        The coordinates were kept as unsigned whole numbers, and something was subtracted from 0: Pascal VOC's pixel, or
        the corner of a crop. 0 - 1 is 65535 in uint16, 255 in uint8, 4294967295 in uint32.

    Why it matters:
        The box ends before it begins, so its encoded width is the logarithm of a negative number, nan. Swapping the two
        numbers gives a box of tens of thousands of pixels, and dropping it loses a sound object at the border.

    How to tell:
        The left or upper edge is beyond the other one and is at most 16 below 256^2, 256^4 or 256^8 (over a whole
        number of pixels, where boxes are fractions), or exactly 255 where the image or all its boxes end by then.

    How to fix:
        Convert the coordinates to a signed type or to floats before anything is subtracted. In files that hold such a
        number, write 0 for it.

    Where people met it:
        apache/mxnet#3904: a VOC box at 0, as uint16, less 1.
    """
    bits = _bits(objects)

    def describe(row: int) -> Case:
        names, said = ("x1", "y1") if objects.saved else ("xmin", "ymin"), []
        for axis in np.flatnonzero(bits[row]).tolist():
            size = 2 ** int(bits[row, axis])
            side = _side(objects.stated[row, axis : axis + 1], size)[0] if objects.sizes[row, axis] == 1 else 1
            below = max(1, round(size - float(objects.stated[row, axis]) * side))
            value = f"{objects.stated[row, axis]:.10g}" + (f" = {size - 1} / {side:g}" if side > 1 else "")
            said.append(f"{names[axis]} = {value}, which is -{below} in uint{bits[row, axis]}")
        fix = "Convert coordinates to a signed type before anything is subtracted; in a file, write 0 there."
        return Case(objects.where(row), " and ".join(said), float(objects.stated[row, :2].max()), 0.0, fix)

    return of_rows(objects, np.flatnonzero(bits.any(1)), describe)


@once_a_table
def wrapped_around(objects: Objects) -> BoolArray:
    """`[N]` whether a coordinate of a box wrapped around."""
    return np.asarray(_bits(objects).any(1))


@once_a_table
def _bits(objects: Objects) -> IntArray:
    """`[N, 2]` how many bits the left and the upper edge wrapped around in; 0 where they did not."""
    found = np.zeros((len(objects.stated), 2), dtype=np.int64)
    rows = np.flatnonzero(objects.inverted & objects.finite)
    starts, ends, sides = objects.stated[rows, :2], objects.stated[rows, 2:], objects.sizes[rows]
    for bits in BITS if len(rows) else ():
        near = np.where(sides == 1, _of_fraction(starts, bits), _of_pixel(starts, bits)) & (starts > ends)
        if bits == BITS[0]:
            all_of_byte = objects.stated[objects.finite].max() < SIDE_OF_BYTE and near.sum() >= LEAST_OF_BYTE
            near &= (sides <= SIDE_OF_BYTE) | all_of_byte
        found[rows] = np.where(near, bits, found[rows])
    return found


def _of_pixel(values: FloatArray, bits: int) -> BoolArray:
    below = 2.0**bits - values
    most = MOST_BELOW_OF_BYTE if bits == BITS[0] else MOST_BELOW
    return np.asarray((values % 1 == 0) & (below >= min(1, bits == BITS[0])) & (below <= most))


def _of_fraction(values: FloatArray, bits: int) -> BoolArray:
    side = _side(values, 2**bits)
    smallest, too_large = LIKELY_SIDES
    near = (side >= smallest) & (side < too_large) & (bits > BITS[0])
    # A float32 holds seven digits, which leaves this much of a doubt in a side.
    return np.asarray(near & (np.abs((2.0**bits - 1) / np.where(near, values, 1) - side) < 1e-3))


def _side(values: FloatArray, size: int) -> FloatArray:
    """The whole number that the largest number below a size was divided by, to give each value; inf for 0."""
    with np.errstate(divide="ignore"):
        rounded: FloatArray = np.round((size - 1.0) / values)
    return rounded
