"""Under which formula do encoded offsets make sense? All positives of an object must decode to one box."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product

import numpy as np
import torch

from ssdlossdbg.analysis.evidence.formula_parts import PartFormula, centre_formulas, size_formulas
from ssdlossdbg.analysis.evidence.formulas import Decode, formulas, offsets_of
from ssdlossdbg.analysis.evidence.same_boxes import same_boxes_by_each
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.results import BoolArray, Box, FloatArray, IntArray, corners
from ssdlossdbg.results.encoded import Formula, Reading

# Boxes closer than this, as a fraction of the image, are one: float32 moves them by 1e-6, objects differ by more.
SAME_BOX = 1e-5
# Half the distance between neighbouring floats of each type, next to 1.
HALF_PRECISIONS = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}
SINGLE_PRECISION = 2.0**-24
# More positives than this tell nothing new about the formula.
ENOUGH = 5_000
# So many boxes are told apart at a time, by as many formulas as make them.
TOGETHER = 50_000
# Positives this far apart in an image's list are compared to recover the variances.
LAGS = (1, 2, 3)
# A formula wins if it leaves no more than this share of the boxes, and if where positives share a box this share of
# them reaches nearly the match threshold.
CLEARLY_FEWER, MOSTLY, NEARLY = 0.7, 0.8, 0.9
# If no more than this share of the boxes are where their priors were matched, the boxes are not those.
HARDLY_ANY = 0.2
# Nor where of boxes with so many positives, so many positives in all, these are not, though by another formula all are.
SEVERAL, ENOUGH_SEVERAL, NEARLY_ALL = 3, 12, 0.95
BY_PARTS = (Formula.CENTRE, Formula.SIZE, Formula.PARTS)
# So many formulas of a part are tried with those of the other, if they leave hardly more centres, or sizes.
MOST_PARTS, NEARLY_FEWEST = 3, 1.1
# Farther from the prior, in parts of its size, no matched object's centre is on the whole; nor does its size differ so.
FARTHEST = 0.6
PLAUSIBLE_VARIANCES = (1e-3, 20.0)
COMMON_VARIANCES = ((1.0,) * 4, (0.1, 0.1, 0.2, 0.2), (0.1, 0.1, 1.0, 1.0), (0.1,) * 4)


@dataclass(frozen=True)
class Positives:
    """What a formula is told by, a row a positive.

    Attributes:
        image, label: `[N]`.
        offsets: `[N, 4]` float64, finite.
        priors: `[N, 4]` float64 cxcywh, normalised.
        precision: relative error that the offsets were stored with.
    """

    image: IntArray
    label: IntArray
    offsets: FloatArray
    priors: FloatArray
    precision: float

    def only(self, rows: BoolArray | slice) -> Positives:
        """Some of them."""
        return Positives(self.image[rows], self.label[rows], self.offsets[rows], self.priors[rows], self.precision)


@dataclass(frozen=True)
class Hypothesis:
    """A formula, with its inverse: `decode(offsets, priors)` gives `[N, 4]` cxcywh, normalised."""

    formula: Formula
    words: str
    variances: Box
    decode: Decode

    def boxes(self, positives: Positives) -> tuple[FloatArray, FloatArray]:
        """`[N, 4]` cxcywh that the offsets stand for, and by how much their storage may have moved each number."""
        with np.errstate(over="ignore", invalid="ignore"):
            boxes = self.decode(positives.offsets, positives.priors)
            moved = self.decode(positives.offsets * (1 + positives.precision), positives.priors)
            return boxes, SAME_BOX + np.abs(moved - boxes)


def stored_precision(offsets: FloatArray) -> float:
    """The relative error of the least precise float type that holds these numbers without loss."""
    values = torch.from_numpy(offsets[np.isfinite(offsets)])
    for dtype, error in sorted(HALF_PRECISIONS.items(), key=lambda item: -item[1]):
        if torch.equal(values.to(dtype).double(), values):
            return error
    return SINGLE_PRECISION


def stated(variances: Box) -> Hypothesis:
    """The dialect's own formula."""
    return Hypothesis(Formula.STATED, "as the dialect says", variances, partial(offsets_of, variances=variances))


def read_offsets(
    positives: Positives, variances: Box, image_size: tuple[int, int], threshold: float, aspect: float
) -> tuple[Hypothesis, Reading]:
    """The formula that the offsets fit, which is the dialect's unless another one is the clear winner.

    Another formula wins if under it the positives decode to clearly fewer boxes, since different priors hit upon
    one box by mistake next to never, and if these boxes are such as matching pairs with these priors.

    Args:
        positives: whose offsets are finite.
        variances: the dialect's.
        image_size: (width, height) of the network's input in pixels.
        threshold: the overlap from which the dialect matches.
        aspect: what a normalised width is multiplied by to be measured as heights are.
    """
    seen = positives.only(slice(ENOUGH))
    own = stated(variances)
    by_own, total = attempt(own, seen), len(seen.image)
    best, found = own, by_own
    others = list(_others(seen, variances, image_size, aspect)) if _may_be_other(seen, by_own, threshold) else []
    for hypothesis, trial in zip(others, attempts(others, seen), strict=True):
        # Of two slips at once, or of one among many, there is talk only where it leaves clearly fewer boxes.
        simpler = best is not own and hypothesis.formula in BY_PARTS and trial.boxes > CLEARLY_FEWER * found.boxes
        if not simpler and explains(trial, by_own, threshold) and (best is own or trial.rank > found.rank):
            best, found = hypothesis, trial
    return best, Reading(best.formula, best.words, best.variances, found.boxes, by_own.boxes, total)


