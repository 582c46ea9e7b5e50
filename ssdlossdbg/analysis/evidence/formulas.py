"""Formulas by which offsets were made from a box and its prior, each as its inverse: other people's and slips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations

import numpy as np

from ssdlossdbg.results import Box, FloatArray, corners
from ssdlossdbg.results.encoded import Formula

Decode = Callable[[FloatArray, FloatArray], FloatArray]
NAMES = ("dx", "dy", "dw", "dh")
AS_READ, Y_FIRST = (0, 1, 2, 3), (1, 0, 3, 2)
UNIT: Box = (1.0, 1.0, 1.0, 1.0)
SIGNS: tuple[tuple[Box, str], ...] = (
    ((-1, -1, 1, 1), "with dx and dy from the box to the prior: their signs are wrong"),
    ((1, 1, -1, -1), "with the logarithm of prior size over box size: the signs of dw and dh are wrong"),
    ((-1, -1, -1, -1), "with all four signs wrong"),
)
# The natural logarithm of 10, and of 2.
BASES = ((2.302585093, "the logarithm to the base 10"), (0.69314718, "the logarithm to the base 2"))


def formulas(
    variances: Box, size: tuple[int, int], pixels: bool, aspect: float
) -> Iterator[tuple[Formula, str, Decode]]:
    """Every formula that people met but the dialect's own and other variances.

    Args:
        variances: the dialect's.
        size: (width, height) of the network's input in pixels.
        pixels: whether the numbers are so large that they may be pixels.
        aspect: what a normalised width is multiplied by to be measured as heights are.

    Yields:
        The formula, what the offsets are in words, and `decode(offsets, priors)`, `[N, 4]` cxcywh, normalised.
    """
    scale = 1 / np.asarray(size * 2, dtype=float) if pixels else np.ones(4)
    unit = "pixels" if pixels else "fractions of the image"
    for form, decode in FORMS.items():
        words = f"the boxes themselves, {form} in {unit}"
        yield Formula.NOT_ENCODED, words, partial(_raw, scale=scale, decode=decode)
    for formula, axis, words in (
        (Formula.CY_BY_WIDTH, 1, "dy divided by the prior's width"),
        (Formula.CX_BY_HEIGHT, 0, "dx divided by the prior's height"),
    ):
        other_side = aspect ** (1 if axis else -1)
        yield formula, f"encoded with {words}", partial(_by_other, variances=variances, axis=axis, ratio=other_side)
    yield Formula.Y_FIRST, "in the order (dy, dx, dh, dw)", _in_order(Y_FIRST, variances)
    for read in permutations(AS_READ):
        if read not in (AS_READ, Y_FIRST):
            order = "({})".format(", ".join(NAMES[read.index(place)] for place in AS_READ))
            yield Formula.ORDER, f"in the order {order}", _in_order(read, variances)
    for stated, words in (
        (variances, "the logarithm of the sizes"),
        ((*variances[:2], 1.0, 1.0), "logarithm and variance of the sizes"),
        (UNIT, "the logarithm of the sizes, and without variances"),
    ):
        yield Formula.NO_LOGARITHM, f"encoded without {words}", partial(_no_logarithm, variances=stated, added=0.0)
    words = "encoded with the sizes' plain difference over the prior's size in place of the logarithm"
    yield Formula.NO_LOGARITHM, words, partial(_no_logarithm, variances=variances, added=1.0)
    for base, words in BASES:
        other: Box = (*variances[:2], variances[2] * base, variances[3] * base)
        yield Formula.OTHER_LOGARITHM, f"encoded with {words}", partial(offsets_of, variances=other)
    for stated, words in ((variances, ""), (UNIT, " nor by the variances")):
        said = f"encoded without dividing the centre by the prior's size{words}"
        yield Formula.NOT_DIVIDED, said, partial(_not_divided, variances=stated)
    yield (
        Formula.BY_BOX,
        "encoded with the centre divided by the box's size and not by the prior's",
        partial(_by_box, variances=variances),
    )
    for signs, words in SIGNS:
        (a, b, c, d), (x, y, w, h) = signs, variances
        yield Formula.SIGN, f"encoded {words}", partial(offsets_of, variances=(a * x, b * y, c * w, d * h))
    words = "those of the prior as seen from the box: the two were exchanged"
    yield Formula.EXCHANGED, words, partial(_exchanged, variances=variances)
    for share, words in ((0.5, "from the prior's top left corner"), (0.0, "from the prior's centre")):
        said = f"encoded {words} to the box's top left corner, not from centre to centre"
        yield Formula.TOP_LEFT, said, partial(_top_left, variances=variances, share=share)
    divided = _variances_in_words(variances)
    for steps, words in divided:
        said = f"from corner to corner, divided by the prior's size{words}"
        yield Formula.FROM_CORNERS, said, partial(_from_corners, factors=np.asarray(steps), divided=True)
    plain = [(scale, f" in {unit}"), *((np.asarray(steps), f", divided{words[4:]}") for steps, words in divided[:-1])]
    for factors, words in plain:
        yield (
            Formula.DIFFERENCES,
            f"plain differences of the corners{words}",
            partial(_from_corners, factors=factors, divided=False),
        )
        said = f"plain differences of (cx, cy, w, h){words}"
        yield Formula.DIFFERENCES, said, partial(_differences, factors=factors)
    words = "plain differences of the box's corners and the prior's (cx, cy, w, h)"
    yield Formula.DIFFERENCES, words, _mixed_differences
    words = "encoded from the priors' corners, as if those were centre and size"
    yield Formula.CORNER_PRIORS, words, partial(_corner_priors, variances=variances)
    words = "encoded from the boxes' corners, as if those were centre and size"
    yield Formula.CORNER_BOXES, words, partial(_corner_boxes, variances=variances)
    words = "encoded from boxes in pixels, while the priors are fractions"
    whole = np.asarray(size * 2, dtype=float)
    yield Formula.PIXEL_BOXES, words, partial(_scaled_boxes, variances=variances, factors=1 / whole)


def _variances_in_words(variances: Box) -> tuple[tuple[Box, str], ...]:
    x, y, w, h = variances
    return (
        ((x, y, w, h), f" and by the variances ({x:g}, {y:g}, {w:g}, {h:g})"),
        ((x, y, x, y), f" and by the variance {x:g}"),
        (UNIT, ", not by variances"),
    )


def offsets_of(offsets: FloatArray, priors: FloatArray, variances: Box) -> FloatArray:
    """SSD's own formula: `[N, 4]` cxcywh of `[N, 4]` offsets from `[N, 4]` priors."""
    moves = offsets * variances
    centre = priors[:, :2] + moves[:, :2] * priors[:, 2:]
    return np.concatenate((centre, priors[:, 2:] * np.exp(moves[:, 2:])), axis=1)


