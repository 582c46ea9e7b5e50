"""Small batches, each of which a rule or two is decided by: made in code, the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ssdlossdbg.analysis.identity import loss_cases as losses
from ssdlossdbg.analysis.identity import matching_cases as matching
from ssdlossdbg.analysis.identity.makers import Case, Maker

# The most telling first; those last that leave the fewest rules to be tried.
MAKERS: tuple[tuple[Callable[[Maker], Case], bool], ...] = (
    (losses.ordinary, False),
    (losses.few_priors, False),
    (losses.on_priors, False),
    (matching.graded, True),
    (matching.contested, True),
    (losses.saturated, False),
    (matching.exactly, True),
    (matching.equal, True),
    (matching.apart, True),
    (matching.hardly, True),
    (matching.small, True),
    (matching.second_choices, True),
    (matching.banded, True),
    (losses.level_logits, False),
    (losses.improbable, False),
    (losses.far_logits, False),
    (losses.far_and_few, False),
    (losses.certain, False),
    (losses.repeated, False),
    (losses.crowded, False),
    (lambda make: matching.background(make, 0), True),
    (lambda make: matching.background(make, -1), True),
    (matching.shared_weakly, True),
    (losses.one_empty, False),
    (losses.all_empty, False),
    (losses.unseen_infinity, False),
    (losses.mined_infinity, False),
    (losses.unseen_nan, False),
    (matching.barely, True),
    (matching.flat, True),
    (matching.flat_last, True),
    (matching.flat_priors, True),
    (matching.inverted, True),
    (losses.plain, False),
    (losses.unmistakable, False),
)


def cases(classes: int, lowest: int, highest: int) -> tuple[Case, ...]:
    """All cases for so many classes.

    Args:
        classes: C, background included.
        lowest: the least label that an object may have, as rows of five count them.
        highest: the greatest.
    """
    return tuple(
        replace(made(Maker(classes, lowest, highest, seed)), with_objects=with_objects)
        for seed, (made, with_objects) in enumerate(MAKERS)
    )
