"""Predictions: what the network says, in what order, and of what."""

from __future__ import annotations

# Each of these files enters its checks into the family.
from ssdlossdbg.checks.predictions import boxes, columns, labels, logits, scores, strangers
from ssdlossdbg.checks.predictions.family import PREDICTIONS

__all__ = ["PREDICTIONS", "boxes", "columns", "labels", "logits", "scores", "strangers"]
