"""Objects that the loader drops for their boxes, or trains on though they are marked."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.cases import TableCases, alike, of_files, of_images
from ssdlossdbg.checks.loader.family import LOADER, some
from ssdlossdbg.checks.rows import by_file
from ssdlossdbg.results import Case, Objects, Severity, Where
from ssdlossdbg.rules import Clipping, Difficult

# What a loader drops, in words, by its rule.
DROPS = {
    Clipping.NONE: "with too short a side",
    Clipping.DROP_EMPTY: "without an area",
    Clipping.DROP_UNDER_PIXEL: "outside the declared size or thinner than a pixel",
    Clipping.DROP_PAST_END: "that has no area or ends beyond the declared size",
    Clipping.DROP_BEYOND: "that has no area or reaches out of the declared size",
    Clipping.CLIP_LAST_PIXEL: "without an area inside the declared size",
}


@LOADER.check(14, "box that the loader drops", Severity.WARNING, Objects)
def dropped_box(objects: Objects) -> TableCases:
    """This codebase's loader drops an object for its box, with no more than a line in a log.

    What it means:
        The box has no area, reaches out of the declared size, or is thinner than a pixel. Some loaders drop such
        objects, others clip them, most hand them on (BOX001, BOX008).

    Why it matters:
        The object is in no loss, and the network is trained to see background where it is. No error tells of it.

    How to tell:
        By the rule that `clip`, `clip_coco` and `smallest_side` state under the dialect's [loader].

    How to fix:
        Correct the box, or clip it to the image. GluonCV subtracts 1 from Pascal VOC first, so that a box that begins
        at 0 is dropped, too: count from 1.

    Where people met it:
        dmlc/gluon-cv#741 and #1481: "xmin must in [0, width), given -1".
    """
    loader, coco = objects.rules.loader, objects.reading.mark == "crowd"
    images = [position for position, image in enumerate(objects.images) if image.discarded]

    def describe(position: int) -> Case:
        dropped = objects.images[position].discarded
        names = ", ".join(f"{index} ({label})" for index, label in dropped)
        rule = DROPS[loader.clip_coco if coco else loader.clip]
        message = f"{objects.rules.name} drops a box {rule}: object {names}"
        return Case(objects.place(position), message, len(dropped), 0, "Correct the box, or clip it to the image.")

    return of_images(objects, np.array(images, dtype=np.int64), describe)


@LOADER.check(15, "marked objects that are trained on", Severity.NOTE, Objects)
def kept_marks(objects: Objects) -> TableCases:
    """Crowds, groups or difficult objects, which others leave out, are objects like any other to this loader.

    What it means:
        COCO marks a box around many objects with iscrowd, Open Images with IsGroupOf, Pascal VOC marks what is hard to
        recognise as difficult. This codebase's loader does not look at the mark, or misses it.

    Why it matters:
        Priors are trained to answer a crowd with one large box. The evaluation of COCO ignores crowds, so that it does
        not show.

    How to tell:
        Objects have the mark, and the dialect says `crowds = "keep"` or `groups = "keep"` under [loader], or `difficult
        = "unseen"` under [targets].

    How to fix:
        Nothing, to train as that codebase does. Else drop the objects in the loader.

    Where people met it:
        ssd.pytorch's data/coco.py and NVIDIA's ssd/utils.py never look at iscrowd, pytorch-ssd's open_images.py never
        at IsGroupOf. balancap/SSD-Tensorflow asks `if obj.find('difficult')`, which is false for an element without
        children, so that no object is ever difficult.
    """
    unseen = objects.rules.targets.difficult is Difficult.UNSEEN
    files = by_file(objects)
    marked = objects.marked if objects.marked is not None else np.zeros(len(objects.image), dtype=np.bool_)
    counts = files.count(marked & (unseen or objects.reading.mark != "difficult"))

    def describe(file: int) -> Case:
        number = int(counts[file])
        what = some(number, int(files.sizes[file]), "object")
        message = f"{what} marked as {objects.reading.mark}: {objects.rules.name} trains on such as on any other"
        return Case(Where(objects.files[file]), message, number, 0, "Nothing, or drop them in the loader.")

    return alike(of_files(objects, np.flatnonzero(counts), describe), files.total, "files")
