"""Hypotheses about a saved batch: what would have to be so for the predictions to agree with the targets.

A network that has learnt something is evidence: read rightly, its boxes meet the objects. Each file holds the
hypotheses of one kind. Those that look at positives alone cost next to nothing and are always asked, but for a batch
that needs none; those that match anew are asked only where nothing cheaper explains what the network surely sees.
"""

from __future__ import annotations

import math

from torch import Tensor

from ssdlossdbg.analysis.evidence.hypotheses.aims import Aims, Given
from ssdlossdbg.analysis.evidence.hypotheses.labels import hear, probabilities
from ssdlossdbg.analysis.evidence.hypotheses.offsets import offset_fits
from ssdlossdbg.analysis.evidence.hypotheses.scenes import image_fit, preset_fits, scene_fits
from ssdlossdbg.analysis.evidence.hypotheses.strangers import SURE_ENOUGH, meet, sure_priors
from ssdlossdbg.multibox.confidence import log_probabilities, object_probability
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.results.hypotheses import Fit, Heard, Strangers
from ssdlossdbg.results.predicted import Answers
from ssdlossdbg.rules import LossSpec

__all__ = ["Given", "hypotheses", "knows_background", "probabilities"]

# From this mean IoU on nothing is wrong with the boxes.
WELL_MET = 0.95
# Another explanation gains at least this much, or the next kind of them is asked.
WORTHWHILE = 0.1
# So few positives prove nothing.
FEWEST_POSITIVES = 20
# Fewer priors that are surely taken for an object are no evidence.
FEWEST_SURE = 10
# A network tells background from objects if most of its negatives cost less than this share of what guessing does.
BELOW_CHANCE = 0.25
# An explanation of nearly all positives that are badly met leaves nothing to ask.
MOSTLY_EXPLAINED = 0.8
# Positives of which more than this share is taken for background may belong to other photos.
MOSTLY_DENIED = 0.7


def hypotheses(given: Given, answers: Answers | None) -> tuple[tuple[Fit, ...], Heard | None, Strangers | None]:
    """What may be wrong with a batch, the costly parts only where a cheap one suspects something.

    Args:
        given: predictions beside what they are to learn.
        answers: what the logits say at the positives; None where there are none.

    Returns:
        How well other explanations fit the boxes, what the logits say of the labels, and what they see elsewhere.
    """
    if answers is None:
        return (), None, None
    aims = Aims.of(given)
    heard = hear(given, aims)
    if not len(aims.prior):
        return (), heard, None
    by_image = aims.by_image(aims.as_given)
    if bool((by_image.nan_to_num(1.0) >= WELL_MET).all()):
        return (), heard, None
    fits = [*offset_fits(given, aims), *image_fit(given, aims)]
    badly_met = int((by_image < aims.by_image(aims.of_priors) + WORTHWHILE)[aims.image].sum())
    explained = max((fit.positives for fit in fits if _helps(fit)), default=0)
    # Fewer positives could prove nothing.
    if badly_met < FEWEST_POSITIVES or explained >= MOSTLY_EXPLAINED * badly_met:
        return tuple(fits), heard, None
    if given.known is None or not knows_background(given.conf, given.loss, given.rules.loss):
        return tuple(fits), heard, None
    sure = sure_priors(given)
    if len(sure.image) < FEWEST_SURE:
        return tuple(fits), heard, None
    fits += [*preset_fits(given, aims), *scene_fits(given, aims, sure)]
    denied = 1 - answers.right > MOSTLY_DENIED
    return tuple(fits), heard, meet(given, sure) if denied else None


def _helps(fit: Fit) -> bool:
    return fit.mean_iou - max(fit.as_given, fit.of_priors) > WORTHWHILE


def knows_background(conf: Tensor, loss: LossTerms, spec: LossSpec) -> bool:
    """Whether most negatives cost far less than by guessing; some cost much, where boxes are not where the objects are.

    Under a focal loss what they cost is little from the first step on, since the head's bias starts at background
    (Lin et al., section 3.3): there they are asked for their cross-entropy, and some prior must be taken for an object.

    Args:
        conf: `[B, P, C]` logits that say of background, too, how likely it is.
        loss: of the batch.
        spec: what it was computed by.
    """
    negative = loss.matching.negative
    if not bool(negative.any()):
        return False
    costs = -log_probabilities(conf[negative], spec)[:, 0] if spec.focal else loss.cross_entropy[negative]
    below = bool(costs.median() < BELOW_CHANCE * math.log(conf.shape[-1]))
    return below and (not spec.focal or bool((object_probability(conf, spec) > SURE_ENOUGH).any()))
