"""The learning rates of an optimiser: the last, the usual, and the highest of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

# Steps that say what rate is usual, and how many may have thrown the weights out that a batch met.
FEWEST, RECENT = 4, 10


@dataclass(frozen=True)
class Rates:
    """The learning rates of the optimiser that stepped last.

    Attributes:
        last: of each parameter group, at that step.
        usual: the median of its highest rate over its last steps; None where there are too few.
        peak: the highest rate of its most recent steps; None where there is none.
        steps_ago: how many of its steps came after that one.
    """

    last: tuple[float, ...] = ()
    usual: float | None = None
    peak: float | None = None
    steps_ago: int = 0

    @classmethod
    def of(cls, last: tuple[float, ...], highest: Sequence[float]) -> Self:
        """Those of steps.

        Args:
            last: of each parameter group at the last step.
            highest: of each step, the last one last.
        """
        if not highest:
            return cls(last)
        lately = highest[: -RECENT - 1 : -1]
        peak = max(lately)
        usual = sorted(highest)[(len(highest) - 1) // 2] if len(highest) >= FEWEST else None
        return cls(last, usual, peak, lately.index(peak))


NOTHING_STEPPED = Rates()
