"""Were encoded targets made from other priors, a preset's or these in another order? Asked only of suspicious ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ssdlossdbg.analysis.evidence.grids import row_orders
from ssdlossdbg.analysis.evidence.readings import BY_PARTS, ENOUGH, Hypothesis, Positives, attempt, explains, stated
from ssdlossdbg.readers.named_priors import NamedPriors, presets_of
from ssdlossdbg.results import FloatArray, IntArray
from ssdlossdbg.results.encoded import Formula, Reading
from ssdlossdbg.rules import Dialect

# So few positives tell nothing of the priors.
FEWEST_POSITIVES = 8
# Where an object has as many positives as this, on the average, the priors are right.
SIBLINGS = 4


def read_priors(
    positives: Positives, found: tuple[Hypothesis, Reading], prior: IntArray, named: NamedPriors, rules: Dialect
) -> Reading:
    """The reading that was found, or that other priors are the reason, where that leaves fewer boxes.

    Offsets place a box relative to its prior, so the overlap of the two tells nothing of the priors; that the positives
    of an object decode to one box does.

    Args:
        positives: whose offsets are finite.
        found: the formula that they fit if the priors are those named.
        prior: `[N]` the row of each positive's prior.
        named: the P priors that they were decoded from.
        rules: the dialect.
    """
    hypothesis, reading = found
    seen, own = positives.only(slice(ENOUGH)), stated(rules.codec.variances)
    as_found = attempt(hypothesis, seen)
    # Objects that only forced priors stand for have no more than those under any priors.
    matched = as_found.overlap >= rules.match.threshold
    # Other priors that leave as few boxes are a simpler reason than one or two slips in the formula.
    slips = reading.formula in BY_PARTS
    told = SIBLINGS * len(np.unique(as_found.group[matched])) < matched.sum() and not slips
    if matched.sum() < FEWEST_POSITIVES or told:
        return reading
    by_own, rank = attempt(own, seen), (as_found.rank[0], 0.0) if slips else as_found.rank
    for other, boxes in _others(named, rules.name):
        trial = attempt(own, replace(seen, priors=boxes[prior[:ENOUGH]]))
        if trial.rank > rank and explains(trial, by_own, rules.match.threshold):
            rank = trial.rank
            reading = replace(other, boxes=trial.boxes, stated_boxes=by_own.boxes, positives=len(seen.image))
    return reading


def _others(named: NamedPriors, codebase: str) -> Iterator[tuple[Reading, FloatArray]]:
    """Other priors in as many rows, `[P, 4]` cxcywh, normalised; of presets the codebase's own first."""
    own, unknown = named.priors.boxes.cpu().double().numpy(), Reading(Formula.PRIORS, "", (1.0,) * 4, 0, 0, 0)
    for order, prior_of_row in row_orders(named.priors).items():
        yield replace(unknown, words=order.value, order=order), own[prior_of_row.cpu().numpy()]
    for preset in sorted(presets_of(len(own)), key=lambda preset: preset.codebase != codebase):
        yield replace(unknown, words=preset.name), preset.priors.boxes.double().numpy()
