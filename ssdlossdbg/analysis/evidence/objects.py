"""The annotated objects of any number of images with what matching made of them, as the checks see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import torch

from ssdlossdbg.analysis.common import class_name
from ssdlossdbg.analysis.evidence.fates import Fates
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.annotations import Dataset, Scaled, class_lists_beside, taken
from ssdlossdbg.readers.files import read_lines
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import (
    NOTHING_READ,
    BoolArray,
    ClassListFile,
    FloatArray,
    ImageFacts,
    IntArray,
    Objects,
    Reading,
)
from ssdlossdbg.rules import Dialect, Units


@dataclass(frozen=True)
class Stated:
    """Objects as their files state them, a row an object, image after image; attributes as of `Objects`."""

    images: tuple[ImageFacts, ...]
    index: IntArray
    labels: tuple[str, ...]
    stated: FloatArray
    layout: str
    saved: bool
    one_based: bool
    traits: IntArray | None = None
    marked: BoolArray | None = None
    reading: Reading = NOTHING_READ
    label_offset: int = 0
    recovered: bool = False


def state_dataset(dataset: Dataset, scaled: Scaled) -> Stated:
    """What annotation files say of the objects of one photo that training would see.

    Args:
        dataset: what was annotated.
        scaled: the same as the dialect's loader hands it on.
    """
    return Stated(
        images=image_facts(dataset, scaled, range(len(dataset.names)), named=False),
        index=dataset.index[scaled.rows],
        labels=labels_of(dataset, scaled.rows),
        stated=scaled.stated,
        layout=dataset.format.layout,
        saved=False,
        one_based=dataset.format.one_based,
        **written_in(dataset, scaled.rows),
    )


class Written(TypedDict):
    """How objects are written, as fields of `Objects`."""

    traits: IntArray | None
    marked: BoolArray | None
    reading: Reading


def written_in(dataset: Dataset, rows: IntArray) -> Written:
    """How the files of a dataset are written, and some objects in them."""
    marked = taken(dataset.difficult, rows)
    lists = {
        folder: ClassListFile(str(path), tuple(read_lines(path)))
        for folder, path in class_lists_beside(dataset).items()
    }
    return {
        "traits": None if dataset.traits is None else taken(dataset.traits, rows),
        "marked": marked if marked.any() else None,
        "reading": Reading(
            format=dataset.format.name,
            mark=dataset.format.mark,
            names=dataset.class_names if dataset.names_given else (),
            lists=lists,
            category_ids=dataset.category_ids,
        ),
    }


def labels_of(dataset: Dataset, rows: IntArray) -> tuple[str, ...]:
    """The labels of some objects, as they are spelt there."""
    names = np.asarray(dataset.labels, dtype=object)
    return tuple(names[taken(dataset.label, rows)].tolist())


def image_facts(dataset: Dataset, scaled: Scaled, places: Sequence[int], named: bool = True) -> tuple[ImageFacts, ...]:
    """The images at some places; `named` where places are to tell the images of one file apart."""
    left_out, discarded = (_by_image(dataset, rows) for rows in (scaled.left_out, scaled.discarded))
    traits = [0] * len(dataset.names) if dataset.image_traits is None else dataset.image_traits.tolist()
    spaces, photos, turned = scaled.spaces.tolist(), scaled.photo_sizes.tolist(), scaled.orientations.tolist()
    declares = np.all(dataset.sizes > 0, axis=1).tolist()
    unusable, unlisted = scaled.unusable.tolist(), scaled.unlisted.tolist()
    return tuple(
        ImageFacts(
            file=dataset.files[place],
            name=dataset.names[place] if named and dataset.format.many_in_file else None,
            size=tuple(spaces[place]),
            photo_size=tuple(photos[place]) if all(photos[place]) else None,
            left_out=left_out.get(place, ()),
            unusable=unusable[place],
            unlisted=unlisted[place],
            discarded=discarded.get(place, ()),
            orientation=turned[place],
            declares_size=declares[place],
            traits=traits[place],
        )
        for place in places
    )


def _by_image(dataset: Dataset, rows: IntArray) -> dict[int, tuple[tuple[int, str], ...]]:
    """Some objects as (index, label), by the place of their image."""
    found: dict[int, list[tuple[int, str]]] = {}
    for row, label in zip(rows.tolist(), labels_of(dataset, rows), strict=True):
        found.setdefault(int(dataset.image[row]), []).append((int(dataset.index[row]), label))
    return {image: tuple(objects) for image, objects in found.items()}


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
        images=tuple(ImageFacts(file, index, size) for index in range(len(targets.boxes))),
        index=np.array([index for boxes in targets.boxes for index in range(len(boxes))], dtype=np.int64),
        labels=tuple(class_name(label, classes) for labels in targets.labels for label in labels.tolist()),
        stated=torch.cat([boxes.cpu().double() for boxes in targets.boxes]).numpy(),
        layout="xyxy",
        saved=True,
        one_based=False,
        label_offset=targets.label_offset,
    )


def state_recovered(gt: GroundTruthBatch, classes: tuple[str, ...], image_size: tuple[int, int], file: str) -> Stated:
    """What encoded targets say of the objects that they decode to; arguments as of `state_targets`.

    Args:
        gt: the objects, normalised.
        classes: what those from 1 are called.
        image_size: of the network's input.
        file: the targets' path.
    """
    of_images = [
        (boxes[:count], labels[:count]) for boxes, labels, count in zip(gt.boxes, gt.labels, gt.counts, strict=True)
    ]
    boxes, labels = zip(*of_images, strict=True)
    stated = state_targets(Targets(boxes, labels, Units.NORMALIZED, 0, ""), classes, image_size, file)
    return replace(stated, recovered=True)


def describe_objects(stated: Stated, gt: GroundTruthBatch, fates: Fates, priors: Priors, dialect: Dialect) -> Objects:
    """The objects of a batch, a row an object.

    Args:
        stated: what their files say.
        gt: the same objects as the loss sees them, normalised.
        fates: what became of them.
        priors: that they were matched with.
        dialect: the rules.
    """
    image, slot = gt.mask.nonzero(as_tuple=True)
    return Objects(
        **vars(stated),
        image=image.cpu().numpy(),
        class_id=gt.labels[image, slot].cpu().numpy(),
        boxes=gt.boxes[image, slot].cpu().double().numpy(),
        image_size=priors.image_size,
        levels=priors.levels,
        rules=dialect,
        **fates.columns(),
    )
