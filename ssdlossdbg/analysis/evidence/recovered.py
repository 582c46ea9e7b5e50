"""The objects behind targets that came encoded, as a batch of them: what predictions can be held against."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.multibox.boxes import PriorBoxes
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching, match
from ssdlossdbg.results import EncodedTable
from ssdlossdbg.results.encoded import Formula
from ssdlossdbg.rules import MatchSpec


@dataclass(frozen=True, eq=False)
class Known:
    """Objects and which prior stands for which.

    Attributes:
        gt: the objects, normalised.
        matching: the roles of the priors; its `gt_index` holds wherever it calls a prior positive.
        recovered: whether they are what positives decode to. Then an object without a positive is not among them, and
            their order is that of their first positives.
    """

    gt: GroundTruthBatch
    matching: Matching
    recovered: bool = False


def recover_objects(
    table: EncodedTable, roles: Matching, priors: PriorBoxes, unit: Tensor, spec: MatchSpec
) -> Known | None:
    """The objects that the positives of encoded targets decode to; None where these do not agree on any.

    An object without a positive is not among them, since nothing is left of it.

    Args:
        table: the positives, with the objects that they stand for.
        roles: of all priors; positives without a sound box are none in what is returned.
        priors: the P priors, in the unit that the dialect computes overlaps in.
        unit: `[4]` what makes normalised boxes ones in that unit; whose type and device the boxes get.
        spec: the dialect's overlap. Who overlaps whom by how much is its answer; who is positive is the table's.
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
    boxes = unit.new_zeros((table.images, int(counts.max()), 4))
    labels = torch.zeros(boxes.shape[:2], dtype=torch.int64, device=unit.device)
    at = torch.from_numpy(image).to(unit.device), torch.from_numpy(slot).to(unit.device)
    boxes[at] = torch.from_numpy(table.boxes[rows]).to(boxes)
    labels[at] = torch.from_numpy(table.label[rows]).to(labels)
    slots = np.empty_like(slot)
    slots[order] = slot
    places = tuple(torch.from_numpy(part[known]).to(unit.device) for part in (table.image, table.prior))
    gt = GroundTruthBatch(boxes, labels, torch.from_numpy(counts).to(unit.device))
    overlaps = match(replace(gt, boxes=gt.boxes * unit), priors, spec)
    index, positive, forced = overlaps.gt_index, torch.zeros_like(roles.positive), torch.zeros_like(roles.positive)
    index[places] = torch.from_numpy(slots[which]).to(index)
    positive[places] = True
    forced[places] = torch.from_numpy(table.weak[known]).to(unit.device)
    matching = replace(
        roles,
        gt_index=index,
        positive=positive,
        forced=forced,
        prior_iou=overlaps.prior_iou,
        best_prior=overlaps.best_prior,
        best_iou=overlaps.best_iou,
    )
    return Known(gt, matching, recovered=True)
