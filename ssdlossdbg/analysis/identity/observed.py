"""What a criterion returned for a batch, and whether rules give the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from ssdlossdbg.analysis.identity.trials import Losses
from ssdlossdbg.results import SAME_LOSS, Recorded, Said

# Two ways to write the same rule in float32 agree on a small batch up to this share of the loss.
CLOSE = 2e-5
# And a part of the loss that is nothing, up to this share of the whole.
NOTHING = 1e-6
NO_LOSS = Recorded()


class Observed(Protocol):
    """What is known of a batch's loss."""

    @property
    def recorded(self) -> Recorded:
        """The loss; nothing where there is none."""

    @property
    def error(self) -> str:
        """What the criterion raised; empty if nothing."""

    def agrees(self, losses: Losses) -> tuple[bool, bool]:
        """Whether localisation is the same, and confidence; of a total alone, twice whether that is."""


@dataclass(frozen=True)
class Returned:
    """What a criterion returned for a shipped case.

    Attributes:
        recorded: nothing where it raised, or returned no loss.
        error: what it raised, in words; empty if nothing.
    """

    recorded: Recorded = NO_LOSS
    error: str = ""

    def agrees(self, losses: Losses) -> tuple[bool, bool]:
        """As of `Observed`; both True where it returned nothing."""
        localization, confidence = losses
        total = localization + confidence
        said = self.recorded
        if said.localization is not None and said.confidence is not None:
            whole = said.localization + said.confidence
            return same(said.localization, localization, whole), same(said.confidence, confidence, whole)
        agree = said.total is None or same(said.total, total, total)
        return agree, agree


@dataclass(frozen=True)
class Told:
    """What was recorded of a saved batch, or printed with few digits."""

    said: Said
    error: str = ""

    @property
    def recorded(self) -> Recorded:
        """As of `Observed`."""
        return self.said.recorded

    def agrees(self, losses: Losses) -> tuple[bool, bool]:
        """As of `Observed`."""
        found = self.said.error(_Loss(*losses))
        agree = found is None or found <= SAME_LOSS + self.said.precision
        if agree:
            return True, True
        parts = self.said.recorded.localization, self.said.recorded.confidence
        if None in parts:
            return False, False
        return _alike(parts[0], losses[0]), _alike(parts[1], losses[1])


@dataclass(frozen=True)
class _Loss:
    localization: float
    confidence: float

    @property
    def total(self) -> float:
        return self.localization + self.confidence


def _alike(said: float | None, computed: float) -> bool:
    return said is None or same(said, computed, computed, SAME_LOSS)


def same(one: float, other: float, whole: float, close: float = CLOSE) -> bool:
    """Whether two losses are one but for rounding; what is not finite is so alike.

    Args:
        one: of them.
        other: of them.
        whole: the loss that both are a part of.
        close: how far apart they may be, as a share of the larger.
    """
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    if one == other:
        return True
    if math.isinf(one) or math.isinf(other):
        return False
    floor = NOTHING * abs(whole) if math.isfinite(whole) else 0.0
    return abs(one - other) <= max(close * max(abs(one), abs(other)), floor)
