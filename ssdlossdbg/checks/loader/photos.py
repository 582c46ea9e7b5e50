"""Photos that the loader sees otherwise than the annotation tool showed them."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.cases import TableCases, alike, of_images
from ssdlossdbg.checks.loader.family import LOADER
from ssdlossdbg.checks.photos import SAME_SCALE, are_exchanged, of_photo, seen_photos
from ssdlossdbg.results import BoolArray, Case, FloatArray, IntArray, Objects, Severity
from ssdlossdbg.rules import Orientation, SizeFrom

UPRIGHT, SIDEWAYS = 1, 5  # of EXIF's orientations; from the second on they swap width and height


@LOADER.check(11, "photo turned by its EXIF data", Severity.ERROR, Objects, ("BOX004", "BOX005", "BOX006"))
def turned(objects: Objects) -> TableCases:
    """The boxes were drawn on a photo that was turned, and the loader sees it unturned; or the other way round.

    What it means:
        A camera held upright stores the photo lying, with a note in its EXIF data of how to turn it. Some programs do
        so, some do not. The size that the annotation declares is the one that its tool saw, and the loader sees the
        other.

    Why it matters:
        Every box lies in the wrong place of what the network sees, and the network learns that.

    How to tell:
        The EXIF data swap width and height, and the declared size is that of the photo as the loader does not see it
        (`orientation` under the dialect's [loader]). Where the dialect divides by the size of the photo, and the boxes
        reach beyond the declared size but fit the photo as it is seen, only the declaration is wrong.

    How to fix:
        If the tool showed it turned: store the photo so, and remove its EXIF orientation (ImageOps.exif_transpose of
        Pillow does both). If the tool showed it unturned: remove the orientation alone.

    Where people met it:
        HumanSignal/labelImg#198 and #376. cv2.imread turns (ssd.pytorch, pytorch-ssd, MMDetection); PIL's Image.open
        and tf.image.decode_jpeg do not (lufficc/SSD, ssd_keras, torchvision, TensorFlow).
    """
    seen, wrong = _otherwise(objects)
    turns = objects.rules.loader.orientation is Orientation.TURN

    def describe(position: int) -> Case:
        image = objects.images[position]
        assert image.photo_size is not None
        shown, declared = ("{:g} x {:g}".format(*size) for size in (image.photo_size, image.size))
        does = f"{objects.rules.name} {'turns it' if turns else 'does not turn it'}"
        message = (
            f"EXIF data turn the photo: {does} and sees {shown} pixels, the annotation is of {declared}, so the boxes "
            "lie in the wrong place"
        )
        fix = "Remove the photo's EXIF orientation." if turns else "Store the photo turned, without EXIF orientation."
        return Case(objects.place(position), message, shown, declared, fix)

    fix = "Remove the photos' EXIF orientation." if turns else "Store the photos turned, without EXIF orientation."
    return alike(of_images(objects, seen[wrong], describe), len(seen), "photos", fix=fix)


@LOADER.check(12, "photo that EXIF data turn", Severity.NOTE, Objects)
def perhaps_turned(objects: Objects) -> TableCases:
    """EXIF data turn or mirror a photo, and nothing tells whether the boxes were drawn on it as the loader sees it.

    What it means:
        The photo is stored otherwise than it is meant to be seen. Its size is the same in both cases (it stands on its
        head, is mirrored, or is square), or the annotation declares none.

    Why it matters:
        Where the annotation tool and the loader do not agree about turning it, all boxes lie in the wrong place.

    How to tell:
        EXIF's orientation is not 1, and the declared size does not settle which way the tool showed the photo.

    How to fix:
        Look at one: `ssdlossdbg match` draws the boxes on the photo as the dialect's loader sees it. If they are wrong,
        store the photos as the tool showed them and remove their EXIF orientation.

    Where people met it:
        HumanSignal/labelImg#198 and #376.
    """
    seen, wrong = _otherwise(objects)
    settled = np.zeros(len(objects.images), dtype=np.bool_)
    settled[seen[wrong]] = True
    annotated = np.bincount(objects.image, minlength=len(objects.images)) > 0
    orientation = np.array([image.orientation for image in objects.images], dtype=np.int64)
    agrees = np.zeros(len(objects.images), dtype=np.bool_)
    agrees[seen] = _sideways(objects, seen) & ~wrong
    undecided = annotated & (orientation > UPRIGHT) & ~settled & ~agrees
    turns = objects.rules.loader.orientation is Orientation.TURN

    def describe(position: int) -> Case:
        does = "turns it so" if turns else "does not turn it"
        number = int(orientation[position])
        message = f"EXIF data say how to turn the photo (orientation {number}), and {objects.rules.name} {does}"
        fix = "Look at it with ssdlossdbg match, if your annotation tool may have shown it otherwise."
        return Case(objects.place(position), message, number, UPRIGHT, fix)

    return alike(of_images(objects, np.flatnonzero(undecided), describe), len(seen), "photos")


@LOADER.check(13, "photo of another shape than declared", Severity.NOTE, Objects)
def squashed(objects: Objects) -> TableCases:
    """A photo was scaled by different factors in width and height after it was annotated; this loader does not mind.

    What it means:
        The photo was squashed to 300 x 300, say, and its annotation left at 640 x 480. This codebase divides by the
        declared size, so that boxes are the same fractions of either.

    Why it matters:
        It does not, if the photo was scaled as a whole. If it was cut, all boxes lie in the wrong place; and a codebase
        that divides by the photo's size gets other boxes in either case (FIL002).

    How to tell:
        Width and height of the photo differ from the declared ones by different factors, and the dialect says
        `size_from = "annotation"` under [targets].

    How to fix:
        Nothing, if the photo was scaled. Else take the photo that was annotated.

    Where people met it:
        Caffe's SSD and the TensorFlow object detection API read squashed photos with annotations of the original ones.
    """
    seen, photos, declared = _seen(objects)
    scales = photos / declared
    shape = np.abs(scales[:, 0] / scales[:, 1] - 1) > SAME_SCALE
    swapped = are_exchanged(declared, photos) | np.isin(seen, of_photo(objects))
    divides = objects.rules.targets.size_from is SizeFrom.ANNOTATION

    def describe(position: int) -> Case:
        image = objects.images[position]
        assert image.photo_size is not None
        photo, stated = ("{:g} x {:g}".format(*size) for size in (image.photo_size, image.size))
        message = (
            f"the photo is {photo} pixels, the annotation says {stated}, by which {objects.rules.name} divides: the "
            "boxes are right if the photo was scaled, and wrong if it was cut"
        )
        return Case(objects.place(position), message, photo, stated, "Nothing, if the photo was scaled as a whole.")

    return alike(of_images(objects, seen[shape & ~swapped & divides], describe), len(seen), "photos")


def _sideways(objects: Objects, seen: IntArray) -> BoolArray:
    """`[K]` whether EXIF data swap the sides of photos that were seen, `[K]`, and these are not the same."""
    images = [objects.images[position] for position in seen.tolist()]
    sizes = np.array([image.size for image in images], dtype=float).reshape(-1, 2)
    declares = np.array([image.declares_size for image in images], dtype=np.bool_)
    swap = np.array([image.orientation >= SIDEWAYS for image in images], dtype=np.bool_)
    return np.asarray(swap & (np.abs(sizes[:, 0] / sizes[:, 1] - 1) > SAME_SCALE) & declares)


def _otherwise(objects: Objects) -> tuple[IntArray, BoolArray]:
    """The images whose photo was seen, `[K]`, and of which of them the declared size is that of the photo turned."""
    seen, photos, declared = _seen(objects)
    wrong = _sideways(objects, seen) & are_exchanged(declared, photos) & ~np.isin(seen, of_photo(objects))
    return seen, np.asarray(wrong)


def _seen(objects: Objects) -> tuple[IntArray, FloatArray, FloatArray]:
    """The annotated images whose photo was seen, `[K]`, the photos' sizes and the boxes' spaces, `[K, 2]` each."""
    annotated = np.bincount(objects.image, minlength=len(objects.images)) > 0
    photos = seen_photos(objects)
    seen = np.flatnonzero(annotated & photos.all(1))
    return seen, photos[seen], objects.image_sizes[seen]
