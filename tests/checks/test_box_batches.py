"""Saved targets that are written or scaled in another way: one finding says so, and none of their consequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from ssdlossdbg.readers.saved.layout import SavedLayout
from ssdlossdbg.results import Finding, LossResult, Severity
from ssdlossdbg.rules import Units

Lose = Callable[..., LossResult]


def of_boxes(findings: Sequence[Finding]) -> dict[str, Finding]:
    """Errors and warnings of boxes."""
    told = [item for item in findings if item.severity is not Severity.NOTE]
    return {item.code: item for item in told if item.code.startswith("BOX")}


@pytest.fixture
def fractions() -> list[Tensor]:
    """Boxes of four images, as a batch's targets hold them."""
    random = np.random.default_rng(0)
    centre, half = random.uniform(0, 1, (4, 6, 2)), random.uniform(0.05, 0.4, (4, 6, 2)) / 2
    boxes = np.concatenate((centre - half, centre + half), axis=2).clip(0, 1)
    return list(torch.tensor(boxes, dtype=torch.float32))


BATCHES: dict[str, tuple[Callable[[Tensor], Tensor], bool, str, str]] = {
    "xywh": (lambda box: torch.cat((box[:, :2], box[:, 2:] - box[:, :2]), 1), False, "BOX004", "x y width height"),
    "flipped": (lambda box: torch.tensor([1, 0, 1, 0]) + box * torch.tensor([-1, 1, -1, 1]), False, "BOX004", "a flip"),
    "upwards": (lambda box: torch.tensor([0, 1, 0, 1]) + box * torch.tensor([1, -1, 1, -1]), False, "BOX004", "lower"),
    "by the input": (lambda box: box * torch.tensor([640, 480] * 2) / 300, False, "BOX014", "of 640 x 480, divided by"),
    "by H, W": (
        lambda box: box * torch.tensor([4 / 3, 0.75] * 2),
        False,
        "BOX014",
        "by the height and y by the width",
    ),
    "thousandths": (lambda box: box * 1000, False, "BOX005", "or in parts of 1000"),
    "divided twice": (lambda box: box / 300, False, "BOX006", "once more"),
    "of the photo": (lambda box: box * torch.tensor([640, 480] * 2), True, "BOX014", "pixels of a photo of 640 x 480"),
}


@pytest.mark.parametrize("name", BATCHES)
def test_saved_targets(name: str, fractions: list[Tensor], lose: Lose) -> None:
    change, pixels, code, words = BATCHES[name]
    options = {"layout": SavedLayout(image_size=300, target_units=Units.PIXELS)} if pixels else {}
    labels = [torch.zeros(len(boxes)) for boxes in fractions]
    told = of_boxes(lose([change(boxes) for boxes in fractions], labels, **options).findings)
    assert list(told) == [code]
    assert words in told[code].message


def test_the_photo_is_as_large_as_its_farthest_box(fractions: list[Tensor], lose: Lose) -> None:
    boxes = [box.clamp(max=0.95) * torch.tensor([640, 480] * 2) for box in fractions]
    boxes[2][3] = torch.tensor([400.0, 300.0, 600.0, 450.0])
    boxes[2][4] = torch.tensor([500.0, 400.0, 640.0, 480.0])
    layout = SavedLayout(image_size=300, target_units=Units.PIXELS)
    told = of_boxes(lose(boxes, [torch.zeros(len(box)) for box in boxes], layout=layout).findings)
    assert "pixels of a photo of 640 x 480;" in told["BOX014"].message


def test_saved_targets_that_wrapped_around(fractions: list[Tensor], lose: Lose) -> None:
    fractions[1][2, 0] = 65535 / 640
    told = of_boxes(lose(fractions, [torch.zeros(len(boxes)) for boxes in fractions]).findings)
    assert list(told) == ["BOX015"]
    assert "65535 / 640, which is -1 in uint16" in told["BOX015"].message


def test_padded_targets_are_no_scale(fractions: list[Tensor], lose: Lose) -> None:
    """As of photos that are padded to a square at their lower edge, beyond which no box ends."""
    boxes = [box * torch.tensor([1, 0.75] * 2) for box in fractions]
    assert of_boxes(lose(boxes, [torch.zeros(len(box)) for box in boxes]).findings) == {}
