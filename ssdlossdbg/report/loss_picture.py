"""The picture of `loss`: what the network predicts at its positives, and which negatives were mined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from PIL import Image

from ssdlossdbg.report.canvas import Canvas, Panel, Point, panel_size, pixels, unit_of
from ssdlossdbg.report.legend import Legend
from ssdlossdbg.report.text import count, file_name
from ssdlossdbg.report.theme import INK, Colour, colour_of
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import GroundTruthLoss, LossResult, SceneLoss, codes_at

DIM, DARK, WIDE = 0.25, 0.5, 2
# So many objects are named with class and cost; of more only those that cost the most, below the picture.
MOST_NAMED = 12
MARGIN, HEADER, CAPTION, LEGEND, ROW = 12, 34, 24, 40, 19
# Negatives from which on the cheap ones are drawn the fainter the more there are.
CROWD = 150
# Least width of a panel with its caption and its part of the legend.
NARROWEST = 470
NAMED_NEGATIVES, NAMED_COLUMN = 5, 230
# From cheap to dear: a scale whose lightness rises evenly, so that it reads in grey and to colour-blind eyes, and
# the dear ones glow on the darkened photo.
SHADES: tuple[Colour, ...] = ((74, 36, 120), (150, 44, 110), (222, 80, 60), (250, 160, 30), (252, 244, 150))


def loss_picture(
    result: LossResult, photo: Image.Image | None = None, index: int = 0, view: View = USUAL
) -> Image.Image:
    """One image of the batch: decoded positives against their objects, and mined negatives shaded by loss.

    Args:
        result: what `analyse_loss` returned.
        photo: the photo, at any size; a neutral ground where there is none.
        index: which image.
        view: changes nothing.
    """
    image, scene = result.images[index], result.scenes[index]
    width, height = panel_size(photo.size if photo is not None else result.config.image_size)
    width, height = round(width * 0.75), round(height * 0.75)
    unit = unit_of((width, height)) * 1.25
    px = partial(pixels, unit=unit)
    top = px(HEADER) + px(CAPTION)
    column = max(width, px(NARROWEST))
    # The two panels stand side by side, of a wide photo one below the other.
    below = width > WIDE * height
    left, right = px(MARGIN), px(MARGIN) if below else 2 * px(MARGIN) + column
    second = top + height + px(LEGEND) + px(CAPTION) if below else top
    own, names = _dearest_objects(result, index), _object_names(result, index, len(scene.objects))
    listed = own if len(scene.objects) > MOST_NAMED else []
    bottom = second + height + px(LEGEND)
    whole = right + column + px(MARGIN)
    columns = max(1, (whole - 2 * px(MARGIN)) // px(NAMED_COLUMN))
    rows = -(-len(listed) // columns) + 1 if listed else 0
    canvas = Canvas((whole, bottom + rows * px(ROW)), unit)
    called = image.path or image.name
    name = f" ({file_name(called)})" if called else ""
    title = f"image {image.index}{name}: {image.parts.total:.4f} of the loss"
    canvas.text((px(MARGIN), px(8)), title, 16, width=canvas.image.width - 2 * px(MARGIN))
    positives = count(image.positives, "positive")
    objects = "" if image.ground_truth is None else f" for {count(image.ground_truth, 'object')}"
    predicted = f"Decoded positives: {positives}{objects}, localisation {image.parts.localization:.4f}"
    canvas.text((left, px(HEADER)), predicted, 13, width=column)
    drawn = f", the costliest {len(scene.mined)} drawn" if len(scene.mined) < image.negatives else ""
    negatives = "All negatives" if result.all_negatives else "Mined negatives"
    mined = f"{negatives}: {image.negatives}{drawn}, confidence {image.parts.confidence_negative:.4f}"
    canvas.text((right, second - px(CAPTION)), mined, 13, width=column)
    _positives(Panel(canvas, (left, top, left + width, top + height), photo, DIM), scene, names)
    _negatives(Panel(canvas, (right, second, right + width, second + height), photo, DARK), scene)
    _legend(canvas, scene, (left, top + height + px(10)), (right, second + height + px(10)))
    if listed:
        canvas.text((left, bottom), f"The objects that cost the most ({len(listed)} of {len(names)})", 12)
    for place, item in enumerate(listed):
        line, at = divmod(place, columns)
        corner = (left + at * px(NAMED_COLUMN), bottom + (line + 1) * px(ROW))
        canvas.chip(corner, str(item.index), colour_of(item.index), 11)
        room = px(NAMED_COLUMN) - px(40)
        codes = "".join(f", {code}" for code in codes_at(result.findings, item.index, index))
        canvas.text((corner[0] + px(28), corner[1]), item.label, 11, width=room, tail=f":{_costs(scene, item)}{codes}")
    return canvas.image


def _dearest_objects(result: LossResult, index: int) -> list[GroundTruthLoss]:
    """The objects of an image that cost the most, the costliest first."""
    own = [item for item in result.ground_truth if item.image == index]
    return sorted(own, key=lambda item: -np.nan_to_num(item.total, nan=np.inf))[:MOST_NAMED]


def _object_names(result: LossResult, index: int, number: int) -> list[str]:
    """What is said of each object of an image: of few class, score and cost of its positives, of many their number."""
    if number > MOST_NAMED:
        return [str(place) for place in range(number)]
    scene, own = result.scenes[index], {item.index: item for item in result.ground_truth if item.image == index}
    names = []
    for place in range(number):
        item, codes = own.get(place), codes_at(result.findings, place, index)
        said = (f"{item.label}:{_costs(scene, item)}",) if item else ()
        names.append(" ".join((str(place), *said, *codes)))
    return names


def _costs(scene: SceneLoss, item: GroundTruthLoss) -> str:
    """The mean probability that an object's positives give its class, and what it costs."""
    return f"{_score(scene, item.index)} cost {item.total:.3f}"


