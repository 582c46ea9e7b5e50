"""How annotations are written where that matters to a loader, and not to what they say."""

from __future__ import annotations

from enum import IntFlag

from ssdlossdbg.rules import Tag


class Trait(IntFlag):
    """What is true of an object or an image as its file writes it; most files have none of them."""

    POINT_X1 = 1
    """The text of x1 is no whole number, as in 260.0, though it is a number."""
    POINT_Y1 = 2
    POINT_X2 = 4
    POINT_Y2 = 8
    PADDED_NAME = 16
    """There are spaces around the name of its class."""
    NO_DIFFICULT = 32
    NO_TRUNCATED = 64
    NO_POSE = 128
    NO_SIZE = 256
    NO_DEPTH = 512
    NO_FOLDER = 1024
    NO_FILENAME = 2048
    NO_AREA = 8192
    """Of all images of a COCO file of which an object has no area; which one is not known."""
    NO_ISCROWD = 16384
    ZERO_SIZE = 4096
    """The width or the height that the file declares is 0 or less."""
    OUTLINE = 32768
    """The box is the one around a polygon, circle, mask or turned box that was drawn instead."""


POINTS = (Trait.POINT_X1, Trait.POINT_Y1, Trait.POINT_X2, Trait.POINT_Y2)
ANY_POINT = Trait.POINT_X1 | Trait.POINT_Y1 | Trait.POINT_X2 | Trait.POINT_Y2
MISSING = {
    Tag.SIZE: Trait.NO_SIZE,
    Tag.DEPTH: Trait.NO_DEPTH,
    Tag.FOLDER: Trait.NO_FOLDER,
    Tag.FILENAME: Trait.NO_FILENAME,
    Tag.DIFFICULT: Trait.NO_DIFFICULT,
    Tag.TRUNCATED: Trait.NO_TRUNCATED,
    Tag.POSE: Trait.NO_POSE,
    Tag.AREA: Trait.NO_AREA,
    Tag.ISCROWD: Trait.NO_ISCROWD,
}
