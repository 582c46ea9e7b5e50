"""Focal losses in plain loops over floats, as the paper, torchvision and TensorFlow object detection write them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def sigmoid(logit: float) -> float:
    """Without overflow on either side."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def binary_focal(logit: float, target: int, alpha: float, gamma: float) -> float:
    """One column: alpha_t (1 - p_t)^gamma times the binary cross-entropy; torchvision/ops/focal_loss.py."""
    probability = sigmoid(logit)
    cross_entropy = max(logit, 0.0) - logit * target + math.log1p(math.exp(-abs(logit)))
    missing = 1 - (probability * target + (1 - probability) * (1 - target))
    weight = 1.0 if alpha < 0 else alpha * target + (1 - alpha) * (1 - target)
    return float(weight * missing**gamma * cross_entropy)


def sigmoid_focal(logits: Sequence[float], label: int, alpha: float, gamma: float, zeros: bool) -> float:
    """A prior: its columns, of which that of its class is to be 1, and that of the background unless it never is."""
    targets = [int(column == label and not (zeros and column == 0)) for column in range(len(logits))]
    return math.fsum(binary_focal(z, t, alpha, gamma) for z, t in zip(logits, targets, strict=True))


def softmax_focal(logits: Sequence[float], label: int, alpha: float, gamma: float) -> float:
    """A prior: alpha_t (1 - p)^gamma times -log p of its class; alpha at objects, 1 - alpha at background."""
    peak = max(logits)
    log_sum = peak + math.log(math.fsum(math.exp(logit - peak) for logit in logits))
    cross_entropy = log_sum - logits[label]
    weight = 1.0 if alpha < 0 else alpha if label > 0 else 1 - alpha
    return float(weight * (1 - math.exp(-cross_entropy)) ** gamma * cross_entropy)
