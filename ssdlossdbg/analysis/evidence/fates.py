"""What matching made of objects, a row an object."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import sides_iou
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.localization import AtPriors
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.tiles import images_at_once
from ssdlossdbg.multibox.widest import widest

# Overlaps this close may change places on another device or in another precision.
NEAR_TIE = 1e-5


@dataclass(frozen=True)
class Fates:
    """What became of N objects; `[N]` each, and each as in `Objects`."""

    best_prior: Tensor
    best_iou: Tensor
    shape_iou: Tensor
    near_ties: Tensor
    positives: Tensor
    forced: Tensor
    lost_to: Tensor
    target: Tensor

    def columns(self) -> dict[str, Any]:
        """The same by name, as `Objects` takes them: int64 and float64, off the device."""
        tensors = {each.name: getattr(self, each.name).cpu() for each in fields(self)}
        return {
            name: (tensor.double() if tensor.is_floating_point() else tensor).numpy()
            for name, tensor in tensors.items()
        }


def no_fates(number: int) -> dict[str, Tensor]:
    """The fields of `Fates` for so many objects, on the CPU, int64 or float64, to be filled in; all 0."""
    whole = {"best_prior", "near_ties", "positives", "forced", "lost_to"}
    return {
        each.name: torch.zeros(number, dtype=torch.long if each.name in whole else torch.float64)
        for each in fields(Fates)
    }


def fill_in(columns: dict[str, Tensor], rows: Tensor, fates: Fates) -> None:
    """Put what became of N objects into the columns of `no_fates`.

    Args:
        columns: of more objects than these.
        rows: `[N]` where they stand there, on the CPU.
        fates: of the N; its `lost_to` counts among them.
    """
    for name, column in columns.items():
        values = getattr(fates, name).cpu()
        if name == "lost_to":
            values = torch.where(values >= 0, rows[values], -1)
        column[rows] = values.to(column.dtype)


def fates_of(gt: GroundTruthBatch, matching: Matching, near_ties: Tensor, targets: AtPriors, shapes: Tensor) -> Fates:
    """What became of the objects of a batch, image after image.

    Args:
        gt: the objects as the loss sees them, normalised.
        matching: of the whole batch.
        near_ties: `[B, G]` priors as good as the best one of each object, within `NEAR_TIE`.
        targets: encoded offsets.
        shapes: `[S, 2]` widths and heights of the priors, normalised.
    """
    image, slot = gt.mask.nonzero(as_tuple=True)
    starts = gt.counts.cumsum(0) - gt.counts
    lost_to = matching.lost_to[image, slot]
    return Fates(
        best_prior=matching.best_prior[image, slot],
        best_iou=matching.best_iou[image, slot],
        shape_iou=shape_iou(gt.boxes[image, slot], shapes),
        near_ties=near_ties[image, slot],
        positives=matching.positives_per_gt()[image, slot],
        forced=matching.positives_per_gt(matching.forced)[image, slot],
        lost_to=torch.where(lost_to >= 0, lost_to + starts[image], -1),
        target=_first_non_finite(targets, matching)[image, slot],
    )


def shape_iou(boxes: Tensor, shapes: Tensor) -> Tensor:
    """The best IoU that objects would have with priors centred on them.

    Args:
        boxes: `[N, 4]` xyxy, normalised.
        shapes: `[S, 2]` float64 widths and heights of the priors, normalised.

    Returns:
        `[N]` float64; 0 for boxes that are none.
    """
    boxes = widest(boxes)
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0)[:, None]
    parts = torch.split(sides, images_at_once(len(shapes), sides.device))
    return torch.cat([sides_iou(part, shapes).nan_to_num_(0.0).amax(1) for part in parts])


def _first_non_finite(targets: AtPriors, matching: Matching) -> Tensor:
    """`[B, G]` the first encoded target of each object's positives that is inf or nan; 0 where there is none."""
    found = widest(torch.zeros_like(matching.best_iou))
    image, prior = matching.positive.nonzero(as_tuple=True)
    offsets = targets.at(image, prior)
    # Written backwards, so that of several the first is the one that stays.
    row, coordinate = (each.flip(0) for each in (~offsets.isfinite()).nonzero(as_tuple=True))
    image, prior = image[row], prior[row]
    for place, owner, value in zip(
        image.tolist(), matching.gt_index[image, prior].tolist(), offsets[row, coordinate].tolist(), strict=True
    ):
        found[place, owner] = value
    return found
