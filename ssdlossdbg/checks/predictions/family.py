"""What the checks of predictions share."""

from __future__ import annotations

from ssdlossdbg.checks.boxes.family import WHOLE_SETS
from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import Predicted
from ssdlossdbg.results.hypotheses import Explanation, Fit

PREDICTIONS = Family("PRE", "predictions")

# So few positives tell nothing of a network.
FEWEST_POSITIVES = 20
# Nearly all negatives have one column on top.
NEARLY_ALL, SURELY = 0.9, 0.5
# How much an explanation has to gain in mean IoU on what is as given, and on no prediction at all.
GAIN_ON_GIVEN = 0.2
GAIN_ON_PRIORS = 0.1
# Other variances or priors move the boxes less; and on those that a network has learnt no others gain more than 0.02.
SMALLER_GAINS = {Explanation.VARIANCES: 0.05, Explanation.PRESET: 0.1}
# An explanation that comes this near to the best one is named beside it.
NEARLY_AS_GOOD = 0.03
# Boxes, priors and encoded targets that are wrong by themselves: of course the predictions do not meet them.
WRONG_INPUTS = (
    *WHOLE_SETS,
    *("PRI003", "PRI004", "PRI008", "PRI009", "PRI013", "PRI015"),
    *("ENC007", "ENC008", "ENC009", "ENC012", "ENC015", "ENC016", "ENC017"),
)
# Findings that explain whatever else the logits seem to say.
MISREAD = ("PRE007", "PRE008")
# What makes a network sure of objects that are nobody's: logits that are dead or misread, or that diverge.
STRANGE = (*MISREAD, "PRE003", "NUM002", "NUM007", *WRONG_INPUTS)
MISTAKEN = (*MISREAD, "PRE009", "PRE010", "PRE011", "PRE015")


def best_fit(predicted: Predicted) -> Fit | None:
    """The explanation that clearly makes the predicted boxes meet the objects, and better than any other; or None."""
    clear = [fit for fit in predicted.fits if _clear(fit)]
    return max(clear, key=lambda fit: (fit.mean_iou - fit.as_given) * fit.positives, default=None)


def rivals(predicted: Predicted, best: Fit) -> list[Fit]:
    """Explanations of another kind that fit nearly as well."""
    least = best.mean_iou - NEARLY_AS_GOOD
    return [
        fit
        for fit in predicted.fits
        if _clear(fit) and fit.explanation is not best.explanation and fit.mean_iou >= least
    ]


def _clear(fit: Fit) -> bool:
    gain = SMALLER_GAINS.get(fit.explanation, GAIN_ON_GIVEN)
    enough = fit.positives >= FEWEST_POSITIVES
    return enough and fit.mean_iou >= fit.as_given + gain and fit.mean_iou >= fit.of_priors + GAIN_ON_PRIORS
