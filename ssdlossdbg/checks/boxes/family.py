"""What the checks of boxes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ssdlossdbg.checks.cases import TableCases, common_place, of_sets
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.checks.rows import with_objects
from ssdlossdbg.results import BoolArray, Case, IntArray, Objects, Where

BOXES = Family("BOX", "boxes")

# Fractions of an image end at 1, a little beyond where a box reaches out; pixels begin far above.
LARGEST_FRACTION = 2.0
# What explains all or most boxes of an image, so that nothing need be said of them one by one.
WHOLE_SETS = ("BOX004", "BOX005", "BOX006", "BOX013", "BOX014")
MOST_NAMED = 3


def taking_part(objects: Objects) -> BoolArray:
    """`[N]` whether an object is one to the loss: the background counts only where the dialect makes it a positive."""
    return np.asarray((objects.class_id > 0) | (objects.positives > 0))


def corners_in_words(objects: Objects, row: int) -> str:
    """The corners of an object's box, with their unit."""
    return ",".join(f"{value:.4g}" for value in objects.pixels(row)) + " px"


def of_images_together(objects: Objects, sets: Sequence[IntArray], tell: Callable[[int, Where], Case]) -> TableCases:
    """A case for each set of images, at the file or the folder of them.

    Args:
        objects: the table.
        sets: the images of each, the worst first.
        tell: the case of a set, given its number and place.
    """

    def describe(number: int) -> Case:
        files = dict.fromkeys(objects.file[sets[number]].tolist())
        return tell(number, Where(common_place([objects.files[file] for file in files])))

    return of_sets(objects, sets, describe)


def which_images(objects: Objects, images: IntArray) -> str:
    """Some images in words that follow how many boxes they have: nothing where they are all that have boxes."""
    annotated = with_objects(objects)
    if len(images) >= len(annotated):
        return ""
    many_in_file = objects.images[int(images[0])].name is not None
    noun = "images" if many_in_file else "files"
    own = [objects.images[place] for place in images[:MOST_NAMED].tolist()]
    names = [str(image.name) if many_in_file else image.file.replace("\\", "/").rpartition("/")[2] for image in own]
    more = f" and {len(images) - len(own)} more" if len(images) > len(own) else ""
    return f" in {len(images)} of {len(annotated)} {noun} ({', '.join(names)}{more})"


def share_in_words(some: int, of: int, noun: str = "boxes") -> str:
    """How many of how many; just how many where it is all."""
    noun = noun.removesuffix("es") if of == 1 and noun == "boxes" else noun.removesuffix("s") if of == 1 else noun
    return f"{of:,} {noun}" if some == of else f"{some:,} of {of:,} {noun}"
