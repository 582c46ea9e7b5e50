"""Each broken box is found by its code and by no other error; its innocent neighbour is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ssdlossdbg import api
from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import Finding, LossResult, MatchResult, Severity
from ssdlossdbg.rules import Units

Match = Callable[..., MatchResult]
Lose = Callable[..., LossResult]
Boxes = list[Sequence[float]]
Batch = tuple[list[Tensor], list[Tensor]]
SIZE = np.array([640.0, 480, 640, 480])


def by_code(result: MatchResult | LossResult) -> dict[str, Finding]:
    """Errors and warnings."""
    return {item.code: item for item in result.findings if item.severity is not Severity.NOTE}


def errors(result: MatchResult | LossResult) -> list[str]:
    return [item.code for item in result.findings if item.severity is Severity.ERROR]


def test_healthy_annotation_and_batch_are_silent(match_voc: Match, lose: Lose, healthy_batch: Batch) -> None:
    assert by_code(match_voc()) == {}
    assert by_code(lose(*healthy_batch)) == {}


@pytest.mark.parametrize(
    ("box", "code", "words", "value"),
    [
        ((300, 150, 300, 300), "BOX001", "no width (xmin = xmax = 300)", 0),
        ((200, 150, 330, 150), "BOX001", "no height (ymin = ymax = 150)", 0),
        ((300, 300, 300, 300), "BOX001", "no width and no height", 0),
        ((330, 150, 200, 300), "BOX002", "xmin 330 > xmax 200", -130),
        ((200, 300, 330, 150), "BOX002", "ymin 300 > ymax 150", -150),
        ((0, 0, 0, 0), "BOX003", "the box is 0, 0, 0, 0", 0),
        ((700, 150, 800, 300), "BOX007", "wholly outside the 640 x 480 image", 1),
    ],
)
def test_broken_box(
    healthy: Boxes, match_voc: Match, box: Sequence[float], code: str, words: str, value: float
) -> None:
    result = match_voc([healthy[0], box, *healthy[2:]])
    assert errors(result) == [code]
    (case,) = by_code(result)[code].cases
    assert (case.where.object, case.where.label) == (1, "cell")
    assert case.where.box == tuple(box)
    assert words in case.message
    assert (case.value, case.bound) == (value, 0)


@pytest.mark.parametrize("box", [(300, 150, 301, 300), (200, 150, 330, 151)])
def test_a_pixel_is_a_width(healthy: Boxes, match_voc: Match, box: Sequence[float]) -> None:
    assert errors(match_voc([healthy[0], box, *healthy[2:]])) == []


def test_zero_width_explains_the_inf(healthy: Boxes, match_voc: Match, lose: Lose, healthy_batch: Batch) -> None:
    message = by_code(match_voc([healthy[0], (300, 150, 300, 300), *healthy[2:]]))["BOX001"].worst.message
    assert "its encoded size is log 0 = -inf, and so the loss of the batch is inf; its gradient" in message
    boxes, labels = healthy_batch
    boxes[0][2, 2] = boxes[0][2, 0]
    boxes[1][3, 3] = boxes[1][3, 1]
    result = lose(boxes, labels)
    assert result.loss.total == float("inf")
    assert errors(result) == ["BOX001"]
    assert [(case.where.image, case.where.object) for case in result.findings[0].cases] == [(0, 2), (1, 3)]


def test_codebase_that_raises_is_quoted(healthy: Boxes, match_voc: Match) -> None:
    result = match_voc([healthy[0], (300, 150, 300, 300), *healthy[2:]], dialect="torchvision")
    message = by_code(result)["BOX001"].worst.message
    assert "the real torchvision raises on it" in message


def test_inverted_box_gives_nan(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    boxes[0][0] = boxes[0][0, [2, 1, 0, 3]]
    result = lose(boxes, labels)
    assert errors(result) == ["BOX002"]
    assert np.isnan(result.loss.total)
    assert "nan" in result.findings[0].worst.message


def test_placeholder_of_the_background_is_padding(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    boxes[0][0], labels[0][0] = 0, -1
    assert errors(lose(boxes, labels)) == []
    labels[0][0] = 0
    assert errors(lose(boxes, labels)) == ["BOX003"]


def rewritten(healthy: Boxes, layout: str) -> list[list[float]]:
    x1, y1, x2, y2 = np.array(healthy, dtype=float).T
    columns = {
        "xywh": (x1, y1, x2 - x1, y2 - y1),
        "cxcywh": ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
        "xxyy": (x1, x2, y1, y2),
        "yxyx": (y1, x1, y2, x2),
    }
    rows: list[list[float]] = np.stack(columns[layout], axis=1).tolist()
    return rows


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("xywh", "x y width height"),
        ("cxcywh", "cx cy width height"),
        ("xxyy", "x1 x2 y1 y2"),
        ("yxyx", "y1 x1 y2 x2"),
    ],
)
def test_other_layout(healthy: Boxes, match_voc: Match, layout: str, name: str) -> None:
    result = match_voc(rewritten(healthy, layout))
    assert errors(result) == ["BOX004"]
    (case,) = result.findings[0].cases
    assert name in case.fix
    assert case.where.object is None


@pytest.mark.parametrize("layout", ["xywh", "cxcywh", "xxyy"])
def test_other_layout_of_a_batch(healthy: Boxes, lose: Lose, layout: str) -> None:
    boxes = torch.tensor(rewritten(healthy, layout)) / (
        torch.tensor([640.0, 640, 480, 480]) if layout == "xxyy" else torch.tensor(SIZE).float()
    )
    assert errors(lose([boxes[:3], boxes[3:]], [torch.zeros(3), torch.ones(3)])) == ["BOX004"]


def test_one_inverted_box_is_no_layout(match_voc: Match) -> None:
    """Even where the rest would fit the other layout too: all boxes near the upper left corner."""
    boxes = [(10, 10, 100, 100), (20, 30, 90, 120), (150, 40, 60, 130)]
    assert errors(match_voc(boxes)) == ["BOX002"]


def test_coco_that_holds_corners(healthy: Boxes, tmp_path: Path) -> None:
    annotations = [{"image_id": 1, "category_id": 1, "bbox": list(box)} for box in healthy]
    text = {
        "images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 480}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cell"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(text))
    Image.new("RGB", (640, 480)).save(tmp_path / "a.png")
    result = api.match(tmp_path / "a.png", tmp_path / "coco.json", dialect="torchvision", device="cpu")
    assert errors(result) == ["BOX004"]
    assert "Convert them from x1 y1 x2 y2" in result.findings[0].worst.fix


def test_pixels_where_fractions_are_expected(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    pixels = [image * 300 for image in boxes]
    result = lose(pixels, labels)
    assert errors(result) == ["BOX005"]
    assert "--target-units pixels" in result.findings[0].worst.fix
    assert errors(lose(pixels, labels, layout=SavedLayout(image_size=300, target_units=Units.PIXELS))) == []


def test_fractions_where_pixels_are_expected(
    healthy: Boxes, match_voc: Match, lose: Lose, healthy_batch: Batch
) -> None:
    fractions = np.array(healthy) / SIZE
    result = match_voc(fractions.tolist())
    assert errors(result) == ["BOX006"]
    assert "already" in result.findings[0].worst.message
    cut_off = match_voc(fractions.astype(int).tolist())
    assert errors(cut_off) == ["BOX006"]
    assert "integer division" in cut_off.findings[0].worst.message
    assert errors(match_voc([[0, 0, 0, 0]] * 3)) == ["BOX006"]
    boxes, labels = healthy_batch
    options = {"dialect": "torchvision", "layout": SavedLayout("cxcywh", 300, Units.PIXELS, 1)}
    assert errors(lose(boxes, labels, **options)) == ["BOX006"]
    boxes[1][1] *= 300
    assert errors(lose(boxes, labels, **options)) == ["BOX006"]


def test_four_zeros_several_times_in_an_image(lose: Lose, healthy_batch: Batch) -> None:
    """Fractions that an integer division cut off; one such box an image is a placeholder."""
    boxes, labels = healthy_batch
    result = lose([image.floor() for image in boxes], labels)
    assert errors(result) == ["BOX006"]
    assert "are 0, 0, 0, 0, and priors are trained on them: the loss is inf" in result.findings[0].worst.message
    assert "an integer division leaves zeros, and so do" in result.findings[0].worst.fix
    assert errors(lose([torch.zeros(1, 4)] * 2, [labels[0][:1]] * 2)) == ["BOX003"]


def test_zeros_of_the_background_are_no_division(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    padded = [torch.cat((image, torch.zeros(9, 4))) for image in boxes]
    ids = [torch.cat((image, torch.full((9,), -1.0))) for image in labels]
    assert "BOX006" not in by_code(lose(padded, ids))


def test_beyond_the_border(healthy: Boxes, match_voc: Match) -> None:
    result = match_voc([healthy[0], (560, 150, 650, 300), *healthy[2:]])
    assert list(by_code(result)) == ["BOX008"]
    assert by_code(result)["BOX008"].worst.value == pytest.approx(9 / 90, rel=1e-5)  # ssd.pytorch's loader subtracts 1
    assert by_code(match_voc([healthy[0], (560, 150, 642, 300), *healthy[2:]])) == {}  # a pixel, once 1 is subtracted


def test_minus_one(healthy: Boxes, match_voc: Match) -> None:
    """0 in a Pascal VOC file, from which ssd.pytorch's loader subtracts 1 and torchvision's does not."""
    boxes = [(0, 0, 120, 110), (0, 150, 130, 300), *healthy[2:]]
    found = by_code(match_voc(boxes))
    assert list(found) == ["BOX009"]
    assert "2 at the left border and 1 at the upper border" in found["BOX009"].worst.message
    assert by_code(match_voc(boxes, dialect="torchvision")) == {}
    assert list(by_code(match_voc([*healthy[:5], (0, 0, 0, 0)]))) == ["BOX003"]  # a placeholder lies at no border


def test_minus_one_in_a_batch(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    boxes[0][0, 0] = boxes[1][1, 0] = -1 / 640
    assert list(by_code(lose(boxes, labels))) == ["BOX009"]
    boxes[1][1, 0] = -0.0007  # two different ones are no sign of a whole pixel
    assert "BOX009" not in by_code(lose(boxes, labels))


def test_annotated_twice(healthy: Boxes, match_voc: Match) -> None:
    twice = match_voc([*healthy, (201, 151, 331, 301)])
    assert errors(twice) == []
    (case,) = by_code(twice)["BOX010"].cases
    assert case.where.object == 6
    assert "object 1" in case.message
    shared, both = 129 * 149, 2 * 130 * 150
    assert case.value == pytest.approx(shared / (both - shared), abs=1e-4)
    assert by_code(match_voc([*healthy, (215, 165, 345, 315)])) == {}


def test_two_classes(healthy: Boxes, match_voc: Match) -> None:
    names = ["cell"] * 6 + ["dust"]
    assert list(by_code(match_voc([*healthy, healthy[1]], names))) == ["BOX011"]
    assert by_code(match_voc([*healthy, (203, 153, 333, 303)], names)) == {}


def test_not_finite(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    boxes[1][2, 3] = float("nan")
    result = lose(boxes, labels)
    assert errors(result) == ["BOX012"]
    assert (result.findings[0].worst.where.image, result.findings[0].worst.where.object) == (1, 2)
    assert "to learn offsets of nan" in result.findings[0].worst.message


@pytest.mark.parametrize("dialect", ["ssd.pytorch", "caffe"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_finite_is_the_only_finding(lose: Lose, healthy_batch: Batch, value: float, dialect: str) -> None:
    """Neither that it reaches out of the image, nor that every prior became a positive, nor that others have none."""
    boxes, labels = healthy_batch
    boxes[1][2, 2] = value
    assert list(by_code(lose(boxes, labels, dialect=dialect, layout=SavedLayout(label_offset=1)))) == ["BOX012"]


def test_pixels_of_a_single_box_and_of_the_photo(lose: Lose, healthy_batch: Batch) -> None:
    boxes, labels = healthy_batch
    boxes[1][2] *= 300
    found = by_code(lose(boxes, labels))
    assert list(found) == ["BOX007"]
    assert "if it is in pixels" in found["BOX007"].worst.fix
    layout = SavedLayout(image_size=300, target_units=Units.PIXELS)
    found = by_code(lose([image[:4] * 640 for image in healthy_batch[0][:1]], labels[:1], layout=layout))
    assert list(found) == ["BOX014"]
    assert "they are pixels of a photo of" in found["BOX014"].worst.message


def test_box_beyond_all_floats(healthy: Boxes, match_voc: Match) -> None:
    """float32 has no 1e300, so that the loss sees an infinite box."""
    assert list(by_code(match_voc([*healthy, (10**300, 1, 10**300, 90), (1, 1, 10**300, 90)]))) == ["BOX012"]


def test_the_box_that_spoils_the_loss_comes_first(lose: Lose, healthy_batch: Batch) -> None:
    """Both fall to prior 0, and the later of the two keeps it."""
    boxes, labels = healthy_batch
    boxes[0][:2, 2] = boxes[0][:2, 0]
    cases = by_code(lose(boxes, labels))["BOX001"].cases
    assert [case.where.object for case in cases] == [1, 0]
    assert "the loss of the batch is inf" in cases[0].message
