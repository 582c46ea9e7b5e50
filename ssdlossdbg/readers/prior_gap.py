"""What would make as many priors as there are predictions: other levels, shapes, feature maps, input or preset."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations, islice, product

import numpy as np

from ssdlossdbg.readers.feature_maps import INPUTS, SIZES, chains, rounded_down
from ssdlossdbg.readers.prior_configs import load_prior_config, preset_names
from ssdlossdbg.results import IntArray
from ssdlossdbg.rules import LevelSpec

# How many cells a side a feature map may be off by itself: rounding down instead of up costs one or two.
CELLS_OFF = 2
# Shapes a cell that may be more or fewer, and levels of which several are tried together.
SHAPES_OFF, MOST_LEVELS = 6, 10
# Explanations of as little more effort than the simplest are named beside it.
AS_SIMPLE = 0.35
# Sides of inputs that are not square, long for short as those of photos and films, to within so much of it; and how
# many of the ways that lead to the own maps are tried for them.
OBLONG_INPUTS: IntArray = np.array((*INPUTS, 160, 240, 360, 375, 720, 1080))
OBLONG, ABOUT = (5 / 4, 4 / 3, 3 / 2, 8 / 5, 5 / 3, 16 / 9, 2), 0.02
OBLONG_CHAINS = 16


@dataclass(frozen=True)
class Guess:
    """Something that explains the number exactly.

    Attributes:
        effort: how much has to be otherwise for it to be so; a single number of a config is 1.
        words: what, and what to change, in sentences.
    """

    effort: float
    words: str


@dataclass(frozen=True)
class Levels:
    """The levels in use.

    Attributes:
        specs: they themselves.
        image_size: their input, as (width, height).
    """

    specs: tuple[LevelSpec, ...]
    image_size: tuple[int, int]

    @property
    def square(self) -> bool:
        """Whether the input and all maps are."""
        sides = (self.image_size, *(level.feature_map for level in self.specs))
        return bool(self.specs) and all(across == down for across, down in sides)

    @property
    def sides(self) -> tuple[int, ...]:
        """Columns of each map."""
        return tuple(level.feature_map[0] for level in self.specs)

    @property
    def shapes(self) -> tuple[int, ...]:
        """How many shapes a cell has, level by level."""
        return tuple(len(level.shapes) for level in self.specs)

    def named(self, indices: Sequence[int]) -> str:
        """Some of them in words."""
        if len(indices) == 1:
            columns, rows = self.specs[indices[0]].feature_map
            return f"level {indices[0]} ({columns} x {rows})"
        if len(indices) == len(self.specs):
            return "every level"
        return f"levels {', '.join(map(str, indices[:-1]))} and {indices[-1]}"


def explain_count(
    levels: Sequence[LevelSpec], image_size: tuple[int, int], predicted: int, most: float = math.inf
) -> list[str]:
    """The simplest explanation of a number of predictions, or two that are about as simple; none where there is none.

    Args:
        levels: of the priors in use.
        image_size: their input, as (width, height).
        predicted: how many predictions there are.
        most: the effort beyond which an explanation is none.
    """
    own = Levels(tuple(levels), image_size)
    gap = predicted - sum(level.count for level in levels)
    found = [*chain.from_iterable(find(own, gap) for find in BY_LEVELS), *_by_input(own, predicted)]
    found += _by_other_size(own, predicted)
    if not found:
        found = list(chain(_by_preset(predicted), _by_oblong_input(own, predicted)))
    efforts: dict[str, float] = {}
    for guess in sorted(found, key=lambda guess: guess.effort):
        efforts.setdefault(guess.words, guess.effort)
    least = min(efforts.values(), default=0.0)
    return [words for words, effort in efforts.items() if effort <= min(least + AS_SIMPLE, most)][:2]


def _left_out(own: Levels, gap: int) -> Iterator[Guess]:
    """Levels that the head lacks: one, or several at an end."""
    counts, total = [level.count for level in own.specs], len(own.specs)
    for index in range(total):
        if counts[index] == -gap:
            named = own.named([index])
            yield Guess(1.0, f"The predictions lack as many as {named} has: is that level left out of the head?")
    for number in range(2, total):
        for ends in (range(number), range(total - number, total)):
            if sum(counts[index] for index in ends) == -gap:
                named = own.named(ends)
                yield Guess(1.8, f"The predictions lack as many as {named} have: are those left out of the head?")


def _other_map(own: Levels, gap: int) -> Iterator[Guess]:
    """One feature map of another size."""
    for index, level in enumerate(own.specs):
        columns, rows = level.feature_map
        cells, rest = divmod(level.count + gap, len(level.shapes))
        side = math.isqrt(max(cells, 0))
        if columns == rows and not rest and side and side**2 == cells and abs(side - columns) <= CELLS_OFF:
            yield Guess(1.0, f"A feature map of {side} x {side} cells in {own.named([index])} would explain it.")


def _other_shapes(own: Levels, gap: int) -> Iterator[Guess]:
    """As many more or fewer shapes a cell, on one level or on several."""
    total = len(own.specs)
    numbers = range(1, total + 1) if total <= MOST_LEVELS else (1, total) if total else ()
    for chosen in chain.from_iterable(combinations(range(total), number) for number in numbers):
        cells = sum(own.specs[index].cells for index in chosen)
        more, rest = divmod(gap, cells)
        fewest = min(own.shapes[index] for index in chosen)
        # A single cell would explain any gap: only that of a ratio and its reciprocal is worth saying.
        if rest or not more or (cells == 1 and abs(more) != 2) or not -fewest < more <= min(SHAPES_OFF, 2 * fewest):
            continue
        effort = 1.3 if len(chosen) == total else 0.9 + 0.3 * len(chosen)
        yield Guess(effort + _unlikely(more), _shapes_in_words(own, chosen, more))


def _unlikely(more: int) -> float:
    """How much less likely so many shapes more are than two: a ratio comes with its reciprocal, mostly."""
    return 0.1 if abs(more) == 1 else 0.2 * (more % 2) + 0.15 * (abs(more) > 2)


def _shapes_in_words(own: Levels, chosen: Sequence[int], more: int) -> str:
    named, entries = own.named(chosen), [str(own.shapes[index] + more) for index in chosen]
    if len(chosen) == 1:
        return f"{entries[0]} instead of {own.shapes[chosen[0]]} shapes a cell in {named} would explain it."
    listed = f": shapes of {', '.join(entries)} entries" if len(entries) <= MOST_LEVELS else ""
    ratios = abs(more) // 2
    what = f", as by {ratios} aspect {'ratio and its reciprocal' if ratios == 1 else 'ratios and their reciprocals'}"
    return (
        f"{abs(more)} {'shape' if abs(more) == 1 else 'shapes'} {'more' if more > 0 else 'fewer'} a cell on {named} "
        f"would explain it{'' if more % 2 else what}{listed}."
    )


def _added(own: Levels, gap: int) -> Iterator[Guess]:
    """One level more at an end."""
    if gap <= 0 or not own.square:
        return
    last, first = own.sides[-1], own.sides[0]
    after = {side: "after the last" for side in (math.ceil(last / 2), last - 1, last - 2) if side > 0}
    for side, place in {**after, 2 * first: "before the first"}.items():
        shapes, rest = divmod(gap, side**2)
        # Of a single cell more there are as many shapes as elsewhere, or any gap would be explained.
        if not rest and 2 <= shapes <= SHAPES_OFF and (side > 1 or shapes in own.shapes):
            yield Guess(1.9, f"A level more {place}, {side} x {side} cells of {shapes} shapes, would explain it.")


def _by_input(own: Levels, predicted: int) -> Iterator[Guess]:
    """The same shapes on the feature maps of another input, or on maps that are rounded otherwise."""
    if not own.square:
        return
    size = own.image_size[0]
    for number, maps in enumerate(chains(own.sides, size)):
        for side, effort in _inputs(maps, own.shapes, predicted, size):
            yield Guess(effort + 0.3 * (number > 0), f"The same shapes on {_input_in_words(side, maps)}.")
    for sides in rounded_down(own.sides, size):
        if sides != list(own.sides) and _count(np.array(sides), own.shapes) == predicted:
            listed = ", ".join(map(str, sides))
            yield Guess(1.5, f"Feature maps that are rounded down, {listed} cells a side, would explain it.")


def _by_preset(predicted: int) -> Iterator[Guess]:
    """The shapes of a preset on the feature maps of another input that people use; each such grid once."""
    for name, own in _grids():
        size = own.image_size[0]
        for maps in islice(chains(own.sides, size), 1):
            for side, _ in _inputs(maps, own.shapes, predicted, size):
                if side in INPUTS:
                    yield Guess(2.0, f"The shapes of {name} on {_input_in_words(side, maps)}.")


@cache
def _grids() -> tuple[tuple[str, Levels], ...]:
    """The square grids of the presets, each under the shortest of its names."""
    grids = {}
    for name in sorted(preset_names(), key=lambda name: (-len(name), name)):
        spec = load_prior_config(name).spec
        own = Levels(spec.levels, spec.image_size)
        if own.square:
            grids[own.sides, own.shapes] = (name, own)
    return tuple(grids.values())


def _by_oblong_input(own: Levels, predicted: int) -> Iterator[Guess]:
    """The same shapes on an input of another shape, of two sides that people use, by the likeliest steps that fit."""
    if not own.square:
        return
    ratios = OBLONG_INPUTS[:, None] / OBLONG_INPUTS
    usual = (np.abs(ratios[..., None] / np.array(OBLONG) - 1) < ABOUT).any(-1)
    for maps in islice(chains(own.sides, own.image_size[0]), OBLONG_CHAINS):
        sides = maps[:, np.searchsorted(SIZES, OBLONG_INPUTS)]
        counts = np.einsum("l,li,lj->ij", np.array(own.shapes), sides, sides)
        sound = (sides > 0).all(0)
        for one, other in np.argwhere((counts == predicted) & np.outer(sound, sound) & usual).tolist()[:1]:
            across, down = OBLONG_INPUTS[[one, other]].tolist()
            yield Guess(
                2.4, f"The same shapes on {_oblong_in_words(across, down, sides[:, [one, other]].tolist())}, or turned."
            )
            return


def _by_other_size(own: Levels, predicted: int) -> Iterator[Guess]:
    """The same shapes on an input of the same shape and another size, where it is not square."""
    width, height = own.image_size
    if own.square or not own.specs:
        return
    rows = tuple(level.feature_map[1] for level in own.specs)
    ways = product(*(islice(chains(*axis), OBLONG_CHAINS // 4) for axis in ((own.sides, width), (rows, height))))
    for across, down in ways:
        for side in OBLONG_INPUTS.tolist():
            other, rest = divmod(side * height, width)
            if rest or other not in SIZES or side == width:
                continue
            pairs = np.stack((across[:, side - SIZES[0]], down[:, other - SIZES[0]]), axis=1)
            if pairs.min() > 0 and int(pairs.prod(1) @ np.array(own.shapes)) == predicted:
                yield Guess(1.2, f"The same shapes on {_oblong_in_words(side, other, pairs.tolist())}.")
                return


def _oblong_in_words(across: int, down: int, maps: Sequence[Sequence[int]]) -> str:
    pairs = ", ".join(f"{columns} x {rows}" for columns, rows in maps)
    return (
        f"an input of {across} x {down} (feature maps of {pairs} cells) would explain it: image_size and feature_map so"
    )


def _inputs(maps: IntArray, shapes: Sequence[int], predicted: int, own: int) -> Iterator[tuple[int, float]]:
    """The likeliest square input, if any, on which maps, `[L, S]`, make so many priors, and how likely it is."""
    fitting = SIZES[(_count(maps, shapes) == predicted) & (maps > 0).all(0) & (own != SIZES)].tolist()
    usual = [side for side in INPUTS if side in fitting]
    if usual:
        yield usual[0], 1.2
    elif fitting:
        yield max(fitting, key=lambda side: (math.gcd(side, 32), -side)), 2.2


def _count(sides: IntArray, shapes: Sequence[int]) -> IntArray:
    """How many priors square maps of so many cells a side have, `[L, ...]`."""
    counts: IntArray = np.tensordot(np.array(shapes), sides**2, axes=1)
    return counts


def _input_in_words(side: int, maps: IntArray) -> str:
    listed = ", ".join(map(str, maps[:, int(np.searchsorted(SIZES, side))].tolist()))
    return (
        f"an input of {side} x {side} (feature maps of {listed} cells) would explain it: image_size = {side}, and "
        "feature_map of each level so, with a stride of image_size / feature_map"
    )


BY_LEVELS: tuple[Callable[[Levels, int], Iterator[Guess]], ...] = (_left_out, _other_map, _other_shapes, _added)
