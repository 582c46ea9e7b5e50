"""Hypotheses about what the numbers at a positive mean: in another order, under other variances, or no offsets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.grids import row_orders, unflattened
from ssdlossdbg.analysis.evidence.hypotheses.aims import Aims, Given, overlap
from ssdlossdbg.analysis.evidence.readings import COMMON_VARIANCES, PLAUSIBLE_VARIANCES
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.codec import encode
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.results.hypotheses import Explanation, Fit

NAMES = ("dx", "dy", "dw", "dh")
AS_READ = (0, 1, 2, 3)
# Offsets beyond this are of forced priors, and would decide about the variances alone.
USUAL_OFFSET = 10.0
# Learnt variances within this factor of the dialect's are these.
SAME_VARIANCE = 1.15
# People write variances in one digit; what is learnt comes as near as this.
ONE_DIGIT = 0.1
# Sides that round to the same multiple of this are one shape's, and no side is as many of them.
SAME_SHAPE, OF_SIDES = 1e-4, 1_000_000
# Offsets that are another prior's bring a box no nearer to its object than this, in mean IoU; fewer tell nothing.
HARDLY_BETTER, FEWEST_MOVED = 0.1, 20
# Numbers beyond this are pixels, if they are boxes at all.
LARGEST_FRACTION = 2.0


def offset_fits(given: Given, aims: Aims) -> Iterator[Fit]:
    """How well each explanation of that kind fits, at the positives that it makes a difference to."""
    everywhere = torch.ones_like(aims.prior, dtype=torch.bool)
    candidates: list[tuple[Explanation, str, Tensor, Tensor]] = []
    if _some_shape_is_badly_met(aims):
        candidates += _other_rows(given, aims)
    for read in permutations(AS_READ):
        if read != AS_READ:
            words = "({})".format(", ".join(NAMES[read.index(place)] for place in AS_READ))
            candidates.append((Explanation.OFFSETS, words, aims.rows[:, list(read)], everywhere))
    for learnt in _variances(given, aims):
        factor = aims.rows.new_tensor([a / b for a, b in zip(learnt, given.rules.codec.variances, strict=True)])
        explanation, words = Explanation.VARIANCES, "({:g}, {:g}, {:g}, {:g})".format(*learnt)
        if not all(PLAUSIBLE_VARIANCES[0] < value < PLAUSIBLE_VARIANCES[1] for value in learnt):
            explanation, words = Explanation.FACTOR, f"{float(1 / factor.mean()):.1g}"
        candidates.append((explanation, words, aims.rows * factor, everywhere))
    overlaps = aims.of_rows(torch.stack([rows for _, _, rows, _ in candidates]))
    for (explanation, words, _, moved), values_of in zip(candidates, overlaps, strict=True):
        yield from _fit(explanation, words, values_of, moved, aims)
    for words, boxes in _boxes(given, aims):
        yield from _fit(Explanation.BOXES, words, overlap(boxes, aims.boxes), everywhere, aims)


def _some_shape_is_badly_met(aims: Aims) -> bool:
    """Whether predictions say little at the priors of some shapes, as they do wherever rows are another prior's."""
    sides = (aims.own[:, 2:] / SAME_SHAPE).round().long()
    _, shape, counts = torch.unique(sides[:, 0] * OF_SIDES + sides[:, 1], return_inverse=True, return_counts=True)
    gains = torch.zeros_like(counts, dtype=aims.as_given.dtype).index_add_(0, shape, aims.as_given - aims.of_priors)
    return int(counts[gains < HARDLY_BETTER * counts].sum()) >= min(FEWEST_MOVED, len(shape) / 2)


