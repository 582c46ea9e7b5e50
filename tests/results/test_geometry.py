"""Boxes as plain numbers, held against counting and against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.results import outside_share, sound_boxes, square_iou

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("box", "share"),
    [
        ((0.0, 0.0, 200.0, 100.0), 0.0),
        ((10.0, 10.0, 20.0, 20.0), 0.0),
        ((-10.0, 0.0, 10.0, 10.0), 0.5),
        ((0.0, 95.0, 10.0, 105.0), 0.5),
        ((195.0, 95.0, 205.0, 105.0), 0.75),
        ((-200.0, -100.0, 400.0, 200.0), 8 / 9),
        ((200.0, 0.0, 210.0, 10.0), 1.0),
        ((-20.0, 0.0, -10.0, 10.0), 1.0),
        ((500.0, 500.0, 600.0, 600.0), 1.0),
        ((5.0, 5.0, 5.0, 900.0), 0.0),
        ((900.0, 5.0, 5.0, 10.0), 0.0),
        ((0.0, 0.0, INF, 10.0), 0.0),
        ((NAN, 0.0, 1.0, 10.0), 0.0),
    ],
)
def test_outside_share(box: tuple[float, float, float, float], share: float) -> None:
    assert outside_share(box, (200, 100)) == pytest.approx(share, abs=1e-12)


def test_sound_boxes() -> None:
    boxes = [[0, 0, 1, 1], [-5, -5, 9, 9], [1, 0, 1, 1], [0, 1, 1, 1], [2, 0, 1, 1], [NAN, 0, 1, 1], [0, 0, 1, INF]]
    assert sound_boxes(np.array(boxes, dtype=float)).tolist() == [True, True] + [False] * 5


def test_square_iou_is_the_iou_of_the_boxes() -> None:
    shapes, sides = ((30.0, 30.0), (60.0, 20.0), (15.0, 90.0)), np.array([5.0, 28.0, 100.0])
    offset = np.array([[0.0, 7.0, 40.0], [3.0, 2.0, 80.0]])
    priors = torch.tensor([[-width / 2, -height / 2, width / 2, height / 2] for width, height in shapes]).double()
    squares = torch.from_numpy(np.concatenate((offset - sides / 2, offset + sides / 2)).T.copy())
    expected = iou(squares[:, None], priors).amax(1)
    np.testing.assert_allclose(square_iou(shapes, sides, offset), expected.numpy(), rtol=1e-12)
    assert square_iou(((100.0, 1.0),), np.array([1.0]), np.array([[60.0], [0.0]])).tolist() == [0.0]
