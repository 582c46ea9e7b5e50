"""Positives that no matching would have made."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.encoding.family import ENCODING, OFFSET_NAMES, OTHER_FORMULAS, twins
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import BoolArray, Case, EncodedTable, IntArray, Severity
from ssdlossdbg.results.encoded import MARGIN

# No matching picks priors of less overlap on purpose.
LOWEST_THRESHOLD = 0.1


@ENCODING.check(
    4,
    "offsets that no matched prior has",
    Severity.ERROR,
    EncodedTable,
    follows_from=("ENC006", "ENC015", *OTHER_FORMULAS),
)
def impossible(table: EncodedTable) -> Iterator[Case]:
    """A positive decodes to a box that its prior would never have been matched with.

    What it means:
        A prior is positive for one of two reasons: it overlaps its object by the match threshold or more, or it is the
        prior that overlaps it most. What a positive is to learn decodes to its object's box, so both can be asked.
        This positive's box overlaps it too little, and priors that are no positives overlap that box more. Or the box
        lies outside the image altogether.

    Why it matters:
        The prior is trained towards a box that is not there. Offsets are large, and so is the loss.

    How to tell:
        IoU(prior, decoded box) is below the threshold, and that of a prior which is no positive is higher by more than
        0.05; where most such boxes are those of other positives too, it is ENC006. Or the box has no part in the image.
        An overlap of at least T bounds every offset: |dw| and |dh| by ln(1/T) / variance, |dx| and |dy| by (1 - T) /
        (2 T variance), that is 3.47 and 5 for T = 0.5 and variances 0.1 and 0.2; the one that exceeds it most is named.

    How to fix:
        Encode a known box by hand and compare. Usual causes: the boxes are in other units or in another form (x, y, w,
        h) than the encoder takes, the variances are others, or the priors are not the ones that were matched.

    Where people met it:
        amdegroot/ssd.pytorch#298; kuangliu/torchcv#30; perhaps amdegroot/ssd.pytorch#164.
    """
    wrong = table.misplaced
    chosen = wrong & (not _misassigned(wrong, table).any()) | _outside(table)
    for row in lowest_first(chosen, table.iou).tolist():
        box = "({:.0f}, {:.0f}, {:.0f}, {:.0f})".format(*(table.pixels(row) or ()))
        if wrong[row]:
            other = f"a prior that is no positive overlaps that box by {table.best_free[row]:.2f}"
            why = f"overlaps it by {table.iou[row]:.2f}, and {other}"
        else:
            why = "lies outside the image"
        message = f"the box {box} that it decodes to {why}{_out_of_bounds(table, row)}"
        fix = "Check units and form of the boxes, the variances, and that the priors are those that were matched."
        yield Case(table.where(row), message, float(table.iou[row]), table.rules.match.threshold, fix)


def _out_of_bounds(table: EncodedTable, row: int) -> str:
    """The offset that most exceeds what an overlap of the threshold allows, in words."""
    threshold = table.rules.match.threshold
    limits = ((1 - threshold) / (2 * threshold),) * 2 + (-math.log(threshold),) * 2
    bounds = np.asarray(limits) / table.rules.codec.variances
    excess = np.abs(table.offsets[row]) / bounds
    worst = int(excess.argmax())
    if not excess[worst] > 1:
        return ""
    return f"; {OFFSET_NAMES[worst]} = {table.offsets[row, worst]:.2f}, beyond {bounds[worst]:.2f}"


@ENCODING.check(
    5, "match threshold missing", Severity.ERROR, EncodedTable, follows_from=("ENC006", "ENC015", *OTHER_FORMULAS)
)
def threshold_missing(table: EncodedTable) -> Iterator[Case]:
    """Priors that hardly touch an object are positives for it.

    What it means:
        A prior becomes positive when its overlap (intersection over union) with an object reaches the match threshold,
        0.5 as a rule; beside these, only each object's best prior. Here priors far below are positives, down to hardly
        any overlap, as if nothing had compared the overlap with the threshold.

    Why it matters:
        Most positives then call background an object. The class scores cannot be learnt, and mAP stays near 0.

    How to tell:
        Positives of an object whose overlap with it is below the threshold, although another of its positives overlaps
        it by over 0.05 more, so that they are not forced, and no prior that is no positive does, so that they are not
        another object's (ENC006). Somewhere in the file such an overlap is below 0.1.

    How to fix:
        Compare the best overlap of every prior with the threshold, and label those below it 0.

    Where people met it:
        perhaps balancap/SSD-Tensorflow#80 and #331.
    """
    if _lowest(table) < LOWEST_THRESHOLD:
        fix = f"Label priors whose best overlap is below {table.rules.match.threshold:g} as background (0)."
        yield from _under_threshold(table, fix)


@ENCODING.check(
    13,
    "matched from a lower threshold",
    Severity.NOTE,
    EncodedTable,
    follows_from=("ENC006", "ENC015", *OTHER_FORMULAS),
)
def threshold_lower(table: EncodedTable) -> Iterator[Case]:
    """The targets were matched from a lower overlap than the dialect's threshold.

    What it means:
        Priors are positives that overlap their object by less than the dialect asks for, yet all by some least value.

    Why it matters:
        It may be meant: face detectors go down to 0.35. More positives, of worse fit, make another loss.

    How to tell:
        As for ENC005, but no such overlap in the file is below 0.1.

    How to fix:
        Where it is meant, say so in a dialect of your own: `threshold` under `[match]`. Else look for the number in
        your matching.

    Where people met it:
        Linzaer's face detector, a descendant of pytorch-ssd, matches from 0.35.
    """
    lowest = _lowest(table)
    if LOWEST_THRESHOLD <= lowest < math.inf:
        yield from _under_threshold(table, f"If it is meant, set match.threshold to {lowest:.2g} in the dialect.")


def _lowest(table: EncodedTable) -> float:
    """The least overlap that a positive has which is neither forced nor another object's; inf where none is low."""
    return float(min(table.iou[_low(table)], default=math.inf))


