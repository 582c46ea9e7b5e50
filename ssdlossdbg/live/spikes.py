"""The losses so far, and whether the next one stands out of them."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

from ssdlossdbg.results.captured import NOT_FINITE, SPIKE, Recorded

WINDOW = 101
# Fewer losses than this say nothing of what is usual; from so many on they say it well.
FEWEST, ENOUGH = 8, 20
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
            return False
        if was_high:
            return True  # until a loss is usual again: those that stay high are no usual noise
        few = max(1.0, ENOUGH / len(self._sorted))
        if few > 1 and loss <= max(self._spike * median * few, self._sorted[-1]):
            return False
        deviations = sorted(abs(value - median) for value in self._sorted)
        return loss > median + DEVIATIONS * deviations[len(deviations) // 2]

    def _take(self, loss: float) -> None:
        if len(self._recent) == WINDOW:
            self._sorted.pop(bisect_left(self._sorted, self._recent.popleft()))
        self._recent.append(loss)
        insort(self._sorted, loss)
