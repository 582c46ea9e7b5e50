"""How a box is written as offsets from a prior."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CodecSpec:
    """How a box is written as offsets from a prior.

    Attributes:
        variances: divisors of (dx, dy, dw, dh).
        size_epsilon: added to the widths and heights of boxes and priors before they are divided (TensorFlow object
            detection faster_rcnn_box_coder.py:75-90).
    """

    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    size_epsilon: float = 0.0
