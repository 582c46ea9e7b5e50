"""Offsets by another formula, or from other priors."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.encoding.family import ENCODING, OTHER_FORMULAS
from ssdlossdbg.checks.predictions.boxes import ORDERS
from ssdlossdbg.results import Case, EncodedTable, Severity, Where
from ssdlossdbg.results.encoded import Formula

# So few positives tell nothing of the priors.
FEWEST_POSITIVES = 8
CENTRE = "(box centre - prior centre) / prior size / variance"
SIZE = "ln(box size / prior size) / variance"


@ENCODING.check(7, "encoded with other variances", Severity.ERROR, EncodedTable)
def other_variances(table: EncodedTable) -> Iterator[Case]:
    """The offsets were divided by other variances than the dialect decodes with.

    What it means:
        Offsets are divided by constants, called variances (0.1 for the centre, 0.2 for the size), which brings them to
        about the size that the loss is made for; decoding multiplies by them again. Both ends must use the same.

    Why it matters:
        The network learns the offsets that it is given. Decoded with other variances its boxes are shifted and scaled
        wrongly, however small the loss.

    How to tell:
        All positives of an object must decode to the same box. With the dialect's variances they do not; with those
        named they do. Another reading is believed if it leaves at most 0.7 as many boxes, and two fewer, and if most
        positives that then share a box (80%) overlap it by at least 0.9 of the match threshold.

    How to fix:
        Use the same variances in the encoder, the decoder and the dialect (`variances` under `[codec]`).

    Where people met it:
        pierluigiferrari/ssd_keras#330; rykov8/ssd_keras#53.
    """
    if table.reading.formula is Formula.VARIANCES:
        own, fitting = table.rules.codec.variances, table.reading.variances
        fix = f"Encode with {_tuple(own)}, or state variances = [{_tuple(fitting)[1:-1]}] in a dialect of your own."
        yield _formula_case(table, _tuple(fitting), _tuple(own), fix)


@ENCODING.check(8, "targets are not encoded", Severity.ERROR, EncodedTable)
def not_encoded(table: EncodedTable) -> Iterator[Case]:
    """The offsets are the boxes themselves.

    What it means:
        Every prior is to learn its offset from its object's box. Here all positives of an object hold the same four
        numbers, which are its box: the step that encodes it was left out.

    Why it matters:
        A convolution sees no absolute position, so it cannot learn one. The localisation loss stays where it is.

    How to tell:
        Read as boxes, the numbers of different priors agree and overlap the priors that they are matched with. Read as
        offsets, they do neither. The bounds are those of ENC007.

    How to fix:
        Encode the matched boxes: ((box centre - prior centre) / prior size / variance, ln(box size / prior size) /
        variance).

    Where people met it:
        amdegroot/ssd.pytorch#298.
    """
    if table.reading.formula is Formula.NOT_ENCODED:
        yield _formula_case(table, "boxes", "offsets", "Encode the matched boxes before they reach the loss.")


@ENCODING.check(9, "encoded by another formula", Severity.ERROR, EncodedTable)
def other_formula(table: EncodedTable) -> Iterator[Case]:
    """The offsets follow another formula than the one that the boxes are decoded by.

    What it means:
        A slip, which the message names: dy was divided by the prior's width and not by its height, or dx by its
        height; the four stand in another order; signs are reversed, or box and prior exchanged; the logarithm of the
        size ratio was left out, or is to another base; the centre was not divided by the prior's size, or by the box's;
        the numbers lead from corner to corner, or to a corner, or are plain differences; or corners were taken for
        centre and size, or pixels for fractions. Centre and size are also asked each for itself: over half the prior's
        size, its longer side, the root of its area or the other side; log1p, a root, a ratio, a difference; with the
        variance, without it, or multiplied by it.

    Why it matters:
        Boxes decode wrongly. With dy over the width that is so only for priors which are not square, so that pictures
        of the targets look right for half of the objects.

    How to tell:
        All positives of an object must decode to the same box. By the dialect's formula they do not; by the one named
        they do. The bounds are those of ENC007. Or they do by both, but by the dialect's formula hardly a box (a fifth)
        is where its prior could have been matched.

    How to fix:
        Correct the encoder, and the decoder if it has the same slip. Where a codebase keeps y first, read its files
        with --native.

    Where people met it:
        rykov8/ssd_keras#148, #53 (dy over the width).
    """
    fixes = {
        Formula.CY_BY_WIDTH: "Divide dy by the prior's height.",
        Formula.CX_BY_HEIGHT: "Divide dx by the prior's width.",
        Formula.Y_FIRST: "Save them as (dx, dy, dw, dh), or say --native if the codebase keeps y first.",
        Formula.NO_LOGARITHM: "Take the logarithm of box size over prior size.",
        Formula.OTHER_LOGARITHM: "Take the natural logarithm of box size over prior size.",
        Formula.ORDER: "Save them as (dx, dy, dw, dh).",
        Formula.NOT_DIVIDED: "Divide the difference of the centres by the prior's width and height.",
        Formula.BY_BOX: "Divide the difference of the centres by the prior's width and height.",
        Formula.SIGN: "Take box less prior for the centre, and the logarithm of box size over prior size.",
        Formula.EXCHANGED: "Give the encoder the boxes where it takes the boxes, and the priors where it takes those.",
        Formula.TOP_LEFT: "Encode from the prior's centre to the box's.",
        Formula.FROM_CORNERS: "Encode centre and size, not corners; or decode as the targets are encoded.",
        Formula.DIFFERENCES: "Divide by the prior's size, take the logarithm of the sizes, divide by the variances.",
        Formula.CORNER_PRIORS: "Give the encoder the priors as (cx, cy, w, h).",
        Formula.CORNER_BOXES: "Give the encoder the boxes in the form that it takes.",
        Formula.CENTRE: f"Encode the centre as {CENTRE}.",
        Formula.SIZE: f"Encode the size as {SIZE}.",
        Formula.PARTS: f"Encode the centre as {CENTRE}, the size as {SIZE}.",
        Formula.PIXEL_BOXES: "Divide the boxes by the width and height of the input before they are encoded.",
    }
    if table.reading.formula in fixes:
        yield _formula_case(table, table.reading.formula.value, table.rules.name, fixes[table.reading.formula])


def _formula_case(table: EncodedTable, value: str, bound: str, fix: str) -> Case:
    reading = table.reading
    name = f"{table.rules.name}'s formula"
    if reading.boxes < reading.stated_boxes:
        shown = (
            f"so the {reading.positives} positives stand for {reading.boxes} boxes, by {name} for "
            f"{reading.stated_boxes}"
        )
    else:
        shown = (
            f"so the {reading.boxes} boxes of the {reading.positives} positives are where their priors are, by {name} "
            "they are not"
        )
    message = f"the offsets are {reading.words}: {shown}"
    return Case(Where(table.file), message, value, bound, fix)


@ENCODING.check(16, "encoded from other priors", Severity.ERROR, EncodedTable)
def from_other_priors(table: EncodedTable) -> Iterator[Case]:
    """The offsets lead from the priors of another preset, or from these priors in another order.

    What it means:
        An offset says where a box is as seen from one prior. Decoded from the priors given here, the positives of an
        object give as many boxes; decoded from those named, they give one.

    Why it matters:
        All that is said of boxes and levels here is off. If training encodes with one set of priors and detects with
        another, every detected box is, too.

    How to tell:
        Most positives decode to boxes that nearly repeat another, or that their prior was never matched with; no other
        formula explains it. From the priors of a shipped preset of as many, or from these cell by cell, shape by shape,
        column by column, levels reversed, or with the shapes of a cell in another order, they decode to at most 0.7 as
        many boxes, and two fewer, and most positives that then share a box (80%) overlap it by at least 0.9 of the
        match threshold.

    How to fix:
        Name those priors with --config, or save them with the predictions. Use one set, in one order, for matching,
        encoding and decoding. ssd.pytorch takes its COCO priors for any number of classes but 21; NVIDIA's priors are
        ordered by shape first.

    Where people met it:
        In files saved from amdegroot/ssd.pytorch with the priors of another preset.
    """
    reading = table.reading
    if reading.formula is not Formula.PRIORS:
        return
    if reading.order is None:
        made = f"from the priors of {reading.words}"
        fix = f"Say --config {reading.words} if the network has those priors; else encode with its own."
    else:
        words, _ = ORDERS[reading.order]
        made, fix = (
            f"from these priors in another order, {words}",
            "Encode, predict and decode with priors in one order.",
        )
    message = (
        f"the offsets were encoded {made}: so the {reading.positives} positives stand for {reading.boxes} boxes, from "
        f"the priors given for {reading.stated_boxes}"
    )
    yield Case(Where(table.file), message, reading.words, "the priors given", fix)


@ENCODING.check(15, "offsets do not fit the priors", Severity.WARNING, EncodedTable, follows_from=OTHER_FORMULAS)
def other_priors(table: EncodedTable) -> Iterator[Case]:
    """The positives of an object decode to boxes that are nearly the same, but not quite.

    What it means:
        An offset says where a box is as seen from one prior. Decoded from another prior than it was encoded from, it
        gives another box. Here, most positives have a neighbour of the same label whose box is nearly theirs, as all
        positives of an object have; but these boxes ought to be equal, and are not.

    Why it matters:
        Either the priors named here are not those that the targets were made with, and then all that is said of boxes
        and levels is off; or training encodes with one set of priors and detects with another, and then every detected
        box is; or the encoder follows a formula that is not tried here.

    How to tell:
        At least 8 positives decode to more than half as many boxes as there are positives, and for more than half of
        them another box of the same image and label overlaps theirs by more than 0.6. No other formula explains it,
        and no shipped preset of as many priors, which would be ENC016.

    How to fix:
        Name the priors that the targets were made with: the preset, or a saved tensor of them, in their own order.
        ssd.pytorch takes its COCO priors for any number of classes but 21; NVIDIA's priors are ordered by shape first.
        If the priors are these, encode one known box by hand and compare the four numbers.

    Where people met it:
        In files saved from amdegroot/ssd.pytorch with the priors of another preset.
    """
    total, boxes = table.reading.positives, table.reading.boxes
    if total >= FEWEST_POSITIVES and 2 * boxes > total and 2 * int(table.split.sum()) > len(table.split):
        message = (
            f"its {total} positives decode to {boxes} boxes, most of which nearly repeat another: they were encoded "
            "from other priors than these, from these in another order, or by a formula not known here"
        )
        fix = "Name the priors that they were made with (--config), in their own order; else compare the formulas."
        yield Case(Where(table.file), message, boxes, total // 2, fix)


def _tuple(values: tuple[float, ...]) -> str:
    return "({})".format(", ".join(f"{value:g}" for value in values))
