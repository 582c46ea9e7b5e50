"""Targets of a batch as tensors by the keys that they have in a captured file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

# Of encoded targets: what every prior is to learn.
LABEL_KEYS = ("labels", "cls_targets", "gt_labels")
OFFSET_KEYS = ("gt_locations", "loc_targets", "box_targets", "bbox_targets")


def flat_targets(targets: Any) -> tuple[dict[str, Tensor], Sequence[Any]]:
    """(Tensors by key, mappings that may name the images) of targets in any layout that readers know.

    Args:
        targets: a list of `[n, 5]`, of mappings with boxes and labels, or one of boxes beside one of labels; one padded
            `[B, N, 5]`; or a mapping or pair of labels `[B, P]` and offsets `[B, P, 4]`.

    Raises:
        LookupError: something else.
    """
    if isinstance(targets, Mapping):
        return _of_mapping(targets), ()
    if _is_tensor(targets) and targets.ndim == 3:
        return {"targets": targets}, ()
    if not isinstance(targets, (list, tuple)):
        raise LookupError(f"targets are a {type(targets).__name__}")
    if len(targets) == 2 and all(map(_is_tensor, targets)) and sorted(each.ndim for each in targets) == [2, 3]:
        labels, offsets = sorted(targets, key=lambda each: each.ndim)
        return {"labels": labels, "gt_locations": offsets}, ()
    if all(map(_is_tensor, targets)):
        return {f"targets_{index}": image for index, image in enumerate(targets)}, ()
    if len(targets) == 2 and all(isinstance(each, (list, tuple)) for each in targets):
        targets = [{"boxes": boxes, "labels": labels} for boxes, labels in zip(*targets, strict=True)]
    if not all(isinstance(image, Mapping) and "boxes" in image and "labels" in image for image in targets):
        raise LookupError("targets are no list of tensors, and no list of mappings with boxes and labels")
    flat = {f"boxes_{index}": image["boxes"] for index, image in enumerate(targets)}
    return flat | {f"labels_{index}": image["labels"] for index, image in enumerate(targets)}, targets


def _of_mapping(targets: Mapping[Any, Any]) -> dict[str, Tensor]:
    labels, offsets = (next((key for key in keys if key in targets), None) for keys in (LABEL_KEYS, OFFSET_KEYS))
    if labels and offsets:
        return {"labels": targets[labels], "gt_locations": targets[offsets]}
    raise LookupError(f"targets have the keys {', '.join(map(str, targets))}")


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)
