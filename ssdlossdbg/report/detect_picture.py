"""The picture of `detect`: the surest detections over the objects, and the objects that nobody found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PIL import Image

from ssdlossdbg.report.canvas import Canvas, Panel, panel_size, pixels, unit_of
from ssdlossdbg.report.legend import Legend
from ssdlossdbg.report.text import count, file_name
from ssdlossdbg.report.theme import INK, PAPER, RED, WHITE, Colour, colour_of
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import (
    FINDS,
    FOUND,
    FOUND_AS_OTHER,
    MISSED,
    Detection,
    DetectResult,
    Finding,
    ImageDetect,
    codes_at,
    those_in,
)

DIM = 0.25
MARGIN, HEADER, ROW = 12, 34, 20
# Least width of the picture with its legend, and of a column of classes in it.
NARROWEST, CLASS_COLUMN = 700, 150
# So many chips can be told apart; the other detections are drawn bare.
MOST_CHIPS = 30
FAINTEST = 0.25

MOST_DRAWN = 20


def detect_picture(
    result: DetectResult, photo: Image.Image | None = None, index: int = 0, view: View = USUAL
) -> Image.Image:
    """One image: its detections of highest score, and whatever finds an object, in the colour of their class.

    The lower they score the fainter they are.

    Args:
        result: what `analyse_detect` returned.
        photo: the photo, at any size; a neutral ground where there is none.
        index: which image.
        view: says how many detections to draw; `MOST_DRAWN` if it does not.
    """
    image = result.images[index]
    top = view.top or MOST_DRAWN
    drawn = (*image.detections[:top], *(item for item in those_in(image.detections, FINDS) if item.rank > top))
    width, height = panel_size(photo.size if photo is not None else result.config.image_size)
    unit = unit_of((width, height))
    px = partial(pixels, unit=unit)
    whole = max(width, px(NARROWEST)) + 2 * px(MARGIN)
    classes = sorted({(item.class_id, item.label) for item in drawn})
    columns = max(1, (whole - 2 * px(MARGIN)) // px(CLASS_COLUMN))
    rows = (len(classes) + columns - 1) // columns
    legend = px(ROW) * (2 + rows) + px(MARGIN)
    top_edge = px(HEADER)
    canvas = Canvas((whole, top_edge + height + px(MARGIN) + legend), unit)
    canvas.text((px(MARGIN), px(8)), _title(image, top, len(drawn)), 16, width=whole - 2 * px(MARGIN))
    panel = Panel(canvas, (px(MARGIN), top_edge, px(MARGIN) + width, top_edge + height), photo, DIM)
    _objects(panel, image, result.findings)
    _detections(panel, drawn)
    _legend(canvas, classes, bool(image.ground_truth), columns, top_edge + height + px(MARGIN))
    return canvas.image


def _title(image: ImageDetect, top: int, drawn: int) -> str:
    called = image.path or image.name
    name = f" ({file_name(called)})" if called else ""
    total = len(image.detections)
    lower = f" and {drawn - top} lower that find an object" if drawn > top else ""
    seen = count(total, "detection") if drawn == total else f"the top {top} of {total} detections{lower}"
    objects = ""
    if image.ground_truth:
        status = [item.status for item in image.ground_truth]
        other = f", {status.count(FOUND_AS_OTHER)} as another class" if FOUND_AS_OTHER in status else ""
        missed = f", {status.count(MISSED)} missed" if MISSED in status else ""
        objects = f"; {status.count(FOUND)} of {count(len(status), 'object')} found{other}{missed}"
    return f"image {image.index}{name}: {seen}{objects}"


def _objects(panel: Panel, image: ImageDetect, findings: Sequence[Finding]) -> None:
    # What is missed last, so that nothing found hides it.
    for item in sorted(image.ground_truth, key=lambda item: item.status == MISSED):
        box = panel.upright(item.normalized)
        panel.canvas.rectangle(box, INK, 3.5, 150)
        if item.status == MISSED:
            panel.canvas.hatch(box, RED)
        panel.canvas.rectangle(box, RED if item.status == MISSED else WHITE, 2, 255, dashed=True)
    for item in image.ground_truth:
        if item.status == MISSED:
            corner = panel.upright(item.normalized)[:2]
            words = " ".join((item.label, "missed", *codes_at(findings, item.index, item.image)))
            panel.canvas.chip_above(corner, words, RED, 11, panel.box)


def _strength(score: float) -> float:
    return FAINTEST + (1 - FAINTEST) * min(max(score, 0.0), 1.0)


def _detections(panel: Panel, drawn: tuple[Detection, ...]) -> None:
    # The surest last, so that they lie on top.
    for item in reversed(drawn):
        units = 3.0 if item.role == FINDS else 1.5
        panel.canvas.rectangle(
            panel.upright(item.normalized), _colour(item.class_id), units, round(255 * _strength(item.score))
        )
    for item in drawn[:MOST_CHIPS]:
        corner = panel.upright(item.normalized)[:2]
        panel.canvas.chip_above(corner, f"{item.label}: {item.score:.2f}", _colour(item.class_id), 10, panel.box)


def _faded(score: float) -> Colour:
    """Ink on paper as strong as that score: neighbouring fills may overlap by a pixel, so they are not transparent."""
    share = _strength(score)
    red, green, blue = (round(paper + (ink - paper) * share) for paper, ink in zip(PAPER, INK, strict=True))
    return red, green, blue


def _colour(class_id: int) -> Colour:
    return colour_of(class_id - 1)


def _legend(canvas: Canvas, classes: list[tuple[int, str]], judged: bool, columns: int, top: float) -> None:
    left, row = canvas.px(MARGIN), canvas.px(ROW)
    signs = Legend(canvas, (left, top), canvas.px(8))
    if judged:
        signs.line("detection that finds an object", 3)
    signs.line("other detection" if judged else "detection", 1.5)
    if judged:
        x1, _, x2, _ = box = signs.box(0, canvas.px(16))
        canvas.fill(box, INK)
        canvas.line((x1, signs.middle), (x2, signs.middle), WHITE, 2, dashed=True)
        signs.words("object")
        box = signs.box(0, canvas.px(16))
        canvas.hatch(box, RED)
        canvas.rectangle(box, RED, 2, dashed=True)
        signs.words("missed object")
    scores = Legend(canvas, (left, top + row), canvas.px(8))
    scores.scale("score 0", "1", (canvas.px(110), canvas.px(14)), _faded)
    width = (canvas.image.width - 2 * left) // columns
    for place, (class_id, label) in enumerate(classes):
        line, column = divmod(place, columns)
        at = (left + column * width, top + row * (2 + line))
        canvas.fill((at[0], at[1], at[0] + canvas.px(14), at[1] + canvas.px(14)), _colour(class_id))
        canvas.text((at[0] + canvas.px(20), at[1]), label, 12, width=width - canvas.px(26))
