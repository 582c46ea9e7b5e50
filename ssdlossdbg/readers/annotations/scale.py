"""Annotated objects as a codebase's own data loader would hand them to the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.table import Dataset, Refused, taken
from ssdlossdbg.results import BoolArray, FloatArray, IntArray
from ssdlossdbg.rules import Difficult, SizeFrom, TargetSpec


@dataclass(frozen=True, eq=False)
class Scaled:
    """N objects of B images, image after image.

    Attributes:
        rows: int64 `[N]`, their rows in the dataset.
        image: int64 `[N]`, ascending.
        boxes: float64 `[N, 4]`, xyxy, normalised as the loader does.
        stated: float64 `[N, 4]`, xyxy as the file says, in pixels wherever the size of the photo is known.
        spaces: int64 `[B, 2]`, (width, height) of what `stated` is in: the declared size, else the photo's, else 1.
        photo_sizes: int64 `[B, 2]`, those of the photos that were seen; 0 for the others.
        sizes: int64 `[B, 2]`, those of the photos, else those declared; 0 where neither is known.
        left_out: int64 `[L]`, rows of the dataset that the loader drops.
        unusable: int64 `[B]`, how many more objects of each image are not among the N.
        refused: images whose boxes cannot be scaled; their objects are not among the N.
    """

    rows: IntArray
    image: IntArray
    boxes: FloatArray
    stated: FloatArray
    spaces: IntArray
    photo_sizes: IntArray
    sizes: IntArray
    left_out: IntArray
    unusable: IntArray
    refused: tuple[Refused, ...]


def scale_like(
    dataset: Dataset, spec: TargetSpec, photo_sizes: IntArray, letterbox: tuple[int, int] | None = None
) -> Scaled:
    """Read a dataset as the codebase does: its pixel offset, its divisor, its handling of difficult objects.

    Pixels are divided by the size of the photo or by the declared one, whichever the codebase looks at; by the other
    one where that is not known. Objects of a class that is not in the list take no part.

    Args:
        dataset: what was annotated.
        spec: the codebase's habits.
        photo_sizes: `[B, 2]` (width, height) of the photos in pixels, 0 for those that were not seen.
        letterbox: (width, height) of an input that photos are scaled into as a whole, in its middle; None where they
            are stretched to it, as the paper and every dialect does.
    """
    declared: IntArray = dataset.sizes
    fractions = dataset.format.fractions
    sizes = np.where(photo_sizes > 0, photo_sizes, declared)
    spaces = np.where(declared > 0, declared, photo_sizes)
    unsized = (sizes == 0).any(1) & (np.bincount(dataset.image, minlength=len(sizes)) > 0)
    unsized &= not fractions or letterbox is not None
    known, dropped = dataset.class_index >= 0, _dropped(dataset, spec)
    rows = np.flatnonzero(known & ~dropped & ~unsized[dataset.image])
    image = taken(dataset.image, rows)
    stated: FloatArray = taken(dataset.boxes, rows)
    if fractions:
        boxes, stated = stated, stated * np.tile(spaces.clip(1)[image], 2)
    else:
        divisor = spaces if spec.size_from is SizeFrom.ANNOTATION else sizes
        offset = spec.voc_pixel_offset if dataset.format.one_based else 0.0
        boxes = (stated + offset) / np.tile(divisor[image], 2)
    if letterbox:
        boxes = _into_letterbox(boxes, sizes[image], letterbox)
    left_out = np.flatnonzero(known & dropped)
    images = (dataset.image, image, dataset.image[left_out])
    every, used, dropped_of = (np.bincount(of, minlength=len(sizes)) for of in images)
    return Scaled(
        rows=rows,
        image=image,
        boxes=boxes,
        stated=stated,
        spaces=spaces.clip(1),
        photo_sizes=photo_sizes,
        sizes=sizes,
        left_out=left_out,
        unusable=every - used - dropped_of + (0 if dataset.unread is None else dataset.unread),
        refused=_refused(dataset, unsized),
    )


def _dropped(dataset: Dataset, spec: TargetSpec) -> BoolArray:
    return dataset.difficult & (spec.difficult is Difficult.DROP)


def _into_letterbox(boxes: FloatArray, sizes: IntArray, inner: tuple[int, int]) -> FloatArray:
    """Normalised boxes `[N, 4]` of photos of `[N, 2]` sizes, normalised to the input that holds the photo."""
    scale = (np.asarray(inner) / sizes).min(axis=1, keepdims=True)
    share = np.tile(sizes * scale / inner, 2)
    scaled: FloatArray = boxes * share + (1 - share) / 2
    return scaled


def _refused(dataset: Dataset, unsized: BoolArray) -> tuple[Refused, ...]:
    """A refusal for each file with photos of unknown size."""
    images: dict[str, list[int]] = {}
    for place in np.flatnonzero(unsized).tolist():
        images.setdefault(dataset.files[place], []).append(place)
    return tuple(
        Refused(file, _without_size(file, [dataset.names[place] for place in places]), frozenset(places))
        for file, places in images.items()
    )


def _without_size(file: str, names: list[str]) -> InputError:
    more = f" ({len(names) - 1:,} more like it)" if len(names) > 1 else ""
    what = f"does not say how large the photo is, and the photo was not found{more}"
    return InputError(f"{file}, image {names[0]}", what, "Add its width and height, or put the photo beside it.")
