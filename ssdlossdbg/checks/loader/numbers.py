"""Coordinates whose text the loader cannot read, or takes for another number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ssdlossdbg.checks.boxes.unsound import NAMES
from ssdlossdbg.checks.cases import TableCases, alike, of_files, of_rows
from ssdlossdbg.checks.loader.family import LOADER, VOC, some, written
from ssdlossdbg.checks.rows import by_file
from ssdlossdbg.results import ANY_POINT, POINTS, Case, Objects, Severity, Where
from ssdlossdbg.rules import Numbers, Rounding

# Files whose numbers are no corners in pixels, which are to be rounded only once they are.
OTHERWISE = ("BOX004", "BOX006")
ROUND = "Round the coordinates to whole pixels when the file is written"
FIXES = {
    Numbers.INT: f"{ROUND}, or read them with float(text) in the loader.",
    Numbers.INT_OR_ZERO: f"{ROUND}.",
}


@LOADER.check(1, "number that the loader cannot read", Severity.ERROR, Objects, OTHERWISE)
def refused_number(objects: Objects) -> TableCases:
    """A coordinate has a point, and this codebase's loader reads whole numbers alone.

    What it means:
        The XML says <xmin>260.37</xmin>. The loader calls int("260.37"), which is a ValueError in Python, though
        int(260.37) is none.

    Why it matters:
        Training stops in the first batch that holds the image, in a worker process of the data loader, whose message
        names neither the file nor the object.

    How to tell:
        The file is Pascal VOC, the text of a coordinate is a number but no whole one (260.0 is none either), and the
        dialect says `numbers = "int"` under [loader].

    How to fix:
        Round the coordinates to whole pixels when the file is written, or write int(float(text)) or float(text) in the
        loader.

    Where people met it:
        CVAT exports such numbers. amdegroot/ssd.pytorch's data/voc0712.py:68 and ssd_keras's parse_xml read int(text).
    """

    def told(text: str, corner: str) -> str:
        return f"{objects.rules.name}: int('{text}') raises ValueError in the first batch with this photo ({corner})"

    return _pointed(objects, Numbers.INT, told)


@LOADER.check(2, "number that the loader reads as 0", Severity.ERROR, Objects, OTHERWISE)
def number_as_zero(objects: Objects) -> TableCases:
    """A coordinate has a point, and this codebase's loader reads 0 for it.

    What it means:
        Caffe asks for the whole number in <xmin>, with 0 for what is none. 260.37 is none, so that xmin is 0.

    Why it matters:
        Nothing is said. A box of four such numbers is 0, 0, 0, 0, which nothing is trained on: the loss is 0, or close
        to it, from the first iteration on. A box of some reaches to the upper left corner.

    How to tell:
        The file is Pascal VOC, the text of a coordinate is a number but no whole one (260.0 is none either), and the
        dialect says `numbers = "int-or-zero"` under [loader].

    How to fix:
        Round the coordinates to whole pixels when the file is written.

    Where people met it:
        BVLC/caffe and its SSD branch: weiliu89/caffe#445, #707 and #989, with files of CVAT. src/caffe/util/io.cpp:321.
    """

    def told(text: str, corner: str) -> str:
        return f"{objects.rules.name} reads 0 for '{text}' ({corner}), since it is no whole number"

    return _pointed(objects, Numbers.INT_OR_ZERO, told)


@LOADER.check(3, "box flattened by the loader", Severity.ERROR, Objects)
def flattened(objects: Objects) -> TableCases:
    """The file's box has an area, and what the loader makes of it has none.

    What it means:
        The loader cuts coordinates to whole numbers: of the file, or of the network's input once the box is scaled to
        it. Both edges of a thin box become the same number.

    Why it matters:
        The box has no width or no height in the loss, whose logarithm is -inf, though the annotation is sound.

    How to tell:
        The box has an area as the file writes it and none as the loss sees it, and the dialect says `numbers =
        "int-of-float"` or `rounding = "input-pixels"` under [loader].

    How to fix:
        Leave out objects thinner than a pixel, or keep coordinates as floats in the loader.

    Where people met it:
        MMDetection's xml_style.py:137-140 reads int(float(text)); bubbliiiing/ssd-pytorch keeps its boxes in an array
        of int, in pixels of the input.
    """
    loader = objects.rules.loader
    cut = loader.numbers is Numbers.INT_OF_FLOAT and objects.reading.format == VOC
    rounds = loader.rounding is Rounding.INPUT_PIXELS
    x1, y1, x2, y2 = objects.stated.T
    chosen = objects.empty & (x2 > x1) & (y2 > y1) & (cut or rounds) & (not objects.saved)

    def describe(row: int) -> Case:
        axes = [axis for axis in (0, 1) if objects.boxes[row, axis] == objects.boxes[row, axis + 2]]
        names, box = NAMES[False], objects.pixels(row)
        said = " and ".join(f"{names[a]} {box[a]:g} and {names[a + 2]} {box[a + 2]:g}" for a in axes)
        unit = "whole pixels of the input" if rounds else "whole numbers"
        message = f"{objects.rules.name} cuts {said} to {unit}, where they are the same: the box has no area"
        return Case(objects.where(row), message, 0.0, 0.0, "Leave such an object out, or keep floats in the loader.")

    return of_rows(objects, np.flatnonzero(chosen), describe)


def _pointed(objects: Objects, numbers: Numbers, told: Callable[[str, str], str]) -> TableCases:
    """A case for each file with a coordinate that has a point, where the dialect reads numbers so.

    Args:
        objects: as of a check.
        numbers: the rule that it is about.
        told: says what comes of the text of a number, and of which corner and object it is.
    """
    matters = objects.rules.loader.numbers is numbers and objects.reading.format == VOC
    files, pointed = by_file(objects), written(objects, ANY_POINT) & matters
    counts = files.count(pointed)

    def describe(file: int) -> Case:
        rows = files.rows(file)
        row = int(rows[pointed[rows]][0])
        assert objects.traits is not None
        at = next(place for place, point in enumerate(POINTS) if objects.traits[row] & point)
        text, corner = f"{float(objects.stated[row, at])!r}", f"{NAMES[False][at]} of {objects.where(row).place}"
        message = f"{told(text, corner)}; {some(int(counts[file]), len(rows), 'object')} hold such numbers"
        return Case(
            Where(objects.files[file]), message.replace("the object hold", "it holds"), text, None, FIXES[numbers]
        )

    return alike(of_files(objects, np.flatnonzero(counts), describe), files.total, "files")
