"""The sizes of the photos that were seen, and whose size the boxes of an image are to be held against."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.remembered import once_a_table
from ssdlossdbg.results import BoolArray, FloatArray, IntArray, Objects
from ssdlossdbg.rules import SizeFrom

# Sizes that differ by less move a box by less than a hundredth of the photo.
SAME_SCALE = 0.01
# Of the images that differ from what is declared in one way, so many must have a box beyond the declared size, and so
# many must have all in the photo, before the declaration is what is wrong in all of them.
LEAST_BEYOND, LEAST_FITTING = 0.2, 0.99


@once_a_table
def seen_photos(objects: Objects) -> FloatArray:
    """`[B, 2]` (width, height) of the photo of each image, 0 where it was not seen."""
    return np.array([image.photo_size or (0, 0) for image in objects.images], dtype=float).reshape(-1, 2)


@once_a_table
def reach(objects: Objects) -> FloatArray:
    """`[B, 2]` how far the boxes of each image reach to the right and down, as stated; 0 for an image without any."""
    lengths = np.bincount(objects.image, minlength=len(objects.images))
    farthest = np.zeros((len(lengths), 2))
    full = np.flatnonzero(lengths)
    if len(full):
        starts = (np.cumsum(lengths) - lengths)[full]
        farthest[full] = np.fmax.reduceat(objects.stated[:, 2:], starts)
    return farthest


def are_exchanged(sizes: FloatArray, others: FloatArray) -> BoolArray:
    """`[K]` which sizes, `[K, 2]`, are the others with width and height exchanged, and no squares."""
    alike = np.abs(others[:, ::-1] - sizes) <= SAME_SCALE * sizes
    return np.asarray(alike.all(1) & (np.abs(sizes[:, 0] - sizes[:, 1]) > SAME_SCALE * sizes[:, 0]))


def differ(sizes: FloatArray, others: FloatArray) -> BoolArray:
    """`[K]` which sizes, `[K, 2]`, differ from the others by more than a hundredth in width or height."""
    return np.asarray((np.abs(others - sizes) > SAME_SCALE * sizes).any(1))


@once_a_table
def of_photo(objects: Objects) -> IntArray:
    """`[K]` images whose boxes show that they were drawn on the photo, which has another size than is declared.

    Among the images that differ in one way (by the same factors, or width and height exchanged) enough have a box
    beyond the declared size, and nearly all have all their boxes in the photo.
    """
    declared, photos = objects.image_sizes, seen_photos(objects)
    other = photos.all(1) & differ(declared, photos) & (reach(objects) > 0).any(1)
    images = np.flatnonzero(other & (not objects.saved))
    own, photo, farthest = declared[images], photos[images], reach(objects)[images]
    beyond = (farthest > own * (1 + SAME_SCALE)).any(1)
    fits = (farthest <= photo * (1 + SAME_SCALE)).all(1)
    kind = _kinds(own, photo)
    of, beyond_of, fits_of = (np.bincount(kind, weights=chosen)[kind] for chosen in (None, beyond, fits))
    return images[fits & (beyond_of >= LEAST_BEYOND * of) & (fits_of >= LEAST_FITTING * of)]


@once_a_table
def declared_wrongly(objects: Objects) -> IntArray:
    """`[K]` images of which the photo and the boxes show that the declared size is wrong, and the dialect reads it."""
    reads_it = objects.rules.targets.size_from is SizeFrom.ANNOTATION
    return of_photo(objects) if reads_it else np.zeros(0, dtype=np.int64)


@once_a_table
def spaces(objects: Objects) -> FloatArray:
    """`[B, 2]` the (width, height) that the boxes of each image are to lie in.

    That is the declared size, but for images that show that it is wrong where the dialect's loader looks at the photo:
    then nobody reads what is declared.
    """
    if objects.rules.targets.size_from is SizeFrom.ANNOTATION or not len(of_photo(objects)):
        return objects.image_sizes
    sizes = objects.image_sizes.copy()
    sizes[of_photo(objects)] = seen_photos(objects)[of_photo(objects)]
    return sizes


def _kinds(declared: FloatArray, photos: FloatArray) -> IntArray:
    """`[K]` a number for the way in which each size differs: exchanged, or by which factors."""
    factors = np.round(np.log(photos / declared) / (2 * SAME_SCALE))
    factors[are_exchanged(declared, photos)] = np.inf
    kinds: IntArray = np.unique(factors, axis=0, return_inverse=True)[1].reshape(-1)
    return kinds