def _other_rows(given: Given, aims: Aims) -> Iterator[tuple[Explanation, str, Tensor, Tensor]]:
    """The rows or values of other places, `[N, 4]`, and where they are others, `[N]`."""
    for order, prior_of_row in row_orders(given.priors).items():
        # The inverse of a permutation, which needs no sort.
        places = torch.arange(len(prior_of_row), device=prior_of_row.device)
        row = torch.empty_like(prior_of_row).scatter_(0, prior_of_row, places)
        row = row[aims.prior]
        yield order, "", given.loc[aims.image, row], row != aims.prior
    values = given.loc.flatten(1)
    for order, places in unflattened(given.priors).items():
        place = places[aims.prior]
        moved = (place != 4 * aims.prior[:, None] + torch.arange(4, device=place.device)).any(1)
        yield order, "", values[aims.image[:, None], place], moved


def _fit(explanation: Explanation, words: str, values: Tensor, moved: Tensor, aims: Aims) -> Iterator[Fit]:
    """What it comes to where it makes a difference; nothing where it makes none."""
    count = int(moved.sum())
    if count:
        parts = torch.stack((values, aims.as_given, aims.of_priors))
        means = (parts if count == len(moved) else parts[:, moved]).mean(1).tolist()
        found, as_given, of_priors = means
        yield Fit(explanation, count, found, as_given, of_priors, words)


def _variances(given: Given, aims: Aims) -> Iterator[tuple[float, ...]]:
    """The variances that people decode with, and those that make the offsets as large as they are to be.

    Of the centre, or of the size, none but the stated ones are tried where offsets that are merely inexact would look
    the same: noise makes learnt offsets larger than they are to be, and a network that has learnt little says less.
    """
    stated = given.rules.codec.variances
    goals = encode(aims.boxes * given.unit, aims.own * given.unit, given.rules.codec)
    usual = (goals.abs() < USUAL_OFFSET).all(1) & aims.rows.isfinite().all(1)
    learnt, wanted = widest(aims.rows[usual]), widest(goals[usual])
    product = (learnt * wanted).sum(0)
    # What learnt offsets are to be multiplied by lies between these, whichever of both is taken to be exact.
    factors = _ratio(product, learnt.square().sum(0))
    others = _ratio(wanted.square().sum(0), product)
    told = [min(pair) > SAME_VARIANCE or max(pair) < 1 / SAME_VARIANCE for pair in zip(factors, others, strict=True)]
    fitted = tuple(_rounded(v * f) for v, f in zip(stated, factors, strict=True))
    for other in dict.fromkeys((*COMMON_VARIANCES, fitted)):
        ratios = [a / b for a, b in zip(other, stated, strict=True)]
        moved = [not 1 / SAME_VARIANCE < ratio < SAME_VARIANCE for ratio in ratios]
        known = all(sure or not moves for sure, moves in zip(told, moved, strict=True))
        if any(moved) and known and min(ratios) > 0:
            yield other


def _rounded(value: float) -> float:
    """A number of one digit if that is nearly it, else of two."""
    simple = float(f"{value:.1g}")
    return simple if abs(simple - value) < ONE_DIGIT * abs(value) else float(f"{value:.2g}")


def _ratio(products: Tensor, squares: Tensor) -> tuple[float, float, float, float]:
    """What offsets are to be multiplied by, one factor for the centre and one for the size."""
    up, over = products.view(2, 2).sum(1), squares.view(2, 2).sum(1)
    centre, size = torch.where(over > 0, up / over, 1.0).tolist()
    return centre, centre, size, size


def _boxes(given: Given, aims: Aims) -> Iterator[tuple[str, Tensor]]:
    """`[N, 4]` xyxy, normalised, if the numbers are boxes; nothing where most are none."""
    width, height = given.priors.image_size
    pixels = bool(widest(aims.rows.abs().amax(1) > LARGEST_FRACTION).mean() > 0.5)
    rows = aims.rows / aims.rows.new_tensor([width, height, width, height]) if pixels else aims.rows
    unit = "pixels" if pixels else "fractions of the image"
    for form, boxes in (("(x1, y1, x2, y2)", rows), ("(cx, cy, w, h)", cxcywh_to_xyxy(rows))):
        if bool(widest((boxes[:, 2:] > boxes[:, :2]).all(1)).mean() > 0.5):
            yield f"{form} in {unit}", boxes
