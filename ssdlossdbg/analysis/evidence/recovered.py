"""The objects behind targets that came encoded, as a batch of them: what predictions can be held against."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.results import EncodedTable
from ssdlossdbg.results.encoded import Formula


@dataclass(frozen=True, eq=False)
class Known:
    """Objects and which prior stands for which.

    Attributes:
        gt: the objects, normalised.
        matching: the roles of the priors; its `gt_index` holds wherever it calls a prior positive.
    """

    gt: GroundTruthBatch
    matching: Matching


def recover_objects(table: EncodedTable, matching: Matching, like: Tensor) -> Known | None:
    """The objects that the positives of encoded targets decode to; None where these do not agree on any.

    An object without a positive is not among them, since nothing is left of it.

    Args:
        table: the positives, with the objects that they stand for.
        matching: their roles; positives without a sound box are none in what is returned.
        like: whose type and device the boxes get.
    """
    known = (table.object >= 0).nonzero()[0]
    if not len(known):
        return None
    unknown = table.crowded or table.reading.formula is Formula.PRIORS or table.split.mean() > 0.5
    if unknown:
        return None
    _, first, which = np.unique(table.object[known], return_index=True, return_inverse=True)
    rows = known[first]
    order = np.argsort(table.image[rows], kind="stable")
    rows, image = rows[order], table.image[rows][order]
    counts = np.bincount(image, minlength=table.images)
    slot = np.arange(len(rows)) - (np.cumsum(counts) - counts)[image]
    boxes = like.new_zeros((table.images, int(counts.max()), 4))
    labels = torch.zeros(boxes.shape[:2], dtype=torch.int64, device=like.device)
    at = torch.from_numpy(image).to(like.device), torch.from_numpy(slot).to(like.device)
    boxes[at] = torch.from_numpy(table.boxes[rows]).to(boxes)
    labels[at] = torch.from_numpy(table.label[rows]).to(labels)
    slots = np.empty_like(slot)
    slots[order] = slot
    places = tuple(torch.from_numpy(part[known]).to(like.device) for part in (table.image, table.prior))
    index, positive = torch.zeros_like(matching.gt_index), torch.zeros_like(matching.positive)
    index[places] = torch.from_numpy(slots[which]).to(index)
    positive[places] = True
    gt = GroundTruthBatch(boxes, labels, torch.from_numpy(counts).to(like.device))
    return Known(gt, replace(matching, gt_index=index, positive=positive))
