"""Matching: objects that no prior learns, or the wrong one."""

from __future__ import annotations

# Each of these files enters its checks into the family.
from ssdlossdbg.checks.matching import each_object, images_and_classes, two_steps
from ssdlossdbg.checks.matching.family import MATCHING

__all__ = ["MATCHING", "each_object", "images_and_classes", "two_steps"]
