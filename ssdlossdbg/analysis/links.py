"""Which detections overlap which objects, and which of them explain one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.detect import Detections
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.rules import IouRule

# From this IoU on a detection of its class explains an object (Pascal VOC's criterion).
EXPLAINS = 0.5


@dataclass(frozen=True)
class Links:
    """Which detections overlap which objects. D detections, B images with up to G objects; D stands for none.

    Attributes:
        iou, ground_truth: `[D]` the nearest object of any class.
        iou_of_class, ground_truth_of_class: `[D]` the nearest object of the detection's class.
        explains, other: `[D]` bool, near enough to an object of its class; else, to one of another class.
        finder, mistaken: `[B, G]` the highest detection that explains the object, or takes it for another class.
        explained_by: `[B, G]` detections that explain it.
        best_iou: `[B, G]` with any detection of its class.
    """

    iou: Tensor
    ground_truth: Tensor
    iou_of_class: Tensor
    ground_truth_of_class: Tensor
    explains: Tensor
    other: Tensor
    finder: Tensor
    mistaken: Tensor
    explained_by: Tensor
    best_iou: Tensor


def link(found: Detections, boxes: Tensor, gt: GroundTruthBatch) -> Links:
    """Hold detections against objects.

    Args:
        found: the D detections.
        boxes: `[D, 4]` theirs, xyxy, normalised.
        gt: the objects, normalised.
    """
    images, slots = gt.labels.shape
    total = len(boxes)
    # A box that is no number overlaps nothing.
    overlap = iou(boxes[:, None], gt.boxes[found.image], IouRule.ZERO_WITHOUT_OVERLAP).nan_to_num(0.0)
    overlap = overlap.masked_fill_(~gt.mask[found.image], 0.0)
    of_class = overlap.masked_fill(gt.labels[found.image] != found.class_id[:, None], 0.0)
    best, nearest = overlap.max(1)
    best_of_class, nearest_of_class = of_class.max(1)
    explains = best_of_class >= EXPLAINS
    other = ~explains & (best >= EXPLAINS)

    def first(which: Tensor, among: Tensor) -> Tensor:
        """The first of those detections at each object: the one of the highest score."""
        place = (found.image * slots + which)[among]
        order = torch.arange(total, device=boxes.device)[among]
        empty = torch.full((images * slots,), total, device=boxes.device)
        return empty.scatter_reduce_(0, place, order, "amin").view(images, slots)

    per_object = overlap.new_zeros((images, slots))
    rows = found.image[:, None].expand_as(of_class)
    explained = (found.image * slots + nearest_of_class)[explains]
    return Links(
        iou=best,
        ground_truth=nearest,
        iou_of_class=best_of_class,
        ground_truth_of_class=nearest_of_class,
        explains=explains,
        other=other,
        finder=first(nearest_of_class, explains),
        mistaken=first(nearest, other),
        explained_by=explained.bincount(minlength=images * slots).view(images, slots),
        best_iou=per_object.scatter_reduce(0, rows, of_class, "amax"),
    )
