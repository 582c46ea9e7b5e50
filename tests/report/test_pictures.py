"""Pictures: lines where the boxes are, in the colour and the stroke that mean what is so; at any size of photo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ssdlossdbg import api
from ssdlossdbg.report.anchors_picture import anchors_picture
from ssdlossdbg.report.loss_picture import SHADES, loss_picture, shade
from ssdlossdbg.report.match_picture import STATUS_COLOURS, match_picture
from ssdlossdbg.report.theme import NEUTRAL_GROUND, PALETTE, RED, colour_of
from ssdlossdbg.results import AnchorsResult, LossResult, MatchResult

SAMPLE = Path(__file__).parents[2] / "sample_data"
MakeScene = Callable[..., Any]
Pixels = NDArray[np.uint8]
# The main panel of a square photo: 960 pixels a side, its corner here.
LEFT, TOP, SCALE = 12, 34, 960 / 200
GROUND = (75, 75, 75)  # the scene's grey, dimmed


def pixels(image: Image.Image) -> Pixels:
    """`[height, width, 3]`."""
    return np.asarray(image)


def near(image: Pixels, colour: tuple[int, int, int], tolerance: int = 1) -> NDArray[np.bool_]:
    """Where the picture has that colour."""
    return np.asarray((np.abs(image.astype(int) - colour) <= tolerance).all(-1))


def along(mask: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Where anything is true along an axis."""
    return np.asarray(mask.any(axis))


def main_panel(scene: Any) -> Pixels:
    """The main panel of a square scene."""
    return pixels(match_picture(scene.result, scene.photo))[TOP : TOP + 960, LEFT : LEFT + 960]


def at(pixel: float) -> int:
    """A pixel of the photo on the main panel."""
    return round(pixel * SCALE)


def runs(line: NDArray[np.bool_]) -> int:
    """How many unbroken stretches of a line are true."""
    return int((np.diff(np.concatenate(([0], line.astype(int)))) == 1).sum())


# match


def test_an_object_is_drawn_where_it_is(scene: MakeScene) -> None:
    panel = main_panel(scene([(20, 30, 90, 80)]))
    for row, column in ((55, 20), (55, 90), (80, 55)):
        patch = panel[at(row) - 3 : at(row) + 4, at(column) - 3 : at(column) + 4]
        assert near(patch, PALETTE[0]).any(), f"an edge at row {row}, column {column} of the photo"
    assert near(panel[at(75), at(50) : at(50) + 3], GROUND).all(), "and nothing in its middle"


def test_an_object_has_the_colour_and_the_stroke_of_what_became_of_it(scene: MakeScene) -> None:
    matched, forced = (15, 15, 85, 85), (120, 120, 150, 132)
    made = scene([matched, forced])
    assert [item.status for item in made.result.ground_truth] == ["matched", "forced-only"]
    panel = main_panel(made)
    whole = along(near(panel[at(85) - 2 : at(85) + 3, at(15) : at(85)], PALETTE[0]), 0)
    assert whole.all(), "a line without a gap"
    dashed = along(near(panel[at(132) - 2 : at(132) + 3, at(120) : at(150)], PALETTE[1]), 0)
    assert runs(dashed) == pytest.approx(30 * SCALE / 12, abs=1.5), "6 pixels on, 6 off"
    assert near(panel, colour_of(2)).sum() == 0


def test_forced_positives_are_dashed(scene: MakeScene) -> None:
    made = scene([(40, 40, 50, 50)])
    assert made.result.positives.forced.tolist() == [True]
    panel = main_panel(made)
    middle = slice(at(10) + 6, at(90) - 6)
    bottom, side = panel[at(90) - 3 : at(90) + 4, middle], panel[middle, at(10) - 3 : at(10) + 4].swapaxes(0, 1)
    for edge in (bottom, side):
        painted, ground = along(near(edge, PALETTE[1]), 0), ~along(~near(edge, GROUND), 0)
        assert runs(painted) == pytest.approx(80 * SCALE / 12, abs=1.5), "6 pixels on, 6 off"
        assert runs(ground) == pytest.approx(80 * SCALE / 12, abs=1.5)


