"""Numerics: predictions and losses that are no numbers, or far too large, and losses that one part makes up."""

from __future__ import annotations

# Each of these files enters its checks into the family.
from ssdlossdbg.checks.numerics import magnitudes, points, rates, spoilt
from ssdlossdbg.checks.numerics.family import NUMERICS

__all__ = ["NUMERICS", "magnitudes", "points", "rates", "spoilt"]
