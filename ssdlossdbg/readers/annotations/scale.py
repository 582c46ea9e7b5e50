"""Annotated objects as a codebase's own data loader would hand them to the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.annotations.contract import clipped, dropped, read_numbers, rounded
from ssdlossdbg.readers.annotations.photo_files import sizes_seen
from ssdlossdbg.readers.annotations.table import IGNORED, Dataset, LeftOutError, Refused, taken
from ssdlossdbg.results import BoolArray, FloatArray, IntArray
from ssdlossdbg.rules import Dialect, SizeFrom


@dataclass(frozen=True, eq=False)
class Scaled:
    """N objects of B images, image after image.

    Attributes:
        rows: int64 `[N]`, their rows in the dataset.
        image: int64 `[N]`, ascending.
        boxes: float64 `[N, 4]`, xyxy, normalised as the loader does.
        stated: float64 `[N, 4]`, xyxy as the file says, in pixels wherever the size of the photo is known.
        spaces: int64 `[B, 2]`, (width, height) of what `stated` is in: the declared size, else the photo's, else 1.
        photo_sizes: int64 `[B, 2]`, those of the photos that were seen, turned as the loader turns them; 0 for others.
        orientations: int64 `[B]`, how EXIF data turn those photos; 1 where they do not, 0 for unseen photos.
        sizes: int64 `[B, 2]`, those of the photos, else those declared; 0 where neither is known.
        left_out: int64 `[L]`, rows of the dataset that the loader drops for their mark: difficult, crowd, group.
        discarded: int64 `[D]`, rows that it drops for their boxes.
        unlisted: int64 `[B]`, how many objects of each image a list of some classes filters out.
        unusable: int64 `[B]`, how many more objects of each image are not among the N, `unlisted` included.
        refused: images whose boxes cannot be scaled; their objects are not among the N.
    """

    rows: IntArray
    image: IntArray
    boxes: FloatArray
    stated: FloatArray
    spaces: IntArray
    photo_sizes: IntArray
    orientations: IntArray
    sizes: IntArray
    left_out: IntArray
    discarded: IntArray
    unlisted: IntArray
    unusable: IntArray
    refused: tuple[Refused, ...]


def scale_like(
    dataset: Dataset,
    rules: Dialect,
    photos: IntArray,
    input_size: tuple[int, int],
    letterbox: tuple[int, int] | None = None,
) -> Scaled:
    """Read a dataset as the codebase does: its numbers, pixel offset and divisor, and what it drops.

    Pixels are divided by the size of the photo or by the declared one, whichever the codebase looks at; by the other
    one where that is not known. Objects of a class that is not in the list take no part.

    Args:
        dataset: what was annotated.
        rules: the dialect, for what its loader does.
        photos: `[B, 3]` as of `photo_sizes`.
        input_size: (width, height) of the network's input, for loaders that round to its pixels.
        letterbox: (width, height) of an input that photos are scaled into as a whole, in its middle; None where they
            are stretched to it, as the paper and every dialect does.
    """
    declared: IntArray = dataset.sizes
    fractions, spec = dataset.format.fractions, rules.targets
    seen = sizes_seen(photos, rules.loader.orientation)
    sizes = np.where(seen > 0, seen, declared)
    spaces = np.where(declared > 0, declared, seen)
    unsized = (sizes == 0).any(1) & (np.bincount(dataset.image, minlength=len(sizes)) > 0)
    unsized &= not fractions or letterbox is not None
    known, marked = dataset.class_index >= 0, dropped(dataset, rules)
    if dataset.format.mark == IGNORED:
        known = known | marked
    rows = np.flatnonzero(known & ~marked & ~unsized[dataset.image])
    image = taken(dataset.image, rows)
    stated: FloatArray = taken(dataset.boxes, rows)
    kept = np.ones(len(rows), dtype=np.bool_)
    if fractions:
        with np.errstate(over="ignore"):  # of fractions beyond all bounds, which are no box then
            boxes, stated = stated, stated * np.tile(spaces.clip(1)[image], 2)
    else:
        divisor = spaces if spec.size_from is SizeFrom.ANNOTATION else sizes
        offset = spec.voc_pixel_offset if dataset.format.one_based else 0.0
        boxes = read_numbers(stated, dataset, rows, rules) + offset
        boxes, kept = clipped(boxes, spaces[image], dataset, rules)
        boxes = boxes / np.tile(divisor[image], 2)
    if letterbox:
        boxes = _into_letterbox(boxes, sizes[image], letterbox)
    boxes, large = rounded(boxes, input_size, rules)
    staying = np.flatnonzero(large & kept)
    discarded = np.setdiff1d(rows, taken(rows, staying)) if len(staying) < len(rows) else rows[:0]
    rows, image, boxes, stated = (
        taken(rows, staying),
        taken(image, staying),
        taken(boxes, staying),
        taken(stated, staying),
    )
    left_out = np.flatnonzero(known & marked)
    filtered = ~known & np.array([label in dataset.filtered for label in dataset.labels], dtype=np.bool_)[dataset.label]
    parts = (dataset.image, image, dataset.image[left_out], dataset.image[discarded], dataset.image[filtered])
    every, used, dropped_of, discarded_of, unlisted = (np.bincount(of, minlength=len(sizes)) for of in parts)
    return Scaled(
        rows=rows,
        image=image,
        boxes=boxes,
        stated=stated,
        spaces=spaces.clip(1),
        photo_sizes=seen,
        orientations=photos[:, 2],
        sizes=sizes,
        left_out=left_out,
        discarded=discarded,
        unlisted=unlisted,
        unusable=every - used - dropped_of - discarded_of + (0 if dataset.unread is None else dataset.unread),
        refused=_refused(dataset, unsized),
    )


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
    what = "does not say how large the photo is, and the photo was not found"
    first = InputError(f"{file}, image {names[0]}", what, "Add its width and height, or put the photo beside it.")
    return LeftOutError(first, len(names))
