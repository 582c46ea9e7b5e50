"""What B's numbers are made of A's by, where that is one step: a factor, an offset, an exchange, a rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from itertools import permutations
from typing import NamedTuple

import numpy as np
import torch

from ssdlossdbg.results.common import FloatArray

# Numbers that differ by less than this share of the largest are the same but for float32 rounding.
ROUNDING = 3e-6
# So few numbers fit too many steps.
LEAST = 3
# Of columns, more exchanges are not tried but by their content.
SIDES = 4
HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


class Kind(Enum):
    """What numbers are, which says which steps have names."""

    CORNERS = auto()
    """x1 y1 x2 y2."""
    CENTRES = auto()
    """cx cy w h."""
    OFFSETS = auto()
    """dx dy dw dh."""
    LOGITS = auto()
    """A column a class, background first."""


class Step(NamedTuple):
    """What was done to A's numbers, in words, and the number in that."""

    words: str
    figure: float | None = None


Made = Iterator[tuple[Step, FloatArray]]
SIZES = "width and height exchanged"
# Exchanges of four columns that have a name, by what the columns are.
EXCHANGES: dict[tuple[int, ...], dict[Kind, str]] = {
    (1, 0, 3, 2): dict.fromkeys(Kind, "x and y exchanged"),
    (2, 3, 0, 1): {
        Kind.CORNERS: "first and last corner exchanged",
        Kind.CENTRES: "centre and size exchanged",
        Kind.OFFSETS: "centre and size exchanged",
    },
    (2, 1, 0, 3): {Kind.CORNERS: "x1 and x2 exchanged"},
    (0, 3, 2, 1): {Kind.CORNERS: "y1 and y2 exchanged"},
    (0, 2, 1, 3): {Kind.CORNERS: "written as x1 x2 y1 y2"},
    (0, 1, 3, 2): {Kind.CENTRES: SIZES, Kind.OFFSETS: SIZES},
    (1, 0, 2, 3): {Kind.CENTRES: "centres' x and y exchanged", Kind.OFFSETS: "centres' x and y exchanged"},
}


