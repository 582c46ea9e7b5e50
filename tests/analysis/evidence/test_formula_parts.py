"""Each formula for the centre, or for the size, undoes what its words say, by plain arithmetic in pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from ssdlossdbg.analysis.evidence.formula_parts import centre_formulas, size_formulas

WIDTH, HEIGHT = 400, 200
VARIANCES = (0.1, 0.15, 0.2, 0.25)
# Pixels of the prior and the box, as (cx, cy, w, h).
PRIORS = [(100.0, 80.0, 40.0, 60.0), (300.0, 20.0, 90.0, 30.0), (220.0, 150.0, 50.0, 120.0)]
BOXES = [(120.0, 60.0, 70.0, 80.0), (310.0, 30.0, 180.0, 24.0), (200.0, 155.0, 30.0, 90.0)]
Pixels = tuple[float, float, float, float]
# What an offset along an axis is divided by, in pixels.
DIVISORS: dict[str, Callable[[Pixels, int], float]] = {
    "the centre over the prior's size": lambda prior, axis: prior[2 + axis],
    "dx over the prior's height and dy over its width": lambda prior, axis: prior[3 - axis],
    "the centre over the root of the prior's area": lambda prior, _: math.sqrt(prior[2] * prior[3]),
    "the centre over the prior's longer side": lambda prior, _: max(prior[2:]),
    "the centre over half the prior's size": lambda prior, axis: prior[2 + axis] / 2,
    "the centre's plain difference": lambda _, axis: (WIDTH, HEIGHT)[axis],
    "the centre's difference in pixels": lambda _prior, _axis: 1.0,
}
SIDES: dict[str, Callable[[Pixels, int], float]] = {
    "box size over prior size": lambda prior, axis: prior[2 + axis],
    "box size over half the prior's size": lambda prior, axis: prior[2 + axis] / 2,
    "half the box's size over the prior's": lambda prior, axis: prior[2 + axis] * 2,
    "both sizes over the prior's width (dh is divided by it, too)": lambda prior, _: prior[2],
    "both sizes over the prior's height (dw is divided by it, too)": lambda prior, _: prior[3],
    "width over the prior's height and height over its width": lambda prior, axis: prior[3 - axis],
    "the sizes over the root of the prior's area": lambda prior, _: math.sqrt(prior[2] * prior[3]),
    "the sizes over the prior's longer side": lambda prior, _: max(prior[2:]),
    "the box's size alone": lambda _, axis: (WIDTH, HEIGHT)[axis],
    "the box's size in pixels alone": lambda _prior, _axis: 1.0,
}
RATIOS: dict[str, Callable[[float], float]] = {
    "the logarithm of 1 + box size over prior size (log1p)": math.log1p,
    "box size over prior size and no logarithm": float,
    "the sizes' difference over the prior's size": lambda ratio: ratio - 1,
    "the root of box size over prior size": math.sqrt,
    "the root of box size over prior size, less 1": lambda ratio: math.sqrt(ratio) - 1,
}
Encode = Callable[[Pixels, Pixels, int], float]


def encoders() -> tuple[dict[str, Encode], dict[str, Encode]]:
    """Of the centre and of the size, before the variance, for an axis."""
    centres: dict[str, Encode] = {
        words: lambda box, prior, axis, by=by: (box[axis] - prior[axis]) / by(prior, axis)  # type: ignore[misc]
        for words, by in DIVISORS.items()
    }
    sizes: dict[str, Encode] = {
        f"the logarithm of {words}": lambda box, prior, axis, by=by: math.log(box[2 + axis] / by(prior, axis))  # type: ignore[misc]
        for words, by in SIDES.items()
    }
    sizes |= {
        words: lambda box, prior, axis, of=of: of(box[2 + axis] / prior[2 + axis])  # type: ignore[misc]
        for words, of in RATIOS.items()
    }
    sizes["width and height of the box exchanged"] = lambda box, prior, axis: math.log(
        box[3 - axis] / scaled(prior, axis)
    )
    sizes["the sizes' plain difference"] = lambda box, prior, axis: (
        (box[2 + axis] - prior[2 + axis]) / (WIDTH, HEIGHT)[axis]
    )
    sizes["a pixel of the input added to each size (x2 - x1 + 1)"] = lambda box, prior, axis: math.log(
        (box[2 + axis] + 1) / (prior[2 + axis] + 1)
    )
    return centres, sizes


def scaled(prior: Pixels, axis: int) -> float:
    """A side of the prior as a share of its axis, on the axis that the box's other side is a share of."""
    return prior[2 + axis] * ((HEIGHT / WIDTH) if axis == 0 else (WIDTH / HEIGHT))


WITHOUT: dict[str, Callable[[float], float]] = {
    "": float,
    ", not divided by a variance": lambda _: 1.0,
    ", multiplied by the variance": lambda variance: 1 / variance,
}


@pytest.mark.parametrize("columns", [slice(0, 2), slice(2, 4)], ids=["centre", "size"])
def test_each_part_undoes_what_its_words_say(columns: slice) -> None:
    by_words = encoders()[columns.start // 2]
    own = "the centre over the prior's size" if columns.start == 0 else "the logarithm of box size over prior size"
    made = (centre_formulas, size_formulas)[columns.start // 2](VARIANCES, (WIDTH, HEIGHT), WIDTH / HEIGHT)
    units = np.array([WIDTH, HEIGHT] * 2)
    told = set()
    for part in made:
        words, comma, rest = part.words.partition(next((each for each in WITHOUT if each and each in part.words), "\0"))
        divisor, encode = WITHOUT[comma + rest], by_words[words or own]
        offsets = [
            [encode(box, prior, axis) / divisor(VARIANCES[columns.start + axis]) for axis in (0, 1)]
            for box, prior in zip(BOXES, PRIORS, strict=True)
        ]
        found = part.decode(np.array(offsets), np.array(PRIORS) / units)
        np.testing.assert_allclose(found, (np.array(BOXES) / units)[:, columns], rtol=1e-9, err_msg=part.words)
        assert part.exchanged is ("over its width" in part.words), part.words
        told.add(part.words or own)
    wanted: Sequence[str] = [f"{words}{without}" for words in by_words for without in WITHOUT]
    assert told == set(wanted)
