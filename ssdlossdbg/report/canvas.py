"""Drawing on pictures: everything scales with one unit, and meaning is never carried by colour alone."""

from __future__ import annotations

import io
import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

import numpy as np
from PIL import ExifTags, Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from ssdlossdbg.report.fonts import length, write
from ssdlossdbg.report.theme import INK, NEUTRAL_GROUND, PAPER, SOFTWARE, WHITE, Colour
from ssdlossdbg.results import FloatArray

Point = tuple[float, float]
Box4 = tuple[float, float, float, float]
SHORTEST_LONG_SIDE, LONGEST_SIDE = 960, 1600
UNIT_SIDE = 960
# The short side of a strip, where its long one has room for that; wider than this no picture is.
LEAST_SHORT_SIDE, WIDEST = 240, 3200
# How far a chip may be moved, in its own heights, to get out of the way of another.
CHIP_STEPS = (0, -1, 1, -2, 2, -3, 3)


# How wide the edge of a chip is, in units.
EDGE = 0.6
# Of words on a picture, and of chips that others are kept off.
MOST_LETTERS, MOST_CHIPS = 300, 150


def png(image: Image.Image, mark: str = "") -> bytes:
    """The picture as a PNG file that says whose it is. Compressed lightly: three times as fast, a fifth larger.

    Args:
        image: what was drawn.
        mark: what else the file is to say, as what it is of.
    """
    buffer, says = io.BytesIO(), PngInfo()
    says.add_text(*SOFTWARE)
    if mark:
        says.add_text("Source", mark)
    image.save(buffer, "PNG", compress_level=1, pnginfo=says)
    return buffer.getvalue()


def picture_file(image: Image.Image, ending: str) -> bytes:
    """The picture as a file with that ending: .png, .jpg, .jpeg or .webp; PNG with any other, as a device has none."""
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}.get(ending.lower())
    if kind is None:
        return png(image)
    buffer, says = io.BytesIO(), Image.Exif()
    says[ExifTags.Base.Software] = SOFTWARE[1]
    image.convert("RGB").save(buffer, kind, quality=90, exif=says)
    return buffer.getvalue()


def pixels(units: float, unit: float) -> int:
    """Units in whole pixels, at least one.

    Args:
        units: a length, in units.
        unit: pixels of one.
    """
    return max(1, round(units * unit))


