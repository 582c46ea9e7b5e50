"""Landmarks: five points an object, as Pytorch_Retinaface saves them in rows of fifteen and predicts ten numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssdlossdbg.errors import InputError

LANDMARK_KEY = "landm"
NUMBERS = 10
COLUMNS = 4 + NUMBERS + 1
ROW = "x1, y1, x2, y2, ten of landmarks, label"
# The label of an object whose landmarks are not known; it is of the first class like the others.
UNKNOWN = -1


def split_off(saved: Any) -> tuple[Any, Any]:
    """Predictions without the landmarks among them, and these; None where there are none.

    Args:
        saved: a mapping that may have them under `landm`, or a tuple that may have `[B, P, 10]` after loc and conf.
    """
    if isinstance(saved, Mapping):
        return saved, saved.get(LANDMARK_KEY)
    if not isinstance(saved, (tuple, list)):
        return saved, None
    places = [place for place, part in enumerate(saved) if place > 1 and _are_landmarks(part)]
    if len(places) != 1:
        return saved, None
    return (*saved[: places[0]], *saved[places[0] + 1 :]), saved[places[0]]


def _are_landmarks(part: Any) -> bool:
    return isinstance(part, Tensor) and part.ndim == 3 and part.shape[-1] == NUMBERS


def check_predicted(landmarks: Any, loc: Tensor, where: str) -> None:
    """Refuse predicted landmarks that do not belong to the offsets.

    Raises:
        InputError: another shape than `[B, P, 10]`, or no floats.
    """
    if not isinstance(landmarks, Tensor):
        raise InputError(f"{where}, {LANDMARK_KEY}", f"is a {type(landmarks).__name__}", "Save the network's output.")
    if landmarks.shape != (*loc.shape[:2], NUMBERS) or not landmarks.is_floating_point():
        what = f"holds {landmarks.dtype} of shape {list(landmarks.shape)}"
        fix = f"Expected float {[*loc.shape[:2], NUMBERS]}, as the network returned them; or leave them out."
        raise InputError(f"{where}, {LANDMARK_KEY}", what, fix)


def landmarks_in(images: Sequence[Any], where: str) -> tuple[tuple[Tensor, Tensor], ...] | None:
    """Of each image `[n, 10]` points and `[n]` bool, whether they are known; None where rows have none.

    Args:
        images: what was saved of each; rows of fifteen where there are landmarks.
        where: the file, for messages.

    Raises:
        InputError: some images have rows of fifteen, and others of five.
    """
    wide = [isinstance(image, Tensor) and image.shape[-1:] == (COLUMNS,) for image in images]
    if not any(wide):
        return None
    for index, image in enumerate(images):
        if not wide[index] and not (isinstance(image, Tensor) and image.numel() == 0):
            shape = list(image.shape) if isinstance(image, Tensor) else type(image).__name__
            what = f"has {shape}, where image {wide.index(True)} has rows of {COLUMNS}"
            raise InputError(f"{where}, image {index}", what, f"Save all as [n, {COLUMNS}]: {ROW}.")
    rows = [image.reshape(-1, COLUMNS).detach() for image in images]
    return tuple((each[:, 4 : 4 + NUMBERS], each[:, -1] > 0) for each in rows)


def unpadded(padded: Tensor) -> list[Tensor]:
    """The rows of each image of `[B, N, 15]`, without those of nothing but zeros, or whose box is all negative."""
    real = (padded != 0).any(-1) & ~(padded[..., :4] < 0).all(-1)
    return [rows[keep] for rows, keep in zip(padded, real, strict=True)]