def _may_be_other(positives: Positives, by_own: Trial, threshold: float) -> bool:
    """Whether any formula could explain the positives better, which have a box for each image and label at least."""
    if len(positives.image) <= 2:
        return False
    matched = by_own.overlap > NEARLY * threshold
    if matched.mean() < MOSTLY:
        return True
    before = len(np.unique(by_own.group[matched]))
    least = len(np.unique(np.stack((positives.image, positives.label), 1)[matched], axis=0))
    return before - least >= 2 and least <= CLEARLY_FEWER * before


@dataclass(frozen=True)
class Trial:
    """What a formula makes of the positives.

    Attributes:
        group: `[N]` equal where image and box are.
        measure: gives `overlap`, which of the many that share no box nobody asks for.
    """

    group: IntArray
    measure: Callable[[], FloatArray]

    @cached_property
    def overlap(self) -> FloatArray:
        """`[N]` of each prior with its box; 0 where it has none."""
        return self.measure()

    @cached_property
    def boxes(self) -> int:
        """How many different boxes there are."""
        return len(np.unique(self.group))

    @cached_property
    def shared(self) -> BoolArray:
        """`[N]` whether another positive has the same box."""
        return np.asarray(np.bincount(self.group)[self.group] > 1)

    @property
    def rank(self) -> tuple[int, float]:
        """The fewer boxes the better; among as many, those that the priors overlap more."""
        return -self.boxes, float(self.overlap.mean())


def attempt(hypothesis: Hypothesis, positives: Positives) -> Trial:
    """What a formula makes of positives."""
    return next(attempts([hypothesis], positives))


