"""How overlaps are held against thresholds and against each other."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ssdlossdbg.rules import Comparison, MatchSpec

# GluonCV's slack when it asks whether a prior is as good as the best one (matcher.py, eps).
TIE_SLACK = 1e-12


def _at_least(overlap: Tensor, threshold: float) -> Tensor:
    # Not `overlap >= threshold`: the real code asks `overlap < threshold` for negatives, which NaN fails too.
    return ~(overlap < threshold)


def _more_than(overlap: Tensor, threshold: float) -> Tensor:
    return overlap > threshold


REACHES: dict[Comparison, Callable[[Tensor, float], Tensor]] = {
    Comparison.AT_LEAST: _at_least,
    Comparison.MORE_THAN: _more_than,
}


def reaches(overlap: Tensor, threshold: float, spec: MatchSpec) -> Tensor:
    """Whether overlaps of any shape reach a threshold, under the dialect's comparison."""
    return REACHES[spec.comparison](overlap, threshold)
