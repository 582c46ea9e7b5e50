"""Priors of impossible, equal or unlikely sizes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ssdlossdbg.checks.priors.family import PRIORS, ROUNDING, size_range
from ssdlossdbg.checks.registry import refusal_case
from ssdlossdbg.results import BoolArray, Case, FloatArray, PriorTable, Refusal, Severity
from ssdlossdbg.rules import PriorOrder

# Sizes are rounded to whole pixels here and there, which lets equal ones differ.
SAME_SIZE = 0.01
# So large for its step is at least one prior of each level of all that are known, nearly twice over.
SMALLEST_FOR_STEP = 0.5
# Odd, and without a pattern: sums of its powers, modulo 2**64, are equal for rows that are not only by rare chance.
MIXER = 0x1E3779B97F4A7C15


@PRIORS.check(3, "prior that is nan or inf", Severity.ERROR, Refusal)
def not_finite(refusal: Refusal) -> Iterator[Case]:
    """A prior has a coordinate that is nan or infinite.

    What it means:
        The priors are computed once from the config: centres from feature map and stride, sizes from scales and
        aspect ratios. Something in there divided by 0, took the root of a negative number, or overflowed.

    Why it matters:
        The overlap with such a prior is nan, and so is every offset encoded against it. nan < threshold is false,
        so that a codebase that tests for negatives takes such a prior for a positive of every image.

    How to tell:
        Any of the four numbers is not finite, in float32.

    How to fix:
        Correct the config (a stride, size or aspect ratio of 0) and save the priors again. Where they were right
        once, something wrote into the tensor; compute them anew.

    Where people met it:
        lzx1413/PytorchSSD#2.
    """
    yield from refusal_case(refusal, "PRI003")


@PRIORS.check(4, "prior without width or height", Severity.ERROR, PriorTable)
def no_size(table: PriorTable) -> Iterator[Case]:
    """A prior is zero or fewer pixels wide or high.

    What it means:
        An object is encoded against its prior as differences divided by the prior's width and height, and as
        logarithms of the ratios of their sizes.

    Why it matters:
        Division by 0 makes the target inf; a negative size makes its logarithm nan. One such prior among the
        positives and the loss is inf or nan from the first iteration on. Some codebases multiply all offsets by a
        mask instead of picking the positives, and 0 * inf is nan: then the prior need not even be positive.

    How to tell:
        width <= 0 or height <= 0.

    How to fix:
        Correct the size of that level. Are all sizes of a saved tensor wrong, or negative: it may hold corners
        where centre and size are expected, or the other way round; say which with --prior-format.

    Where people met it:
        lzx1413/PytorchSSD#2.
    """
    sizes = table.boxes[:, 2:]
    for rows, level in table.by_level(np.any(sizes <= 0, axis=1)):
        worst = int(rows[sizes[rows].min(axis=1).argmin()])
        message = (
            f"{_size(table, sizes[worst])}, one of {len(rows)} such priors of {level}; "
            "whatever is matched to it is encoded as inf or nan"
        )
        fix = "Correct the sizes of that level; where all are wrong, see --prior-format."
        yield Case(table.where(worst), message, float(sizes[worst].min()), 0.0, fix)


@PRIORS.check(
    5,
    "prior that repeats another",
    Severity.WARNING,
    PriorTable,
    follows_from=("PRI004",),
    beneath=("PRI007", "PRI009"),
)
def repeated_rows(table: PriorTable) -> Iterator[Case]:
    """Two priors are the same box.

    What it means:
        A cell of the feature map has several priors of different shapes. Here two of them are equal, so two outputs
        of the network are asked for the same thing.

    Why it matters:
        An object above the threshold for one is so for the other: it counts twice in the loss. An object that is
        matched only as the best of one prior goes to the first, and the copy, with the same features and the same
        overlap, is trained as background. Memory and time are spent on it besides.

    How to tell:
        All four numbers of two priors of a level are equal up to a rounding of 1e-6. None of the shipped presets has
        such a pair.

    How to fix:
        Take the aspect ratio 1 out of the list: the square of the smallest size is there without it, in nearly
        every codebase. Or give the two shapes different sizes. Sizes beyond the image become equal where they are
        clamped to it.

    Where people met it:
        MhLiao/TextBoxes#31.
    """
    # Of two levels, as YOLACT's have one in the middle of the image, each box has features of its own.
    levels = np.repeat(np.arange(len(table.levels)), [level.count for level in table.levels])
    keys = np.rint(table.boxes / ROUNDING)
    keys = np.column_stack((keys, levels)) if len(levels) == len(keys) else keys
    if not _any_twice(keys):
        return
    order = np.lexsort(keys.T)
    repeats = order[1:][(keys[order[1:]] == keys[order[:-1]]).all(axis=1)]
    chosen = np.zeros(len(keys), dtype=bool)
    chosen[repeats] = True
    for rows, level in table.by_level(chosen):
        first = int(rows[0])
        twin = int((keys == keys[first]).all(axis=1).argmax())
        message = f"the same box as prior {twin}; {len(rows)} priors of {level} repeat another"
        fix = "Give each shape of a cell a size or aspect ratio of its own; a ratio of 1 is there as the square."
        if (table.boxes[first, 2:] == 1).all():
            message += ", being as large as the image, to which they were clamped"
            fix = "Check the unit and the scale of that level's sizes: they are beyond the image."
        yield Case(table.where(first), message, float(len(rows)), 0.0, fix)


def _any_twice(rows: FloatArray) -> bool:
    """Whether any two rows, `[K, C]` whole numbers, may be equal: a number for each is sorted sooner than the rows."""
    number = np.zeros(len(rows), dtype=np.int64)
    with np.errstate(invalid="ignore"):  # what is too large is any number
        for column in rows.astype(np.int64).T:
            number = number * MIXER + column
    number.sort()
    return bool((number[1:] == number[:-1]).any())


@PRIORS.check(9, "prior too large for any object", Severity.WARNING, PriorTable)
def too_large(table: PriorTable) -> Iterator[Case]:
    """A prior is so much larger than the image that no object in it can match.

    What it means:
        The overlap (IoU) of a prior with an object is the area they share over the area they cover together. An
        object lies inside the image, so a prior that is much larger than the image overlaps nothing enough.

    Why it matters:
        It can become positive only as some object's best prior, by force, and is background otherwise: outputs
        that learn nothing. Mostly a size is in the wrong unit, or a scale meant for another input.

    How to tell:
        min(w, 1) * min(h, 1) / (w * h), in units of the image, is the largest IoU that an object inside the image
        can have with the prior; it is below the dialect's match threshold. At 0.5 that means a square of more than
        1.41 images, or a prior of more than 2 in one direction. The 1.65 that the aspect ratio 3 makes in several
        published configs is harmless: those priors still reach 0.61. Of a config the sizes count as it states them,
        before they are clamped to the image.

    How to fix:
        Look for the unit: sizes in pixels must be divided by the side of the input they are for, scales (0.1 to
        1.05) must not be multiplied by it twice.

    Where people met it:
        ljanyst/ssd-tensorflow#40.
    """
    threshold = table.rules.match.threshold
    sizes = _unclipped(table)
    sound: BoolArray = np.asarray((sizes > 0).all(axis=1))
    best: FloatArray = (sizes.clip(0, 1) / np.where(sound[:, None], sizes, 1)).prod(axis=1)
    for rows, level in table.by_level(sound & (best < threshold - ROUNDING)):
        worst = int(rows[best[rows].argmin()])
        message = (
            f"{_size(table, sizes[worst])}, so IoU {best[worst]:.2f} at most with an object in the image; "
            f"{len(rows)} priors of {level} are too large"
        )
        fix = "Check unit and scale of that level's sizes against the size of the input; is there a digit too many?"
        yield Case(table.where(worst), message, float(best[worst]), threshold, fix)


@PRIORS.check(
    10,
    "sizes do not grow from level to level",
    Severity.WARNING,
    PriorTable,
    follows_from=("PRI004", "PRI008"),
    beneath=("PRI007", "PRI009"),
)
def shrinking_sizes(table: PriorTable) -> Iterator[Case]:
    """A coarser level has smaller priors than a finer one.

    What it means:
        Each cell of a coarser feature map sees more of the image, and gets the larger objects. So prior sizes rise
        from level to level in every published config.

    Why it matters:
        Small priors on a coarse grid leave gaps between them that objects fall into; large ones on a fine grid are
        judged from features that see a part of the object only. Mostly two sizes were swapped, or one has a digit
        too few.

    How to tell:
        The size of a shape is the square root of width times height. Of two levels that follow each other in number
        of cells, the coarser one has both the smaller smallest and the smaller largest shape, by more than 1%. Where
        all levels grow once one of the two is left out, and not without the other, that one is named.

    How to fix:
        Sort the sizes, finest level first, and look for a typing error; `ssdlossdbg anchors` lists them.

    Where people met it:
        ljanyst/ssd-tensorflow#40.
    """
    ranges = [size_range(level.shapes) for level in table.levels]
    by_fineness = sorted(range(len(ranges)), key=lambda index: -table.levels[index].cells)

    def shrinks(fine: int, coarse: int) -> bool:
        same = table.levels[fine].cells == table.levels[coarse].cells
        return not same and all(a > b for a, b in zip(_less(ranges[fine]), ranges[coarse], strict=True))

    for place, (fine, coarse) in enumerate(pairwise(by_fineness)):
        if not shrinks(fine, coarse):
            continue
        before, after = by_fineness[:place][-1:], by_fineness[place + 2 :][:1]
        fine_is_out = any(shrinks(fine, each) for each in after) and not any(shrinks(each, coarse) for each in before)
        own, other, which = (fine, coarse, "coarser") if fine_is_out else (coarse, fine, "finer")
        (low, high), (other_low, other_high) = ranges[own], ranges[other]
        message = (
            f"its priors are {low:.4g} to {high:.4g} px large, those of the {which} level {other} "
            f"{other_low:.4g} to {other_high:.4g} px"
        )
        fix = "Check the sizes of both levels: the coarser one takes the larger objects."
        yield Case(table.where(level=own), message, round(low, 3), round(other_low, 3), fix)


@PRIORS.check(
    16,
    "priors far smaller than their step",
    Severity.WARNING,
    PriorTable,
    follows_from=("PRI004", "PRI007", "PRI008", "PRI015"),
)
def too_small(table: PriorTable) -> Iterator[Case]:
    """All priors of a level are less than half as large as the distance between them.

    What it means:
        The priors of a level stand a step apart, and are to overlap each other well. These are islands.

    Why it matters:
        An object of such a size lies between the priors nearly everywhere, and none overlaps it enough: it gets one
        prior by force, or none. Mostly a size is in the wrong unit, or has a digit too few.

    How to tell:
        The size of a shape is the square root of width times height. The largest of a level is less than half its
        step. In every shipped preset the largest is 0.92 of the step or more.

    How to fix:
        Look for the unit, and for the size of the input that the sizes were meant for: they rise to about the whole
        image on the coarsest level.

    Where people met it:
        No thread: the opposite of PRI009.
    """
    for index, level in enumerate(table.levels):
        _, largest = size_range(level.shapes)
        step = max(level.stride)
        if largest < SMALLEST_FOR_STEP * step:
            message = f"its largest prior is {largest:.3g} px large, and they stand {step:.4g} px apart"
            fix = "Check unit and scale of that level's sizes against the size of the input; is there a digit too few?"
            yield Case(table.where(level=index), message, round(largest / step, 3), SMALLEST_FOR_STEP, fix)


def _less(sizes: tuple[float, float]) -> tuple[float, float]:
    """A range of sizes, less what rounding may be."""
    return sizes[0] * (1 - SAME_SIZE), sizes[1] * (1 - SAME_SIZE)


def _unclipped(table: PriorTable) -> FloatArray:
    """`[P, 2]` width and height of each prior as a config states them, as fractions of the image."""
    if not table.levels:
        return table.boxes[:, 2:]
    inner = table.order is PriorOrder.CELL
    sizes = [
        np.tile(level.shapes, (level.cells, 1)) if inner else np.repeat(level.shapes, level.cells, axis=0)
        for level in table.levels
    ]
    stated: FloatArray = np.concatenate(sizes) / table.config.image_size
    return stated


def _size(table: PriorTable, size: FloatArray) -> str:
    """Width and height in words: in pixels where the size of the input is known."""
    if not table.config.image_size_known:
        return f"{size[0]:.4g} x {size[1]:.4g} of the input"
    width, height = size * np.array(table.config.image_size)
    return f"{width:.4g} x {height:.4g} px"
