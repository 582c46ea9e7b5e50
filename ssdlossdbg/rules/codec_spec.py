"""How a box is written as offsets from a prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ssdlossdbg.rules.spec import NotNegative, Spec, Within


@dataclass(frozen=True)
class CodecSpec(Spec):
    """How a box is written as offsets from a prior.

    Attributes:
        variances: divisors of (dx, dy, dw, dh).
        size_epsilon: added to the widths and heights of boxes and priors before they are divided (TensorFlow object
            detection faster_rcnn_box_coder.py:75-90).
    """

    variances: Annotated[tuple[float, float, float, float], Within(0, above=True)] = (0.1, 0.1, 0.2, 0.2)
    size_epsilon: NotNegative = 0.0
