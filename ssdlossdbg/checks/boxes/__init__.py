"""Boxes: what is wrong with an annotated box before any prior has seen it."""

from __future__ import annotations

# Each of these files enters its checks into the family.
from ssdlossdbg.checks.boxes import borders, doubles, layouts, scales, units, unsound, wrapped
from ssdlossdbg.checks.boxes.family import BOXES

__all__ = ["BOXES", "borders", "doubles", "layouts", "scales", "units", "unsound", "wrapped"]
