"""What the checks of data sets share."""

from __future__ import annotations

from ssdlossdbg.checks.registry import Family

DATASETS = Family("SET", "data sets")
