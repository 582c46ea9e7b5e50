"""The legend of a picture: signs in a row, each with what it means."""

from __future__ import annotations

from collections.abc import Callable

from ssdlossdbg.report.canvas import Box4, Canvas, Point
from ssdlossdbg.report.theme import INK, Colour

# Length of a sign, and from it to its words, in units.
SIGN, APART = 26, 6
SHADES_SHOWN = 40


class Legend:
    """A row of signs and words, from left to right.

    Args:
        canvas: what is drawn on.
        at: upper left corner of the row.
        middle: how far below it lines lie, in pixels.
        gap: room after the words, in units.
    """

    def __init__(self, canvas: Canvas, at: Point, middle: int, gap: float = 20) -> None:
        self.canvas, self.gap = canvas, gap
        self.x, self.top = at
        self.middle = self.top + middle

    def line(self, meaning: str, units: float, dashed: bool = False) -> None:
        """A line of that width."""
        self.canvas.line((self.x, self.middle), (self.x + self._sign, self.middle), INK, units, dashed=dashed)
        self.words(meaning)

    def cross(self, meaning: str, colour: Colour) -> None:
        """An X."""
        self.canvas.cross((self.x + self._sign / 2, self.middle), colour, 6, 2.5)
        self.words(meaning)

    def box(self, upper: int, lower: int) -> Box4:
        """Where a sign that the caller draws belongs, its edges so many pixels below the top of the row."""
        return (self.x, self.top + upper, self.x + self._sign, self.top + lower)

    def words(self, meaning: str) -> None:
        """What the sign just drawn means."""
        self.x += self._sign + self.canvas.px(APART)
        self.x += self.canvas.text((self.x, self.top), meaning, 12) + self.canvas.px(self.gap)

    def scale(self, least: str, most: str, size: tuple[int, int], shade: Callable[[float], Colour]) -> None:
        """A bar of all shades from 0 to 1, between what its ends mean.

        Args:
            least: at 0.
            most: at 1.
            size: (width, height) of the bar in pixels.
            shade: the colour of a share.
        """
        self.x += self.canvas.text((self.x, self.top), least, 12) + self.canvas.px(APART)
        width, height = size
        for step in range(SHADES_SHOWN):
            left, right = (self.x + width * place / SHADES_SHOWN for place in (step, step + 1))
            self.canvas.fill((left, self.top, right, self.top + height), shade(step / (SHADES_SHOWN - 1)))
        self.x += width + self.canvas.px(APART)
        self.x += self.canvas.text((self.x, self.top), most, 12) + self.canvas.px(self.gap)

    @property
    def _sign(self) -> int:
        return self.canvas.px(SIGN)
