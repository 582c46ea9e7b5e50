"""Offsets that are inf or nan, or are so but for an epsilon."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.aftermath import loss_after, weights_after
from ssdlossdbg.checks.encoding.family import (
    DROP,
    ENCODING,
    OFFSET_NAMES,
    OTHER_FORMULAS,
    SIDES,
    is_or_are,
    priors_in_words,
    worst_first,
)
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import Case, EncodedTable, Severity
from ssdlossdbg.results.encoded import NO_SIDE
from ssdlossdbg.rules import Masking

# A comparison with nan is false, so no filter by width or height drops such a box.
LOST = (
    "Find where the loader divides by 0 or loses the box: assert torch.isfinite(boxes).all() before they are encoded."
)


@ENCODING.check(1, "encoded target is inf or nan", Severity.ERROR, EncodedTable)
def not_finite(table: EncodedTable) -> Iterator[Case]:
    """A positive prior is to learn an offset that is inf or nan.

    What it means:
        A box is encoded as four offsets from a prior. Two of them are logarithms: dw = ln(box width / prior width) and
        dh likewise. The logarithm of 0 is -inf, so -inf says that the box had no width or height. The logarithm of a
        negative number is nan, so nan in dw or dh alone says that the box was inverted: it ended before it began.

    Why it matters:
        The loss of the batch is inf or nan. After nan so are all weights, from the next step on. After inf the weights
        stay finite where the loss is F.smooth_l1_loss or the like, whose gradient is 1 there; with torch.where, or
        pieces times masks, the gradient is 0 * inf = nan. A loss that decodes the offsets and compares boxes stays
        finite after -inf, since that is a box without a side.

    How to tell:
        Some offset of a prior whose label is above 0 is not finite, although the prior itself has a size.

    How to fix:
        Drop or redraw boxes with xmax <= xmin or ymax <= ymin. Check after the last transform (crop, resize, clip,
        cast to integers), since that is what makes most of them. An epsilon inside the logarithm only hides them.

    Where people met it:
        qfgaohao/pytorch-ssd#91, #112, #139; amdegroot/ssd.pytorch#373, #22; lufficc/SSD#95.
    """
    rows = table.not_finite.nonzero()[0]
    values = table.offsets[rows]
    kinds = np.select([np.isneginf(values), np.isposinf(values), np.isnan(values)], [1, 2, 3], 0)
    keys = np.column_stack((table.image[rows], table.label[rows], kinds))
    _, first, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
    for place in lowest_first(counts > 0, -counts).tolist():
        row, count = int(rows[first[place]]), int(counts[place])
        name, value, why = _what_is_not_finite(table.offsets[row].tolist())
        more = f" ({count} such priors of its label in this image)" if count > 1 else ""
        after = f"the loss of the batch is {loss_after(value, table.rules)}, {weights_after(value, table.rules)}"
        message = f"the encoded target {name} is {value:g}: {why}{more}; {after}"
        fix = DROP if math.isfinite(table.offsets[row, :2].sum()) else LOST
        yield Case(table.where(row), message, value, "finite", fix)


def _what_is_not_finite(offsets: list[float]) -> tuple[str, float, str]:
    """The offset that tells most, its value, and what it says of the box."""
    shift, scale = offsets[:2], offsets[2:]
    for name, value in zip(OFFSET_NAMES, shift, strict=False):
        if not math.isfinite(value):
            return name, value, "the box that was encoded is itself not finite"
    axis = 0 if not math.isfinite(scale[0]) else 1
    value, side = scale[axis], SIDES[axis]
    reasons = {-math.inf: f"the logarithm of 0, so the box has no {side}", math.inf: f"the box has an infinite {side}"}
    ends = ("xmax < xmin", "ymax < ymin")[axis]
    inverted = f"the logarithm of a negative {side}, so the box is inverted ({ends})"
    return OFFSET_NAMES[2 + axis], value, reasons.get(value, inverted)


@ENCODING.check(
    2, "inf or nan off the positives, multiplied by 0", Severity.ERROR, EncodedTable, follows_from=("ENC001",)
)
def not_finite_and_masked(table: EncodedTable) -> Iterator[Case]:
    """A prior that is no positive has an offset of inf or nan, and this loss multiplies it by 0 instead of skipping it.

    What it means:
        Only positives are to learn a box. Some losses pick them out, others compute the loss of all priors and
        multiply that of the rest by 0. But 0 * inf = nan, and 0 * nan = nan.

    Why it matters:
        The localisation loss of the image is nan although every positive is sound.

    How to tell:
        An offset of a prior whose label is not above 0 is not finite, and the dialect is one whose code multiplies by
        a mask (`masking` under `[loss]`): NVIDIA's, GluonCV, MMDetection, ssd_keras, TensorFlow object detection, where
        it is nan only at negatives that are mined.

    How to fix:
        Drop boxes without width or height before matching: every prior that nothing overlaps gets encoded against
        one of the objects. Or set the offsets of all priors that are no positives to 0.

    Where people met it:
        In the code of NVIDIA/DeepLearningExamples (mask.float() * sl1), and of the others named above.
    """
    if table.rules.loss.masking is not Masking.INDEXED:
        selected = table.rules.loss.masking is Masking.LOCALIZATION_OF_SELECTED
        which = "their loss where they are mined" if selected else "their loss"
        after = f"{table.rules.name} multiplies {which} by 0, and 0 * inf = nan"
        yield from _bad_negatives(table, after)


@ENCODING.check(14, "inf or nan off the positives", Severity.NOTE, EncodedTable, follows_from=("ENC001",))
def not_finite_and_skipped(table: EncodedTable) -> Iterator[Case]:
    """A prior that is no positive has an offset of inf or nan; this loss never reads it.

    What it means:
        Only positives are to learn a box, and this dialect's loss picks them out, so that what the others hold is not
        read. It is a trace of a box without width or height, or of an inverted one, all the same.

    Why it matters:
        It does not, until the box gets a positive, or until the loss is written with a mask: 0 * inf = nan.

    How to tell:
        An offset of a prior whose label is not above 0 is not finite, and the dialect's code picks the positives out.

    How to fix:
        Drop boxes with xmax <= xmin or ymax <= ymin before matching.

    Where people met it:
        In targets encoded as qfgaohao/pytorch-ssd does, which encodes every prior, positive or not.
    """
    if table.rules.loss.masking is Masking.INDEXED:
        after = f"harmless, since {table.rules.name} reads positives only; a mask would give 0 * inf = nan"
        yield from _bad_negatives(table, after)


def _bad_negatives(table: EncodedTable, after: str) -> Iterator[Case]:
    for place, count in worst_first(table, table.bad_negatives):
        message = (
            f"inf or nan among the offsets of {priors_in_words(count)} that {is_or_are(count)} no positive: {after}"
        )
        yield Case(place, message, count, 0, DROP)


@ENCODING.check(3, "epsilon hides a bad box", Severity.ERROR, EncodedTable, follows_from=OTHER_FORMULAS)
def hidden(table: EncodedTable) -> Iterator[Case]:
    """An offset is finite only because something small was added to a width or height of 0.

    What it means:
        The width offset is ln(box width / prior width) / variance. For a box without width that is -inf. Code that adds
        an epsilon inside the logarithm, or clamps the width to it, gets a large negative number in its stead: ln(1e-5)
        / 0.2 = -57.56, ln(1e-6) / 0.2 = -69.08. The nan is gone, the bad box is still there.

    Why it matters:
        That one coordinate costs some fifty times what all of a normal positive does, and pulls the regression of
        every prior of its shape towards zero size.

    How to tell:
        A positive decodes to a width or height below 0.01 pixels of the network's input: what a single pixel of a photo
        30 000 pixels wide comes to in an input of 300.

    How to fix:
        Drop boxes with xmax <= xmin or ymax <= ymin, and take the epsilon out, so that the next one shows.

    Where people met it:
        amdegroot/ssd.pytorch#162; dusty-nv/jetson-inference#1495.
    """
    sides = np.where(table.hidden[:, None], table.sides, np.inf)
    for row in lowest_first(table.hidden, sides.min(1)).tolist():
        axis = int(sides[row].argmin())
        side, offset = float(sides[row, axis]), float(table.offsets[row, 2 + axis])
        prior = float(table.prior_boxes[row, 2 + axis])
        least = math.log(NO_SIDE / table.image_size[axis] / prior) / table.rules.codec.variances[2 + axis]
        message = (
            f"{OFFSET_NAMES[2 + axis]} = {offset:.2f} stands for a {SIDES[axis]} of {side:.2g} pixels: "
            f"{_epsilon(side / table.image_size[axis], prior, table.image_size[axis])} "
            f"hides a box without {SIDES[axis]} from the logarithm"
        )
        yield Case(table.where(row), message, offset, least, f"{DROP} Take the epsilon out of the logarithm.")


def _epsilon(side: float, prior: float, pixels: int) -> str:
    """What was added to a side of 0, if a power of ten: to the side, to its ratio, or to the side in pixels."""
    if side <= 0:
        return "a small number"
    for value, words in ((side, ""), (side / prior, " added to the ratio"), (side * pixels, " pixels")):
        exponent = math.log10(value)
        if abs(exponent - round(exponent)) < 0.02:
            return f"an epsilon of 1e{round(exponent)}{words}"
    return "a small number"
