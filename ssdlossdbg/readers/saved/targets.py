"""Targets: the objects of a batch as the loss receives them, in the layouts that the codebases save."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.saved.encoded_targets import EncodedTargets, read_encoded, recognise_encoded
from ssdlossdbg.readers.saved.landmarks import COLUMNS, ROW, UNKNOWN, landmarks_in, unpadded
from ssdlossdbg.readers.saved.layout import MOST_CLASSES, SavedLayout
from ssdlossdbg.readers.saved.native import own_row, x_first
from ssdlossdbg.readers.saved.tensor_files import Saved, keys_of
from ssdlossdbg.rules import Background, Dialect, NativeSpec, Rows, Units

EXPECTED = (
    "Expected a list of [n, 5] tensors (x1, y1, x2, y2, label), a list of mappings with boxes [n, 4] and labels [n], "
    "or one padded [B, N, 5] tensor."
)
# A normalised box can reach a little beyond the image; pixel boxes are far above this.
LARGEST_NORMALIZED = 2.0


@dataclass(frozen=True)
class Targets:
    """The objects of B images.

    Attributes:
        boxes: per image `[n, 4]` float xyxy, in `units`.
        labels: per image `[n]` int64 class ids, 0 being background.
        units: of the boxes.
        label_offset: what was added to the labels as saved.
        layout: what was recognised, in words.
        landmarks: per image `[n, 10]` float, x and y of five points in `units`, and `[n]` bool, whether these are
            known; None where rows have none.
    """

    boxes: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    units: Units
    label_offset: int
    layout: str
    landmarks: tuple[tuple[Tensor, Tensor], ...] | None = None


def recognise_targets(
    saved: Saved, dialect: Dialect, layout: SavedLayout = SavedLayout(), *, shape: tuple[int, int, int]
) -> Targets | EncodedTargets:
    """Targets, their layout recognised.

    Args:
        saved: boxes and labels of each image. Rows of five follow the dialect; boxes beside labels follow torchvision
            (0 is background; pixels, unless no coordinate exceeds 2 and the dialect is in fractions), or the dialect,
            too, where all is in its own order, or some labels are 0 and its background is the last column. In a padded
            tensor, rows of five zeros and rows with a negative label are padding. Rows of fifteen
            hold five landmarks between box and label, which is -1 where they are not known. `.npz` and `.safetensors`
            hold `targets` (padded), or per image i `boxes_i` and `labels_i`, or `targets_i`. Labels `[B, P]` beside
            locations `[B, P, 4]`, in a mapping or a tuple, are already encoded.
        dialect: what rows of five follow.
        layout: the user's word, over what is recognised.
        shape: (B, P, C) of the predictions, which encoded targets are checked against.

    Raises:
        InputError: other shapes or types, or a layout that says what encoded targets do not have.
    """
    native, where = layout.own(dialect), saved.where
    encoded = recognise_encoded(saved.value, shape[1] if shape[0] == 1 else 0)
    if encoded:
        if layout.target_units is not None or layout.label_offset is not None:
            option = "--target-units" if layout.target_units is not None else "--label-offset"
            raise InputError(option, f"says nothing about {where}, whose targets are already encoded", "Leave it out.")
        return read_encoded(*encoded, where, shape, native)
    spec = native.native if native else NativeSpec()
    images, words = _images(saved.value, where, spec)
    units, offset = dialect.targets.units, dialect.targets.label_offset
    landmarks = landmarks_in(images, where)
    if all(isinstance(image, Mapping) for image in images):
        pairs = [_pair(image, f"{where}, image {index}") for index, image in enumerate(images)]
        words += " with boxes and labels"
        if not native:
            # A codebase that takes pixels takes fractions for pixels, too, and BOX006 says so.
            units = Units.PIXELS if _reach(pairs) > LARGEST_NORMALIZED else units
            offset = offset if _counts_from_zero(pairs, dialect, shape[-1]) else 0
    else:
        pairs = [_rows(image, f"{where}, image {index}", spec) for index, image in enumerate(images)]
        words += f" with rows ({own_row(spec) if landmarks is None else ROW})"
    doubt = "" if layout.target_units else _doubt(units, _reach(pairs))
    units = layout.target_units or units
    offset = offset if layout.label_offset is None else layout.label_offset
    words += f", {native.name}'s own" if native else ""
    words += f", {units}, labels counted from {1 - offset}{doubt}"
    if landmarks or dialect.match.one_class:
        pairs = [(box, torch.where(label == UNKNOWN, 1, label)) for box, label in pairs]
    labels = tuple(_ids(label, offset, f"{where}, image {index}") for index, (_, label) in enumerate(pairs))
    return Targets(tuple(x_first(box, spec) for box, _ in pairs), labels, units, offset, words, landmarks)


def _images(value: Any, where: str, spec: NativeSpec) -> tuple[list[Any], str]:
    """What was saved of each image, and what all of it was, in words."""
    if isinstance(value, Mapping):
        value = _from_mapping(value, where)
    if isinstance(value, Tensor) and value.ndim == 3:
        return _unpad(_float(value), spec), f"a padded tensor {list(value.shape)}"
    if isinstance(value, (list, tuple)) and value:
        return list(value), f"a list of {len(value)} images"
    found = f"a tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    found = "an empty list" if isinstance(value, (list, tuple)) else found
    raise InputError(where, f"holds {found}", EXPECTED)


def _doubt(units: Units, reach: float) -> str:
    """What speaks against those units: the largest coordinate."""
    if units is Units.NORMALIZED and reach > LARGEST_NORMALIZED:
        return f"; yet they reach {reach:g}: if those are pixels, --target-units pixels"
    if units is Units.PIXELS and 0 < reach <= LARGEST_NORMALIZED:
        return f"; yet none exceeds {reach:g}: if those are fractions, --target-units normalized"
    return ""


def check_batch(targets: Targets, images: int, classes: int, where: str) -> None:
    """Refuse targets that do not belong to predictions of so many images and classes.

    Raises:
        InputError: another number of images, or a class id below 0 or not below `classes`.
    """
    if len(targets.boxes) != images:
        count = len(targets.boxes)
        what = f"has {count} image{'s' * (count != 1)}, but the predictions have {images}"
        fix = "Save both in the same iteration, as ssdlossdbg.capture does."
        if count == 1 and len(targets.boxes[0]) == images:
            what += f"; its {images} boxes may be one of each image"
            fix += " If they are, save a list of mappings, one an image, with boxes [1, 4] and labels [1]."
        raise InputError(where, what, fix)
    for index, ids in enumerate(targets.labels):
        wrong = ((ids < 0) | (ids >= classes)).nonzero().flatten()
        if len(wrong):
            place = f"{where}, image {index}, object {int(wrong[0])}"
            found = int(ids[wrong[0]])
            what = f"has class id {found}, but conf has {classes} columns: 0 (background) to {classes - 1}"
            raise InputError(place, what, _label_hint(targets, classes), "LBL001")


def _label_hint(targets: Targets, classes: int) -> str:
    ids = torch.cat(targets.labels)
    low, high = int(ids.min()), int(ids.max())
    fitting = [shift for shift in (-1, 1) if low + shift >= 1 and high + shift < classes]
    if fitting:
        counted = targets.label_offset + fitting[0]
        return f"With --label-offset {counted} all labels would fit."
    return "Check the number of classes of the network, and what the labels count from (--label-offset)."


def _from_mapping(saved: Mapping[str, Any], where: str) -> Any:
    if "targets" in saved:
        return saved["targets"]
    if "boxes" in saved and "labels" in saved:
        return [saved]
    numbered: dict[int, dict[str, Any]] = {}
    for key, value in saved.items():
        found = re.fullmatch(r"(?:gt_)?(boxes|labels|targets)_(\d{1,9})", str(key))
        if found:
            numbered.setdefault(int(found[2]), {})[found[1]] = value
    if sorted(numbered) != list(range(len(numbered))) or not numbered:
        fix = EXPECTED + " In an archive: targets, or boxes_0, labels_0, ..."
        raise InputError(where, f"has the keys {keys_of(saved)}", fix)
    images = [numbered[index] for index in range(len(numbered))]
    return [image.get("targets", image) for image in images]


def _pair(image: Mapping[str, Any], where: str) -> tuple[Tensor, Tensor]:
    boxes, labels = image.get("boxes"), image.get("labels")
    if not isinstance(boxes, Tensor) or not isinstance(labels, Tensor):
        raise InputError(where, f"has the keys {keys_of(image)}", EXPECTED)
    boxes, labels = (boxes.reshape(0, 4) if boxes.numel() == 0 else boxes), labels.reshape(-1)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) != len(labels):
        found = f"boxes {list(boxes.shape)} and labels {list(labels.shape)}"
        raise InputError(where, f"has {found}", "Expected boxes [n, 4] and labels [n].")
    return _float(boxes), labels


def _rows(image: Any, where: str, spec: NativeSpec) -> tuple[Tensor, Tensor]:
    if not isinstance(image, Tensor):
        raise InputError(where, f"is a {type(image).__name__}", EXPECTED)
    rows = image.reshape(0, 5) if image.numel() == 0 else image
    if rows.ndim == 2 and rows.shape[1] == COLUMNS:
        return _float(rows[:, :4]), rows[:, -1]
    if rows.ndim != 2 or rows.shape[1] != 5:
        raise InputError(where, f"has the shape {list(image.shape)}", f"Expected [n, 5]: {own_row(spec)}.")
    if spec.rows is Rows.LABEL_BOX:
        return _float(rows[:, 1:]), rows[:, 0]
    return _float(rows[:, :4]), rows[:, 4]


def _unpad(padded: Tensor, spec: NativeSpec) -> list[Tensor]:
    if padded.shape[-1] == COLUMNS:
        return unpadded(padded)
    if padded.shape[-1] != 5:
        return list(padded)
    real = (padded != 0).any(-1) & ~(padded[..., 0 if spec.rows is Rows.LABEL_BOX else 4] < 0)
    return [rows[keep] for rows, keep in zip(padded, real, strict=True)]


def _float(boxes: Tensor) -> Tensor:
    return boxes.detach().to(torch.promote_types(boxes.dtype, torch.float32))


def _counts_from_zero(pairs: list[tuple[Tensor, Tensor]], dialect: Dialect, classes: int) -> bool:
    """Whether labels are a codebase's own that has the background last: some are 0, and none is its last class's."""
    if dialect.native.background is not Background.LAST or not pairs:
        return False
    labels = torch.cat([labels.double() for _, labels in pairs])
    return bool((labels == 0).any() and labels.max() < classes - 1)


def _reach(pairs: list[tuple[Tensor, Tensor]]) -> float:
    return max((float(boxes.nan_to_num(0.0, 0.0, 0.0).max()) for boxes, _ in pairs if boxes.numel()), default=0.0)


def _ids(labels: Tensor, offset: int, where: str) -> Tensor:
    values = labels.detach().double()
    wrong = (values % 1 != 0).nonzero().flatten()
    if len(wrong):
        place = f"{where}, object {int(wrong[0])}"
        what = f"has the label {float(values[wrong[0]]):g}"
        raise InputError(place, what, "Labels are whole numbers; check the columns.")
    far = ((values + offset).abs() > MOST_CLASSES).nonzero().flatten()
    if len(far):
        place = f"{where}, object {int(far[0])}"
        what = f"has the label {float(values[far[0]]):g}, and no network has as many classes"
        raise InputError(place, what, "Number the classes from 0 or 1; check the columns.", "LBL001")
    return values.long() + offset
