"""What the page of `audit` needs beyond its document: its objects, the worst first, and where the worst images are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssdlossdbg.report.html.arrays import packed
from ssdlossdbg.report.html.photos import data_uri
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import FORCED_ONLY, INVALID, MATCHED, UNMATCHED, AuditResult, ImageFacts, IntArray, Objects

# The worst first, as the page numbers them.
STATUSES = (INVALID, UNMATCHED, FORCED_ONLY, MATCHED)
# Beyond them the page would be slow, and full.
MOST_OBJECTS = 60_000
# Bytes that small photos and what is known of the objects may take together, and how the photos are written.
MOST_BYTES, SMALL, SMALL_QUALITY = 3_900_000, 320, 60


def audit_extra(result: AuditResult, view: View = USUAL) -> dict[str, Any]:
    """Its objects as columns, and their images.

    Args:
        result: what `audit` returned; without its objects, one that was read from JSON.
        view: with small photos of more images than those to look at first.
    """
    objects = result.objects
    extra: dict[str, Any] = {"arrays": {}, "statuses": STATUSES, "labels": [], "images": [], "first": [], "small": []}
    # A result that was read from JSON has an empty table.
    if objects is None or not len(objects.image):
        return extra
    order = _worst_first(objects)
    kept = order[:MOST_OBJECTS]
    left = len(order) - len(kept)
    labels = sorted({objects.labels[row] for row in kept.tolist()})
    place = {label: index for index, label in enumerate(labels)}
    images, image = np.unique(objects.image[kept], return_inverse=True)
    with np.errstate(invalid="ignore", over="ignore"):  # of boxes that are not finite
        sides = (objects.boxes[kept, 2:] - objects.boxes[kept, :2]) * objects.image_size
        side = np.sqrt(np.where(objects.valid[kept], sides.prod(1), np.nan))
        boxes, sides = objects.boxes[kept].astype(np.float32), sides.astype(np.float32)
    columns = {
        "image": image,
        "index": objects.index[kept],
        "label": np.array([place[objects.labels[row]] for row in kept.tolist()], dtype=np.int32),
        "status": _status(objects)[kept],
        "box": boxes,
        "sides": sides,
        "side": side,
        "level": result.prior_level[objects.best_prior[kept]],
        "iou": objects.best_iou[kept],
        "positives": objects.positives[kept],
        "forced": objects.forced[kept],
    }
    arrays = {name: packed(np.asarray(column)) for name, column in columns.items()}
    room = MOST_BYTES - sum(len(array["data"]) for array in arrays.values())
    return {
        **extra,
        "arrays": arrays,
        "labels": labels,
        "images": [_called(objects, index) for index in images.tolist()],
        "first": _places(result, images),
        "small": _small(objects, images, view, room),
        "left_out": [f"{left:,} objects that fare best"] if left else [],
    }


def worst_of_classes(objects: Objects) -> IntArray:
    """Images, `[I]` in the order of how soon the list of some class comes to them: the worst of each class first."""
    order = _worst_first(objects)
    by_class = np.argsort(objects.class_id[order], kind="stable")
    _, starts, counts = np.unique(objects.class_id[order][by_class], return_index=True, return_counts=True)
    rank = np.empty(len(order), dtype=np.int64)
    rank[by_class] = np.arange(len(order)) - np.repeat(starts, counts)
    image = objects.image[order[np.argsort(rank, kind="stable")]]
    return np.asarray(image[np.sort(np.unique(image, return_index=True)[1])])


def _small(objects: Objects, images: IntArray, view: View, room: int) -> list[str | None]:
    """The small photos of the images, as many as there is room for."""
    place = {_key(objects.images[image]): place for place, image in enumerate(images.tolist())}
    made: list[str | None] = [None] * len(images)
    for key, photo in view.thumbnails.items():
        if key not in place:
            continue
        uri = data_uri(photo, SMALL, SMALL_QUALITY)
        room -= len(uri)
        if room < 0:
            break
        made[place[key]] = uri
    return made


def _key(facts: ImageFacts) -> tuple[str, str | None]:
    """An image, as the annotations have it; see `View.thumbnails`."""
    return facts.file, None if facts.name is None else str(facts.name)


def _status(objects: Objects) -> IntArray:
    """`[N]` places in `STATUSES`."""
    conditions = [~objects.valid, objects.without_positive, objects.forced_only]
    return np.asarray(np.select(conditions, [0, 1, 2], 3))


def _worst_first(objects: Objects) -> IntArray:
    """Rows by status, then by how little their best prior overlaps them."""
    return np.asarray(np.lexsort((np.nan_to_num(objects.best_iou.astype(float), nan=-1.0), _status(objects))))


def _called(objects: Objects, image: int) -> list[str]:
    """What the annotations call an image, and the file that lists its objects."""
    facts = objects.images[image]
    return [facts.file if facts.name is None else str(facts.name), facts.file]


def _places(result: AuditResult, images: IntArray) -> list[int | None]:
    """Of the images to look at first, which of those listed each is."""
    listed: dict[tuple[str, str | None], int] = {}
    for place, image in enumerate(images.tolist()):
        listed.setdefault(_key(result.objects.images[image]), place)
    return [
        listed.get((each.annotation, each.name), listed.get((each.annotation, None))) for each in result.images_first
    ]