def panel_size(aspect: tuple[int, int]) -> tuple[int, int]:
    """Size of the main panel for an image of that (width, height), in its proportions, within readable bounds."""
    shortest, longest = min(aspect), max(aspect)
    side = min(max(longest, SHORTEST_LONG_SIDE), LONGEST_SIDE)
    side = max(side, min(LEAST_SHORT_SIDE * longest // max(shortest, 1), WIDEST))
    width, height = (max(round(pixels * side / longest), 1) for pixels in aspect)
    return width, height


def unit_of(size: tuple[int, int]) -> float:
    """Pixels of a unit on a panel of that size; a strip has no larger letters for being long."""
    return min(max(size), LONGEST_SIDE) / UNIT_SIDE


class Canvas:
    """A picture under construction.

    Args:
        size: (width, height) in pixels.
        unit: the length that lines and text are multiples of, in pixels.
    """

    def __init__(self, size: tuple[int, int], unit: float) -> None:
        self.image = Image.new("RGB", size, PAPER)
        self.unit = unit
        self._draw = ImageDraw.Draw(self.image, "RGBA")
        self._chips: deque[Box4] = deque(maxlen=MOST_CHIPS)

    def px(self, units: float) -> int:
        """Units in whole pixels, at least one."""
        return pixels(units, self.unit)

    def text(
        self, at: Point, words: str, units: float = 13, colour: Colour = INK, width: float | None = None, tail: str = ""
    ) -> float:
        """Write a line from its upper left corner, cut with dots where it exceeds `width`; returns its width.

        Args:
            at: that corner.
            words: what may be cut.
            units: size of the letters.
            colour: theirs.
            width: the room there is; any if None.
            tail: written after the words, and kept whole.
        """
        size, words = self.px(units), words[:MOST_LETTERS] + ("..." if len(words) > MOST_LETTERS else "")
        if width is not None and length(words + tail, size) > width:
            fitting = bisect_right(range(len(words)), width, key=lambda kept: length(words[:kept] + "..." + tail, size))
            words = words[: max(0, fitting - 1)] + "..."
        write(self._draw, at, words + tail, size, colour)
        return length(words + tail, size)

    def chip(self, at: Point, words: str, colour: Colour, units: float = 12) -> None:
        """Words on a ground of that colour, their upper left corner at the point."""
        width, height = self._chip_size(words, units)
        self.fill((at[0], at[1], at[0] + width, at[1] + height), colour)
        write(self._draw, (at[0] + self.px(2), at[1]), words, self.px(units), readable_on(colour))

    def chip_above(self, corner: Point, words: str, colour: Colour, units: float, bounds: Box4) -> None:
        """The same on top of a box with that upper left corner, inside the bounds and off the chips already there."""
        width, height = self._chip_size(words, units)
        x = max(min(corner[0], bounds[2] - width), bounds[0])
        places = [
            (x, max(min(corner[1] + (step - 1) * (height + 1), bounds[3] - height), bounds[1])) for step in CHIP_STEPS
        ]
        boxes = [(*place, place[0] + width, place[1] + height) for place in places]
        free = [box for box in boxes if not any(_overlap(box, other) for other in self._chips)]
        chosen = (free or boxes)[0]
        self._chips.append(chosen)
        self.chip(chosen[:2], words, colour, units)
        self.rectangle(chosen, INK, EDGE, 150)  # it often lies on lines of its own colour

    def _chip_size(self, words: str, units: float) -> tuple[float, float]:
        return length(words, self.px(units)) + 2 * self.px(2), self.px(units * 1.25)

    def rectangle(self, box: Box4, colour: Colour, units: float = 1.5, alpha: int = 255, dashed: bool = False) -> None:
        """The outline of a box, given in pixels of the canvas; corners in any order."""
        x1, x2 = sorted((box[0], box[2]))
        y1, y2 = sorted((box[1], box[3]))
        width = self.px(units)
        if not dashed:
            self._draw.rectangle((x1, y1, x2, y2), outline=(*colour, alpha), width=width)
            return
        for start, end in (((x1, y1), (x2, y1)), ((x2, y1), (x2, y2)), ((x2, y2), (x1, y2)), ((x1, y2), (x1, y1))):
            self.line(start, end, colour, units, alpha, dashed=True)

    def fill(self, box: Box4, colour: Colour) -> None:
        """A filled box."""
        self._draw.rectangle(box, fill=colour)

    def line(
        self, start: Point, end: Point, colour: Colour, units: float = 1.5, alpha: int = 255, dashed: bool = False
    ) -> None:
        """A line, whole or dashed."""
        width, paint = self.px(units), (*colour, alpha)
        length = math.dist(start, end)
        dash = self.px(6)
        if not dashed or length <= dash:
            self._draw.line((*start, *end), fill=paint, width=width)
            return
        for offset in range(0, math.ceil(length), dash * 2):
            a, b = offset / length, min((offset + dash) / length, 1.0)
            self._draw.line((*_between(start, end, a), *_between(start, end, b)), fill=paint, width=width)

    def hatch(self, box: Box4, colour: Colour, alpha: int = 170) -> None:
        """Diagonal lines across a box."""
        x1, y1, x2, y2 = box
        width, height = x2 - x1, y2 - y1
        step = self.px(7)
        for offset in range(step, math.ceil(width + height), step):
            start = (x1 + min(offset, width), y1 + max(0.0, offset - width))
            end = (x1 + max(0.0, offset - height), y1 + min(offset, height))
            self._draw.line((*start, *end), fill=(*colour, alpha), width=self.px(1))

    def cross(self, centre: Point, colour: Colour, units: float = 9, line_units: float = 3) -> None:
        """An X, light-rimmed so that it shows on any ground."""
        reach = self.px(units)
        x, y = centre
        for paint, extra in ((WHITE, 2.0), (colour, 0.0)):
            self.line((x - reach, y - reach), (x + reach, y + reach), paint, line_units + extra)
            self.line((x - reach, y + reach), (x + reach, y - reach), paint, line_units + extra)

    def dots(self, points: Sequence[Point], colour: Colour, units: float) -> None:
        """Small squares."""
        reach = self.px(units) / 2
        for x, y in points:
            self._draw.rectangle((x - reach, y - reach, x + reach, y + reach), fill=(*colour, 200))


class Panel:
    """A part of a canvas that shows the image, for boxes in units of it.

    Args:
        canvas: what is drawn on.
        box: where the image lies on the canvas, in pixels.
        photo: the image; a neutral ground where there is none.
        dim: how far the photo is faded towards black, so that lines stand out.
    """

    def __init__(self, canvas: Canvas, box: tuple[int, int, int, int], photo: Image.Image | None, dim: float) -> None:
        self.canvas, self.box = canvas, box
        size = (box[2] - box[0], box[3] - box[1])
        if photo is None:
            canvas.fill(box, NEUTRAL_GROUND)
            return
        size = max(1, size[0]), max(1, size[1])  # of a strip that is a thousand times as long as wide
        shown = photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        canvas.image.paste(shown.point(lambda value: value * (1 - dim)), box[:2])

    def place(self, box: FloatArray | Sequence[float]) -> Box4:
        """A normalised box in pixels of the canvas; what is not finite goes to the image's edge."""
        finite = np.nan_to_num(np.asarray(box, dtype=float), nan=0.0, posinf=1.0, neginf=0.0)
        x1, y1, x2, y2 = np.clip(finite, -1.0, 2.0).tolist()
        left, top = self.box[:2]
        width, height = self.box[2] - left, self.box[3] - top
        return (left + x1 * width, top + y1 * height, left + x2 * width, top + y2 * height)

    def clipped(self, box: FloatArray | Sequence[float]) -> Box4:
        """The same, pulled inside the image, so that nothing is drawn over its neighbours."""
        placed = self.place(box)
        xs = [min(max(value, self.box[0]), self.box[2] - 1) for value in placed[::2]]
        ys = [min(max(value, self.box[1]), self.box[3] - 1) for value in placed[1::2]]
        return (xs[0], ys[0], xs[1], ys[1])

    def upright(self, box: FloatArray | Sequence[float]) -> Box4:
        """The same, the upper left corner first even where the box is inverted."""
        x1, y1, x2, y2 = self.clipped(box)
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)

    def object(self, box: Box4, colour: Colour, units: float, dashed: bool = False) -> None:
        """The outline of an object, in pixels of the canvas, rimmed so that it shows on any ground."""
        self.canvas.rectangle(box, INK, units + 1.5, 150)
        self.canvas.rectangle(box, colour, units, dashed=dashed)


def readable_on(colour: Colour) -> Colour:
    """Ink or white, whichever reads better on the colour."""
    red, green, blue = colour
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


def _overlap(one: Box4, other: Box4) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
