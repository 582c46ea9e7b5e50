"""Targets that are already encoded: a class and offsets for every prior, as some codebases' losses receive them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.saved.layout import MOST_CLASSES
from ssdlossdbg.readers.saved.native import class_ids, values_last, x_first
from ssdlossdbg.rules import Dialect, NativeSpec

# Of pytorch-ssd's loss, and of what its data loader and lufficc/SSD's, SSD.TensorFlow's and GluonCV's call them.
LABEL_KEYS = ("labels", "cls_targets")
OFFSET_KEYS = ("gt_locations", "locations", "loc_targets", "box_targets", "boxes")

# An image has fewer objects than this share of the priors.
MOST_OBJECTS = 0.25


@dataclass(frozen=True)
class EncodedTargets:
    """What every prior of B images is to learn. Which objects that came from is not known.

    Attributes:
        labels: `[B, P]` int64 class ids: above 0 for positives, 0 for negatives, -1 for ignored priors.
        offsets: `[B, P, 4]` float32 or float64 (dx, dy, dw, dh); they count only at positives.
        layout: what was recognised, in words.
    """

    labels: Tensor
    offsets: Tensor
    layout: str


def recognise_encoded(saved: Any, one: int = 0) -> tuple[Tensor, Tensor, str] | None:
    """(labels, offsets, what they were saved as) of what was saved, or None if those are no encoded targets.

    They are told by their shapes alone: labels of two dimensions, or of a third of length 1, beside offsets of three.

    Args:
        saved: what the file holds.
        one: P where the predictions are of one image: then labels `[P]` beside offsets `[P, 4]` are its own.
    """
    labels: Any
    offsets: Any
    if isinstance(saved, Mapping):
        keys = [next((key for key in names if key in saved), "") for names in (LABEL_KEYS, OFFSET_KEYS)]
        labels, offsets = (saved.get(key) for key in keys)
        words = f"a mapping with {keys[0]}, {keys[1]}"
    elif isinstance(saved, (tuple, list)) and len(saved) == 2:
        labels, offsets = saved
        words = "(labels, locations)"
    else:
        return None
    if not (isinstance(labels, Tensor) and isinstance(offsets, Tensor)):
        return None
    if not isinstance(saved, Mapping) and (labels.ndim, offsets.ndim) == (3, 2):
        labels, offsets, words = offsets, labels, "(locations, labels)"
    if one and labels.shape == (one,) and offsets.shape == (one, 4):
        labels, offsets = labels[None], offsets[None]
    if labels.ndim == 3 and labels.shape == (*offsets.shape[:2], 1):
        labels = labels[..., 0]
    return (labels, offsets, words) if (labels.ndim, offsets.ndim) == (2, 3) else None


def read_encoded(
    labels: Tensor, offsets: Tensor, words: str, where: str, shape: tuple[int, int, int], native: Dialect | None = None
) -> EncodedTargets:
    """Encoded targets in the canonical order, found to belong to the predictions.

    Args:
        labels: `[B, P]` whole numbers.
        offsets: `[B, P, 4]` floats.
        words: what they were saved as.
        where: the file, for messages.
        shape: (B, P, C) of the predictions.
        native: whose own order they are in; the canonical one if None.

    Raises:
        InputError: other shapes or types, or a label that is no class of the predictions.
    """
    images, priors, classes = shape
    spec = native.native if native else NativeSpec()
    found, expected = values_last(offsets, spec), f"labels {[images, priors]} and locations {[images, priors, 4]}"
    if labels.shape != (images, priors) or found.shape != (images, priors, 4):
        if _of_objects(labels, found, priors):
            raise InputError(where, *_not_matched(labels, offsets, priors, words))
        what = f"holds encoded targets: labels {list(labels.shape)} and locations {list(offsets.shape)}"
        hint = " They are [B, 4, P]: say --native." if offsets.shape == (images, 4, priors) else ""
        hint += " Save objects as a list of mappings with boxes [n, 4] and labels [n]." if "boxes" in words else ""
        fix = f"The predictions ask for {expected}: save both in the same iteration, as ssdlossdbg.capture does."
        raise InputError(where, what, fix + hint)
    if not offsets.is_floating_point():
        raise InputError(f"{where}, locations", f"holds {offsets.dtype}", "Save the encoded offsets, which are floats.")
    ids = _whole(labels, where)
    wrong = (ids >= classes).nonzero()
    if len(wrong):
        image, prior = wrong[0].tolist()
        what = f"has label {int(ids[image, prior])}, but conf has {classes} columns: 0 to {classes - 1}"
        raise InputError(
            f"{where}, image {image}, prior {prior}", what, "Check the number of classes of the network.", "LBL001"
        )
    ids = class_ids(ids, classes, spec).clamp(min=-1)
    wide = torch.promote_types(offsets.dtype, torch.float32)
    ignored = int((ids < 0).sum())
    words += f", {native.name}'s own" if native else ""
    layout = f"already encoded, {words}: labels {[images, priors]} with {int((ids > 0).sum())} positives"
    layout += f" and {ignored} ignored" if ignored else ""
    return EncodedTargets(ids, x_first(found, spec).detach().to(wide), layout)


def _of_objects(labels: Tensor, boxes: Tensor, priors: int) -> bool:
    """Whether there is a label an object: far fewer than priors, and boxes beside it, or next to no background.

    What is labelled background, or below it, may be the padding of images with fewer objects.
    """
    number, named = labels.shape[1], labels.double() > 0  # few whole types of torch can be compared
    if number >= priors * MOST_OBJECTS:
        return False
    if number == 1 or bool(named.double().mean() > 0.5):
        return True
    if boxes.shape != (*labels.shape, 4):
        return False
    some = boxes[named] if named.any() else boxes.flatten(0, 1)
    return bool((some[:, 2:] > some[:, :2]).all(-1).double().mean() > 0.5)


def _not_matched(labels: Tensor, boxes: Tensor, priors: int, words: str) -> tuple[str, str]:
    """What is wrong, and the remedy, where there is a label an object and not a label a prior."""
    objects = "1 object" if labels.shape[1] == 1 else f"{labels.shape[1]} objects"
    what = (
        f"holds {words}: labels {list(labels.shape)} beside {list(boxes.shape)}, so {objects} an image and not "
        f"{priors} priors: these are not matched yet"
    )
    fix = (
        "Save what the loss receives, matched and encoded (labels [B, P], locations [B, P, 4]); or the objects "
        "as they are: one padded tensor [B, N, 5] of x1 y1 x2 y2 label, or a list of mappings with boxes and labels."
    )
    return what, fix


def _whole(labels: Tensor, where: str) -> Tensor:
    values = labels.detach().double()
    wrong = (values % 1 != 0).nonzero()
    if len(wrong):
        image, prior = wrong[0].tolist()
        what = f"has label {float(values[image, prior]):g}"
        raise InputError(f"{where}, image {image}, prior {prior}", what, "Labels are whole numbers.")
    far = (values.abs() > MOST_CLASSES).nonzero()
    if len(far):
        image, prior = far[0].tolist()
        what = f"has label {float(values[image, prior]):g}, and no network has as many classes"
        raise InputError(f"{where}, image {image}, prior {prior}", what, "Number the classes from 0.", "LBL001")
    return values.long()
