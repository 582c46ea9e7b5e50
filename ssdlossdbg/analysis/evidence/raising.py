"""Would the dialect's real code raise on this batch, and on which images?"""

from __future__ import annotations

import torch

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
    every = torch.ones_like(loss.matching.positive[:, 0])
    reasons = [
        (dialect.raises.zero_positives, every & (tiles.counts(loss.matching.positive).sum() == 0)),
        (dialect.raises.nothing_to_mine, every & (loss.mining.wanted < 1)),  # of each image, or of all together
    ]
    if dialect.raises.too_few_to_mine:
        available = tiles.counts(loss.matching.negative.reshape(len(loss.mining.wanted), -1))
        reasons.append((dialect.raises.too_few_to_mine, every & (loss.mining.wanted > available)))
    if gt is not None:
        degenerate = (gt.mask & ~(gt.boxes[..., 2:] > gt.boxes[..., :2]).all(-1)).any(1)
        reasons.insert(0, (dialect.raises.degenerate_box, degenerate))
        reasons.insert(1, (dialect.raises.image_without_objects, gt.counts == 0))
    for reason, images in reasons:
        if reason and bool(images.any()):
            return f"{reason} (image {', '.join(map(str, images.nonzero().flatten().tolist()))})"
    return None
