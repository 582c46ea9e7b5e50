"""Boxes written in another layout than they are read in, and image sizes that are declared wrongly."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.boxes.family import BOXES, of_images_together, share_in_words, which_images
from ssdlossdbg.checks.boxes.readings import NAMES, TURNED
from ssdlossdbg.checks.boxes.scaled import other_layouts
from ssdlossdbg.checks.boxes.written import Reading
from ssdlossdbg.checks.cases import TableCases
from ssdlossdbg.checks.photos import are_exchanged, declared_wrongly, reach, seen_photos
from ssdlossdbg.checks.rows import with_objects
from ssdlossdbg.results import Case, IntArray, Objects, Severity, Where
from ssdlossdbg.rules import SizeFrom

UPWARDS, LEFTWARDS = "xyxy-bottom-first", "xyxy-right-first"


@BOXES.check(4, "boxes in another layout", Severity.ERROR, Objects)
def other_layout(objects: Objects) -> TableCases:
    """The four numbers of the boxes mean something else than they are read as.

    What it means:
        There are many ways to write a box in four numbers: (x1, y1, x2, y2), (x, y, width, height), (centre x, centre
        y, width, height), (x1, x2, y1, y2), and each of them with y before x. Read in the wrong way, some boxes come
        out inverted or outside the image. The rest looks sound and is wrong all the same.

    Why it matters:
        Inverted boxes make the loss nan. Those that happen to survive are wrong too, and the network learns them.

    How to tell:
        All images of a run are judged together. Read as they are, at least two boxes and a tenth of all are inverted
        or outside; read in exactly one other way, all lie inside their images, give or take a hundredth of them. Where
        several other ways fit, at least half must be wrong, and all that fit are named. If no way fits all images, the
        same is asked of those with such boxes: a part of the files may be written in another way than the rest. Boxes
        without width or height tell nothing and are left aside. Where none is inverted and few reach out, by little,
        they may be objects that are seen in part: then several must end at a border once they are read otherwise.
        Boxes that name y before x look in numbers as if the declared width and height were exchanged; where no photo
        tells, the finding names both.

    How to fix:
        Convert the boxes to what the loader expects: the finding names what fits, and in which files. Do not swap,
        clip or drop single boxes. Draw one photo's boxes before and after.

    Where people met it:
        pierluigiferrari/ssd_keras#100; sgrvinod/a-PyTorch-Tutorial-to-Object-Detection#53.
    """
    found = other_layouts(objects)

    def tell(number: int, where: Where) -> Case:
        reading = found[number]
        if _may_be_exchanged(objects, reading):
            return _perhaps_exchanged(objects, reading, where)
        names = " or ".join(NAMES[name] for name in reading.layouts)
        which = which_images(objects, reading.images)
        message = (
            f"{reading.misfits:,} of {reading.boxes:,} boxes{which} are inverted or outside the image when they are "
            f"read as {NAMES[objects.layout]}; read as {names} all lie inside"
        )
        fix = f"Convert them from {names} before the loss sees them."
        if len(reading.layouts) > 1:
            fix = f"Draw a photo's boxes to see which it is, and convert them from {names}."
        elif reading.layouts == (TURNED[objects.layout],) and not objects.saved:
            message += ", and so they do if x was multiplied by the height and y by the width"
            fix = f"Draw a photo's boxes: convert them from {names} if that fits, else scale each axis anew."
        elif UPWARDS in reading.layouts:
            message += ", and so they do if y counts from the lower edge"
            fix = "Draw a photo's boxes: swap y1 and y2 in all, or take each from the height if y counts from below."
        elif LEFTWARDS in reading.layouts:
            message += ", as a flip leaves them that mirrors both ends and does not exchange them"
            fix = "Swap x1 and x2 in all; a flip gives x1 = width - x2 and x2 = width - x1."
        elif (objects.image_sizes[reading.images, 0] == objects.image_sizes[reading.images, 1]).all():
            fix += " Draw a photo's boxes: that x comes before y is likely, but numbers alone do not show it here."
        if reading.undecided:
            fix += " The other images fit both: draw the boxes of some to see whether they are written alike."
        elif not reading.whole:
            fix += " Leave the other images as they are."
        return Case(where, message, reading.misfits / reading.boxes, 0.0, fix)

    return of_images_together(objects, [reading.images for reading in found], tell)


@BOXES.check(13, "declared size that is wrong", Severity.ERROR, Objects)
def wrong_size(objects: Objects) -> TableCases:
    """The annotation declares another width and height than the boxes were drawn in.

    What it means:
        The boxes are right, and the size written beside them is not: mostly width and height are exchanged, as happens
        where `image.shape` is read as (width, height).

    Why it matters:
        Codebases that divide by the declared size (Caffe, TensorFlow's) get boxes that reach out of the image. Those
        that divide by the photo's own size never read the declared one, and train well. Whoever takes the boxes to be
        written as y1 x1 y2 x2, which looks the same in numbers, and converts them, ruins sound boxes.

    How to tell:
        The photo is there and has another size than is declared, its boxes lie inside it, and some reach beyond the
        declared size. Only a dialect that divides by the declared size is told. Without photos numbers alone cannot
        tell an exchanged size from boxes that name y before x: see BOX004.

    How to fix:
        Write the photo's real width and height. Leave the boxes as they are.

    Where people met it:
        fanq15/Few-Shot-Object-Detection-Dataset#21.
    """
    images = declared_wrongly(objects)

    def tell(_: int, where: Where) -> Case:
        return _wrong_size(objects, images, where)

    return of_images_together(objects, [images] if len(images) else [], tell)


def _may_be_exchanged(objects: Objects, reading: Reading) -> bool:
    """Whether the declared width and height may be exchanged instead of the boxes turned; photos would tell."""
    only_turned = reading.layouts == (TURNED[objects.layout],)
    return only_turned and not objects.saved and not seen_photos(objects)[reading.images].all(1).any()


def _perhaps_exchanged(objects: Objects, reading: Reading, where: Where) -> Case:
    width, height = objects.image_sizes[reading.images[0]].tolist()
    turned = NAMES[TURNED[objects.layout]]
    which = which_images(objects, reading.images)
    message = (
        f"{reading.misfits:,} of {reading.boxes:,} boxes{which} are inverted or outside the image when they are read "
        f"as {NAMES[objects.layout]}; all lie inside if the declared width and height ({width:g} x {height:g}) are "
        f"exchanged, and so they do read as {turned}"
    )
    harmless = ""
    if objects.rules.targets.size_from is SizeFrom.PHOTO:
        harmless = f"; {objects.rules.name} reads the photo's size, so that the former does it no harm"
    fix = (
        f"Look at the photo: if it is {height:g} x {width:g}, exchange <width> and <height> and leave the boxes; if it "
        f"is {width:g} x {height:g}, convert the boxes from {turned}."
    )
    return Case(where, message + harmless, reading.misfits / reading.boxes, 0.0, fix)


def _wrong_size(objects: Objects, images: IntArray, where: Where) -> Case:
    declared, photos = objects.image_sizes[images], seen_photos(objects)[images]
    beyond = images[(reach(objects)[images] > declared).any(1)]
    worst = np.searchsorted(images, beyond[0])
    (width, height), (real_width, real_height) = declared[worst].tolist(), photos[worst].tolist()
    image = objects.images[int(beyond[0])]
    name = image.file.replace("\\", "/").rpartition("/")[2] if image.name is None else image.name
    verb = "declare" if len(images) > 1 else "declares"
    exchanged = bool(are_exchanged(declared, photos).all())
    what = "width and height exchanged" if exchanged else "another size than the photo's"
    number = share_in_words(len(images), len(with_objects(objects)), "images")
    message = (
        f"{number} {verb} {what} ({name}: {width:g} x {height:g}, and the photo is {real_width:g} x {real_height:g}): "
        f"the boxes lie inside the photo, and {objects.rules.name} divides by the declared size"
    )
    fix = "Write the photo's width and height; the boxes are right, leave them as they are."
    return Case(where, message, f"{width:g} x {height:g}", f"{real_width:g} x {real_height:g}", fix)