def test_positives_by_iou_are_whole_and_thin(scene: MakeScene) -> None:
    made = scene([(15, 15, 85, 85)])
    assert made.result.positives.forced.tolist() == [False]
    panel = main_panel(made)
    edge = panel[at(90) - 3 : at(90) + 4, at(20) : at(80)]
    painted = ~near(edge, GROUND)
    assert (painted.sum(0) == 1).all(), "one pixel in every column"


def test_an_unmatched_object_is_hatched_and_named(scene: MakeScene) -> None:
    twins = scene([(12, 12, 88, 88), (12, 12, 88, 88)])
    assert [item.status for item in twins.result.ground_truth] == ["unmatched", "matched"]
    single = scene([(12, 12, 88, 88)])
    inside = (slice(at(50), at(80)), slice(at(20), at(80)))
    hatched, plain = main_panel(twins)[inside], main_panel(single)[inside]
    assert near(plain, GROUND).all()
    redder = hatched[..., 0].astype(int) > hatched[..., 1].astype(int) + 60
    assert 0.05 < redder.mean() < 0.5, "lines with gaps between them"
    assert runs(redder[10]) == pytest.approx(60 * SCALE / 7, abs=3)
    assert near(main_panel(twins), RED).sum() > near(main_panel(single), RED).sum() == 0


def test_an_invalid_box_is_crossed(scene: MakeScene) -> None:
    made = scene([(15, 15, 85, 85), (150, 150, 150, 150)])
    assert made.result.ground_truth[1].status == "invalid"
    panel = main_panel(made)
    x = y = at(150)
    invalid = STATUS_COLOURS["invalid"]
    assert near(panel[y + 6, x - 6], invalid), "an arm of the X"
    assert near(panel[y + 6, x + 6], invalid), "another"
    assert not near(panel[y + 9, x], invalid), "nothing between them"


@pytest.mark.parametrize("box", [(90, 20, 20, 60), (150, 150, 190, 150), (-50, -50, 60, 60), (300, 300, 400, 400)])
def test_odd_boxes_stay_inside_the_panel(scene: MakeScene, box: tuple[float, ...]) -> None:
    odd = scene([(15, 15, 85, 85), box])
    image = pixels(match_picture(odd.result, odd.photo))
    margin = image[TOP : TOP + 960, :5]
    assert (margin == margin[0, 0]).all(), "nothing beside the photo"


