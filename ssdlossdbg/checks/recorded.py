"""What the user's own code had for a loss, held against what a dialect's rules give: the proof of all other figures."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ssdlossdbg.checks.registry import Family
from ssdlossdbg.results import SAME_LOSS, Case, Costs, Recorded, Severity, Where
from ssdlossdbg.results.said import is_another, off_by

RECORDED = Family("REC", "recorded loss")
# Two factors this near are one.
SAME_FACTOR = 1e-3


@RECORDED.check(1, "not your loss", Severity.ERROR, Costs)
def not_your_loss(result: Costs) -> Iterator[Case]:
    """Your code had another loss for this batch than the dialect's rules give: a rule of yours is another.

    What it means:
        The file says what your criterion returned (a captured batch, or a key `loss` in a saved dict), or `--printed`
        does. Recomputed from the very same tensors, the loss differs by more than rounding, so your code does not
        follow the rules of this dialect, or the tensors are not those that it saw.

    Why it matters:
        Every other figure of the report is the dialect's, not yours: which priors are positive, which negatives are
        mined, what an object costs. A report about another loss can name the wrong culprit.

    How to tell:
        Which part differs narrows it down.
        - Only localisation: smooth-L1's beta, the variances, which offsets are counted, the weight of the term.
        - Only confidence: how many negatives are mined, out of what and by what score, the confidence loss, weights.
        - Both by one factor: the normaliser (positives, images, 1), or a mean in the place of a sum.
        - Both by different factors: matching (threshold, forced matches, which object wins a prior) or what labels
          count from. The loss of one batch printed beside the tensors of another looks the same.

    How to fix:
        The finding says whose rules give your value, if any do: say --dialect. A rule that none has goes into a dialect
        file of your own: `base = "ssd.pytorch"`, and the line that is another. One batch rarely tells all rules apart:
        `ssdlossdbg.identify(criterion)`, in Python, runs your criterion on inputs that do, names the dialect and the
        rules that are others, and writes that file. `ssdlossdbg identify` with the same files lists all that gives your
        value. `ssdlossdbg.capture` saves the loss with what it is of; if you save by
        hand, save loss, predictions and targets in the same iteration.

    Where people met it:
        balancap/SSD-Tensorflow#292 (divided by the batch size); pierluigiferrari/ssd_keras#185; weiliu89/caffe#618.
    """
    said = result.said
    error = result.recorded_error
    if said is None or not is_another(error, said.precision):
        return
    assert error is not None
    off = f", {off_by(error)}" if math.isfinite(error) else ""
    computed = result.computed
    own = Recorded(computed.total, computed.localization, computed.confidence)
    which = _which(said.recorded, own)
    theirs, ours = said.recorded.words(".6g"), own.words(".6g")
    given = f"; yours is that of {result.whose}" if result.whose else ""
    message = f"your code had {theirs}, and the rules of {result.dialect} give {ours}{off}{which}{given}"
    fix = (
        "`ssdlossdbg identify` with the same files lists all rules that give your value, and, in Python, "
        "ssdlossdbg.identify(criterion) tells them apart; say --dialect then. Until both agree, every figure here is "
        f"that of {result.dialect}'s rules, not of yours."
    )
    yield Case(Where(result.predictions_path), message, error, SAME_LOSS, fix, share=1.0)


def _which(said: Recorded, own: Recorded) -> str:
    """Which part it is, and what that leaves as a cause."""
    localization, confidence = (
        _factor(getattr(said, part), getattr(own, part)) for part in ("localization", "confidence")
    )
    if localization is None or confidence is None:
        return ""
    if _same(localization, 1) and not _same(confidence, 1):
        return "; only the confidence differs: mining, the confidence loss, or its weights"
    if _same(confidence, 1) and not _same(localization, 1):
        times = f", {localization:.4g} times" if math.isfinite(localization) else ""
        return f"; only the localisation differs{times}: smooth-L1's beta, the variances, or the weight of the term"
    if _same(localization, confidence):
        return f"; both parts are {localization:.6g} times these, so the normaliser is another"
    return "; both parts differ, by different factors: matching, or tensors of another batch"


def _factor(said: float | None, own: float | None) -> float | None:
    if said is None or own is None:
        return None
    if said == own or (math.isnan(said) and math.isnan(own)):
        return 1.0
    return said / own if own else math.inf


def _same(one: float, other: float) -> bool:
    return one == other or abs(one - other) <= SAME_FACTOR * abs(other)
