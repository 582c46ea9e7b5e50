"""Targets and their encoding: offsets that no sound box, prior and variance give."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ssdlossdbg.checks.registry import Family
from ssdlossdbg.checks.rows import lowest_first
from ssdlossdbg.results import BoolArray, Case, EncodedTable, IntArray, Severity, Where
from ssdlossdbg.results.encoded import NO_SIDE, Formula, Tally
from ssdlossdbg.rules import ForcedRule

ENCODING = Family("ENC", "encoding")

OFFSET_NAMES = ("dx", "dy", "dw", "dh")
SIDES = ("width", "height")
# Other formulas explain whatever else the boxes decoded by the dialect's would look like.
OTHER_FORMULAS = ("ENC007", "ENC008", "ENC009", "ENC012")
# A prior that is no positive must overlap an object by this much more than a positive does before the positive counts
# as wrong: codebases that differ in their overlap's epsilon rank nearly equal priors differently.
MARGIN = 0.05
# No matching picks priors of less overlap on purpose.
LOWEST_THRESHOLD = 0.1
# So few positives tell nothing of the priors.
FEWEST_POSITIVES = 8
# Codebases whose localisation loss is multiplied by a mask of positives; the others pick the positives out.
MASKED_BY_MULTIPLICATION = (
    "NVIDIA/DeepLearningExamples",
    "dmlc/gluon-cv",
    "open-mmlab/mmdetection",
    "pierluigiferrari/ssd_keras",
    "tensorflow/models",
)
DROP = "Drop boxes with xmax <= xmin or ymax <= ymin after the last transform, before they are encoded."


@ENCODING.check(1, "encoded target is inf or nan", Severity.ERROR, EncodedTable)
def not_finite(table: EncodedTable) -> Iterator[Case]:
    """A positive prior is to learn an offset that is inf or nan.

    What it means:
        A box is encoded as four offsets from a prior. Two of them are logarithms: dw = ln(box width / prior width) and
        dh likewise. The logarithm of 0 is -inf, so -inf says that the box had no width or height. The logarithm of a
        negative number is nan, so nan in dw or dh alone says that the box was inverted: it ended before it began.

    Why it matters:
        The loss of the batch is inf or nan, and after one step so are all weights.

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
        message = f"the encoded target {name} is {value:g}: {why}{more}; the loss of the batch is not finite"
        yield Case(table.where(row), message, value, "finite", DROP)


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
        a mask: NVIDIA's, GluonCV, MMDetection, ssd_keras, TensorFlow object detection.

    How to fix:
        Drop boxes without width or height before matching: every prior that nothing overlaps gets encoded against
        one of the objects. Or set the offsets of all priors that are no positives to 0.

    Where people met it:
        In the code of NVIDIA/DeepLearningExamples (mask.float() * sl1), and of the others named above.
    """
    if table.rules.codebase.startswith(MASKED_BY_MULTIPLICATION):
        after = f"{table.rules.name} multiplies their loss by 0, and 0 * inf = nan"
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
    if not table.rules.codebase.startswith(MASKED_BY_MULTIPLICATION):
        after = f"harmless, since {table.rules.name} reads positives only; a mask would give 0 * inf = nan"
        yield from _bad_negatives(table, after)


def _bad_negatives(table: EncodedTable, after: str) -> Iterator[Case]:
    for place, count in _worst(table, table.bad_negatives):
        message = f"inf or nan among the offsets of {_number(count)} that {_be(count)} no positive: {after}"
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
    wrong = _wrong(table)
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


@ENCODING.check(5, "match threshold missing", Severity.ERROR, EncodedTable, follows_from=("ENC006", *OTHER_FORMULAS))
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
    13, "matched from a lower threshold", Severity.NOTE, EncodedTable, follows_from=("ENC006", *OTHER_FORMULAS)
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


@ENCODING.check(6, "prior trains on another object", Severity.ERROR, EncodedTable, follows_from=OTHER_FORMULAS)
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
        half of such boxes other positives decode too.

    How to fix:
        When forcing best priors, set the index as well (best_truth_idx[best_prior_idx[j]] = j). When objects are
        filtered, filter boxes, labels and overlaps alike before the indices are made.

    Where people met it:
        isl-org/Open3D-ML#602; zisianw/FaceBoxes.PyTorch#22.
    """
    chosen = _misassigned(_wrong(table), table)
    for row in lowest_first(chosen, table.iou).tolist():
        message = (
            f"it overlaps the object whose box it is to learn by {table.iou[row]:.2f}, while a prior that is left "
            f"negative overlaps it by {table.best_free[row]:.2f}: it was chosen for another object"
        )
        fix = "Set the object's index where its best prior is forced, and filter boxes and labels before matching."
        yield Case(table.where(row), message, float(table.iou[row]), table.rules.match.threshold, fix)


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
        One of three slips, which the message names: dy was divided by the prior's width and not by its height; the
        order is (dy, dx, dh, dw); or the logarithm of the size ratio was left out.

    Why it matters:
        Boxes decode wrongly. With dy over the width that is so only for priors which are not square, so that pictures
        of the targets look right for half of the objects.

    How to tell:
        All positives of an object must decode to the same box. By the dialect's formula they do not; by the one named
        they do. The bounds are those of ENC007.

    How to fix:
        Correct the encoder, and the decoder if it has the same slip. Where a codebase keeps y first, read its files
        with --native.

    Where people met it:
        rykov8/ssd_keras#148, #53 (dy over the width).
    """
    fixes = {
        Formula.CY_BY_WIDTH: "Divide dy by the prior's height.",
        Formula.Y_FIRST: "Save them as (dx, dy, dw, dh), or say --native if the codebase keeps y first.",
        Formula.NO_LOGARITHM: "Take the logarithm of box size over prior size.",
    }
    if table.reading.formula in fixes:
        yield _formula_case(table, table.reading.formula.value, "", fixes[table.reading.formula])


def _formula_case(table: EncodedTable, value: str, bound: str, fix: str) -> Case:
    reading = table.reading
    message = (
        f"the offsets are {reading.words}: so the {reading.positives} positives stand for {reading.boxes} boxes, "
        f"by {table.rules.name}'s formula for {reading.stated_boxes}"
    )
    return Case(Where(table.file), message, value, bound or table.rules.name, fix)


@ENCODING.check(10, "ignore label without a rule for it", Severity.ERROR, EncodedTable)
def ignore_label(table: EncodedTable) -> Iterator[Case]:
    """Priors are labelled -1, which this dialect's loss does not know as "ignore".

    What it means:
        Some codebases label priors that are neither object nor background -1, and leave them out of the loss. Others
        have no such priors, and their loss takes -1 for a class like any other.

    Why it matters:
        Picking column -1 raises, takes the last class, or is clipped to the background, depending on the library. Such
        priors can be mined as hard negatives.

    How to tell:
        Labels below 0, in a dialect without an ignore band (`ignore_from` under `[match]`).

    How to fix:
        Label those priors 0, or leave them out of mining and of both sums before the class is picked.

    Where people met it:
        dmlc/gluon-cv#226.
    """
    if table.rules.match.ignore_from is not None:
        return
    if table.rules.codebase.startswith("dmlc/gluon-cv"):
        after = "its loss clips -1 to 0 and so trains them as background"
    else:
        after = "its loss takes -1 for a class, which raises in PyTorch and picks another column elsewhere"
    for place, count in _worst(table, table.ignored):
        message = f"{_number(count)} {_be(count)} labelled -1, but {table.rules.name} ignores none: {after}"
        yield Case(place, message, count, 0, "Label them 0, or leave them out of the loss before the class is picked.")


@ENCODING.check(11, "one box under several labels", Severity.ERROR, EncodedTable, follows_from=OTHER_FORMULAS)
def several_labels(table: EncodedTable) -> Iterator[Case]:
    """Positives of one object are to learn different classes.

    What it means:
        These priors decode to the same box, but their labels differ. Box and label of a prior are looked up with the
        same index; here the two lookups went to different objects.

    Why it matters:
        Part of the object's priors learn a wrong class.

    How to tell:
        Two labels each have at least two positives on one box; at least four where best priors are forced one object
        after the other. Annotating an object twice, under two labels, does not lead there: one label then gets no more
        than the forced priors. Offsets in half precision are too coarse for this and are not asked.

    How to fix:
        Take box and label from the same list with the same index. If objects are filtered before matching, filter
        their labels too.

    Where people met it:
        zisianw/FaceBoxes.PyTorch#22.
    """
    known = (table.object >= 0).nonzero()[0]
    if not table.exact or not len(known):
        return
    pairs = np.column_stack((table.object, table.label))[known]
    kinds, first, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
    usual = _most_frequent(kinds[:, 0], counts)
    for kind in lowest_first((counts > _twins(table)) & (usual != np.arange(len(kinds))), -counts).tolist():
        rival = usual[kind]
        message = (
            f"{counts[kind]} positives of this box are labelled {kinds[kind, 1]}, and {counts[rival]} "
            f"{kinds[rival, 1]}: boxes and labels were looked up with different indices"
        )
        fix = "Take the box and the label of a prior from the same list with the same index."
        yield Case(table.where(int(known[first[kind]])), message, int(counts[kind]), _twins(table), fix)


def _most_frequent(group: IntArray, counts: IntArray) -> IntArray:
    """`[K]` for each row, the row of its group (`[K]`) that has the highest count (`[K]`), the first of equals."""
    order = np.lexsort((-counts, group))
    _, first, which = np.unique(group[order], return_index=True, return_inverse=True)
    best = np.empty_like(group)
    best[order] = order[first][which]
    return best


@ENCODING.check(12, "background labelled as a class", Severity.ERROR, EncodedTable, follows_from=("ENC001",))
def background_last(table: EncodedTable) -> Iterator[Case]:
    """More than half of all priors are positives, and most of these have nothing to learn.

    What it means:
        An image has thousands of priors, and its objects match some dozens. Where most priors have a label above 0,
        the label of the background is another one.

    Why it matters:
        Background is trained as a class, there are no negatives to mine, and the loss says nothing.

    How to tell:
        Labels above 0 at more than half of the priors of the batch. Most of them stand beside offsets of four zeros, as
        they are written where a prior has no object; or nine tenths of those that overlap their object too little to
        match have one label, which less than a tenth of the others have. Else the threshold is missing: ENC005.

    How to fix:
        Where the codebase puts the background last (MMDetection), read the file with --native. Else label the
        background 0.

    Where people met it:
        In files saved from open-mmlab/mmdetection, whose background is the last column.
    """
    bare = (table.offsets == 0).all(1).mean() > 0.5 if table.crowded else False
    if table.crowded and (bare or _one_label_is_background(table)):
        share = len(table.image) / (table.images * table.priors)
        message = f"{share:.0%} of all priors are positive, which no matching comes to: background has a label above 0"
        fix = "Say --native if the labels are in the codebase's own order (background last); else label it 0."
        yield Case(Where(table.file), message, share, 0.5, fix)


def _one_label_is_background(table: EncodedTable) -> bool:
    """Whether the priors that overlap their object too little share a label that the others do not have."""
    near = table.iou >= table.rules.match.threshold
    far = table.iou < table.rules.match.threshold
    if not near.any() or not far.any():
        return False
    label = np.bincount(table.label[far]).argmax()
    return bool((table.label[far] == label).mean() > 0.9 and (table.label[near] == label).mean() < 0.1)


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
        box is.

    How to tell:
        At least 8 positives decode to more than half as many boxes as there are positives, and for more than half of
        them another box of the same image and label overlaps theirs by more than 0.6. No other formula explains it.

    How to fix:
        Name the priors that the targets were made with: the preset, or a saved tensor of them, in their own order.
        ssd.pytorch takes its COCO priors for any number of classes but 21; NVIDIA's priors are ordered by shape first.

    Where people met it:
        In files saved from amdegroot/ssd.pytorch with the priors of another preset.
    """
    total, boxes = table.reading.positives, table.reading.boxes
    if total >= FEWEST_POSITIVES and 2 * boxes > total and 2 * int(table.split.sum()) > len(table.split):
        message = (
            f"its {total} positives decode to {boxes} boxes, most of which nearly repeat another: they were encoded "
            "from other priors, or in another order of them, than these"
        )
        fix = "Name the priors that the targets were made with (--config), in their own order."
        yield Case(Where(table.file), message, boxes, total // 2, fix)


def _wrong(table: EncodedTable) -> BoolArray:
    """`[N]` whether a positive was chosen neither by the threshold nor by force for the object it decodes to."""
    return np.asarray(table.weak & (table.best_free > table.iou + table.slack + MARGIN))


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
    return np.asarray(below & (counts[table.object] >= _twins(table)))


def _twins(table: EncodedTable) -> int:
    """How many positives a repeated annotation may add to one box.

    Forcing one object after the other gives each copy its own prior; the other rules give all copies the same one.
    """
    one_by_one = table.rules.match.forced is not ForcedRule.BEST_PRIOR
    return 3 if one_by_one else 1


def _worst(table: EncodedTable, tally: Tally) -> Iterator[tuple[Where, int]]:
    """Place and count of each image, the highest count first."""
    for at in lowest_first(tally.count > 0, -tally.count).tolist():
        yield Where(table.file, int(tally.image[at]), prior=int(tally.prior[at])), int(tally.count[at])


def _number(count: int) -> str:
    return "1 prior" if count == 1 else f"{count} priors"


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _tuple(values: tuple[float, ...]) -> str:
    return "({})".format(", ".join(f"{value:g}" for value in values))
