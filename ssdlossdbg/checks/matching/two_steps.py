"""Objects that the first of two steps keeps from the second."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.matching.family import BROKEN_INPUTS, MATCHING
from ssdlossdbg.results import Case, Costs, Severity, Where


@MATCHING.check(
    13,
    "object that the first step takes for background",
    Severity.WARNING,
    Costs,
    follows_from=("MAT008", *BROKEN_INPUTS),
    beneath=("NUM001", "NUM002"),
)
def kept_from_second_step(result: Costs) -> Iterator[Case]:
    """The first of two steps takes all of an object's positives for background, so the second learns nothing of it.

    What it means:
        RefineDet's second step leaves out of its positives those to which the first gives an object no more probability
        than `object_probability` (0.01). Here that is every one that the object has.

    Why it matters:
        The second step is not trained on the object's box or class in this batch. In luuuyi/RefineDet.PyTorch such
        priors keep the class as their label and may be mined as negatives, so some are trained on it after all; in the
        paper they are left alone. If no positive of the batch is left, the loss is 0 / 0 = nan (MAT008).

    How to tell:
        The object has positives among the moved priors, and the first step's softmax is at most that at all of them.

    How to fix:
        For the first thousands of iterations, train the first step alone or with a lower `object_probability`. Where a
        trained one does so, look at the object's costs in the first step (`first_step` of --format json): a wrong box,
        or a kind of object that it never learnt. Under a class that is rare, sample those images more often.

    Where people met it:
        No thread: follows from refinedet_multibox_loss.py:102-106.
    """
    for each in result.taken_out:
        if each.left:  # they are in the order of what is left
            return
        message = (
            f"the first step takes all {each.taken} of its positives for background (it gives an object a probability "
            f"of {each.probability:.2g} at most), so the second step learns nothing of it"
        )
        where = Where(result.targets_path, each.image, each.index, each.label)
        fix = "Train the first step further, or look at what it has to learn there: box and costs in the first step."
        yield Case(where, message, each.probability, None, fix)
