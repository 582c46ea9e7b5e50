"""The objects of a dataset as a codebase's own data loader would hand them to the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssdlossdbg.analysis.common import taken
from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.datasets import Dataset, Refused
from ssdlossdbg.readers.photo_sizes import PhotoSizes, photo_size
from ssdlossdbg.results import BoolArray, FloatArray, IntArray
from ssdlossdbg.rules import Dialect, Difficult


@dataclass(frozen=True, eq=False)
class Scaled:
    """N objects of B images, image after image.

    Attributes:
        rows: int64 `[N]`, their rows in the dataset.
        image: int64 `[N]`, ascending.
        boxes: float64 `[N, 4]`, xyxy, normalised.
        sizes: int64 `[B, 2]`, (width, height) of the photos in pixels; 0 where that is not known, nor needed.
        left_out: int64 `[L]`, rows of the dataset that the loader drops.
        unusable: int64 `[B]`, how many more objects of each image are not among the N.
        refused: images whose boxes cannot be scaled; their objects are not among the N.
    """

    rows: IntArray
    image: IntArray
    boxes: FloatArray
    sizes: IntArray
    left_out: IntArray
    unusable: IntArray
    refused: tuple[Refused, ...]


def scale_like(dataset: Dataset, dialect: Dialect, letterbox: tuple[int, int] | None = None) -> Scaled:
    """Read a dataset as the codebase does: its pixel offset, its handling of difficult objects, its resizing.

    Boxes are divided by the size that the annotations declare; where they declare none and it is needed, by that of the
    photo. Objects of a class that is not in the list take no part.

    Args:
        dataset: what was annotated.
        dialect: the codebase's habits.
        letterbox: (width, height) of an input that photos are scaled into as a whole, in its middle; None where they
            are stretched to it, as the paper and every dialect does.
    """
    sizes: IntArray = dataset.sizes
    unsized = np.zeros(len(sizes), dtype=bool)
    if letterbox or not dataset.fractions:
        sizes, unsized = _complete(dataset)
    spec = dialect.targets
    dropped = dataset.difficult & (spec.difficult is Difficult.DROP)
    known = dataset.class_index >= 0
    rows = np.flatnonzero(known & ~dropped & ~unsized[dataset.image])
    image = taken(dataset.image, rows)
    boxes: FloatArray = taken(dataset.boxes, rows)
    if not dataset.fractions:
        boxes = (boxes + (spec.voc_pixel_offset if dataset.one_based else 0.0)) / np.tile(sizes[image], 2)
    if letterbox:
        boxes = _into_letterbox(boxes, sizes[image], letterbox)
    left_out = np.flatnonzero(known & dropped)
    images = (dataset.image, image, dataset.image[left_out])
    every, used, dropped_of = (np.bincount(of, minlength=len(sizes)) for of in images)
    return Scaled(rows, image, boxes, sizes, left_out, every - used - dropped_of, _refused(dataset, unsized))


def _complete(dataset: Dataset) -> tuple[IntArray, BoolArray]:
    """`[B, 2]` the sizes of all photos, looking at those that have objects and no size; and which stay unknown."""
    sizes = dataset.sizes.copy()
    photos = PhotoSizes()
    for place in np.unique(dataset.image[(sizes[dataset.image] == 0).any(1)]).tolist():
        photo = photos.path_of(Path(dataset.files[place]), dataset.names[place])
        sizes[place] = (photo and photo_size(photo)) or (0, 0)
    unsized = (sizes == 0).any(1)
    unsized &= np.bincount(dataset.image, minlength=len(sizes)) > 0
    return sizes, unsized


def _into_letterbox(boxes: FloatArray, sizes: IntArray, inner: tuple[int, int]) -> FloatArray:
    """Normalised boxes `[N, 4]` of photos of `[N, 2]` sizes, normalised to the input that holds the photo."""
    scale = (np.asarray(inner) / sizes).min(axis=1, keepdims=True)
    share = np.tile(sizes * scale / inner, 2)
    scaled: FloatArray = boxes * share + (1 - share) / 2
    return scaled


def _refused(dataset: Dataset, unsized: BoolArray) -> tuple[Refused, ...]:
    """A refusal for each file with photos of unknown size."""
    places = np.flatnonzero(unsized).tolist()
    images: dict[str, list[str]] = {}
    for place in places:
        images.setdefault(dataset.files[place], []).append(dataset.names[place])
    return tuple((file, _without_size(file, names)) for file, names in images.items())


def _without_size(file: str, names: list[str]) -> InputError:
    more = f" ({len(names) - 1:,} more like it)" if len(names) > 1 else ""
    what = f"does not say how large the photo is, and the photo was not found{more}"
    return InputError(f"{file}, image {names[0]}", what, "Add its width and height, or put the photo beside it.")
