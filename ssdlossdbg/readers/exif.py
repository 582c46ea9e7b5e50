"""How EXIF data say that a photo is turned."""

from __future__ import annotations

# The tag, and its values: of a photo that is not turned, of those that are, and of those that swap width and height.
ORIENTATION = 0x0112
UPRIGHT = 1
TURNED = (2, 3, 4, 5, 6, 7, 8)
SIDEWAYS = (5, 6, 7, 8)
