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
    per_object = boxes.new_zeros((images, slots), dtype=torch.promote_types(boxes.dtype, gt.boxes.dtype))
    counts = found.image.bincount(minlength=images).tolist()
    split = (torch.split(each, counts) for each in (boxes, found.class_id))
    parts = [
        _nearest(some, ids, gt.boxes[image, : max(1, number)], gt.labels[image, : max(1, number)], per_object[image])
        for image, (some, ids, number) in enumerate(zip(*split, gt.counts.tolist(), strict=True))
    ]
    best, nearest, best_of_class, nearest_of_class = (torch.cat(column) for column in zip(*parts, strict=True))
    explains = best_of_class >= EXPLAINS
    other = ~explains & (best >= EXPLAINS)

    def first(which: Tensor, among: Tensor) -> Tensor:
        """The first of those detections at each object: the one of the highest score."""
        place = (found.image * slots + which)[among]
        order = torch.arange(total, device=boxes.device)[among]
        empty = torch.full((images * slots,), total, device=boxes.device)
        return empty.scatter_reduce_(0, place, order, "amin").view(images, slots)

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
        best_iou=per_object,
    )


def _nearest(
    boxes: Tensor, class_id: Tensor, objects: Tensor, labels: Tensor, per_object: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The IoU with the nearest object, and which that is: of any class, and of the detection's; in one image.

    Args:
        boxes: `[N, 4]` of the detections.
        class_id: `[N]` theirs.
        objects: `[G, 4]`; where there is none a point, which overlaps nothing.
        labels: `[G]` theirs.
        per_object: `[G]` or more, set to the IoU of each object with any detection of its class.
    """
    # A box that is no number overlaps nothing. A detection a column: there are far more of them.
    overlap = iou(boxes, objects[:, None], IouRule.ZERO_WITHOUT_OVERLAP).nan_to_num_(0.0)
    best, nearest = overlap.max(0)
    overlap *= labels[:, None] == class_id
    if len(boxes):
        per_object[: len(objects)] = overlap.amax(1)
    return best, nearest, *overlap.max(0)
