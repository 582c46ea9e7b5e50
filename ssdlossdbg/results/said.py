"""The loss that the user's own code had of a batch, held against what is computed from its tensors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from ssdlossdbg.results.captured import Recorded

# Two ways to add up the same float32 terms differ by less; another rule, however small, by more.
SAME_LOSS = 1e-4
# A part this much smaller than the whole is as well known as the whole: its own digits are rounding.
SMALLEST_PART = 1e-3


EXACT = Recorded()
NO_CHOICE = (0.0, 0.0)


class Computed(Protocol):
    """A loss as it is computed from saved tensors."""

    @property
    def total(self) -> float:
        """All of it."""

    @property
    def localization(self) -> float:
        """Of the positives' offsets."""

    @property
    def confidence(self) -> float:
        """Of positives and mined negatives."""


@dataclass(frozen=True)
class Said:
    """What the user's own code said.

    Attributes:
        recorded: what it returned, printed, or what was saved of it.
        rounding: by how much each value may be off, in the same places, because it was printed with few digits.
        precision: by what share of themselves they may be off, because they were computed in half precision.
        bare: whether it is known that there is no weight decay in it: a criterion that returns it sees no weights.
    """

    recorded: Recorded
    rounding: Recorded = EXACT
    precision: float = 0.0
    bare: bool = False

    def error(
        self,
        loss: Computed,
        decays: bool = False,
        choice: tuple[float, float] = NO_CHOICE,
        left_out: bool = False,
    ) -> float | None:
        """The largest relative difference, what rounding explains left out; None where nothing compares.

        Args:
            loss: computed from the tensors.
            decays: whether the total that training has is that and weight decay.
            choice: by how much the confidence may be less and more, because equal mining scores leave a choice, which
                another sort makes otherwise.
            left_out: whether the total has a term besides that is not computed, because what it needs is not saved.
        """
        more = left_out or (decays and not self.bare)
        straight = max(self._differences(self.recorded, loss, more, choice), default=None)
        if straight is None or not straight > SAME_LOSS:
            return straight
        # Some return (confidence, localisation); nothing but the very numbers can tell.
        turned = replace(self.recorded, localization=self.recorded.confidence, confidence=self.recorded.localization)
        return min(straight, max(self._differences(turned, loss, more, choice), default=straight))

    def _differences(
        self, recorded: Recorded, loss: Computed, more: bool, choice: tuple[float, float]
    ) -> Iterator[float]:
        for name in ("total", "localization", "confidence"):
            said, computed = getattr(recorded, name), getattr(loss, name)
            if said is None:
                continue
            if name != "localization" and any(choice):
                computed = min(max(said, computed + choice[0]), computed + choice[1])
            apart = _difference(said, computed, getattr(self.rounding, name) or 0.0, loss.total)
            if name == "total" and more and apart > SAME_LOSS:
                continue  # that term is in it, or another rule: nothing here tells
            yield apart


def is_another(error: float | None, precision: float = 0.0) -> bool:
    """Whether a relative difference, None where nothing compares, is that of another loss.

    Args:
        error: as `Said.error` has it.
        precision: as of `Said`.
    """
    return error is not None and error > SAME_LOSS + precision


def off_by(error: float) -> str:
    """A relative difference in words: percent, or its order of magnitude where it is small."""
    return f"{error:.1%} off" if error >= 0.001 else f"{error:.0e} off"


def _difference(said: float, computed: float, rounding: float, total: float) -> float:
    """How far apart two values are, as a share of the larger; inf where only one of them is a number."""
    if math.isnan(said) or math.isnan(computed):
        return 0.0 if math.isnan(said) and math.isnan(computed) else math.inf
    if said == computed:
        return 0.0
    apart = max(0.0, abs(said - computed) - rounding)
    if math.isinf(apart) or math.isnan(apart):
        return math.inf
    floor = SMALLEST_PART * abs(total) if math.isfinite(total) else 0.0
    largest = max(abs(said), abs(computed), floor)
    return apart / largest if largest else 0.0
