"""A learning rate that grew before the loss did."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ssdlossdbg.checks.numerics.family import NUMERICS
from ssdlossdbg.results import Captured, Case, Costs, Severity, Where

# A warm-up doubles a rate within the steps that the usual one is taken from; schedules take it down.
MANY_TIMES = 5.0
# A loss that is no more than this many times the median has not suffered yet.
TWICE = 2.0


@NUMERICS.check(7, "learning rate that jumped", Severity.ERROR, Costs)
def jumped(result: Costs) -> Iterator[Case]:
    """A step before this batch was taken with a learning rate many times the usual one, and the loss leapt.

    What it means:
        A schedule multiplied instead of dividing, a milestone was reached twice, a checkpoint brought another rate
        along, or a warm-up began anew from the full rate. The batch itself is only the first to meet the weights that
        this step left behind.

    Why it matters:
        One step of a rate that is far too high throws the weights out of what they had learnt. Often the predictions
        grow from there until they are inf or nan, and then the photos or boxes of some batch are blamed.

    How to tell:
        The file of a captured batch says the highest rate of the optimiser's last 10 steps, and the median of its last
        101: here it is 5 times that or more, while the loss is above twice its own median, inf or nan. That the loss
        leapt by the rate, and not by the boxes of this batch, shows in the batches after it: they are bad, too.

    How to fix:
        Print the rate of each step (`optimizer.param_groups[0]["lr"]`) and look at what the schedule does there. Go on
        from a checkpoint of before that step: what it had learnt is gone from the weights.

    Where people met it:
        open-mmlab/mmdetection#3786, where a rate for 8 GPUs was kept on one.
    """
    captured = result.captured
    if captured is None or not captured.usual_lr or captured.peak_lr is None:
        return
    rate, usual = captured.peak_lr, captured.usual_lr
    if not rate >= MANY_TIMES * usual or not _suffers(captured):
        return
    ago = captured.peak_lr_steps_ago
    step = f"one of the optimiser's {ago + 1} steps" if ago else "the optimiser's step"
    loss = _loss_before_and_now(captured)
    message = (
        f"{step} before this batch had a learning rate of {rate:g}, {rate / usual:.3g} times the usual {usual:g}, and "
        f"{loss}: such a step throws out what was learnt, whatever is in this batch"
    )
    fix = "Look at what the schedule does at this step, and go on from a checkpoint of before it."
    yield Case(Where(result.predictions_path), message, rate, MANY_TIMES * usual, fix, share=1.0)


def _suffers(captured: Captured) -> bool:
    values = vars(captured.recorded).values()
    if any(value is not None and not math.isfinite(value) for value in values):
        return True
    total, median = captured.recorded.total, captured.median
    return total is not None and median is not None and total > TWICE * median


def _loss_before_and_now(captured: Captured) -> str:
    total, median = captured.recorded.total, captured.median
    if total is None or median is None:
        return "the loss is no number"
    return f"the loss went from a median of {median:.4g} to {total:.4g}"
