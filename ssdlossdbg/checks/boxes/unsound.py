"""Boxes that are none: without a side, inverted, four zeros, or not finite."""

from __future__ import annotations

import math

import numpy as np

from ssdlossdbg.checks.aftermath import loss_after, weights_after
from ssdlossdbg.checks.boxes.family import BOXES, corners_in_words, taking_part
from ssdlossdbg.checks.cases import Describe, TableCases, of_rows
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import BoolArray, Case, Objects, Severity
from ssdlossdbg.rules import LocalizationLoss

# What the coordinates of a box are called, by whether it comes from saved tensors.
NAMES = {False: ("xmin", "ymin", "xmax", "ymax"), True: ("x1", "y1", "x2", "y2")}
DROP = "Drop or redraw it; in a data loader, keep only boxes with x2 > x1 and y2 > y1."


@BOXES.check(
    1,
    "box without width or height",
    Severity.ERROR,
    Objects,
    ("LDR002", "LDR003", "BOX003", "BOX004", "BOX005", "BOX006", "BOX012"),
)
def zero_size(objects: Objects) -> TableCases:
    """A box has no width or no height.

    What it means:
        Its left and right edge, or its upper and lower edge, are the same number: a double click in the annotation
        tool, a box that was cut off at the border of a crop, or coordinates rounded to whole numbers.

    Why it matters:
        The loss learns ln(width of the box / width of the prior). The logarithm of 0 is -inf, so the localisation loss
        of the whole batch is inf. What follows depends on how smooth L1 is written: F.smooth_l1_loss (ssd.pytorch,
        pytorch-ssd, lufficc/SSD, NVIDIA) has a gradient of 1 there, and the weights stay finite, pulled towards a width
        of 0; with torch.where(d < beta, ...) (MMDetection, GluonCV, ssd_keras) or pieces times masks (SSD.TensorFlow)
        the gradient is 0 * inf = nan, and every weight is nan after one step. A loss that compares boxes (GIoU, DIoU,
        CIoU) stays finite, but CIoU of a box without either side. In most codebases every object gets its best prior
        whatever the overlap, and the best of priors that all overlap by 0 is prior 0, in the upper left corner.

    How to tell:
        x2 == x1 or y2 == y1, as the loss sees the box: after the loader's scaling and cast to float32. A box of the
        background class counts only where the dialect makes a prior positive for it.

    How to fix:
        Drop or redraw the box. In a data loader, keep only boxes with x2 > x1 and y2 > y1, after augmentation too.

    Where people met it:
        qfgaohao/pytorch-ssd#91 and #112; amdegroot/ssd.pytorch#373.
    """
    names = NAMES[objects.saved]

    def describe(row: int) -> Case:
        axes = [axis for axis in (0, 1) if objects.boxes[row, axis] == objects.boxes[row, axis + 2]]
        missing = " and ".join(f"no {('width', 'height')[axis]}" for axis in axes)
        equal = ", ".join(f"{names[a]} = {names[a + 2]} = {objects.pixels(row)[a]:g}" for a in axes)
        return Case(objects.where(row), f"{missing} ({equal}){_consequence(objects, row)}", 0.0, 0.0, DROP)

    return _spoiling_first(objects, objects.empty & ~objects.inverted & taking_part(objects), describe)


@BOXES.check(2, "inverted box", Severity.ERROR, Objects, ("LDR002", "BOX004", "BOX005", "BOX012", "BOX015"))
def inverted(objects: Objects) -> TableCases:
    """A box ends before it begins.

    What it means:
        Its right edge is left of its left edge, or its lower edge above its upper edge. Somebody drew it from the lower
        right, or two columns were swapped.

    Why it matters:
        The logarithm of a negative width is nan, and one nan makes the loss nan, its gradient and, after one step,
        every weight, in every codebase that makes a prior positive for it. All later batches are nan then, however
        clean (see NUM001). Overlaps with
        such a box can be nan as well, and a comparison with nan is always false: in ssd.pytorch, which asks "is the
        overlap below the threshold?", the priors concerned become positives.

    How to tell:
        x2 < x1 or y2 < y1. The loss is nan, where a box without width gives inf.

    How to fix:
        Swap the two numbers, or drop the box. If every box of the file is like that, see BOX004.

    Where people met it:
        lufficc/SSD#95; qfgaohao/pytorch-ssd#139; amdegroot/ssd.pytorch#22.
    """
    names = NAMES[objects.saved]

    def describe(row: int) -> Case:
        box = objects.pixels(row)
        axes = [axis for axis in (0, 1) if box[axis] > box[axis + 2]]
        said = " and ".join(f"{names[a]} {box[a]:g} > {names[a + 2]} {box[a + 2]:g}" for a in axes)
        size = min(box[a + 2] - box[a] for a in axes)
        message = f"{said}{_consequence(objects, row)}"
        return Case(objects.where(row), message, size, 0.0, "Swap the two, or drop the box.")

    return _spoiling_first(objects, objects.inverted, describe)


