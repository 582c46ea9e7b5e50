"""Targets and their encoding: offsets that no sound box, prior and variance give."""

from __future__ import annotations

# Each of these files enters its checks into the family.
from ssdlossdbg.checks.encoding import formulas, not_finite, positives, target_labels, units
from ssdlossdbg.checks.encoding.family import ENCODING

__all__ = ["ENCODING", "formulas", "not_finite", "positives", "target_labels", "units"]
