"""Formulas by which the centre, or the size, of an offset was made: each as its inverse, to be told by itself.

Most slips concern one of the two alone. Each is then the only part that is wrong, whatever was done to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ssdlossdbg.results import Box, FloatArray

Part = Callable[[FloatArray, FloatArray], FloatArray]
Sides = Callable[[FloatArray], FloatArray]
Ratio = Callable[[FloatArray], FloatArray]
# A number that another is to be multiplied by, with words for it.
Divisors = tuple[tuple[FloatArray, str], ...]


@dataclass(frozen=True)
class PartFormula:
    """A formula for the centre or the size.

    Attributes:
        words: what it is, to follow "encoded with"; empty where it is the dialect's own.
        decode: `[N, 2]` centres or sizes, normalised, of `[N, 2]` offsets and `[N, 4]` priors.
        exchanged: whether it takes the prior's width for its height, and the other way round.
    """

    words: str
    decode: Part
    exchanged: bool = False


def centre_formulas(variances: Box, size: tuple[int, int], aspect: float) -> Iterator[PartFormula]:
    """Those of the centre, the dialect's own first; arguments as of `formulas`."""
    yield PartFormula("", partial(_centre, factor=np.asarray(variances[:2]), sides=_own))
    for factor, without in _divided(variances[:2]):
        for sides, words in (
            (_own, "the centre over the prior's size"),
            (partial(_other, aspect=aspect), "dx over the prior's height and dy over its width"),
            (partial(_root, aspect=aspect), "the centre over the root of the prior's area"),
            (partial(_longest, aspect=aspect), "the centre over the prior's longer side"),
            (_half, "the centre over half the prior's size"),
            (np.ones_like, "the centre's plain difference"),
            (partial(_pixels, size=size), "the centre's difference in pixels"),
        ):
            if without or sides is not _own:
                decode = partial(_centre, factor=factor, sides=sides)
                yield PartFormula(f"{words}{without}", decode, _is_exchanged(sides))


def size_formulas(variances: Box, size: tuple[int, int], aspect: float) -> Iterator[PartFormula]:
    """Those of the size, the dialect's own first; arguments as of `formulas`."""
    yield PartFormula("", partial(_size, factor=np.asarray(variances[2:]), sides=_own, ratio=np.exp))
    for factor, without in _divided(variances[2:]):
        for sides, words in _size_divisors(size, aspect):
            if without or sides is not _own:
                said = f"the logarithm of {words}{without}"
                decode = partial(_size, factor=factor, sides=sides, ratio=np.exp)
                yield PartFormula(said, decode, _is_exchanged(sides))
        for ratio, words in RATIOS:
            yield PartFormula(f"{words}{without}", partial(_size, factor=factor, sides=_own, ratio=ratio))
        words = "width and height of the box exchanged"
        yield PartFormula(f"{words}{without}", partial(_exchanged, factor=factor))
        yield PartFormula(f"the sizes' plain difference{without}", partial(_difference, factor=factor))
        words = "a pixel of the input added to each size (x2 - x1 + 1)"
        yield PartFormula(f"{words}{without}", partial(_pixel_more, factor=factor, size=size))


def _size_divisors(size: tuple[int, int], aspect: float) -> tuple[tuple[Sides, str], ...]:
    return (
        (_own, "box size over prior size"),
        (_half, "box size over half the prior's size"),
        (_twice, "half the box's size over the prior's"),
        (partial(_one_side, side=0, aspect=aspect), "both sizes over the prior's width (dh is divided by it, too)"),
        (partial(_one_side, side=1, aspect=aspect), "both sizes over the prior's height (dw is divided by it, too)"),
        (partial(_other, aspect=aspect), "width over the prior's height and height over its width"),
        (partial(_root, aspect=aspect), "the sizes over the root of the prior's area"),
        (partial(_longest, aspect=aspect), "the sizes over the prior's longer side"),
        (np.ones_like, "the box's size alone"),
        (partial(_pixels, size=size), "the box's size in pixels alone"),
    )


def _plus_one(values: FloatArray) -> FloatArray:
    return np.asarray(values + 1)


def _less_one(values: FloatArray) -> FloatArray:
    return np.asarray(np.exp(values) - 1)


def _square(values: FloatArray) -> FloatArray:
    return np.where(values > 0, values**2, np.nan)


def _square_plus_one(values: FloatArray) -> FloatArray:
    return _square(values + 1)


# What makes box size over prior size of an offset, and what that was made by.
RATIOS: tuple[tuple[Ratio, str], ...] = (
    (_less_one, "the logarithm of 1 + box size over prior size (log1p)"),
    (np.asarray, "box size over prior size and no logarithm"),
    (_plus_one, "the sizes' difference over the prior's size"),
    (_square, "the root of box size over prior size"),
    (_square_plus_one, "the root of box size over prior size, less 1"),
)


def _divided(variances: tuple[float, float]) -> Divisors:
    """What offsets are multiplied by, and what is said of it after the formula."""
    stated = np.asarray(variances)
    return (stated, ""), (np.ones(2), ", not divided by a variance"), (1 / stated, ", multiplied by the variance")


def _centre(offsets: FloatArray, priors: FloatArray, factor: FloatArray, sides: Sides) -> FloatArray:
    return np.asarray(priors[:, :2] + offsets * factor * sides(priors[:, 2:]))


def _size(offsets: FloatArray, priors: FloatArray, factor: FloatArray, sides: Sides, ratio: Ratio) -> FloatArray:
    return np.asarray(sides(priors[:, 2:]) * ratio(offsets * factor))


def _exchanged(offsets: FloatArray, priors: FloatArray, factor: FloatArray) -> FloatArray:
    return np.asarray((priors[:, 2:] * np.exp(offsets * factor))[:, ::-1])


def _pixel_more(offsets: FloatArray, priors: FloatArray, factor: FloatArray, size: tuple[int, int]) -> FloatArray:
    pixel = 1 / np.asarray(size, dtype=float)
    return np.asarray((priors[:, 2:] + pixel) * np.exp(offsets * factor) - pixel)


def _difference(offsets: FloatArray, priors: FloatArray, factor: FloatArray) -> FloatArray:
    return np.asarray(priors[:, 2:] + offsets * factor)


def _is_exchanged(sides: Sides) -> bool:
    return isinstance(sides, partial) and sides.func is _other


def _own(sides: FloatArray) -> FloatArray:
    return sides


def _half(sides: FloatArray) -> FloatArray:
    return np.asarray(sides / 2)


def _twice(sides: FloatArray) -> FloatArray:
    return np.asarray(sides * 2)


def _other(sides: FloatArray, aspect: float) -> FloatArray:
    return sides[:, ::-1] * (1 / aspect, aspect)


def _one_side(sides: FloatArray, side: int, aspect: float) -> FloatArray:
    """One side in the unit of each axis."""
    return np.repeat(sides[:, side : side + 1], 2, axis=1) * ((1.0, aspect) if side == 0 else (1 / aspect, 1.0))


def _root(sides: FloatArray, aspect: float) -> FloatArray:
    root = np.sqrt(sides[:, :1] * aspect * sides[:, 1:])
    return np.concatenate((root / aspect, root), axis=1)


def _longest(sides: FloatArray, aspect: float) -> FloatArray:
    longest = np.maximum(sides[:, :1] * aspect, sides[:, 1:])
    return np.concatenate((longest / aspect, longest), axis=1)


def _pixels(sides: FloatArray, size: tuple[int, int]) -> FloatArray:
    return np.ones_like(sides) / size