def _under_threshold(table: EncodedTable, fix: str) -> Iterator[Case]:
    low, threshold = _low(table), table.rules.match.threshold
    seen: IntArray = np.bincount(table.object[low], minlength=1)
    rows = lowest_first(low, table.iou).tolist()
    _, first = np.unique(table.object[rows], return_index=True)
    for place in np.sort(first).tolist():
        row = rows[place]
        count, total = int(seen[table.object[row]]), int(table.siblings[row])
        message = (
            f"it overlaps its object by {table.iou[row]:.2f} and is not its best prior: {count} of that object's "
            f"{total} positives are below the threshold of {threshold:g} like this"
        )
        yield Case(table.where(row), message, float(table.iou[row]), threshold, fix)


@ENCODING.check(
    6, "prior trains on another object", Severity.ERROR, EncodedTable, follows_from=("ENC015", *OTHER_FORMULAS)
)
def other_object(table: EncodedTable) -> Iterator[Case]:
    """A prior was made positive for one object, and is to learn the box of another.

    What it means:
        Matching notes for each prior which object it stands for, as an index. Where that index is not set when a best
        prior is forced, or where it counts in a list from which objects have been dropped meanwhile, the prior is
        positive but looks up the box and label of the wrong object.

    Why it matters:
        The object that was to be learnt is not, and a prior elsewhere is pulled across the image towards another one.

    How to tell:
        The prior overlaps the box that it decodes to by less than the threshold, and a prior that is no positive
        overlaps that box by over 0.05 more; so it was not chosen for that object. The box is a real one: to at least
        half of such boxes other positives decode too. No formula that is known here (ENC007 to ENC009) makes better
        sense of the offsets; where no positive of the box reaches the threshold, or boxes nearly repeat each other, one
        that is not known may.

    How to fix:
        When forcing best priors, set the index as well (best_truth_idx[best_prior_idx[j]] = j). When objects are
        filtered, filter boxes, labels and overlaps alike before the indices are made.

    Where people met it:
        isl-org/Open3D-ML#602; zisianw/FaceBoxes.PyTorch#22.
    """
    chosen = _misassigned(table.misplaced, table)
    sure = (table.best_own >= table.rules.match.threshold - table.slack) & ~table.split
    for row in lowest_first(chosen, table.iou).tolist():
        message = (
            f"it overlaps the object whose box it is to learn by {table.iou[row]:.2f}, while a prior that is left "
            f"negative overlaps it by {table.best_free[row]:.2f}: it was chosen for another object"
            f"{'' if sure[row] else ', or its offsets follow a formula not known here'}"
        )
        fix = "Set the object's index where its best prior is forced, and filter boxes and labels before matching."
        yield Case(table.where(row), message, float(table.iou[row]), table.rules.match.threshold, fix)


def _misassigned(wrong: BoolArray, table: EncodedTable) -> BoolArray:
    """`[N]` the wrong ones, if most of them decode to a box that other positives agree on; else none."""
    agreed = wrong & (table.siblings > 1)
    return wrong & (2 * int(agreed.sum()) >= int(wrong.sum()))


def _outside(table: EncodedTable) -> BoolArray:
    """`[N]` whether the decoded box has no part in the image."""
    return np.asarray(((table.boxes[:, 2:] <= 0) | (table.boxes[:, :2] >= 1)).any(1) & (table.object >= 0))


def _low(table: EncodedTable) -> BoolArray:
    """`[N]` whether a positive is below the threshold and its object has better ones, but no better prior is free."""
    below = table.weak & (table.best_own > table.iou + table.slack + MARGIN)
    below &= table.best_free <= table.iou + table.slack + MARGIN
    counts = np.bincount(table.object[below], minlength=int(table.object.max(initial=0)) + 1)
    return np.asarray(below & (counts[table.object] >= twins(table)))
