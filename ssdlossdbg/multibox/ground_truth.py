"""Ground truths of a batch whose images hold different numbers of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


@dataclass(frozen=True)
class GroundTruthBatch:
    """The objects of B images, padded to the largest image (to one row where no image has any).

    Attributes:
        boxes: `[B, G, 4]` xyxy, in the unit that the codebase computes in; padding rows are 0.
        labels: `[B, G]` int64 class ids, 0 being background; padding rows are 0.
        counts: `[B]` int64 objects of each image.
    """

    boxes: Tensor
    labels: Tensor
    counts: Tensor

    @property
    def mask(self) -> Tensor:
        """`[B, G]` bool: True for objects, False for padding."""
        slots = torch.arange(self.boxes.shape[1], device=self.boxes.device)
        return slots < self.counts[:, None]

    def split(self, images: int) -> list[GroundTruthBatch]:
        """The batch in parts of so many images (at least one) each, padded as the whole is."""
        parts = (torch.split(part, max(1, images)) for part in (self.boxes, self.labels, self.counts))
        return [GroundTruthBatch(*part) for part in zip(*parts, strict=True)]

    def to(self, device: torch.device | str) -> GroundTruthBatch:
        """The same batch on another device."""
        return GroundTruthBatch(self.boxes.to(device), self.labels.to(device), self.counts.to(device))


def pad_ground_truth(boxes: Sequence[Tensor], labels: Sequence[Tensor]) -> GroundTruthBatch:
    """Stack the objects of each image into one padded batch.

    Args:
        boxes: per image `[n, 4]` xyxy; `n` may be 0.
        labels: per image `[n]` class ids, 0 being background.

    Raises:
        ValueError: the sequences, or the boxes and labels of an image, differ in length; or there is no image.
    """
    counts = [len(image) for image in boxes]
    if not counts or counts != [len(image) for image in labels]:
        raise ValueError(f"boxes and labels must describe the same objects, got {counts} boxes per image")
    # A batch without any object still needs a slot to reduce over.
    filler = boxes[0].new_zeros((1, 4))
    padded = pad_sequence([*boxes, filler], batch_first=True)[:-1]
    ids = pad_sequence([*labels, labels[0].new_zeros(1)], batch_first=True)[:-1].long()
    return GroundTruthBatch(padded, ids, _sent(torch.tensor(counts, device="cpu"), padded.device))


def no_ground_truth(images: int, dtype: torch.dtype) -> GroundTruthBatch:
    """A batch of images without objects, with boxes of that type."""
    boxes, labels = torch.zeros((0, 4), dtype=dtype), torch.zeros(0, dtype=torch.int64)
    return pad_ground_truth([boxes] * images, [labels] * images)


def _sent(numbers: Tensor, device: torch.device) -> Tensor:
    """Numbers of the host on a device, without waiting for all that runs on a GPU."""
    return (numbers.pin_memory() if device.type == "cuda" else numbers).to(device, non_blocking=device.type == "cuda")
