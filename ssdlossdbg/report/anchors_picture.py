"""The picture of `anchors`: every shape at the middle cell of each level, to scale."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from ssdlossdbg.report.canvas import Canvas, Panel
from ssdlossdbg.report.text import count, feature_map, size, stride
from ssdlossdbg.report.theme import INK, MIDDLE_GREY, NEUTRAL_GROUND, WHITE, colour_of
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import AnchorsResult, LevelGrid

COLUMNS = 3
SIDE, MARGIN, HEADER, CAPTION, ROW = 420, 16, 64, 24, 20
NARROWEST = 860
DIM = 0.35
# Room around the image for the shapes that reach beyond it, as a fraction of it.
LEAST_BEYOND, MOST_BEYOND = 0.04, 0.3
MOST_DOTS = 4000


def anchors_picture(
    result: AnchorsResult, photo: Image.Image | None = None, index: int = 0, view: View = USUAL
) -> Image.Image:
    """A panel a level: the shapes of its middle cell, the centres of all its cells, the image's border.

    Args:
        result: what `analyse_anchors` returned.
        photo: shown under the shapes, stretched to the network's input; a neutral ground where there is none.
        index: 0, there being but one.
        view: changes nothing.
    """
    width, height = result.config.image_size
    scale = SIDE / max(width, height)
    inner = (round(width * scale), round(height * scale))
    beyond = _beyond(result)
    outer = (round(inner[0] * (1 + 2 * beyond)), round(inner[1] * (1 + 2 * beyond)))
    columns = min(COLUMNS, max(1, len(result.levels)))
    rows = math.ceil(len(result.levels) / columns)
    most_shapes = max((len(level.shapes) for level in result.levels), default=0)
    key_height = ROW * math.ceil(most_shapes / 3) + MARGIN
    panel_height = CAPTION + outer[1] + key_height
    total = (max(MARGIN + columns * (outer[0] + MARGIN), NARROWEST), HEADER + rows * panel_height + MARGIN)
    canvas = Canvas(total, 1.0)
    title = f"{result.config.name}: {count(result.config.priors, 'prior')}, input {size(width, height)} pixels"
    canvas.text((MARGIN, 10), title, 18, width=total[0] - 2 * MARGIN)
    legend = (
        "dark or photo: the input; dots: centres of the cells; boxes: priors of the middle cell, w x h before clipping"
    )
    canvas.text((MARGIN, 38), legend if result.levels else "no grid could be recognised", 14)
    for index, level in enumerate(result.levels):
        at = (MARGIN + (index % columns) * (outer[0] + MARGIN), HEADER + (index // columns) * panel_height)
        _level(canvas, level, at, inner, outer, result.config.image_size, photo)
    return canvas.image


def _beyond(result: AnchorsResult) -> float:
    reach = max((float(np.abs(level.middle - 0.5).max()) - 0.5 for level in result.levels), default=0.0)
    return min(max(reach + LEAST_BEYOND, LEAST_BEYOND), MOST_BEYOND)


def _level(
    canvas: Canvas,
    level: LevelGrid,
    at: tuple[int, int],
    inner: tuple[int, int],
    outer: tuple[int, int],
    image_size: tuple[int, int],
    photo: Image.Image | None,
) -> None:
    left, top = at
    caption = f"{feature_map(level.feature_map)}, stride {stride(level.stride)}: {count(level.priors, 'prior')}"
    canvas.text((left, top), caption, 15, width=outer[0])
    top += CAPTION
    canvas.fill((left, top, left + outer[0], top + outer[1]), (222, 222, 218))
    x, y = left + (outer[0] - inner[0]) // 2, top + (outer[1] - inner[1]) // 2
    panel = Panel(canvas, (x, y, x + inner[0], y + inner[1]), photo, DIM)
    if photo is None:
        canvas.rectangle(panel.box, NEUTRAL_GROUND, 1)
    _centres(canvas, panel, level, image_size)
    frame = (left, top, left + outer[0], top + outer[1])
    for index, box in enumerate(level.middle):
        placed = panel.place(box)
        inside = (*_pull(placed[:2], frame), *_pull(placed[2:], frame))
        canvas.rectangle(inside, INK, 4, 120)
        canvas.rectangle(inside, colour_of(index), 2.5)
    for index, shape in enumerate(level.shapes):
        key = (left + (index % 3) * (outer[0] // 3), top + outer[1] + 6 + (index // 3) * ROW)
        canvas.line((key[0], key[1] + 9), (key[0] + 24, key[1] + 9), INK, 5, 120)
        canvas.line((key[0], key[1] + 9), (key[0] + 24, key[1] + 9), colour_of(index), 3)
        canvas.text((key[0] + 30, key[1]), size(*shape), 14)


def _centres(canvas: Canvas, panel: Panel, level: LevelGrid, image_size: tuple[int, int]) -> None:
    columns, rows = level.feature_map
    if columns * rows > MOST_DOTS:
        return
    first_x, first_y, last_x, last_y = level.reach
    step_x = (last_x - first_x) / max(columns - 1, 1)
    step_y = (last_y - first_y) / max(rows - 1, 1)
    width, height = panel.box[2] - panel.box[0], panel.box[3] - panel.box[1]
    points = [
        (
            panel.box[0] + (first_x + column * step_x) / image_size[0] * width,
            panel.box[1] + (first_y + row * step_y) / image_size[1] * height,
        )
        for row in range(rows)
        for column in range(columns)
    ]
    canvas.dots(points, WHITE if columns * rows < 200 else MIDDLE_GREY, 3 if columns * rows < 200 else 2)


def _pull(corner: tuple[float, ...], frame: tuple[int, int, int, int]) -> tuple[float, float]:
    return min(max(corner[0], frame[0]), frame[2] - 1), min(max(corner[1], frame[1]), frame[3] - 1)
