"""What the scores are, and which column of them the background has."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ssdlossdbg.checks.predictions.family import NEARLY_ALL, PREDICTIONS, SURELY
from ssdlossdbg.results import Case, Predicted, Severity
from ssdlossdbg.rules import ConfidenceLoss

# Where a roll of the columns makes so little of what they cost, and of what guessing does, more than half will do.
FALLS, MOST = 0.5, 0.5
# The background is less probable at positives by this much, in a network that has begun to learn.
LESS_AT_POSITIVES = 0.2
# How each kind of score is told.
WHICH = {
    "softmax": "every row adds up to 1",
    "sigmoid": "all lie between 0 and 1",
    "log-softmax": "the exponentials of every row add up to 1",
    "log-sigmoid": "none is above 0, and many are just below",
}


@PREDICTIONS.check(7, "probabilities in place of logits", Severity.ERROR, Predicted)
def no_logits(predicted: Predicted) -> Iterator[Case]:
    """The scores are probabilities already, and the loss makes probabilities of them once more.

    What it means:
        The loss takes logits: numbers of any size, which its softmax (or sigmoid) turns into probabilities. These went
        through one before. Either the network ends in a softmax, in training, too; or only what was saved did, as some
        networks apply it in eval mode.

    Why it matters:
        A softmax of numbers between 0 and 1 is nearly flat: with 21 classes even a perfect answer gets a probability of
        0.12 and costs 2.1. A network that trains so stops there, with weak gradients.

    How to tell:
        All scores lie between 0 and 1; the rows add up to 1 (softmax), or do not (sigmoid). Of a network that has
        learnt anything, not all logits lie there. Or none is above 0 and they are logarithms of such scores: their
        exponentials add up to 1 in each row, under a dialect whose loss has a sigmoid (for a softmax, see PRE017); or
        they do not, and more than one in fifty is the logarithm of nearly 1.

    How to fix:
        Take the softmax out of the training path, and keep it for detection. If only the saved file has it, save conf
        as the loss receives it, in training mode.

    Where people met it:
        amdegroot/ssd.pytorch#218.
    """
    kind, softmax = predicted.probabilities, predicted.rules.loss.confidence is ConfidenceLoss.SOFTMAX
    if not kind or _makes_no_difference(predicted):
        return
    classes = predicted.classes
    floor = math.log(1 + (classes - 1) / math.e) if kind == "softmax" and softmax else None
    costs = f", so that even a perfect answer costs {floor:.2f}" if floor is not None and predicted.loss else ""
    logarithms = "the logarithms of " if kind.startswith("log-") else ""
    message = (
        f"conf holds {logarithms}probabilities and no logits ({WHICH[kind]}): a {kind.replace('-', ' ')} was applied, "
        f"and the loss applies its own once more{costs}"
    )
    fix = "Give the loss the logits; if only the file has probabilities (eval mode), save conf as the loss receives it."
    yield Case(predicted.where(), message, predicted.probabilities, "logits", fix)


def _makes_no_difference(predicted: Predicted) -> bool:
    """Whether the loss applies a softmax to the logarithms of one, which gives these once more."""
    softmax = predicted.rules.loss.confidence is ConfidenceLoss.SOFTMAX
    return softmax and predicted.probabilities == "log-softmax"


@PREDICTIONS.check(17, "logarithms of probabilities in place of logits", Severity.NOTE, Predicted)
def logarithms(predicted: Predicted) -> Iterator[Case]:
    """The scores went through a log-softmax already, which the loss applies once more, to no effect.

    What it means:
        The network, or what saved its output, ends in log_softmax. The loss's own softmax of such numbers gives the
        same probabilities again.

    Why it matters:
        It costs time, and does no harm to this loss. One that applies a sigmoid, or takes the exponential of the scores
        for granted, gets something else.

    How to tell:
        The exponentials of every row add up to 1, and the dialect's confidence loss is a softmax.

    How to fix:
        Nothing need be done. Let either the network or the loss apply it.

    Where people met it:
        No thread: networks written for nll_loss that are trained with cross_entropy.
    """
    if _makes_no_difference(predicted):
        message = (
            "conf holds the logarithms of probabilities (the exponentials of every row add up to 1): a log softmax was "
            "applied, and the loss's own gives the same once more"
        )
        fix = "Nothing need be done; the loss is that of the logits."
        yield Case(predicted.where(), message, predicted.probabilities, "logits", fix)


@PREDICTIONS.check(8, "background in another column", Severity.ERROR, Predicted, ("PRE007", "ENC012"))
def other_background(predicted: Predicted) -> Iterator[Case]:
    """The network calls nearly all negatives by one class, and positives by others.

    What it means:
        Here column 0 is the background. The network has it in another column, usually the last one.

    Why it matters:
        Every negative costs as much as a false alarm, mining picks them by the wrong score, and each class is compared
        with the logit of its neighbour.

    How to tell:
        At least 90% of all negatives have their highest logit in one column that is not the first, with a mean
        probability above 0.5, which is less at the positives, by at least 0.2. If it is the last column, the mean
        cross-entropy of what the loss counts falls when the columns are rolled by one; where it falls to less than half
        of that, and of what guessing costs, more than half of the negatives will do. A network that says one class
        everywhere, positives included, is not spoken of.

    How to fix:
        Read the file with --native where the codebase has the background last (MMDetection); else save
        conf.roll(1, -1), or train with labels that fit the columns.

    Where people met it:
        Predictions of open-mmlab/mmdetection read by code that has the background first.
    """
    heard = predicted.heard
    if heard is None or heard.column == 0:
        return
    last = heard.column == predicted.classes - 1
    guessed = math.log(predicted.classes)
    plainly = last and heard.column_share > MOST and heard.rolled < FALLS * min(heard.cost, guessed)
    if not plainly and (heard.column_share < NEARLY_ALL or heard.column_probability <= SURELY):
        return
    seen = heard.positives_probability <= heard.column_probability - LESS_AT_POSITIVES
    if not seen or (last and heard.rolled >= heard.cost):
        return
    where = f"column {heard.column}, the last one," if last else f"column {heard.column}"
    after = f"; rolled by one, the mean cross-entropy falls from {heard.cost:.2f} to {heard.rolled:.2f}" if last else ""
    message = (
        f"{where} has the highest logit at {heard.column_share:.0%} of all negatives (mean probability "
        f"{heard.column_probability:.2f}; at the positives {heard.positives_probability:.2f}): the background is "
        f"there, and not in column 0{after}"
    )
    fix = "Say --native if that is the codebase's own order, or save conf.roll(1, -1)."
    fix = fix if last else "Put that column first, and the classes after it in the order of their labels."
    yield Case(predicted.where(), message, heard.column, 0, fix)