def step_between(first: FloatArray, second: FloatArray, kind: Kind) -> Step | None:
    """The step from A's numbers to B's, the same for all of them; None where no single one is recognised.

    Args:
        first: `[N, C]`, those rows that differ alone.
        second: likewise, of B.
        kind: what a row is.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if not first.size or first.shape != second.shape:
        return None
    finite = np.isfinite(first).all(1) & np.isfinite(second).all(1)
    if not finite.any():
        return Step("all nan") if np.isnan(second).all() else None
    here, there = first[finite], second[finite]
    whole = bool(finite.all())
    if not whole and _alike(here, there):
        return Step("others not finite")
    for step, made in _candidates(here, there, kind):
        if _alike(made, there):
            return step if whole else Step(step.words + ", where both are finite", step.figure)
    return None


def _candidates(first: FloatArray, second: FloatArray, kind: Kind) -> Made:
    yield from _rounded(first)
    yield Step("equal but for rounding"), first
    if (second == second.flat[0]).all():
        yield Step(f"all {second.flat[0] + 0.0:g}", float(second.flat[0]) + 0.0), np.full_like(first, second.flat[0])
    yield from _linear(first, second)
    if first.shape[1] == SIDES and kind is not Kind.LOGITS:
        yield from _of_boxes(first, second, kind)
    if kind is Kind.LOGITS:
        yield from _of_logits(first, second)
    yield from _by_column(first, second)


def _rounded(first: FloatArray) -> Made:
    for name, dtype in HALVES.items():
        made = torch.from_numpy(np.array(first)).to(dtype).double().numpy()
        if not np.array_equal(made, first):
            yield Step(f"rounded to {name}"), Exact(made)
    for digits in range(5):
        made = first.round(digits)
        if not np.array_equal(made, first):
            words = "rounded to whole numbers" if not digits else f"rounded to {digits} decimal{'s' * (digits > 1)}"
            yield Step(words), Exact(made)
    for words, cut in (("rounded down", np.floor), ("rounded up", np.ceil)):
        yield Step(words), Exact(cut(first))


class Exact(np.ndarray[tuple[int, ...], np.dtype[np.float64]]):
    """Numbers that have to be met to the last bit of float32: a rounding that is near is none."""

    def __new__(cls, values: FloatArray) -> Exact:
        """The same numbers."""
        return np.asarray(values).view(cls)


def _linear(first: FloatArray, second: FloatArray) -> Made:
    if first.size < LEAST or np.ptp(first) == 0:
        return
    factor = _factor(first, second)
    if factor is not None and factor != 1:
        yield Step(_times(factor), factor), first * factor
    added = float(np.median(second - first))
    yield Step(_more(added), added), first + added
    spread = float(np.ptp(first))
    slope = float(np.ptp(second)) / spread
    for sign in (slope, -slope):
        rest = float(np.median(second - first * sign))
        yield Step(f"{_times(sign)} and {_more(rest)}", sign), first * sign + rest


def _factor(first: FloatArray, second: FloatArray) -> float | None:
    """What most of B's numbers are of A's; None where there are too few to tell."""
    large = np.abs(first) > 1e-3 * np.abs(first).max()
    ratio = second[large] / first[large]
    factor = float(np.median(ratio)) if ratio.size >= LEAST else 0.0
    return _short(factor) if factor else None


def _short(value: float) -> float:
    """A number as people write one, where that is what it is to float32 rounding."""
    for digits in (1, 2, 3, 4, 5):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= ROUNDING * abs(value):
            return short
    inverse = round(1 / value)
    return 1 / inverse if inverse and abs(1 / inverse - value) <= ROUNDING * abs(value) else value


def _times(factor: float) -> str:
    if factor == -1:
        return "negated"
    inverse = 1 / factor
    return (
        f"divided by {inverse:g}" if abs(factor) < 1 and abs(inverse - round(inverse)) < 1e-6 else f"times {factor:g}"
    )


def _more(added: float) -> str:
    return f"each {abs(added):g} {'more' if added > 0 else 'less'}"


def _of_boxes(first: FloatArray, second: FloatArray, kind: Kind) -> Made:
    named = [(order, _called(order, kind)) for order in permutations(range(SIDES)) if order != (0, 1, 2, 3)]
    for order, words in sorted(named, key=lambda each: each[0] not in EXCHANGES):
        moved = first[:, order]
        yield Step(words), moved
        factor = _factor(moved, second) if first.size >= 2 * SIDES else None
        if factor is not None and factor != 1:
            yield Step(f"{words} and {_times(factor)}", factor), moved * factor
    if kind is Kind.OFFSETS:
        return
    x1, y1, x2, y2 = _corners(first, kind).T
    extent = second[:, [0, 2]] if kind is Kind.CORNERS else second[:, [0]]
    for axis, words in ((0, "mirrored left to right"), (1, "mirrored top to bottom")):
        own = (x1, x2) if axis == 0 else (y1, y2)
        end = float(np.median((own[0] + own[1]) / 2 + _middle(second, kind, axis)))
        low, high = end - own[1], end - own[0]
        made = np.stack((low, y1, high, y2) if axis == 0 else (x1, low, x2, high), 1)
        if extent.size and len(first) > 1:
            yield Step(f"{words} (about {end / 2:g})", end / 2), _as(made, kind)
    if kind is Kind.CORNERS:
        way = np.median((second - first)[:, :2], 0)
        yield Step(f"moved by {_list(way)}"), first + np.tile(way, 2)
    clipped = np.stack((x1, y1, x2, y2), 1).clip(0, 1)
    yield Step("corners clipped to 0..1"), _as(clipped, kind)
    yield Step("clipped to 0..1"), first.clip(0, 1)
    if kind is Kind.CENTRES:
        yield Step("sizes clipped to 0..1"), np.concatenate((first[:, :2], first[:, 2:].clip(0, 1)), 1)
        yield Step("written as corners"), np.stack((x1, y1, x2, y2), 1)
        yield Step("written as x y w h"), np.stack((x1, y1, *first[:, 2:].T), 1)
    else:
        centre = np.stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), 1)
        yield Step("written as centre and size"), centre
        yield Step("written as x y w h"), np.stack((x1, y1, x2 - x1, y2 - y1), 1)
        yield Step("x y w h turned into corners"), np.concatenate((first[:, :2], first[:, :2] + first[:, 2:]), 1)
        half = first[:, 2:] / 2
        yield (
            Step("centre and size taken for corners, and turned into corners"),
            np.concatenate((first[:, :2] - half, first[:, :2] + half), 1),
        )


def _called(order: tuple[int, ...], kind: Kind) -> str:
    return EXCHANGES.get(order, {}).get(kind) or f"columns in the order {', '.join(map(str, order))}"


def _corners(rows: FloatArray, kind: Kind) -> FloatArray:
    half = rows[:, 2:] / 2
    return rows if kind is Kind.CORNERS else np.concatenate((rows[:, :2] - half, rows[:, :2] + half), 1)


def _as(corners: FloatArray, kind: Kind) -> FloatArray:
    low, high = corners[:, :2], corners[:, 2:]
    return corners if kind is Kind.CORNERS else np.concatenate(((low + high) / 2, high - low), 1)


def _middle(rows: FloatArray, kind: Kind, axis: int) -> FloatArray:
    middle: FloatArray = (rows[:, axis] + rows[:, axis + 2]) / 2 if kind is Kind.CORNERS else rows[:, axis]
    return middle


def _of_logits(first: FloatArray, second: FloatArray) -> Made:
    columns = first.shape[1]
    yield Step("background moved from the first column to the last"), np.roll(first, -1, 1)
    yield Step("background moved from the last column to the first"), np.roll(first, 1, 1)
    shifted = first - first.max(1, keepdims=True)
    total = np.exp(shifted).sum(1, keepdims=True)
    yield Step("after a softmax"), np.exp(shifted) / total
    yield Step("after a log softmax"), shifted - np.log(total)
    with np.errstate(over="ignore"):
        yield Step("after a sigmoid"), 1 / (1 + np.exp(-first))
    if columns > 1 and len(first) > 1:
        order = [int(np.abs(first - second[:, [column]]).max(0).argmin()) for column in range(columns)]
        if sorted(order) == list(range(columns)):
            moved = [f"{was} -> {now}" for now, was in enumerate(order) if was != now]
            more = f" and {len(moved) - 6} more" if len(moved) > 6 else ""
            yield Step(f"columns of classes exchanged: {', '.join(moved[:6])}{more}"), first[:, order]


def _by_column(first: FloatArray, second: FloatArray) -> Made:
    """Another factor or another offset for each of a few columns."""
    if len(first) < LEAST or first.shape[1] > SIDES:
        return
    factors = [_factor(one, two) for one, two in zip(first.T, second.T, strict=True)]
    if all(factor is not None for factor in factors):
        known = np.array(factors, np.float64)
        yield Step(f"times {_list(known)}"), first * known
    added = np.median(second - first, 0)
    yield Step(f"moved by {_list(added)}"), first + added


def _list(values: Sequence[float] | FloatArray) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _alike(made: FloatArray, wanted: FloatArray) -> bool:
    if made.shape != wanted.shape:
        return False
    if isinstance(made, Exact):
        single = np.asarray(made).astype(np.float32) == wanted.astype(np.float32)
        return bool(single.all())
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.maximum(np.abs(wanted), 1e-2 * np.abs(wanted).max(initial=0.0))
        return bool((np.abs(made - wanted) <= ROUNDING * scale + 1e-12).all())


def labels_step(first: Sequence[int], second: Sequence[int], name: Callable[[int], str] = str) -> Step | None:
    """The step from A's labels to B's: a number more, or each class another; None where it depends on the object.

    Args:
        first: those that differ alone.
        second: likewise, of B.
        name: of a class, for words.
    """
    shifts = {two - one for one, two in zip(first, second, strict=True)}
    if len(shifts) == 1 and len(set(first)) > 1:
        shift = shifts.pop()
        return Step(_more(shift), float(shift))
    pairs = sorted(set(zip(first, second, strict=True)))
    if len({one for one, _ in pairs}) < len(pairs) or len(pairs) > 12 or len(first) < 2:
        return None
    return Step(", ".join(f"{name(one)} -> {name(two)}" for one, two in pairs))
