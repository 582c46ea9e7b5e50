"""Files: what could not be read at all, and photos that are not the ones that were annotated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from ssdlossdbg.checks.cases import TableCases, alike, of_images
from ssdlossdbg.checks.photos import SAME_SCALE, are_exchanged, differ, seen_photos, spaces
from ssdlossdbg.checks.registry import Family, refusal_case
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import Case, Objects, Refusal, Severity
from ssdlossdbg.rules import SizeFrom

FILES = Family("FIL", "files")
UNREADABLE = "FIL001"


@FILES.check(1, "file or entry that cannot be read", Severity.ERROR, Refusal)
def unreadable(refusal: Refusal) -> Iterator[Case]:
    """A file, or an entry of one, cannot be read, or is not what it should be.

    What it means:
        The file is missing a part, is damaged, or is written in another way than its format asks for. Where the place
        is an object, a line or an entry, that one alone is left out, and the others are read. Where it is the file,
        nothing in it could be checked: it may be that of a tool whose files are not read here, which is then named.

    Why it matters:
        A data loader that meets the file stops the training, often hours after its start; one that catches the error
        trains without the image, and nobody notices.

    How to tell:
        The reader's own words, with the place in the file: where XML or JSON breaks off, which tag is missing or holds
        text where a number belongs, which coordinate is NaN or infinite, which tensor has another shape.

    How to fix:
        Do what the finding says: correct the place, export the annotation again or in a format that is read, or save
        plain tensors again.

    Where people met it:
        Annotation tools that were closed while they wrote; files edited by hand; downloads that were cut short.
    """
    yield from refusal_case(refusal, "")


@FILES.check(2, "photo of another size than declared", Severity.ERROR, Objects, ("BOX013", "BOX014", "LDR011"))
def other_size(objects: Objects) -> TableCases:
    """A photo has another size than its annotation says.

    What it means:
        The annotation declares a width and a height in pixels, and the photo beside it has others. The boxes were
        drawn on another version of the photo: before it was scaled, cut or turned.

    Why it matters:
        Boxes in pixels become fractions of the image by a division. A codebase that divides by the size of the photo
        gets boxes that are too large or too small and lie in the wrong place, and the network learns them so. One
        that divides by the declared size still gets the right boxes if the photo was only scaled (LDR013).

    How to tell:
        A side of the photo differs from the declared one by more than 1%. If the dialect divides by the declared size,
        only where the photo's width is the declared height, and its height the declared width. If it divides by the
        size of the photo, not where the boxes reach beyond the declared size and yet fit the photo: then only the
        declaration is wrong, and that dialect does not use it. Photos are turned as their EXIF data say where the
        dialect's loader does so; where that is the difference, it is LDR011. Images without objects are passed over.

    How to fix:
        Scale the boxes along with the photo, or take the photo that was annotated. If only the declared size is wrong,
        correct it.

    Where people met it:
        ssd.pytorch divides by the size of the photo that cv2 read, Caffe by the declared one: the same data set, scaled
        down after it was annotated, trains with the one and not with the other.
    """
    annotated = np.bincount(objects.image, minlength=len(objects.images)) > 0
    photos = seen_photos(objects)
    seen = np.flatnonzero(annotated & photos.all(1))
    scales = photos[seen] / objects.image_sizes[seen]
    if objects.rules.targets.size_from is SizeFrom.ANNOTATION:
        wrong = are_exchanged(objects.image_sizes[seen], photos[seen])
    else:
        wrong = differ(spaces(objects)[seen], photos[seen])
    farthest_first = lowest_first(wrong, -np.abs(np.log(scales)).max(1))
    cases = of_images(objects, seen[farthest_first], partial(_other_size, objects))
    return alike(cases, len(seen), "photos")


def _other_size(objects: Objects, position: int) -> Case:
    image = objects.images[position]
    sizes = image.photo_size or image.size, image.size
    photo, declared = (f"{width:g} x {height:g}" for width, height in sizes)
    across, down = (of_photo / stated for of_photo, stated in zip(*sizes, strict=True))
    fix = "Scale the boxes as the photo was, or take the photo that was annotated; if only the declared size is wrong, "
    fix += "correct it."
    if objects.rules.targets.size_from is SizeFrom.ANNOTATION:
        consequence = "it was turned, or the two were exchanged; in both cases the boxes lie in the wrong place"
        fix = "Turn the photo back, or exchange the declared width and height, whichever makes the boxes fit."
    else:
        by = f"{1 / across:.3g}" if abs(across / down - 1) <= SAME_SCALE else f"{1 / across:.3g} and {1 / down:.3g}"
        consequence = f"{objects.rules.name} divides by the photo's size, so every box is stretched by {by}"
    message = f"the photo is {photo} pixels, the annotation says {declared}: {consequence}"
    return Case(objects.place(position), message, photo, declared, fix)


@FILES.check(3, "number given twice", Severity.ERROR, Refusal)
def number_twice(refusal: Refusal) -> Iterator[Case]:
    """Two annotations or two categories of a COCO file have the same id.

    What it means:
        Ids are what COCO's entries are looked up by. Of two with one id, only the last is ever found.

    Why it matters:
        pycocotools lists both annotations for their images, and then hands out the last one for each: its object comes
        twice, if need be in an image where it is not, and the other one is never trained. Of two categories, one has
        the other's name.

    How to tell:
        The id comes up again in `annotations` or in `categories`. All objects are here read as the file lists them.

    How to fix:
        Number the entries anew, from 1.

    Where people met it:
        Files merged from several exports, each of which counts from 1.
    """
    yield from refusal_case(refusal, "FIL003")