def test_every_object_is_in_the_legend(scene: MakeScene) -> None:
    boxes = [(5 + 30 * (n % 6), 5 + 18 * (n // 6), 25 + 30 * (n % 6), 20 + 18 * (n // 6)) for n in range(60)]
    many, few = scene(boxes, priors="ssd300"), scene(boxes[:2], priors="ssd300")
    tall, low = (match_picture(made.result, made.photo) for made in (many, few))
    columns = (tall.size[0] - 24) // 210
    assert tall.size[0] == low.size[0], "the same levels have positives"
    assert tall.size[1] - low.size[1] == 19 * (-(-60 // columns) - 1)
    chips = near(pixels(tall)[TOP + 960 + 70 :], STATUS_COLOURS["matched"])
    assert runs(along(chips, 1)) == -(-60 // columns)


def test_levels_without_a_positive_take_no_room(scene: MakeScene) -> None:
    none = match_picture(scene([], priors="ssd300").result)
    one = scene([(12, 12, 88, 88)], priors="ssd300")
    served = sum(level.positives > 0 for level in one.result.levels)
    assert 0 < served < 3
    beside = match_picture(one.result)
    assert none.size[0] == 960 + 2 * LEFT, "the photo alone"
    assert beside.size[0] > none.size[0] + 235
    empty = near(pixels(beside)[TOP + 20 :, 960 + 3 * LEFT :], NEUTRAL_GROUND)
    assert runs(along(empty, 1)) == served, "a panel below the other for each"


def test_the_levels_of_a_wide_photo_lie_below_it(scene: MakeScene) -> None:
    made = scene([(120, 112, 196, 188), (400, 20, 660, 280)], (900, 300), "ssd300")
    image = match_picture(made.result, made.photo)
    alone = match_picture(scene([], (900, 300), "ssd300").result)
    assert image.size[0] == alone.size[0] == 960 + 2 * LEFT
    assert image.size[1] > alone.size[1] + 80


@pytest.mark.parametrize("size", [(1, 1), (300, 200), (3000, 30), (30, 3000), (1400, 2100)])
def test_any_photo(scene: MakeScene, size: tuple[int, int]) -> None:
    made = scene([(0, 0, size[0], size[1])], size, "ssd300")
    width, height = match_picture(made.result, made.photo).size
    assert 600 < width < 3500
    assert 100 < height < 3500


def test_the_sample_with_the_mistakes(astronaut: MatchResult) -> None:
    image = pixels(match_picture(astronaut, Image.new("RGB", (512, 512), (100, 100, 100))))
    panel = image[TOP : TOP + 960, LEFT : LEFT + 960]
    # The emblem of astronaut.xml: its left edge, halfway down, from the file's 1-based pixels.
    box = astronaut.ground_truth[1].box
    x, y = ((value - 1) * 960 / 512 for value in (box[0], (box[1] + box[3]) / 2))
    assert near(panel[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4], STATUS_COLOURS["matched"]).any()
    assert near(panel, STATUS_COLOURS["invalid"]).any()
    assert not near(panel, RED).any(), "none is unmatched"


# loss


def test_a_neutral_ground_without_a_photo(batch: LossResult) -> None:
    image = pixels(loss_picture(batch, index=0))
    ground = near(image, NEUTRAL_GROUND, 0)
    assert ground[:, : image.shape[1] // 2].sum() > 100_000
    assert runs(along(ground, 0)) == 2, "two panels, side by side"
    grey = pixels(loss_picture(batch, Image.new("RGB", (300, 300), (100, 100, 100)), 0))
    assert not near(grey, NEUTRAL_GROUND, 0).any()
    assert near(grey, (50, 50, 50), 0).any()
    assert near(grey, GROUND, 0).any()


def test_objects_and_what_is_predicted_share_a_colour(batch: LossResult) -> None:
    image = pixels(loss_picture(batch, index=1))
    left = image[:, : image.shape[1] // 2]
    found = [colour for colour in PALETTE if near(left, colour, 0).any()]
    assert found == [*PALETTE[:2]], "two objects"


def test_the_dearest_negative_is_the_brightest(batch: LossResult) -> None:
    image = pixels(loss_picture(batch, index=2))
    side = image.shape[1] // 2
    assert near(image[60:-60, side:], SHADES[-1]).any()
    assert not near(image[60:-60, :side], SHADES[-1]).any()
    # Prior 8730, the dearest one: its upper edge, 58 pixels down in the 300-pixel input.
    box = next(item.box for item in batch.negatives if item.image == 2)
    assert round(box[1]) == 58
    row = near(image[:, side + 40 : -40], SHADES[-1], 3).sum(1)
    panel = np.flatnonzero(near(image, NEUTRAL_GROUND, 0).any(1))
    upper = panel[0] + box[1] / 300 * (panel[-1] + 1 - panel[0])
    assert row[round(upper) - 4 : round(upper) + 5].max() > side / 2


def test_shades_rise_in_lightness() -> None:
    grey = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in (shade(step / 20) for step in range(21))]
    assert grey == sorted(grey)
    assert (shade(0), shade(1)) == (SHADES[0], SHADES[-1])


@pytest.mark.parametrize("index", range(3))
def test_what_is_not_finite_can_be_drawn(broken: LossResult, index: int) -> None:
    image = pixels(loss_picture(broken, index=index))
    assert near(image, NEUTRAL_GROUND, 0).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_losses_that_are_not_finite_are_the_brightest(batch: LossResult, value: float) -> None:
    scene = batch.scenes[0]
    odd = replace(scene, mined_loss=np.full_like(scene.mined_loss, value))
    image = pixels(loss_picture(replace(batch, scenes=(odd,)), index=0))
    assert near(image[60:-60], SHADES[-1]).any()


@pytest.mark.parametrize("size", [(1, 1), (300, 200), (4000, 3000), (3000, 30), (30, 3000)])
def test_any_photo_of_a_batch(batch: LossResult, size: tuple[int, int]) -> None:
    width, height = loss_picture(batch, Image.new("RGB", size), 0).size
    assert 400 < width < 3000
    assert 200 < height < 2700
    assert (height > width) == (size[1] > 2 * size[0]), "panels of a strip lie below each other"


# anchors


def test_a_panel_a_level_of_priors(ssd300: AnchorsResult) -> None:
    ground = near(pixels(anchors_picture(ssd300)), NEUTRAL_GROUND, 0)
    assert runs(along(ground, 0)) == 3
    assert runs(along(ground, 1)) == 2
    seven = near(pixels(anchors_picture(api.anchors("ssd512"))), NEUTRAL_GROUND, 0)
    assert runs(along(seven, 0)) == 3
    gaps = np.diff(np.flatnonzero(seven.any(1)))
    assert (gaps > 40).sum() == 2, "three rows; a prior as wide as the input interrupts its ground by a line only"


def test_priors_are_drawn_to_scale(config: str) -> None:
    image = pixels(anchors_picture(api.anchors(config)))
    ground = np.flatnonzero(near(image, NEUTRAL_GROUND, 0)[:, : image.shape[1] // 2].any(0))
    width = ground[-1] + 1 - ground[0]
    painted = np.argwhere(near(image[90:-60, : image.shape[1] // 2], PALETTE[0]))
    (upper, left), (lower, right) = painted.min(0), painted.max(0)
    # The middle cell's prior: 80 of the 200 pixels, its centre at (150, 150).
    assert right - left == pytest.approx(0.4 * width, abs=4)
    assert lower - upper == pytest.approx(0.4 * width, abs=4)
    assert (left + right) / 2 - ground[0] == pytest.approx(0.75 * width, abs=4)


def test_priors_on_a_photo(ssd300: AnchorsResult) -> None:
    image = pixels(anchors_picture(ssd300, Image.new("RGB", (640, 480), (100, 100, 100))))
    assert near(image, (65, 65, 65), 0).sum() > 100_000
    assert not near(image, NEUTRAL_GROUND, 0).any()


def test_no_grid_is_said(ssd300: AnchorsResult) -> None:
    image = anchors_picture(replace(ssd300, levels=()))
    assert image.size[0] > 600
    assert len(np.unique(pixels(image)[36:60])) > 5, "a line of text"


# any names, any shapes


def test_an_object_of_the_loss_is_named_with_class_score_and_cost(
    batch: LossResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        "ssdlossdbg.report.loss_picture.Canvas.chip_above", lambda _, __, words, *___: said.append(words)
    )
    loss_picture(batch, index=1)
    scene = batch.scenes[1]
    assert scene.probability is not None
    for item in batch.ground_truth:
        if item.image == 1:
            mean = scene.probability[scene.owner == item.index].mean()
            assert f"{item.index} {item.label}: score {mean:.2f}, cost {item.total:.3f}" in said


def test_the_probability_of_positives_is_that_of_the_softmax(batch: LossResult) -> None:
    conf = torch.load(SAMPLE / "preds.pt", weights_only=True)[1].softmax(-1)
    probability = batch.scenes[1].probability
    assert probability is not None
    assert len(probability) == batch.images[1].positives
    labels = {item.index: item.class_id for item in batch.ground_truth if item.image == 1}
    classes = [labels[owner] for owner in batch.scenes[1].owner.tolist()]
    # Which prior each positive is the scene does not say, but one has that probability for its class.
    for value, class_id in zip(probability.tolist(), classes, strict=True):
        assert (conf[1, :, class_id] - value).abs().min() < 1e-6


@pytest.mark.parametrize(("size", "shape"), [((4000, 300), (3200, 240)), ((300, 3000), (240, 2400))])
def test_strips_keep_their_proportions(scene: MakeScene, size: tuple[int, int], shape: tuple[int, int]) -> None:
    made = scene([], size, "ssd300")
    image = near(pixels(match_picture(made.result)), NEUTRAL_GROUND, 0)
    assert (along(image, 0).sum() - 1, along(image, 1).sum() - 1) == shape, "a filled box has its last pixel, too"
