"""The annotated objects of any number of images with what matching made of them, as the checks see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ssdlossdbg.analysis.common import class_name
from ssdlossdbg.analysis.evidence.fates import Fates
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.readers.annotated import Annotation
from ssdlossdbg.readers.loader import LoadedObjects
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import FloatArray, ImageFacts, Objects
from ssdlossdbg.rules import Dialect, Units

# How a format writes a box, where it is not by its corners.
LAYOUTS = {"COCO": "xywh", "YOLO": "cxcywh"}


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


def state_targets(targets: Targets, classes: tuple[str, ...], image_size: tuple[int, int], file: str) -> Stated:
    """What saved targets say.

    Args:
        targets: the objects of a batch.
        classes: what those from 1 are called; numbers stand in for those that are missing.
        image_size: (width, height) of the network's input, which pixels are of.
        file: the targets' path.
    """
    size = image_size if targets.units is Units.PIXELS else (1, 1)
    return Stated(
        images=[ImageFacts(file, index, size) for index in range(len(targets.boxes))],
        index=[index for boxes in targets.boxes for index in range(len(boxes))],
        labels=[class_name(label, classes) for labels in targets.labels for label in labels.tolist()],
        boxes=torch.cat([boxes.double() for boxes in targets.boxes]).cpu().numpy(),
        layout="xyxy",
        saved=True,
        one_based=False,
    )


def describe_objects(
    stated: Stated, gt: GroundTruthBatch, fates: Fates, image_size: tuple[int, int], dialect: Dialect
) -> Objects:
    """The objects of a batch, a row an object.

    Args:
        stated: what their files say.
        gt: the same objects as the loss sees them, normalised.
        fates: what became of them.
        image_size: (width, height) of the network's input in pixels.
        dialect: the rules.
    """
    image, slot = gt.mask.nonzero(as_tuple=True)
    return Objects(
        images=tuple(stated.images),
        image=image.cpu().numpy(),
        index=np.asarray(stated.index, dtype=np.int64),
        labels=tuple(stated.labels),
        class_id=gt.labels[image, slot].cpu().numpy(),
        stated=np.asarray(stated.boxes, dtype=np.float64).reshape(-1, 4),
        boxes=gt.boxes[image, slot].double().cpu().numpy(),
        layout=stated.layout,
        saved=stated.saved,
        one_based=stated.one_based,
        image_size=image_size,
        rules=dialect,
        **fates.columns(),
    )
