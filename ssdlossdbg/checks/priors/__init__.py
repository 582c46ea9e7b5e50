"""Priors: grids that are not what the user, or the network, takes them for."""

from __future__ import annotations

# Each of these files enters its checks into the family.
from ssdlossdbg.checks.priors import axes, coverage, mistaken, sizes
from ssdlossdbg.checks.priors.family import PRIORS

__all__ = ["PRIORS", "axes", "coverage", "mistaken", "sizes"]
