"""Would the dialect's real code raise on this batch, and on which images?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.rules import Dialect


def why_raises(gt: GroundTruthBatch | None, loss: LossTerms, dialect: Dialect) -> str | None:
    """Where the dialect's real code raises on this batch, and on which images; None where it does not.

    Args:
        gt: the objects, in any units; None where they are not known, which leaves fewer places to look for.
        loss: what the formula gives for them.
        dialect: whose code it is.
    """
    raises, positive, wanted = dialect.raises, loss.matching.positive, loss.mining.wanted
    every = torch.ones_like(positive[:, 0])

    def too_few() -> Tensor:
        return wanted > tiles.counts(loss.matching.negative.reshape(len(wanted), -1))

    # Looked for where the dialect's code has a word for it: `compare` asks of each step of each dialect.
    reasons: list[tuple[str, Callable[[], Tensor]]] = [
        (raises.zero_positives, lambda: every & ~positive.any()),
        (raises.nothing_to_mine, lambda: every & (wanted < 1)),  # of each image, or of all together
        (raises.too_few_to_mine, lambda: every & too_few()),
    ]
    if gt is not None:
        reasons = [
            (raises.degenerate_box, lambda: (gt.mask & ~(gt.boxes[..., 2:] > gt.boxes[..., :2]).all(-1)).any(1)),
            (raises.image_without_objects, lambda: gt.counts == 0),
            *reasons,
        ]
    for reason, met in reasons:
        if reason and bool((images := met()).any()):
            return f"{reason} (image {', '.join(map(str, images.nonzero().flatten().tolist()))})"
    return None
