"""Tags without which a loader raises."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.checks.cases import TableCases, alike, of_files, of_images
from ssdlossdbg.checks.loader.family import COCO, LOADER, VOC, some, written
from ssdlossdbg.checks.rows import by_file
from ssdlossdbg.results import MISSING, Case, Objects, Severity, Trait, Where
from ssdlossdbg.rules import SizeFrom, Tag

IN_COCO = {
    Tag.AREA: '"area" of an object',
    Tag.ISCROWD: '"iscrowd" of an object',
    Tag.SIZE: '"width" and "height" of an image',
}
OF_OBJECTS = (Tag.DIFFICULT, Tag.TRUNCATED, Tag.POSE)


@LOADER.check(4, "tag that the loader needs", Severity.ERROR, Objects)
def missing_tag(objects: Objects) -> TableCases:
    """A file lacks a tag or key that this codebase's loader looks into without asking whether it is there.

    What it means:
        Annotation tools leave out what they do not know: <difficult>, <truncated>, <pose>, <size>, <depth>, <folder>;
        "area" and "iscrowd" in COCO. Which of them are needed depends on the loader alone; a file that trains with one
        codebase stops another.

    Why it matters:
        The loader raises when the image comes up: AttributeError: 'NoneType' object has no attribute 'text', say, which
        names neither the file nor the tag; or KeyError: 'iscrowd'.

    How to tell:
        The tag is among `required_tags` (Pascal VOC) or `required_keys` (COCO) under the dialect's [loader], and not in
        the file. Keys of COCO are counted over the whole file.

    How to fix:
        Add the tag: <difficult>0</difficult>, <truncated>0</truncated>, <pose>Unspecified</pose>; "iscrowd": 0, and
        width times height for "area"; or let the loader
        take 0 where it finds none.

    Where people met it:
        amdegroot/ssd.pytorch's data/voc0712.py:59 needs <difficult>, and never looks at <size>; ssd_keras needs
        <folder>, <pose> and <truncated>, too; SSD.TensorFlow needs <size> with <depth>, and no <difficult>.
    """
    loader, coco = objects.rules.loader, objects.reading.format == COCO
    required = loader.required_keys if coco else loader.required_tags if objects.reading.format == VOC else ()
    files = by_file(objects)
    traits = np.zeros(files.total, dtype=np.int64)
    np.bitwise_or.at(traits, objects.file, np.array([image.traits for image in objects.images], dtype=np.int64))
    lacking = {
        tag: files.count(written(objects, MISSING[tag])) if tag in OF_OBJECTS else traits & MISSING[tag] > 0
        for tag in required
    }
    bad = np.flatnonzero(sum(lacking.values(), start=np.zeros(files.total, dtype=np.int64)))

    def describe(file: int) -> Case:
        tags = [tag for tag in required if lacking[tag][file]]
        parts = [_lacks(tag, int(lacking[tag][file]), int(files.sizes[file])) for tag in tags]
        if coco:
            parts = [IN_COCO[tag] for tag in tags]
        raised = "KeyError" if coco else loader.missing_tag
        said = ", ".join(parts if coco else [f"<{tag}>" for tag in tags])
        message = (
            f"there is no {' and no '.join(parts)}: {objects.rules.name} looks into "
            f"{'it' if len(tags) == 1 else 'them'} all the same, and raises {raised}"
        )
        return Case(Where(objects.files[file]), message, None, said, f"Add {said}, or let the loader do without.")

    kinds = sum((2**place * (lacking[tag] > 0)[bad] for place, tag in enumerate(required)), start=np.zeros_like(bad))
    return alike(of_files(objects, bad, describe), files.total, "files", kinds)


@LOADER.check(5, "declared size of 0", Severity.ERROR, Objects)
def zero_size(objects: Objects) -> TableCases:
    """A file declares a width or a height of 0, and this codebase's loader divides by it.

    What it means:
        Some tools write <width>0</width> where they did not open the photo.

    Why it matters:
        The loader divides every coordinate by it: a ZeroDivisionError in Python, a failed CHECK in Caffe. A loader that
        divides by the size of the photo never notices.

    How to tell:
        <width> or <height> is 0 or less, and the dialect says `size_from = "annotation"` under [targets].

    How to fix:
        Write the photo's real size.

    Where people met it:
        ssd.pytorch divides by the photo's size (data/voc0712.py:127), the TensorFlow object detection API by the
        declared one (create_pascal_tf_record.py:95-96).
    """
    divides = objects.rules.targets.size_from is SizeFrom.ANNOTATION
    images = [place for place, image in enumerate(objects.images) if divides and image.traits & Trait.ZERO_SIZE]

    def describe(position: int) -> Case:
        image = objects.images[position]
        message = f"it declares a width or height of 0, by which {objects.rules.name} divides the boxes"
        size = "{} x {}".format(*image.photo_size) if image.photo_size else ""
        return Case(
            objects.place(position), message, 0, None, f"Write the photo's real size, {size}.".replace(", .", ".")
        )

    zero = of_images(objects, np.array(images, dtype=np.int64), describe)
    return alike(zero, len(objects.images), "files", fix="Write the photos' real sizes.")


def _lacks(tag: Tag, number: int, of: int) -> str:
    return f"<{tag}> in {some(number, of, 'object')}" if tag in OF_OBJECTS else f"<{tag}>"
