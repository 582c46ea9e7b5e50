"""What a step of training does after a target that is no number."""

from __future__ import annotations

import math

from ssdlossdbg.rules import Dialect, LocalizationLoss

SPOILT = "and with it every weight after this step"


def loss_after(target: float, rules: Dialect) -> str:
    """What the loss of the batch is: inf or nan.

    Args:
        target: an offset to learn, inf or nan.
        rules: the dialect.
    """
    if math.isnan(target) and _ignores(rules):
        return "finite, since an offset that is nan costs nothing"
    if rules.loss.compares_boxes:
        return "nan" if math.isnan(target) else "finite, since it compares boxes"
    masked = rules.loss.localization is LocalizationLoss.SMOOTH_L1_MASKED
    return "nan" if math.isnan(target) or masked else "inf"


def weights_after(target: float, rules: Dialect) -> str:
    """What the gradient is, and the weights after the step; arguments as of `loss_after`."""
    if math.isnan(target) and _ignores(rules):
        return "nor does it teach anything"
    if rules.loss.compares_boxes and not math.isnan(target):
        return "as is its gradient"
    if rules.loss.localization is LocalizationLoss.L1:
        return "its gradient is a sign, so the weights stay finite"
    if math.isnan(target):
        return f"its gradient is nan, too, {SPOILT}"
    if rules.loss.localization is LocalizationLoss.SMOOTH_L1:
        return "its gradient there is 1 at most, so the weights stay finite"
    return f"its gradient is 0 * inf = nan, {SPOILT}"


def _ignores(rules: Dialect) -> bool:
    """Whether offsets that are nan cost nothing."""
    return rules.loss.ignore_nan_targets and not rules.loss.compares_boxes
