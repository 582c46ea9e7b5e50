"""The picture of `match`: every object with the priors it gets, all together and level by level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from ssdlossdbg.report.canvas import Canvas, Panel, panel_size, pixels, unit_of
from ssdlossdbg.report.legend import SIGN, Legend
from ssdlossdbg.report.text import count, feature_map, file_name, met
from ssdlossdbg.report.theme import INK, MIDDLE_GREY, PALETTE, RED, Colour
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import (
    FORCED_ONLY,
    INVALID,
    MATCHED,
    UNMATCHED,
    GroundTruthMatch,
    IntArray,
    MatchResult,
    codes_at,
)

DIM = 0.25
# Objects that are named, positives that are drawn in full, levels that stand in one column.
FEW, CROWD, FEW_LEVELS = 12, 150, 2
# Objects and positives that are drawn at the most: of more, nobody tells one from another.
MOST_DRAWN, MOST_PRIORS = 400, 2000
TROUBLE = (UNMATCHED, INVALID)
WORST_FIRST = (INVALID, UNMATCHED, FORCED_ONLY, MATCHED)
# What became of an object is what its lines say first, by colour and by stroke: dashed where its only positive was
# forced, hatched where it has none, crossed where it is no box.
STATUS_COLOURS: dict[str, Colour] = {
    MATCHED: PALETTE[0],
    FORCED_ONLY: PALETTE[1],
    UNMATCHED: RED,
    INVALID: (240, 90, 220),
}
WORDS = {MATCHED: "matched", FORCED_ONLY: "forced only", UNMATCHED: "unmatched", INVALID: "invalid"}
MARGIN, HEADER, CAPTION, ROW = 12, 34, 20, 19
WIDE, BELOW_COLUMNS = 2, 3
# Least widths, in units: of a level with its caption, and of the picture with its legend.
CELL, NARROWEST = 235, 760


def match_picture(
    result: MatchResult, photo: Image.Image | None = None, index: int = 0, view: View = USUAL
) -> Image.Image:
    """Objects thick, by what became of them, their positives thin and dashed where forced, on the photo and by level.

    Args:
        result: what `analyse_match` returned.
        photo: the photo, at any size; a neutral ground where there is none.
        index: 0, there being but one.
        view: changes nothing.
    """
    drawn = _Drawn.of(result)
    width, height = panel_size(photo.size if photo is not None else result.image_size)
    unit = unit_of((width, height))
    px = partial(pixels, unit=unit)
    # The levels stand beside a photo, but below a wide one, where there is more room.
    below = width > WIDE * height
    served = [place for place, level in enumerate(result.levels) if level.positives]
    columns = min(BELOW_COLUMNS, max(1, len(served))) if below else 1 if len(served) <= FEW_LEVELS else 2
    rows = math.ceil(len(served) / columns)
    if below:
        small_width = (width - (columns - 1) * px(MARGIN)) // columns
        small_height = round(small_width * height / width)
    else:
        slots = max(rows, 2)
        small_height = (height - (slots - 1) * px(MARGIN)) // slots - px(CAPTION)
        small_width = round(small_height * width / height)
    cell = (max(small_width, px(CELL)), small_height + px(CAPTION) + px(MARGIN))
    main_height = height + (px(MARGIN) + rows * cell[1] if below and served else 0)
    beside_width = 0 if below or not served else columns * (cell[0] + px(MARGIN))
    total_width = max(2 * px(MARGIN) + width + beside_width, px(NARROWEST))
    legend_columns = max(1, (total_width - 2 * px(MARGIN)) // px(210))
    legend_rows = math.ceil(len(drawn.objects) / legend_columns)
    legend_height = px(ROW) * (legend_rows + 3) + px(MARGIN)
    top = px(HEADER)
    canvas = Canvas((total_width, top + main_height + px(MARGIN) + legend_height), unit)

    canvas.text((px(MARGIN), px(8)), _title(result), 16, width=total_width - 2 * px(MARGIN))
    main = Panel(canvas, (px(MARGIN), top, px(MARGIN) + width, top + height), photo, DIM)
    _positives(main, result, drawn, None)
    _objects(main, result, drawn, 3.5 if len(result.ground_truth) <= FEW else 2.5)
    _names(main, result, drawn)
    corner = (px(MARGIN), top + height + px(MARGIN)) if below else (2 * px(MARGIN) + width, top)
    for place, level in enumerate(served):
        at = (corner[0] + place % columns * (cell[0] + px(MARGIN)), corner[1] + place // columns * cell[1])
        _level(canvas, result, drawn, level, at, (small_width, small_height), photo)
    legend_width = (total_width - 2 * px(MARGIN)) // legend_columns
    _legend(canvas, result, drawn, top + main_height + px(MARGIN), (legend_columns, legend_width))
    return canvas.image


@dataclass(frozen=True)
class _Drawn:
    """What is drawn of a result: the worst of very many objects, and some of very many positives.

    Attributes:
        objects: their places in the result, in order.
        positives: indices of them, too.
        step: of how many positives one is drawn.
    """

    objects: list[int]
    positives: IntArray
    step: int

    @classmethod
    def of(cls, result: MatchResult) -> _Drawn:
        """What is drawn of it."""
        objects = [
            (WORST_FIRST.index(item.status), item.best_iou, place) for place, item in enumerate(result.ground_truth)
        ]
        step = math.ceil(len(result.positives.prior) / MOST_PRIORS)
        few = sorted(place for _, _, place in sorted(objects)[:MOST_DRAWN])
        return cls(few, np.arange(0, len(result.positives.prior), max(step, 1)), step)

    def words(self, result: MatchResult) -> str:
        """What is left out; empty where nothing is."""
        few = len(self.objects) < len(result.ground_truth)
        parts = [f"the {len(self.objects)} worst objects"] * few + [f"1 of {self.step} priors"] * (self.step > 1)
        return f"drawn: {', '.join(parts)}" if parts else ""


def _title(result: MatchResult) -> str:
    totals = result.totals
    statuses = (
        (totals.forced_only, f"{totals.forced_only} forced only"),
        (totals.without_positive, f"{totals.without_positive} unmatched"),
        (totals.invalid, f"{totals.invalid} invalid"),
    )
    trouble = met(statuses)
    objects = count(totals.ground_truth, "object") + (f" ({trouble})" if trouble else "")
    priors = f"{count(totals.positives, 'positive prior')} of {result.config.priors} in {result.config.name}"
    return f"{file_name(result.image_path)}: {objects}, {priors}"


def _level(
    canvas: Canvas,
    result: MatchResult,
    drawn: _Drawn,
    index: int,
    at: tuple[int, int],
    size: tuple[int, int],
    photo: Image.Image | None,
) -> None:
    level = result.levels[index]
    name = feature_map(level.feature_map)
    caption = f"{name}: {count(level.positives, 'positive')} for {count(level.served, 'object')}"
    canvas.text((at[0], at[1]), caption, 13, INK, width=max(size[0], canvas.px(CELL)))
    upper = at[1] + canvas.px(CAPTION)
    panel = Panel(canvas, (at[0], upper, at[0] + size[0], upper + size[1]), photo, DIM)
    _positives(panel, result, drawn, index)
    served = set(result.positives.ground_truth[result.positives.level == index].tolist())
    _objects(panel, result, drawn, 2, only=served)


def _positives(panel: Panel, result: MatchResult, drawn: _Drawn, level: int | None) -> None:
    positives, chosen = result.positives, drawn.positives
    if level is not None:
        chosen = chosen[positives.level[chosen] == level]
    crowded = len(chosen) > CROWD
    for index in chosen.tolist():
        colour = STATUS_COLOURS[result.ground_truth[int(positives.ground_truth[index])].status]
        forced = bool(positives.forced[index])
        alpha = 255 if forced else round(110 * math.sqrt(CROWD / len(chosen))) if crowded else 190
        box = panel.clipped(positives.boxes[index])
        panel.canvas.rectangle(box, colour, 2 if forced else 1, alpha, forced)


def _objects(panel: Panel, result: MatchResult, drawn: _Drawn, units: float, only: set[int] | None = None) -> None:
    # Those in trouble last: they often lie exactly under the object that took their prior.
    objects = [(place, result.ground_truth[place]) for place in drawn.objects]
    for position, item in sorted(objects, key=lambda pair: -WORST_FIRST.index(pair[1].status)):
        if only is not None and position not in only:
            continue
        box, colour = panel.upright(_normalised(item, result)), STATUS_COLOURS[item.status]
        panel.object(box, colour, units, dashed=item.status == FORCED_ONLY)
        if item.status == UNMATCHED:
            panel.canvas.hatch(box, colour)
        if item.status == INVALID:
            panel.canvas.cross(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), colour)


def _names(panel: Panel, result: MatchResult, drawn: _Drawn) -> None:
    few = len(result.ground_truth) <= FEW
    objects = [result.ground_truth[place] for place in drawn.objects]
    # Those in trouble first, so that theirs stand where they belong.
    for item in sorted(objects, key=lambda item: WORST_FIRST.index(item.status)):
        codes = codes_at(result.findings, item.index)
        # Of many the legend says more, where nothing is in the way.
        words = f"{item.index} {item.label}" if few else str(item.index)
        if few and (codes or item.status in TROUBLE):
            words += f" {' '.join(codes) or WORDS[item.status]}"
        corner = panel.upright(_normalised(item, result))[:2]
        panel.canvas.chip_above(corner, words, STATUS_COLOURS[item.status], 12 if few else 10, panel.box)


def _normalised(item: GroundTruthMatch, result: MatchResult) -> tuple[float, float, float, float]:
    width, height = result.config.image_size
    x1, y1, x2, y2 = item.input_box
    return x1 / width, y1 / height, x2 / width, y2 / height


def _got(item: GroundTruthMatch) -> str:
    if item.positives == 0 and item.lost_to is not None:
        return f"{item.status}, lost to {item.lost_to}"
    words = "forced only" if item.status == FORCED_ONLY else count(item.positives, "positive")
    return f"{words}, {item.status}" if item.status in TROUBLE else words


def _legend(canvas: Canvas, result: MatchResult, drawn: _Drawn, top: int, columns: tuple[int, int]) -> None:
    """What the signs mean, and the objects drawn, in so many columns, so wide."""
    left, row = canvas.px(MARGIN), canvas.px(ROW)
    legend = Legend(canvas, (left, top), row // 2, gap=22)
    objects = [result.ground_truth[place] for place in drawn.objects]
    items = sorted(objects, key=lambda item: WORST_FIRST.index(item.status))
    for status in reversed(WORST_FIRST):
        number = sum(item.status == status for item in result.ground_truth)
        colour, x1, x2 = STATUS_COLOURS[status], legend.x, legend.x + canvas.px(SIGN)
        box = legend.box(canvas.px(1), row - canvas.px(3))
        if status == INVALID:
            canvas.cross(((x1 + x2) / 2, (box[1] + box[3]) / 2), colour, 6, 2.5)
        else:
            canvas.rectangle(box, colour, 2.5, dashed=status == FORCED_ONLY)
        if status == UNMATCHED:
            canvas.hatch(box, colour)
        legend.words(f"{number} {WORDS[status]}")
    if words := drawn.words(result):
        canvas.text((legend.x, top), words, 12, INK)
    legend = Legend(canvas, (left, top + row), row // 2, gap=22)
    legend.line("prior that is positive by IoU", 1)
    legend.line("forced prior", 2, dashed=True)
    empty = [feature_map(level.feature_map) for level in result.levels if not level.positives]
    if empty:
        room = canvas.image.width - legend.x - left
        canvas.text((legend.x, top + row), f"no positive: {', '.join(empty)}", 12, MIDDLE_GREY, width=room)

    number, column_width = columns
    rows = math.ceil(len(items) / number)
    for position, item in enumerate(items):
        column, line = divmod(position, rows)
        at = (left + column * column_width, top + row * (line + 2) + canvas.px(8))
        canvas.chip(at, str(item.index), STATUS_COLOURS[item.status], 11)
        room = column_width - canvas.px(40)
        codes = "".join(f", {code}" for code in codes_at(result.findings, item.index))
        canvas.text((at[0] + canvas.px(28), at[1]), item.label, 11, width=room, tail=f": {_got(item)}{codes}")
