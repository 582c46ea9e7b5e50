"""Photos that a program has, and units of saved priors, each at the edge of what they may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.named_priors import LARGEST_NORMALIZED, normalised_priors, recognise_priors
from ssdlossdbg.readers.photos import photo_at_hand
from ssdlossdbg.readers.saved.layout import SavedLayout

Refused = Callable[[Callable[[], object]], InputError]
# 2 rows and 5 columns of grey, and of red, green and blue.
GREY = np.arange(10, dtype=np.uint8).reshape(2, 5) * 20
RGB = np.stack([GREY, GREY + 1, GREY + 2], axis=2)


def seen(image: Any) -> np.ndarray[Any, Any]:
    return np.asarray(photo_at_hand(image, "photo").image)


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (GREY, np.stack([GREY] * 3, axis=2)),
        (GREY[..., None], np.stack([GREY] * 3, axis=2)),
        (GREY[None], np.stack([GREY] * 3, axis=2)),
        (RGB, RGB),
        (np.moveaxis(RGB, 2, 0), RGB),
        (np.moveaxis(np.concatenate([RGB, RGB[..., :1]], axis=2), 2, 0), RGB),
        (torch.from_numpy(np.moveaxis(RGB, 2, 0).copy()), RGB),
        (RGB[:, :3], RGB[:, :3]),
        (RGB / 255, RGB),
        (np.array([[0.0, 1.0, 0.5019]]), np.array([[[0] * 3, [255] * 3, [128] * 3]])),
        (GREY > 90, np.stack([(GREY > 90) * 255] * 3, axis=2)),
        (Image.fromarray(GREY), np.stack([GREY] * 3, axis=2)),
    ],
    ids=["flat", "one channel", "first of one", "rgb", "first of three", "first of four", "tensor", "three columns",
         "floats", "ends", "bools", "pil"],
)  # fmt: skip
def test_a_photo_of_numbers(image: Any, wanted: Any) -> None:
    np.testing.assert_array_equal(seen(image), wanted)


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (np.array([[0.0, 1.0001]]), "is an array of floats that do not all lie between 0 and 1"),
        (np.array([[-0.0001, 1.0]]), "is an array of floats that do not all lie between 0 and 1"),
        (np.array([[0.5, np.nan]]), "is an array of floats that do not all lie between 0 and 1"),
        (GREY.astype(np.int64), "is no photo: int64 of shape (2, 5)"),
        (GREY[:0], "is no photo: uint8 of shape (0, 5)"),
        (GREY[0], "is no photo: uint8 of shape (5)"),
        (np.zeros((5, 2, 2), np.uint8), "is no photo: uint8 of shape (5, 2, 2)"),
        (np.zeros((1, 2, 5, 3), np.uint8), "is no photo: uint8 of shape (1, 2, 5, 3)"),
        ({"a": 1}, "is no photo: a dict"),
        (5, "is no photo: a int"),
    ],
)
def test_no_photo(image: Any, what: str, refused: Refused) -> None:
    assert refused(lambda: photo_at_hand(image, "photo")).what == what


def test_priors_are_in_pixels_where_a_centre_lies_far_off(refused: Refused) -> None:
    edge = LARGEST_NORMALIZED
    for form, box in (("cxcywh", (edge, -edge, 9, 9)), ("xyxy", (edge - 5, -edge - 5, edge + 5, 5 - edge))):
        layout = SavedLayout(form)
        assert recognise_priors(torch.tensor([box]), "p", layout).priors.boxes[0, :2].tolist() == [edge, -edge]
        for axis in range(2):
            further = torch.tensor([box])
            further[0, [axis, axis + 2] if form == "xyxy" else [axis]] *= 1.5
            assert "so they are in pixels" in refused(lambda: recognise_priors(further, "p", layout)).what  # noqa: B023


def test_pixels_of_each_axis() -> None:
    layout = SavedLayout("xyxy", (100, 50))
    made = normalised_priors(torch.tensor([[10.0, 10, 30, 40]]), "p", layout)
    assert made[0].tolist() == pytest.approx([0.2, 0.5, 0.2, 0.6])


@pytest.mark.parametrize(
    ("boxes", "reach"), [(((-90, 5, 9, 9), (20, 5, 9, 9)), "-90"), (((90, 5, 9, 9), (-20, 5, 9, 9)), "90")]
)
def test_how_far_priors_reach(boxes: Any, reach: str, refused: Refused) -> None:
    error = refused(lambda: normalised_priors(torch.tensor(boxes, dtype=torch.float32), "p", SavedLayout()))
    assert error.what == f"reach {reach}, so they are in pixels"


def test_a_prior_that_is_no_box_by_its_place(refused: Refused) -> None:
    priors = torch.full((3, 4), 0.5)
    priors[1] = torch.tensor([1e6, 1, 1, 1.1e6])
    error = refused(lambda: normalised_priors(priors, "p", SavedLayout("cxcywh", (300, 300))))
    assert (error.where, error.what) == ("p, priors[1]", "is (1e+06, 1, 1, 1.1e+06)")
    priors[1, 3] = torch.nan
    error = refused(lambda: normalised_priors(priors, "p", SavedLayout()))
    assert (error.where, error.what) == ("p, priors[1]", "is (1e+06, 1, 1, nan)")
