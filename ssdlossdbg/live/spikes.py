"""The losses so far, and whether the next one stands out of them."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from itertools import islice, pairwise

from ssdlossdbg.results.captured import NOT_FINITE, SPIKE, Recorded

WINDOW = 101
# Fewer losses than this say nothing of what is usual; from so many on they say it well.
FEWEST, ENOUGH = 8, 20
# The last few losses tell of a falling one what is usual now, where the median of all of them lags behind. One that is
# above all of those, and by so many median steps from one to the next, is a spike from less on: this share of the way.
LATELY, LATELY_STEPS, LATELY_SHARE = 15, 6.0, 0.4
# How far a loss lies above the median at least, in median absolute deviations: a noisy loss jumps without a cause.
DEVIATIONS = 6.0


class Spikes:
    """The last losses that were finite, kept sorted so that their median costs nothing.

    Args:
        spike: how many times the median a loss must exceed to be a spike; never if 0. While there are fewer losses
            than `ENOUGH`, more times, and it must be the highest: a training begins with large steps.
    """

    def __init__(self, spike: float) -> None:
        self._spike = spike
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self.finite, self._high = True, False

    @property
    def median(self) -> float | None:
        """Of the window; None while there are too few losses."""
        return self._sorted[len(self._sorted) // 2] if len(self._sorted) >= FEWEST else None

    def judge(self, recorded: Recorded) -> tuple[str, str]:
        """Take a loss in: the reason to save its batch, and more of it in words; empty where there is none.

        Only the first of a row counts, of losses that are not finite as of those that are too high.
        """
        values = [recorded.total, recorded.localization, recorded.confidence]
        known = [value for value in values if value is not None]
        if not known:
            return "", ""
        before, self.finite = self.finite, all(map(math.isfinite, known))
        if not self.finite:
            odd = next(value for value in known if not math.isfinite(value))
            return (NOT_FINITE, f"the loss is {odd}") if before else ("", "")
        loss = known[0]
        was_high, self._high = self._high, self._is_spike(loss, self._high)
        detail = f"{loss:.4g} against a median of {self.median:.4g}" if self._high else ""
        self._take(loss)
        return (SPIKE, detail) if self._high and not was_high else ("", "")

    def _is_spike(self, loss: float, was_high: bool) -> bool:
        median = self.median
        if median is None or not self._spike:
            return False
        if loss <= self._spike * median:
            return not was_high and self._stands_out_lately(loss)
        if was_high:
            return True  # until a loss is usual again: those that stay high are no usual noise
        few = max(1.0, ENOUGH / len(self._sorted))
        if few > 1 and loss <= max(self._spike * median * few, self._sorted[-1]):
            return False
        deviations = sorted(abs(value - median) for value in self._sorted)
        return loss > median + DEVIATIONS * _middle(deviations) or self._stands_out_lately(loss)

    def _stands_out_lately(self, loss: float) -> bool:
        if len(self._recent) < ENOUGH:
            return False
        lately = list(islice(reversed(self._recent), LATELY))
        usual = _middle(sorted(lately))
        noise = _middle(sorted(abs(one - other) for one, other in pairwise(lately)))  # its trend left out
        least = 1 + (self._spike - 1) * LATELY_SHARE
        return loss > max(least * usual, usual + LATELY_STEPS * noise, *lately)

    def _take(self, loss: float) -> None:
        if len(self._recent) == WINDOW:
            self._sorted.pop(bisect_left(self._sorted, self._recent.popleft()))
        self._recent.append(loss)
        insort(self._sorted, loss)


def _middle(values: list[float]) -> float:
    return values[len(values) // 2]
