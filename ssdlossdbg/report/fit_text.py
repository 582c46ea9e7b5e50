"""The terminal report of `anchors --fit`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from rich.console import Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.shares import many, percent
from ssdlossdbg.report.text import (
    LEVEL,
    Column,
    Columns,
    bullets,
    facts,
    feature_map,
    priors_line,
    section,
    stride,
    table,
)
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import FitResult, FittedLevel, Reach

TO = " -> "
NOTHING = "-"
# Best possible recall of a range of sizes below which the report says that something is left to do.
MOSTLY = 0.9
# In strides: a larger square is overlapped by half by one of its size in the nearest cell, wherever it lies.
SMALL_STRIDES = 2.73
ONE_LIST = (
    "Codebases that take one list of sizes (torchvision, GluonCV, ssd_keras, TensorFlow object detection) make each "
    "max_size the next min_size: their own lists cannot say this.\n"
)


def fit_report(result: FitResult, view: View = USUAL) -> RenderableType:
    """What is proposed, what it gains and where it goes."""
    style = "title" if not result.changed else "verdict.good" if result.total.won > 0 else "verdict.bad"
    parts = [_head(result), Text(_verdict(result), style), Text()]
    remarks = _remarks(result)
    if remarks:
        parts.append(bullets(remarks))
    parts.append(section("Best possible recall", _recall([result.total, result.fitted, result.held_out], "objects of")))
    parts.append(section("By size (root of the area, pixels of the network's input)", _recall(result.sizes, "side")))
    parts.append(section("Levels (pixels of the network's input)", _levels(result)))
    parts.append(_explained(result))
    if result.changed:
        parts += [_to_paste(result), Text("A network learns its offsets from the priors it has: train it anew.\n")]
    return Group(*parts)


def _head(result: FitResult) -> RenderableType:
    dataset, held_out = result.dataset, result.held_out.ground_truth
    whole = f"{many(dataset.images, 'image')}, {many(dataset.ground_truth, 'object')} with an area"
    left_out = [f"{many(dataset.invalid, 'object')} without one"] if dataset.invalid else []
    rest = f"{held_out:,} held out" if held_out else "none held out: there are too few images"
    lines = [
        ("dataset", f"{dataset.path} ({dataset.format}): {', '.join([whole, *left_out])}"),
        ("fitted to", f"{many(result.searched, 'object')}, {rest} (seed {result.seed}); each counts the same"),
        ("priors", priors_line(result.config)),
        ("dialect", f"{result.dialect}, match threshold {result.threshold:g}"),
    ]
    if dataset.refused:
        more = f" (and {len(dataset.refused) - 1} more)" if len(dataset.refused) > 1 else ""
        lines.append(("left out", dataset.refused[0] + more))
    return facts(lines)


def _verdict(result: FitResult) -> str:
    before, after, priors = result.total.recall_before, result.total.recall_after, result.before.count
    if not result.changed:
        why = "every object has a prior that reaches the threshold" if before == 1 else "no better sizes were found"
        return f"Nothing to gain: best possible recall stays {percent(before)} with {priors:,} priors; {why}."
    count = f"{priors:,}{TO}{result.after.count:,}" if priors != result.after.count else f"{priors:,}"
    return f"Best possible recall {percent(before)}{TO}{percent(after)} with {count} priors."


def _remarks(result: FitResult) -> list[str]:
    """What speaks against the proposal, makes it cost more than it seems, or is left to do."""
    remarks = _doubts(result) if result.changed else []
    left = [group for group in result.sizes if group.recall_after < MOSTLY]
    if left:
        of = (f"{group.ground_truth - group.after:,} of {group.ground_truth:,} of side {group.name}" for group in left)
        remarks.append(f"Still out of reach: {', '.join(of)}.{_finer_map(result, left[0])}")
    return remarks


def _finer_map(result: FitResult, smallest: Reach) -> str:
    """Advice on the smallest objects out of reach, where they are small for the finest level."""
    finest = max(result.after.levels, key=lambda level: prod(level.feature_map))
    if (smallest.low or 0.0) >= SMALL_STRIDES * max(finest.stride):
        return ""
    size = feature_map(finest.feature_map)
    return f" For small objects, try --levels with a finer map than {size}, and the --budget that it takes."


def _doubts(result: FitResult) -> list[str]:
    doubts = []
    held_out = result.held_out
    if result.total.won < 0:
        doubts.append("This is less than before: with these levels and this budget no better priors were found.")
    elif result.fitted.won > 0 >= held_out.won:
        others = "of those held out, no more are reached than before"
        if not held_out.ground_truth:
            others = "none were held out, so what it does for others is not known"
        doubts.append(f"The gain is on the objects fitted to only: {others}.")
    worse = [f"{group.before - group.after:,} of side {group.name}" for group in result.sizes if group.won < 0]
    if worse:
        doubts.append(f"Of these sizes, fewer objects are reached than before: {', '.join(worse)}.")
    if _shape_counts(result.before.levels) != _shape_counts(result.after.levels):
        doubts.append("Levels or shapes a cell differ from before: the network's heads must have as many outputs.")
    return doubts


def _shape_counts(levels: Sequence[FittedLevel]) -> list[tuple[tuple[int, int], int]]:
    return [(level.feature_map, len(level.words)) for level in levels]


def _recall(groups: Sequence[Reach], heading: str) -> RenderableType:
    columns: Columns = [Column(heading, "left"), "objects", "before", "after", "won"]
    rows = [
        (
            group.name,
            f"{group.ground_truth:,}",
            percent(group.recall_before),
            percent(group.recall_after),
            f"{group.won:+,}" if group.won else NOTHING,
        )
        for group in groups
        if group.ground_truth
    ]
    return table(columns, rows)


def _levels(result: FitResult) -> RenderableType:
    columns: Columns = [
        LEVEL,
        "stride",
        Column("priors", "left"),
        Column("min_size", "left"),
        Column("max_size", "left"),
        Column("aspect ratios", "left", wrap=True),
    ]
    before = {(level.feature_map, level.stride): level for level in result.before.levels}
    after = {(level.feature_map, level.stride): level for level in result.after.levels}
    finest_first = sorted({**before, **after}, key=lambda grid: (-grid[0][0] * grid[0][1], grid[1]))
    rows = (
        (feature_map(grid[0]), stride(grid[1]), *_changes(before.get(grid), after.get(grid))) for grid in finest_first
    )
    return table(columns, rows)


def _changes(before: FittedLevel | None, after: FittedLevel | None) -> list[str]:
    """The cells of a level: both values where they differ; a level that is new or gone has but one."""
    pairs = zip(_cells(before), _cells(after), strict=True)
    return [new if old == new else f"{old}{TO}{new}" for old, new in pairs]


def _cells(level: FittedLevel | None) -> list[str]:
    if level is None:
        return [NOTHING] * 4
    ratios = ", ".join(f"{ratio:g}" for ratio in level.ratios) or NOTHING
    own = "own shapes" if level.min_size is None else ratios
    return [str(level.priors), _size(level.min_size), _size(level.max_size), own]


def _size(value: float | None) -> str:
    return NOTHING if value is None else f"{value:g}"


def _explained(result: FitResult) -> Text:
    return Text(
        f"Best possible recall: share of the objects whose best IoU with a prior, where it really stands, reaches "
        f"{result.threshold:g}. Mean of the best IoU: {result.mean_before:.3f}{TO}{result.mean_after:.3f}. A cell has "
        "the square of min_size, that of sqrt(min_size * max_size), and for each ratio a wide and a tall prior.\n"
    )


def _to_paste(result: FitResult) -> RenderableType:
    levels = result.after.levels
    columns = {
        "feature_maps": [_pair(level.feature_map) for level in levels],
        "steps": [_pair(level.stride) for level in levels],
        "min_sizes": [_size(level.min_size) for level in levels],
        "max_sizes": ["None" if level.max_size is None else _size(level.max_size) for level in levels],
        "aspect_ratios": [f"[{', '.join(f'{ratio:g}' for ratio in level.ratios)}]" for level in levels],
    }
    width = max(map(len, columns))
    lines = [f"  {name:{width}} = [{', '.join(values)}]" for name, values in columns.items()]
    where = "For the prior config in your codebase (data/config.py in ssd.pytorch):"
    parts: list[RenderableType] = [Text(where), Text("\n".join(lines) + "\n")]
    if any(level.max_size != after.min_size for level, after in pairwise(levels)):
        parts.append(Text(ONE_LIST))
    return Group(*parts)


def _pair(pair: tuple[float, float]) -> str:
    return f"{pair[0]:g}" if pair[0] == pair[1] else f"({pair[0]:g}, {pair[1]:g})"
