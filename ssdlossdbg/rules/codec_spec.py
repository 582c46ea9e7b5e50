"""How a box is written as offsets from a prior."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from ssdlossdbg.rules.spec import NotNegative, Spec, Within


class Unmatched(StrEnum):
    """What a prior that belongs to no object has to learn, which matters where that is multiplied by 0 and infinite."""

    NOTHING = "nothing"
    """Offsets that are finite, whatever the objects are: of no box, of the prior itself, or of the whole image."""
    LAST_OBJECT = "last-object"
    """The offsets to the image's last object, since its index is -1 (ChainerCV multibox_coder.py:139-166); of no box in
    a batch without positives, whose loss is 0 before anything is multiplied (multibox_loss.py:88-90)."""


@dataclass(frozen=True)
class CodecSpec(Spec):
    """How a box is written as offsets from a prior.

    Attributes:
        variances: divisors of (dx, dy, dw, dh).
        size_epsilon: added to the widths and heights of boxes and priors before they are divided (TensorFlow object
            detection faster_rcnn_box_coder.py:75-90).
        log_epsilon: added to the ratio of sizes whose logarithm is taken (d2l torch.py:1678-1687); decoding ignores it.
        y_by_width: whether decoding moves the centre by the prior's width along y, too, though encoding divided by its
            height (ssd_keras of rykov8 ssd_utils.py:170).
        unmatched: what priors without an object are encoded to.
    """

    variances: Annotated[tuple[float, float, float, float], Within(0, above=True)] = (0.1, 0.1, 0.2, 0.2)
    size_epsilon: NotNegative = 0.0
    log_epsilon: NotNegative = 0.0
    y_by_width: bool = False
    unmatched: Unmatched = Unmatched.NOTHING