def _score(scene: SceneLoss, place: int) -> str:
    """The mean probability of an object's positives, in words; nothing where it has none."""
    own = np.empty(0) if scene.probability is None else scene.probability[scene.owner == place]
    return f" score {own.mean():.2f}," if len(own) else ""


def _positives(panel: Panel, scene: SceneLoss, names: Sequence[str]) -> None:
    for box, owner in zip(scene.decoded, scene.owner.tolist(), strict=True):
        panel.canvas.rectangle(panel.clipped(box), colour_of(owner), 1, 200)
    _objects(panel, scene, 3)
    for index, box in enumerate(scene.objects):
        panel.canvas.chip_above(panel.upright(box)[:2], names[index], colour_of(index), 10, panel.box)


def _objects(panel: Panel, scene: SceneLoss, units: float) -> None:
    for index, box in enumerate(scene.objects):
        placed = panel.clipped(box)
        panel.object(placed, colour_of(index), units)
        if not (box[2] > box[0] and box[3] > box[1]):
            panel.canvas.cross(((placed[0] + placed[2]) / 2, (placed[1] + placed[3]) / 2), colour_of(index))


def _negatives(panel: Panel, scene: SceneLoss) -> None:
    for box in scene.objects:
        panel.canvas.rectangle(panel.clipped(box), (255, 255, 255), 1.5, 230, dashed=True)
    # The dearest last, so that they lie on top.
    order = np.argsort(scene.mined_loss, kind="stable")
    dearest, crowd = _dearest(scene), max(1.0, len(scene.mined) / CROWD)
    faintest = 90 / crowd**0.5
    for index in order.tolist():
        share = _share(float(scene.mined_loss[index]), dearest)
        box, alpha = panel.clipped(scene.mined[index]), round(faintest + (255 - faintest) * share**crowd**0.5)
        panel.canvas.rectangle(box, shade(share), 1 + 1.5 * share, alpha)
    for rank, index in enumerate(order[::-1][:NAMED_NEGATIVES].tolist(), start=1):
        x1, y1 = panel.clipped(scene.mined[index])[:2]
        share = _share(float(scene.mined_loss[index]), dearest)
        panel.canvas.chip_above((x1, y1), str(rank), shade(share), 10, panel.box)


def _dearest(scene: SceneLoss) -> float:
    """The largest finite loss of a mined negative; what is not finite is dearer still."""
    return float(scene.mined_loss[np.isfinite(scene.mined_loss)].max(initial=0.0))


def _share(loss: float, dearest: float) -> float:
    return loss / dearest if dearest > 0 and np.isfinite(loss) else 1.0


def shade(share: float) -> Colour:
    """The colour of a loss that is that share of the largest one, 0 to 1."""
    place = share * (len(SHADES) - 1)
    low = min(int(place), len(SHADES) - 2)
    blend = place - low
    red, green, blue = (round(a + (b - a) * blend) for a, b in zip(SHADES[low], SHADES[low + 1], strict=True))
    return red, green, blue


def _legend(canvas: Canvas, scene: SceneLoss, of_first: Point, of_second: Point) -> None:
    middle = canvas.px(8)
    of_positives = Legend(canvas, of_first, middle)
    of_positives.line("object", 3)
    of_positives.line("what its positives predict", 1)
    of_positives.cross("object that is no box", INK)
    dearest = f"{_dearest(scene):.4f}" + ("" if np.isfinite(scene.mined_loss).all() else ", inf or nan")
    of_negatives = Legend(canvas, of_second, middle)
    bar = (canvas.px(150), canvas.px(16))
    of_negatives.scale("loss 0", f"{dearest}; the dearest are numbered", bar, shade)
    of_negatives.line("object", 1.5, dashed=True)
