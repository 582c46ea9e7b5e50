"""What the checks of numerics share."""

from __future__ import annotations

from ssdlossdbg.checks.registry import Family

NUMERICS = Family("NUM", "numerics")
