"""Priors that are not as many as the predictions, and what is said to explain it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ssdlossdbg.errors import InputError
from ssdlossdbg.multibox.priors import Priors, generate_priors
from ssdlossdbg.readers.named_priors import NamedPriors, load_priors, recognise_priors
from ssdlossdbg.readers.prior_count import check_prior_count
from ssdlossdbg.readers.prior_gap import explain_count
from ssdlossdbg.rules import LevelSpec, PriorSpec

Refused = Callable[[Callable[[], object]], InputError]


def own(*levels: tuple[int, int, tuple[tuple[float, float], ...]]) -> NamedPriors:
    """Priors of a 300 x 300 input on such levels: columns, rows and shapes in pixels."""
    specs = tuple(LevelSpec((columns, rows), (300 / columns, 300 / rows), shapes) for columns, rows, shapes in levels)
    return NamedPriors("own", "", generate_priors(PriorSpec((300, 300), specs)))


def test_fitting_count() -> None:
    check_prior_count(load_priors("ssd300"), 8732, "--config ssd300")


@pytest.mark.parametrize(
    ("priors", "predicted", "hints"),
    [
        # SSD300 has 38*38*4 + 19*19*6 + 10*10*6 + 5*5*6 + 3*3*4 + 1*1*4 = 8732 priors.
        ("ssd300", 24564, ["Presets with 24564 priors: ", "lufficc-ssd512-voc"]),
        ("ssd512", 8732, ["Presets with 8732 priors: ", "ssd300-voc"]),
        ("ssd300", 3234, ["Presets with 3234 priors: ", "torchvision-ssdlite320"]),
        ("ssd300", 8732 - 38 * 38 * 4, ["lack as many as level 0 (38 x 38) has: is that level left out of the head?"]),
        ("ssd300", 8732 - 4, ["lack as many as level 5 (1 x 1) has"]),
        ("ssd300", 8732 - 5 * 5 * 6, ["lack as many as level 3 (5 x 5) has"]),
        ("ssd300", 8732 + 38 * 38 * 2, ["6 instead of 4 shapes a cell in level 0 (38 x 38) would explain it."]),
        ("ssd300", 8732 - 10 * 10, ["5 instead of 6 shapes a cell in level 2 (10 x 10) would explain it."]),
        ("ssd300", 8732 + 3 * 3 * 2, ["6 instead of 4 shapes a cell in level 4 (3 x 3) would explain it."]),
        # 37 x 37 x 4 instead of 38 x 38 x 4, as without ceil_mode; 18 x 18 x 6 instead of 19 x 19 x 6.
        ("ssd300", 8732 - 300, ["A feature map of 37 x 37 cells in level 0 (38 x 38) would explain it."]),
        ("ssd300", 8732 - 222, ["A feature map of 18 x 18 cells in level 1 (19 x 19) would explain it."]),
        # The shapes of SSD300 on 400 x 400, and on 512 x 512: its six maps are 64, 32, 16, 8, 4, 2 there.
        ("ssd300", 15194, ["The same shapes on an input of 400 x 400 (feature maps of 50, 25, 13, 7, 5, 3 cells)"]),
        ("ssd300", 15194, ["image_size = 400, and feature_map of each level so, with a stride of image_size"]),
        ("ssd512", 15194, ["The shapes of ssd300-voc on an input of 400 x 400 (feature maps of 50, 25, 13, 7, 5, 3"]),
        ("ssd300", 24528, ["on an input of 512 x 512 (feature maps of 64, 32, 16, 8, 4, 2 cells)"]),
        ("lufficc-mobilenet320", 8190, ["on an input of 512 x 512 (feature maps of 32, 16, 8, 4, 2, 1 cells)"]),
        # 18 * 18 * 3 + (9 * 9 + 5 * 5 + 3 * 3 + 2 * 2 + 1) * 6: an input of 288, or 300 rounded down.
        ("tf-object-detection-ssd-mobilenet-v1-300", 1692, ["on an input of 288 x 288 (feature maps of 18, 9, 5, 3"]),
        ("tf-object-detection-ssd-mobilenet-v1-300", 1692, ["that are rounded down, 18, 9, 5, 3, 2, 1 cells a side"]),
        ("ssd300", 8732 + 2 * (1444 + 9 + 1), ["2 shapes more a cell on levels 0, 4 and 5 would explain it, as by 1"]),
        ("ssd300", 8732 + 2 * (1444 + 9 + 1), [" aspect ratio and its reciprocal: shapes of 6, 6, 6 entries."]),
        ("ssd300", 8732 + 361 + 100 + 25, ["1 shape more a cell on levels 1, 2 and 3 would explain it: shapes of 7"]),
        ("ssd300", 8732 + 2 * 1940, ["2 shapes more a cell on every level would explain it"]),
        ("ssd300", 8732 - 2 * 1940, ["2 shapes fewer a cell on every level would explain it"]),
        ("ssd300", 8732 - 36 - 4, ["lack as many as levels 4 and 5 have: are those left out of the head?"]),
        ("ssd512", 24564 - 4 - 16, ["lack as many as levels 5 and 6 have: are those left out of the head?"]),
        # A single cell: two more shapes, and no other number of them. A level of one cell more, of shapes as elsewhere.
        ("ssd300", 8732 + 2, ["6 instead of 4 shapes a cell in level 5 (1 x 1) would explain it."]),
        ("lufficc-mobilenet320", 3234 + 6, ["A level more after the last, 1 x 1 cells of 6 shapes, would explain it."]),
        ("ssd300", 8732 + 3, ["Give the config of this very network: --config."]),
        # One shape more before four more: 38 x 38 is four times 19 x 19.
        (
            "ssd300",
            8732 + 38 * 38,
            ["5 instead of 4 shapes a cell in level 0 (38 x 38) would explain it. 10 instead of"],
        ),
        # Two images in one list.
        ("ssd300", 2 * 8732, ["They are 2 times as many: were those of 2 images made one list?", "[B, 8732, 4]"]),
        # A preset, or one number of the config that is another.
        ("ssd300", 8732 + 38 * 38 * 2, ["Presets with 11620 priors: rfbnet-ssd300-coco, rfbnet-ssd300-voc."]),
        # 3 * (40 * 40 + 20 * 20 + 10 * 10 + 5 * 5), and 3 * (64 * 64 + 32 * 32 + 16 * 16 + 8 * 8).
        ("ssd300", 6375, ["Presets with 6375 priors: refinedet-320."]),
        ("ssd512", 16320, ["Presets with 16320 priors: refinedet-512."]),
        # 60 * 45 * 3 + (30 * 23 + 15 * 12) * 2 + 8 * 6 * 3, rounded up as its code does.
        (
            "linzaer-face-320",
            9984,
            ["The same shapes on an input of 480 x 360 (feature maps of 60 x 45, 30 x 23, 15 x 12"],
        ),
        ("ssd300", 8732 + 7, ["Give the config of this very network: --config."]),
        ("ssd300", 1, ["Give the config of this very network: --config."]),
    ],
)
def test_count_mismatch(priors: str, predicted: int, hints: list[str], refused: Refused) -> None:
    found = load_priors(priors)
    error = refused(lambda: check_prior_count(found, predicted, f"--config {priors}"))
    assert error.where == f"--config {priors}"
    assert error.what == f"has {len(found.priors.boxes)} priors, but the predictions are for {predicted}"
    assert error.code == "PRI001"
    assert [hint for hint in hints if hint not in error.fix] == []


def test_level_of_a_custom_grid_is_missed(refused: Refused) -> None:
    custom = own((4, 3, ((30, 30), (60, 15))), (2, 2, ((90, 90), (120, 60), (60, 120))), (1, 1, ((270, 270),)))
    error = refused(lambda: check_prior_count(custom, 24 + 1, "saved.pt, priors"))
    assert "lack as many as level 1 (2 x 2) has" in error.fix


@pytest.mark.parametrize("copies", [2, 4])
def test_priors_gathered_by_data_parallel(copies: int, refused: Refused) -> None:
    boxes = load_priors("ssd300-voc").priors.boxes.repeat(copies, 1)
    found = recognise_priors(boxes, "preds.pt")
    error = refused(lambda: check_prior_count(found, 8732, "preds.pt, priors"))
    assert error.what == f"has {8732 * copies} priors, but the predictions are for 8732"
    assert error.fix == f"They are the same ones {copies} times, as DataParallel gathers them: save priors[:8732]."
    assert error.code == "PRI002"


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        (slice(0, 8728), "level 5 (1 x 1)"),
        (slice(5776, 8732), "level 0 (38 x 38)"),
        (slice(0, 8692), "levels 4 to 5 (3 x 3 and 1 x 1)"),
    ],
)
def test_levels_that_the_priors_lack(kept: slice, missing: str, refused: Refused) -> None:
    boxes = load_priors("ssd300-coco").priors.boxes
    found = recognise_priors(boxes[kept], "preds.pt")
    error = refused(lambda: check_prior_count(found, 8732, "preds.pt, priors"))
    assert error.fix.startswith(f"They are those of ssd300-coco without {missing}: generate all levels. Presets with ")
    moved = recognise_priors(boxes[kept] * 0.9, "preds.pt")
    assert refused(lambda: check_prior_count(moved, 8732, "preds.pt, priors")).fix.startswith("Presets with 8732")


def test_levels_in_the_middle_are_not_left_out_together(refused: Refused) -> None:
    boxes = load_priors("ssd300-coco").priors.boxes
    kept = recognise_priors(torch.cat((boxes[:5776], boxes[5776 + 2166 + 600 :])), "preds.pt")
    assert "without level" not in refused(lambda: check_prior_count(kept, 8732, "preds.pt, priors")).fix


def test_twice_as_many_but_others(refused: Refused) -> None:
    boxes = torch.cat((load_priors("ssd300-voc").priors.boxes, load_priors("ssd300-coco").priors.boxes))
    error = refused(lambda: check_prior_count(recognise_priors(boxes, "preds.pt"), 8732, "preds.pt, priors"))
    assert "DataParallel" not in error.fix
    assert "Presets with 8732 priors: " in error.fix


def test_a_shape_that_is_there_twice(refused: Refused) -> None:
    twice = own((4, 3, ((30, 30), (30, 30), (60, 15))), (2, 2, ((90, 90),)))
    error = refused(lambda: check_prior_count(twice, 4 * 3 * 2 + 2 * 2, "preds.pt, priors"))
    assert "Without repeated rows they are as many: is an aspect ratio of 1 listed" in error.fix
    assert "2 instead of 3 shapes a cell in level 0 (4 x 3)" in error.fix


@pytest.mark.parametrize("side", [5, 6, 4])
def test_a_level_after_the_last(side: int, refused: Refused) -> None:
    """Half as many cells a side, or one or two fewer."""
    shapes = tuple((90.0 + number, 90.0) for number in range(3))
    found = own((13, 13, shapes), (7, 7, shapes))
    error = refused(lambda: check_prior_count(found, 3 * (13**2 + 7**2 + side**2), "own.pt"))
    assert f"A level more after the last, {side} x {side} cells of 3 shapes, would explain it." in error.fix


def test_priors_without_levels(refused: Refused) -> None:
    found = NamedPriors("own", "", Priors(torch.rand(10, 4), (300, 300), ()))
    error = refused(lambda: check_prior_count(found, 11, "own.pt"))
    assert error.fix == "Give the config of this very network: --config."


def test_the_simplest_explanation_alone_or_two_that_are_as_simple() -> None:
    ssd300 = load_priors("ssd300").priors
    assert len(explain_count(ssd300.levels, ssd300.image_size, 8732 + 2 * 361)) == 1
    assert len(explain_count(ssd300.levels, ssd300.image_size, 15194)) == 1
    mobilenet = load_priors("tf-object-detection-ssd-mobilenet-v1-300").priors
    assert len(explain_count(mobilenet.levels, mobilenet.image_size, 1692)) == 2


OBLONG = {
    (600, 300): [(75, 38), (38, 19), (19, 10), (10, 5), (8, 3), (6, 1)],
    (500, 300): [(63, 38), (31, 19), (16, 10), (8, 5), (6, 3), (4, 1)],
    (1280, 720): [(160, 90), (80, 45), (40, 23), (20, 12), (18, 10), (16, 8)],
    (640, 360): [(80, 45), (40, 22), (20, 11), (10, 6), (8, 4), (6, 2)],
}


@pytest.mark.parametrize("size", OBLONG)
def test_an_input_that_is_not_square(size: tuple[int, int]) -> None:
    """By the layers of SSD300: halved three times (once up), halved down, halved up twice, less two twice."""
    priors, maps = load_priors("ssd300").priors, OBLONG[size]
    count = sum(len(level.shapes) * across * down for level, (across, down) in zip(priors.levels, maps, strict=True))
    listed = ", ".join(f"{across} x {down}" for across, down in maps)
    (said,) = explain_count(priors.levels, priors.image_size, count)
    assert said.startswith(f"The same shapes on an input of {size[0]} x {size[1]} (feature maps of {listed} cells) ")


def test_no_map_without_cells() -> None:
    """Less two twice leaves nothing of the four cells of a side of 256; 512 x 256 would have as many with none."""
    priors = load_priors("ssd300").priors
    count = 4 * 64 * 32 + 6 * (32 * 16 + 16 * 8 + 8 * 4) + 4 * (6 * 2 + 4 * 0)
    assert explain_count(priors.levels, priors.image_size, count) == []


def test_most_numbers_are_explained_by_nothing() -> None:
    """A number that nobody's network has is not to be explained away."""
    priors = load_priors("ssd300").priors
    numbers = range(2003, 40000, 1137)
    explained = [number for number in numbers if explain_count(priors.levels, priors.image_size, number)]
    assert len(explained) < len(numbers) / 25


def test_levels_without_end_take_no_time() -> None:
    """A tensor that is no grid may be read as any number of levels."""
    levels = tuple(LevelSpec((5, 1), (60, 300), ((9.0, 9.0),)) for _ in range(200))
    assert explain_count(levels, (300, 300), 1000 + 2 * 1000) == [
        "2 shapes more a cell on every level would explain it, as by 1 aspect ratio and its reciprocal."
    ]