def _centred(boxes: FloatArray) -> FloatArray:
    """Centre and size of `[N, 4]` xyxy."""
    low, high = np.split(boxes, 2, axis=1)
    return np.concatenate(((low + high) / 2, high - low), axis=1)


def _from_top_left(boxes: FloatArray) -> FloatArray:
    """Centre and size of `[N, 4]` x y width height."""
    return np.concatenate((boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]), axis=1)


def _from_y_first(boxes: FloatArray) -> FloatArray:
    """Centre and size of `[N, 4]` y1 x1 y2 x2."""
    return _centred(boxes[:, list(Y_FIRST)])


# Ways to write a box, as what makes centre and size of it.
FORMS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "(x1, y1, x2, y2)": _centred,
    "(cx, cy, w, h)": np.asarray,
    "(x1, y1, w, h)": _from_top_left,
    "(y1, x1, y2, x2)": _from_y_first,
}


def _raw(
    values: FloatArray, _priors: FloatArray, scale: FloatArray, decode: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    return decode(values * scale)


def _by_other(offsets: FloatArray, priors: FloatArray, variances: Box, axis: int, ratio: float) -> FloatArray:
    boxes = offsets_of(offsets, priors, variances)
    boxes[:, axis] = priors[:, axis] + offsets[:, axis] * variances[axis] * priors[:, 3 - axis] * ratio
    return boxes


def _exchanged(offsets: FloatArray, priors: FloatArray, variances: Box) -> FloatArray:
    moves = offsets * variances
    sides = priors[:, 2:] * np.exp(-moves[:, 2:])
    return np.concatenate((priors[:, :2] - moves[:, :2] * sides, sides), axis=1)


def _top_left(offsets: FloatArray, priors: FloatArray, variances: Box, share: float) -> FloatArray:
    """`share` of the prior's size lies between its point and its centre; half of the box's between its own."""
    boxes = offsets_of(offsets, priors, variances)
    boxes[:, :2] += boxes[:, 2:] / 2 - share * priors[:, 2:]
    return boxes


def _mixed_differences(offsets: FloatArray, priors: FloatArray) -> FloatArray:
    return _centred(offsets + priors)


def _in_order(read: tuple[int, ...], variances: Box) -> Decode:
    return partial(_reordered, read=list(read), variances=variances)


def _reordered(offsets: FloatArray, priors: FloatArray, read: list[int], variances: Box) -> FloatArray:
    return offsets_of(offsets[:, read], priors, variances)


def _no_logarithm(offsets: FloatArray, priors: FloatArray, variances: Box, added: float) -> FloatArray:
    boxes = offsets_of(offsets, priors, variances)
    boxes[:, 2:] = priors[:, 2:] * (offsets[:, 2:] * variances[2:] + added)
    return boxes


def _not_divided(offsets: FloatArray, priors: FloatArray, variances: Box) -> FloatArray:
    boxes = offsets_of(offsets, priors, variances)
    boxes[:, :2] = priors[:, :2] + offsets[:, :2] * variances[:2]
    return boxes


def _by_box(offsets: FloatArray, priors: FloatArray, variances: Box) -> FloatArray:
    boxes = offsets_of(offsets, priors, variances)
    boxes[:, :2] = priors[:, :2] + offsets[:, :2] * variances[:2] * boxes[:, 2:]
    return boxes


def _from_corners(offsets: FloatArray, priors: FloatArray, factors: FloatArray, divided: bool) -> FloatArray:
    sides = np.concatenate((priors[:, 2:], priors[:, 2:]), axis=1) if divided else 1.0
    return _centred(corners(priors) + offsets * factors * sides)


def _differences(offsets: FloatArray, priors: FloatArray, factors: FloatArray) -> FloatArray:
    return np.asarray(priors + offsets * factors)


def _corner_priors(offsets: FloatArray, priors: FloatArray, variances: Box) -> FloatArray:
    return offsets_of(offsets, corners(priors), variances)


def _corner_boxes(offsets: FloatArray, priors: FloatArray, variances: Box) -> FloatArray:
    return _centred(offsets_of(offsets, priors, variances))


def _scaled_boxes(offsets: FloatArray, priors: FloatArray, variances: Box, factors: FloatArray) -> FloatArray:
    return np.asarray(offsets_of(offsets, priors, variances) * factors)