def attempts(hypotheses: Sequence[Hypothesis], positives: Positives) -> Iterator[Trial]:
    """What each formula makes of positives."""
    step = max(1, TOGETHER // max(1, len(positives.image)))
    for start in range(0, len(hypotheses), step):
        decoded = [hypothesis.boxes(positives) for hypothesis in hypotheses[start : start + step]]
        boxes, tolerance = (np.stack(each) for each in zip(*decoded, strict=True))
        usable = np.isfinite(boxes).all(2) & (boxes[..., 2:] > 0).all(2)
        groups = same_boxes_by_each(positives.image, boxes, tolerance, usable)
        for place, group in enumerate(groups):
            yield Trial(group, partial(_overlap, boxes[place], positives.priors, usable[place]))


def _overlap(boxes: FloatArray, priors: FloatArray, usable: BoolArray) -> FloatArray:
    """`[N]` of each box with its prior; 0 where it is none."""
    overlap = np.zeros(len(boxes))
    a, b = (torch.from_numpy(corners(part[usable])) for part in (boxes, priors))
    overlap[usable] = iou(a, b).numpy()
    return overlap


def explains(trial: Trial, by_own: Trial, threshold: float) -> bool:
    """Whether a formula makes much better sense than the dialect's.

    Either it leaves clearly fewer boxes. Objects that only a forced prior stands for have one positive under any
    formula, so they are left out. Or it leaves as many, and they are where the priors were matched, as the dialect's
    are not.
    """
    shared = trial.shared
    if not shared.any():
        return False
    matched = trial.overlap > NEARLY * threshold
    if matched[shared].mean() < MOSTLY:
        return False
    count, before = (len(np.unique(each.group[matched])) for each in (trial, by_own))
    if before - count >= 2 and count <= CLEARLY_FEWER * before:
        return True
    if trial.boxes > by_own.boxes or shared.mean() < MOSTLY:
        return False
    met = by_own.overlap > NEARLY * threshold
    # Of several positives of a box all but the forced one reach the threshold, by the right formula.
    several = np.bincount(by_own.group)[by_own.group] >= SEVERAL
    missed = several.sum() >= ENOUGH_SEVERAL and met[several].mean() < MOSTLY and matched[several].mean() > NEARLY_ALL
    return bool(met.mean() < HARDLY_ANY or missed)


def _others(positives: Positives, variances: Box, size: tuple[int, int], aspect: float) -> Iterator[Hypothesis]:
    """Every formula but the dialect's that people met."""
    for other in dict.fromkeys((*recover_variances(positives, variances), *COMMON_VARIANCES)):
        if not np.allclose(other, variances, rtol=1e-2):
            words = "encoded with the variances ({:g}, {:g}, {:g}, {:g})".format(*other)
            yield replace(stated(other), formula=Formula.VARIANCES, words=words)
    pixels = bool((np.abs(positives.offsets).max(1) > 2).mean() > 0.5)
    for formula, words, decode in formulas(variances, size, pixels, aspect):
        yield Hypothesis(formula, words, variances, decode)
    yield from _by_parts(positives, variances, size, aspect)


def _by_parts(positives: Positives, variances: Box, size: tuple[int, int], aspect: float) -> Iterator[Hypothesis]:
    """The formulas of centre and size that each bring the positives nearest together, and both at once."""
    if (positives.offsets == 0).all(1).mean() > 0.5:  # priors that are no positives: the boxes are the priors
        return
    centres = _closest(positives, slice(0, 2), list(centre_formulas(variances, size, aspect)))
    sizes = _closest(positives, slice(2, 4), list(size_formulas(variances, size, aspect)))
    for centre, sides in product(centres, sizes):
        if words := ", and with ".join(part.words for part in (centre, sides) if part.words):
            formula = (
                Formula.PARTS if centre.words and sides.words else Formula.CENTRE if centre.words else Formula.SIZE
            )
            decode = partial(_joined, centre=centre, sides=sides)
            yield Hypothesis(formula, f"encoded with {words}", variances, decode)


def _joined(offsets: FloatArray, priors: FloatArray, centre: PartFormula, sides: PartFormula) -> FloatArray:
    return np.concatenate((centre.decode(offsets[:, :2], priors), sides.decode(offsets[:, 2:], priors)), axis=1)


def _closest(positives: Positives, columns: slice, parts: Sequence[PartFormula]) -> list[PartFormula]:
    """The formulas under which the positives have the fewest centres, or sizes; of as many, those next to the priors.

    The dialect's own, which is the first, is among them where it leaves no more.
    """
    near: list[tuple[FloatArray, FloatArray, BoolArray]] = []
    places: list[tuple[float, int]] = []
    own, across = positives.priors[:, columns], positives.priors[:, 2:]
    for place, part in enumerate(parts):
        with np.errstate(all="ignore"):
            values, moved = (
                part.decode(positives.offsets[:, columns] * factor, positives.priors)
                for factor in (1, 1 + positives.precision)
            )
            tolerance = SAME_BOX + np.abs(moved - values)
            apart = np.abs(values - own) / (across if columns.start == 0 else values + across)
        sound = np.asarray(np.isfinite(values).all(1) & (values > 0).all(1))
        # Formulas that make next to nothing of all offsets bring these together, too.
        if sound.any() and (distance := float(apart[sound].mean())) <= FARTHEST:
            near.append((values, tolerance, sound))
            places.append((distance, place))
    if not near:
        return []
    groups = same_boxes_by_each(positives.image, *(np.stack(each) for each in zip(*near, strict=True)))
    found = [(len(np.unique(group)), *where) for group, where in zip(groups, places, strict=True)]
    most = NEARLY_FEWEST * min(found)[0]
    order = [place for count, _, place in sorted(found) if count <= most]
    chosen = dict.fromkeys([*order[:MOST_PARTS], *(place for place in order if place == 0)])
    return [parts[place] for place in chosen]


def recover_variances(positives: Positives, fallback: Box) -> tuple[Box, Box]:
    """The variances under which neighbours in the list decode to one box, where most of them agree on some.

    Two positives of one object fix each variance: v = (c2 - c1) / (t1 s1 - t2 s2) for a centre c, an offset t and a
    prior's side s; v = ln(s2 / s1) / (t1 - t2) for a side.

    Returns:
        With one for each coordinate, and with one for both axes, on which more pairs of positives agree than neighbours
        of two objects do by chance where there are few.
    """
    offsets, centre, side = positives.offsets, positives.priors[:, :2], positives.priors[:, 2:]
    found: list[list[FloatArray]] = [[], [], [], []]
    for lag in LAGS:
        same = (positives.image[lag:] == positives.image[:-lag]) & (positives.label[lag:] == positives.label[:-lag])
        shift, scale = offsets[:, :2] * side, np.log(side)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_centre = (centre[lag:] - centre[:-lag]) / (shift[:-lag] - shift[lag:])
            by_side = (scale[lag:] - scale[:-lag]) / (offsets[:-lag, 2:] - offsets[lag:, 2:])
        for axis, values in enumerate(np.concatenate((by_centre, by_side), axis=1).T):
            found[axis].append(values[same])
    by_axis = [np.concatenate(values) for values in found]
    x, y, w, h = (_most_common(values) for values in by_axis)
    each = (x or y or fallback[0], y or x or fallback[1], w or h or fallback[2], h or w or fallback[3])
    pairs = zip((np.concatenate(by_axis[:2]), np.concatenate(by_axis[2:])), (fallback[0], fallback[2]), strict=True)
    both, size = (_most_common(values) or other for values, other in pairs)
    return each, (both, both, size, size)


def _most_common(values: FloatArray) -> float | None:
    low, high = PLAUSIBLE_VARIANCES
    kept = values[(values > low) & (values < high)]
    if not len(kept):
        return None
    # Bins of half a percent.
    _, number, counts = np.unique(np.round(np.log(kept) * 200), return_inverse=True, return_counts=True)
    return float(f"{np.median(kept[number == counts.argmax()]):.3g}")