@BOXES.check(3, "box of four zeros", Severity.ERROR, Objects, ("BOX006",))
def placeholder(objects: Objects) -> TableCases:
    """An object is the box 0, 0, 0, 0, yet has a class.

    What it means:
        Where it is the only object of its image, somebody wrote four zeros to say "there is nothing here", because the
        code crashed on images without objects. Beside other objects it is one whose box was lost, or a row of padding
        that is taken for an object.

    Why it matters:
        To the loss it is an object without width and height: it is given prior 0, its encoded width is log 0 = -inf,
        and the loss is inf; what becomes of the weights is said under BOX001. The trick is harmless only if its label
        maps to the background.

    How to tell:
        All four coordinates are 0 and the class is not background.

    How to fix:
        Beside other objects: drop it, or redraw it. Else give the image an empty list of objects, where your codebase
        can take one (`ssdlossdbg dialects NAME` says where it raises), or leave the image out of training.

    Where people met it:
        amdegroot/ssd.pytorch#247; balancap/SSD-Tensorflow#222.
    """
    zeros = objects.zeros & taking_part(objects)
    others = np.bincount(objects.image[~objects.zeros], minlength=len(objects.images))

    def describe(row: int) -> Case:
        beside, fix = "", "Give an image without objects an empty list, or leave it out of training."
        if number := int(others[objects.image[row]]):
            beside = f", beside {number} other object{'s' if number > 1 else ''}"
            fix = "Drop it or redraw it" + ("; rows of padding are no objects." if objects.saved else ".")
        return Case(objects.where(row), f"the box is 0, 0, 0, 0{beside}{_consequence(objects, row)}", 0.0, 0.0, fix)

    return _spoiling_first(objects, zeros, describe)


@BOXES.check(12, "box that is not finite", Severity.ERROR, Objects)
def not_finite(objects: Objects) -> TableCases:
    """A coordinate of a box is nan or infinite.

    What it means:
        The box holds something that is no number: a division by an image size of 0, or an augmentation that failed.

    Why it matters:
        Its overlaps and its encoded offsets are nan or inf, and with them the loss of the whole batch. Priors whose
        overlap is nan can all become positives, so that the other objects of the image lose theirs.

    How to tell:
        x1, y1, x2 or y2 is nan, inf or -inf in the saved targets.

    How to fix:
        Find where the loader or an augmentation divides by 0; assert that all boxes are finite before they are batched.

    Where people met it:
        lufficc/SSD#95, in the same way as inverted boxes: a nan that comes from the data.
    """

    def describe(row: int) -> Case:
        target = float(objects.target[row])
        learnt = "no prior is matched with it"
        if target:
            spoilt = math.nan if objects.rules.loss.compares_boxes else target
            after = f"the loss is {loss_after(spoilt, objects.rules)}, {weights_after(spoilt, objects.rules)}"
            learnt = f"its priors are to learn offsets of {target:g}: {after}"
        message = f"its box is {corners_in_words(objects, row)}; {learnt}"
        return Case(objects.where(row), message, math.nan, None, "Find where the loader divides by 0 or loses the box.")

    return of_rows(objects, np.flatnonzero(~objects.finite), describe)


def _spoiling_first(objects: Objects, chosen: BoolArray, describe: Describe) -> TableCases:
    """The rows chosen, those whose encoded target is inf or nan before those that do no harm here."""
    return of_rows(objects, lowest_first(chosen, np.isfinite(objects.target).astype(np.int64)), describe)


def _consequence(objects: Objects, row: int) -> str:
    """What the dialect's loss makes of a box that is none, in words that follow its description."""
    rules = objects.rules
    target, positives = float(objects.target[row]), int(objects.positives[row])
    if rules.raises.degenerate_box:
        return f"; the real {rules.name} raises on it: {rules.raises.degenerate_box}"
    if not positives:
        winner = int(objects.lost_to[row])
        why = "no prior is matched with it" if winner < 0 else f"object {int(objects.index[winner])} took its prior"
        return f"; {why}, so it does no harm here, but it will elsewhere"
    if rules.loss.compares_boxes:
        return _compared(objects, row)
    if math.isinf(target):
        size = f"; its encoded size is log 0 = {target:g}, and so the loss of the batch is {loss_after(target, rules)}"
        return f"{size}; {weights_after(target, rules)}"
    if math.isnan(target):
        size = "; its encoded size is the log of a negative number, nan"
        if rules.loss.ignore_nan_targets:
            return f"{size}: {rules.name} passes over such offsets, so that the object teaches its other offsets alone"
        return f"{size}, and so is the loss of the batch; {weights_after(target, rules)}"
    return "; its encoded size is finite but far off, and so is the loss"


def _compared(objects: Objects, row: int) -> str:
    """What a loss of boxes makes of one that is none."""
    rules, box = objects.rules, objects.boxes[row]
    sideless = bool((box[2:] == box[:2]).all())
    if sideless and rules.loss.localization is LocalizationLoss.CIOU:
        return f"; it has no aspect ratio, 0 / 0, so the loss of the batch is nan; {weights_after(math.nan, rules)}"
    return "; the loss compares boxes, and no box overlaps this one: it stays finite, and teaches nothing of use"
