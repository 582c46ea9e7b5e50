"""The annotated objects of any number of images with what matching made of them, as the checks see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.results import FloatArray, ImageFacts, Objects
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching, overlaps
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.multibox.tiles import images_at_once
from ssdlossdbg.readers.annotated import Annotation
from ssdlossdbg.readers.dialects import Dialect, Units
from ssdlossdbg.readers.loader import LoadedObjects
from ssdlossdbg.readers.targets import Targets

# How a format writes a box, where it is not by its corners.
LAYOUTS = {"COCO": "xywh", "YOLO": "cxcywh"}
# Overlaps this close may change places on another device or in another precision.
NEAR_TIE = 1e-5
# Sides of priors that differ by less, as a fraction of the image, are one shape.
SAME_SHAPE = 1e-6


@dataclass(frozen=True)
class Stated:
    """Objects as their files state them, a row an object, image after image.

    Attributes:
        images: every image, in the order of the batch.
        index: place of each object in its image's list.
        labels: class names.
        boxes: `[N, 4]` xyxy, in the space of `ImageFacts.size`.
        layout, saved, one_based: as in `Objects`.
    """

    images: Sequence[ImageFacts]
    index: Sequence[int]
    labels: Sequence[str]
    boxes: FloatArray
    layout: str
    saved: bool
    one_based: bool


def state_annotations(
    annotations: Sequence[Annotation],
    loaded: Sequence[LoadedObjects],
    photo_sizes: Sequence[tuple[int, int] | None],
    names: Sequence[str | None] = (),
) -> Stated:
    """What annotation files of one format say of the objects that training would see.

    Args:
        annotations: of each image.
        loaded: what the dialect's loader makes of each.
        photo_sizes: (width, height) of each photo in pixels, None where it was not seen.
        names: what each file calls its image, where it holds several.
    """
    images = [
        ImageFacts(
            file=str(annotation.path),
            name=name,
            size=annotation.size or photo_size or (1, 1),
            photo_size=photo_size,
            left_out=tuple((item.index, item.label) for item in objects.left_out),
        )
        for annotation, objects, photo_size, name in zip(
            annotations, loaded, photo_sizes, names or [None] * len(annotations), strict=True
        )
    ]
    kept = [item for objects in loaded for item in objects.kept]
    return Stated(
        images=images,
        index=[item.index for item in kept],
        labels=[item.label for item in kept],
        boxes=np.asarray([item.box for item in kept], dtype=np.float64).reshape(-1, 4),
        layout=LAYOUTS.get(annotations[0].format, "xyxy") if annotations else "xyxy",
        saved=False,
        one_based=any(annotation.one_based for annotation in annotations),
    )


def state_targets(targets: Targets, names: Sequence[str], priors: Priors, file: str) -> Stated:
    """What saved targets say.

    Args:
        targets: the objects of a batch.
        names: of the classes, background first.
        priors: whose input size pixels are of.
        file: the targets' path.
    """
    size = priors.image_size if targets.units is Units.PIXELS else (1, 1)
    return Stated(
        images=[ImageFacts(file, index, size) for index in range(len(targets.boxes))],
        index=[index for boxes in targets.boxes for index in range(len(boxes))],
        labels=[names[label] for labels in targets.labels for label in labels.tolist()],
        boxes=torch.cat([boxes.double() for boxes in targets.boxes]).cpu().numpy(),
        layout="xyxy",
        saved=True,
        one_based=False,
    )


def describe_objects(
    stated: Stated,
    gt: GroundTruthBatch,
    matching: Matching,
    targets: Tensor,
    priors: Priors,
    unit: Tensor,
    dialect: Dialect,
) -> Objects:
    """The objects of a batch, a row an object.

    Args:
        stated: what their files say.
        gt: the same objects as the loss sees them, in the dialect's unit.
        matching: what became of them.
        targets: `[B, P, 4]` encoded offsets.
        priors: the grid, normalised.
        unit: `[4]` what normalised boxes are multiplied by to get the dialect's unit.
        dialect: the rules.
    """
    image, slot = gt.mask.nonzero(as_tuple=True)
    starts = gt.counts.cumsum(0) - gt.counts
    boxes = gt.boxes[image, slot] / unit
    lost_to = matching.lost_to[image, slot]
    lost_to = torch.where(lost_to >= 0, lost_to + starts[image], -1)
    return Objects(
        images=tuple(stated.images),
        image=_numpy(image),
        index=np.asarray(stated.index, dtype=np.int64),
        labels=tuple(stated.labels),
        class_id=_numpy(gt.labels[image, slot]),
        stated=np.asarray(stated.boxes, dtype=np.float64).reshape(-1, 4),
        boxes=_numpy(boxes.double()),
        layout=stated.layout,
        saved=stated.saved,
        one_based=stated.one_based,
        best_prior=_numpy(matching.best_prior[image, slot]),
        best_iou=_numpy(matching.best_iou[image, slot].double()),
        shape_iou=_numpy(_shape_iou(boxes.double(), priors)),
        near_ties=_numpy(_near_ties(gt, priors.boxes * unit, matching, dialect)[image, slot]),
        positives=_numpy(matching.positives_per_gt()[image, slot]),
        forced=_numpy(matching.positives_per_gt(matching.forced)[image, slot]),
        lost_to=_numpy(lost_to),
        target=_numpy(_first_non_finite(targets, matching)[image, slot]),
        image_size=priors.image_size,
        rules=dialect,
    )


def _shape_iou(boxes: Tensor, priors: Priors) -> Tensor:
    """`[N]` the best IoU of normalised boxes with priors centred on them."""
    shapes = torch.unique((priors.boxes[:, 2:].double() / SAME_SHAPE).round(), dim=0) * SAME_SHAPE
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0)[:, None]
    intersection = torch.minimum(sides, shapes).prod(-1)
    union = sides.prod(-1) + shapes.prod(-1) - intersection
    return (intersection / union).nan_to_num(0.0).amax(1) if len(boxes) else boxes.new_zeros(0)


def _near_ties(gt: GroundTruthBatch, priors: Tensor, matching: Matching, dialect: Dialect) -> Tensor:
    """`[B, G]` priors whose overlap is as good as the best one; 0 where nothing overlaps."""
    images = images_at_once(gt.boxes.shape[1] * len(priors), gt.boxes.device)
    best = torch.split(matching.best_iou, images)
    counts = [
        (overlaps(part, priors, dialect.match) >= highest[..., None] - NEAR_TIE).sum(-1) * (highest > 0)
        for part, highest in zip(gt.split(images), best, strict=True)
    ]
    return torch.cat(counts)


def _first_non_finite(targets: Tensor, matching: Matching) -> Tensor:
    """`[B, G]` the first encoded target of each object's positives that is inf or nan; 0 where there is none."""
    found = torch.zeros_like(matching.best_iou, dtype=torch.float64)
    image, prior, coordinate = (~targets.isfinite() & matching.positive[..., None]).nonzero(as_tuple=True)
    # Written backwards, so that of several the first is the one that stays.
    image, prior, coordinate = image.flip(0), prior.flip(0), coordinate.flip(0)
    for place, owner, value in zip(
        image.tolist(),
        matching.gt_index[image, prior].tolist(),
        targets[image, prior, coordinate].tolist(),
        strict=True,
    ):
        found[place, owner] = value
    return found


def _numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.cpu().numpy()
