"""Whether the samples of a run are of its criterion's own loss: both say what a batch cost."""

from __future__ import annotations

import numpy as np

from ssdlossdbg.readers.history import RunHistory
from ssdlossdbg.results.common import FloatArray
from ssdlossdbg.results.history_rows import SAMPLED, WHOLE, Rows, losses


def share_off(history: RunHistory) -> float | None:
    """By what share of the loss that the criterion returned its sample is off, the median; None where none tells.

    Args:
        history: what a capture kept.
    """
    whole = history.groups[history.groups["kind"] == WHOLE]
    own = (whole["localization"] + whole["positive"] + whole["negative"]).astype(np.float64)
    apart = np.full(len(whole), np.nan)
    for rank in np.unique(history.rank):  # the rows of groups do not say theirs
        steps, said = _returned(history.steps[history.rank == rank])
        if len(steps):
            place = np.searchsorted(steps, whole["step"]).clip(max=len(steps) - 1)
            there = np.where(steps[place] == whole["step"], said[place], np.nan)
            apart = np.fmin(apart, np.abs(own - there) / np.abs(there))
    told = apart[np.isfinite(apart)]
    return float(np.median(told)) if len(told) else None


def _returned(rows: Rows) -> tuple[FloatArray, FloatArray]:
    """Steps that were sampled, and the loss that the criterion returned there, no number where there is none."""
    rows = rows[(rows["marks"] & np.uint32(SAMPLED)) > 0]
    said = losses(rows)
    return rows["step"], np.where(np.isfinite(said) & (said != 0), said, np.nan)
