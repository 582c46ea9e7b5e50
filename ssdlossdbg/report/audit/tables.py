"""The tables of `audit`: what became of the objects, by whatever they are grouped."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from ssdlossdbg.report.shares import bar, percent, percent_of
from ssdlossdbg.report.text import LEVEL, UNTITLED, Column, Columns, feature_map, hanging, stride, table
from ssdlossdbg.report.theme import STATUS_STYLES
from ssdlossdbg.results import FORCED_ONLY, INVALID, MATCHED, UNMATCHED, Augmented, Group, LevelAudit, RecallAt, Tally

# What becomes of an object: how a table heads its share, and the character and style of the bars.
FATES = (
    (MATCHED, "matched", "█"),
    (FORCED_ONLY, "forced", "▒"),
    (UNMATCHED, "none", "·"),
    (INVALID, "invalid", "x"),
)
MATCHED_MARK, FORCED_MARK, NONE_MARK, _ = MARKS = tuple((mark, STATUS_STYLES[status]) for status, _, mark in FATES)
REST_MARK = (" ", "")
# What there is room for at 80 columns, in a table of groups that shows at most three fates, or all four.
BAR, SHORT_BAR, LEVEL_BAR, LONG_BAR = 8, 5, 16, 28
QUANTILES = (0.1, 0.5, 0.9)


def glossary(totals: Tally, threshold: float) -> RenderableType:
    """What the columns of the tables mean: those that there are, each after the character that bars draw it with."""
    fates = (
        f"a prior that overlaps the object by IoU {threshold:g} is trained on it",
        "no such prior: its best one is trained on it all the same",
        "no prior is trained on it",
        "its box is inverted, without area or not finite",
    )
    rows: list[tuple[RenderableType, str]] = [
        (Text.assemble((mark, STATUS_STYLES[status]), f" {heading}"), words)
        for (status, heading, mark), number, words in zip(FATES, _numbers(totals), fates, strict=True)
        if number
    ]
    if totals.ground_truth > totals.invalid:
        recall = f"best possible: share of valid objects that a prior overlaps by IoU {threshold:g}"
        rows.append(("  recall", recall))
        rows.append(("  shape", "the same if priors stood everywhere: what anchor tools quote"))
    rows.append(("  each", "priors trained on an object, on average"))
    return hanging(rows, styles=("", "faint"))


def _numbers(tally: Tally) -> tuple[int, int, int, int]:
    """How many objects met each of `FATES`."""
    return tally.matched, tally.forced_only, tally.without_positive, tally.invalid


def groups_table(heading: str, groups: Sequence[Group]) -> RenderableType:
    """A row a group: how many objects it has, and what became of them.

    Args:
        heading: of the groups' names.
        groups: one at least, each with an object.
    """
    met = [any(numbers) for numbers in zip(*(_numbers(group.tally) for group in groups), strict=True)]
    columns: Columns = [
        Column(heading, "left", wrap=True, least=8),
        "objects",
        *(Column(name, least=6) for (_, name, _), any_met in zip(FATES, met, strict=True) if any_met),
        UNTITLED,
        Column("recall", least=6),
        Column("shape", least=6),
        "each",
    ]
    return table(columns, ((Text(group.name), *_tally_cells(group.tally, met)) for group in groups))


def _tally_cells(tally: Tally, met: Sequence[bool]) -> list[RenderableType]:
    numbers = _numbers(tally)
    return [
        f"{tally.ground_truth:,}",
        *(percent_of(number, tally.ground_truth) for number, any_met in zip(numbers, met, strict=True) if any_met),
        bar(numbers, MARKS, SHORT_BAR if all(met) else BAR),
        percent(tally.recall),
        percent(tally.shape_recall),
        each(tally),
    ]


def each(tally: Tally) -> str:
    """Positives per object."""
    return f"{tally.positives / tally.ground_truth:.1f}" if tally.ground_truth else ""


def levels_table(levels: Sequence[LevelAudit]) -> RenderableType:
    """A row a level: what it contributes, the bar being its share of all positives."""
    total = sum(level.positives for level in levels)
    columns: Columns = [LEVEL, "stride", "priors", "positives", "forced", "objects", "share", UNTITLED]
    rows = [
        (
            feature_map(level.feature_map),
            stride(level.stride),
            f"{level.priors:,}",
            f"{level.positives:,}",
            f"{level.forced:,}",
            f"{level.best_of:,}",
            percent_of(level.positives, total),
            bar(
                (level.positives - level.forced, level.forced, total - level.positives),
                (MATCHED_MARK, FORCED_MARK, REST_MARK),
                LEVEL_BAR,
            ),
        )
        for level in levels
    ]
    return table(columns, rows)


def positives_table(positives_each: Sequence[int]) -> RenderableType:
    """A histogram of how many positives an object has, in ranges that double."""
    total = sum(positives_each)
    most = len(positives_each) - 1
    every = [start for start in (0, 1, *(2**power + 1 for power in range(most.bit_length()))) if start <= most]
    starts = [start for start, stop in zip(every, [*every[1:], most + 1], strict=True) if any(positives_each[:stop])]
    objects = np.add.reduceat(np.asarray(positives_each), starts).tolist()
    columns: Columns = [Column("positives", "left"), "objects", "share", UNTITLED]
    rows = [
        (
            f"{start} to {stop - 1}" if stop - 1 > start else str(start),
            f"{count:,}",
            percent_of(count, total),
            bar((count, total - count), (MATCHED_MARK if start else NONE_MARK, REST_MARK), LONG_BAR),
        )
        for start, stop, count in zip(starts, [*starts[1:], most + 1], objects, strict=True)
    ]
    return table(columns, rows)


def quantiles(positives_each: Sequence[int]) -> tuple[int, ...]:
    """How many positives the object at each of `QUANTILES` has, of all objects in ascending order."""
    below = np.cumsum(positives_each)
    return tuple(int(np.searchsorted(below, share * below[-1])) for share in QUANTILES)


def recalls_table(recalls: Sequence[RecallAt], in_use: float, totals: Tally) -> RenderableType:
    """A row a threshold: the best possible recall, and what shapes alone promise beyond.

    Args:
        recalls: at all thresholds, of which the tenths are shown.
        in_use: the threshold that objects were matched with.
        totals: of all objects, at that threshold.
    """
    shown = {
        each.threshold: (each.grid, each.shape)
        for each in recalls
        if math.isclose(10 * each.threshold, round(10 * each.threshold))
    }
    shown[in_use] = (totals.recall, totals.shape_recall)
    columns: Columns = [
        Column("threshold", "left"),
        Column("recall", least=6),
        Column("shape", least=6),
        UNTITLED,
        UNTITLED,
    ]
    rows = [
        (
            f"{threshold:g}",
            percent(grid),
            percent(shape),
            _recall_bar(grid, shape),
            "in use" if threshold == in_use else "",
        )
        for threshold, (grid, shape) in sorted(shown.items())
    ]
    return table(columns, rows)


def _recall_bar(grid: float, shape: float) -> Text:
    """Recall on the grid, then what the shapes alone would reach more, of all sound objects."""
    if math.isnan(grid):
        return Text()
    more = max(0.0, shape - grid)  # clipped priors may fit better than the shapes that they were cut from
    thousandths = [round(1000 * share) for share in (grid, more, 1 - grid - more)]
    return bar(thousandths, (MATCHED_MARK, ("░", "faint"), REST_MARK), LONG_BAR)


def augmented_table(photos: Sequence[Group], totals: Tally, augmented: Augmented) -> RenderableType:
    """A row a range of sizes, of the objects in the photos beside those in the crops."""
    columns: Columns = [
        Column("pixels", "left"),
        "photos",
        "crops",
        Column("matched", least=7),
        Column("crops", least=6),
        Column("recall", least=6),
        Column("crops", least=6),
        "each",
        "crops",
    ]
    pairs = [(photo.name, photo.tally, crop.tally) for photo, crop in zip(photos, augmented.sizes, strict=True)]
    whole = "all, and invalid" if totals.invalid or augmented.totals.invalid else "all"
    rows = [
        (
            name,
            f"{photo.ground_truth:,}",
            f"{crop.ground_truth:,}",
            percent_of(photo.matched, photo.ground_truth),
            percent_of(crop.matched, crop.ground_truth),
            percent(photo.recall),
            percent(crop.recall),
            each(photo),
            each(crop),
        )
        for name, photo, crop in [*pairs, (whole, totals, augmented.totals)]
        if photo.ground_truth or crop.ground_truth
    ]
    return table(columns, rows)
