"""Data sets as a whole: what no single image shows."""

from __future__ import annotations

# Each of these files enters its checks into the family.
from ssdlossdbg.checks.datasets import entries, make_up
from ssdlossdbg.checks.datasets.family import DATASETS

__all__ = ["DATASETS", "entries", "make_up"]
