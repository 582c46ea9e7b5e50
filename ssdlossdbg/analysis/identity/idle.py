"""Rules that make no difference to a batch, whatever they are: what is wrong there, none of them mends.

A dialect that is off on two batches is mended by one rule only if that rule matters to both. So a few batches that are
easy to match, or have nothing to mine, leave most dialects with few rules to be tried, and some with none.
"""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.analysis.identity.changes import Change, changed
from ssdlossdbg.rules import Dialect, ForcedRule, IouRule, MatchSpec, MiningSelection, Normalizer

# What the objects of an unmistakable batch overlap their priors by more than.
SURELY = 0.95
# Overlaps that the least one to force a prior is never as high as, and what may be added to a union without harm.
HALF, LITTLE = 0.5, 1e-4
NOT_FINITE = ("loss.masking", "loss.ignore_nan_targets")
OF_SUPPRESSION = ("mining.selection", "mining.nms_iou", "mining.nms_limit")


@dataclass(frozen=True)
class Facts:
    """What of a batch, under some rules, makes rules of a kind idle.

    Attributes:
        unmistakable: every object overlaps a prior of its own as well as wholly, and no other at all.
        first_is_negative: no image's first prior has an object.
        none_to_mine: no prior is a negative.
        none_labelled_background: no object has the background's label.
        finite: nothing that is computed on the way to a loss is infinite or no number.
    """

    unmistakable: bool = False
    first_is_negative: bool = False
    none_to_mine: bool = False
    none_labelled_background: bool = False
    finite: bool = False

    def are_idle_for(self, change: Change, rules: Dialect) -> bool:
        """Whether they leave a change without consequence.

        Args:
            change: of one rule.
            rules: before it.
        """
        key = change.key
        if key in NOT_FINITE:
            return self.finite
        if key == "match.first_prior_background":
            return self.first_is_negative
        if key == "match.background_objects":
            return self.none_labelled_background
        if key.startswith("match."):
            matched = self.unmistakable and key != "match.one_class"
            return matched and _finds_all(rules.match) and _finds_all(changed(rules, change).match)
        return self.none_to_mine and key.startswith("mining.") and _is_about_negatives(key, rules)


def _is_about_negatives(key: str, rules: Dialect) -> bool:
    """Whether a rule of mining decides about negatives alone."""
    if key in OF_SUPPRESSION:
        return False
    # In a ranking positives may stand where negatives are taken, and an average may be over as many as are wanted.
    if rules.loss.positives_counted_twice:
        return False
    if rules.loss.normalizer is Normalizer.MEAN_OF_SELECTED and key == "mining.ratio":
        return False
    suppresses = rules.mining.selection is MiningSelection.NON_MAXIMUM_SUPPRESSION
    return not suppresses or key != "mining.score"


def _finds_all(rules: MatchSpec) -> bool:
    """Whether an overlap of nearly 1 makes a prior positive, by the threshold or by being the best."""
    forces = rules.forced is not ForcedRule.NONE
    if rules.iou in (IouRule.EPSILON_ADDED, IouRule.UNION_FLOOR) and rules.iou_epsilon > LITTLE:
        return forces and rules.minimum_iou <= 0
    return rules.threshold <= SURELY or (forces and rules.minimum_iou <= HALF)
