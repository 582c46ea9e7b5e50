"""What images, objects and mined negatives cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ssdlossdbg.analysis.common import box_problem, to_pixels
from ssdlossdbg.analysis.splits import LossSums
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.results import Cutoff, GroundTruthLoss, ImageLoss, MinedNegative


def image_losses(
    loss: LossTerms, sums: LossSums, gt: GroundTruthBatch | None, photos: Sequence[str]
) -> tuple[ImageLoss, ...]:
    """Each image's share of the loss.

    Args:
        loss: of the batch.
        sums: the same, ready to be split.
        gt: the objects; None where they are not known.
        photos: paths of those of the first images.
    """
    labels = loss.matching.labels
    number = len(labels)
    group = torch.arange(number, device=labels.device)[:, None].expand_as(labels)
    mined, skipped = loss.mining.mined, loss.matching.negative & ~loss.mining.mined
    last_mined = torch.where(mined, loss.mining.rank, -1).argmax(1)
    first_skipped = torch.where(skipped, loss.mining.rank, mined.shape[1]).argmin(1)
    columns = zip(
        [None] * number if gt is None else gt.counts.tolist(),
        sums.counts(group, number),
        loss.matching.forced.sum(1).tolist(),
        loss.mining.wanted.expand(number).tolist(),
        sums.split(group, number),
        _cutoffs(loss, mined, last_mined),
        _cutoffs(loss, skipped, first_skipped),
        strict=True,
    )
    return tuple(
        ImageLoss(
            index=index,
            path=photos[index] if index < len(photos) else None,
            ground_truth=objects,
            positives=positives,
            forced=forced,
            negatives=negatives,
            wanted=wanted,
            parts=parts,
            last_mined=last,
            first_not_mined=first,
        )
        for index, (objects, (positives, negatives), forced, wanted, parts, last, first) in enumerate(columns)
    )


def _cutoffs(loss: LossTerms, chosen: Tensor, prior: Tensor) -> list[Cutoff | None]:
    """The prior that is last or first, `[B]`, of those chosen, `[B, P]`; None in images without any."""
    score = loss.mining.score.gather(1, prior[:, None])[:, 0]
    columns = zip(chosen.any(1).tolist(), prior.tolist(), score.tolist(), strict=True)
    return [Cutoff(*edge) if exists else None for exists, *edge in columns]


def ground_truth_losses(
    loss: LossTerms, sums: LossSums, gt: GroundTruthBatch, priors: Priors, names: Sequence[str]
) -> tuple[GroundTruthLoss, ...]:
    """What each object costs, the costliest first.

    Args:
        loss: of the batch.
        sums: the same, ready to be split.
        gt: the objects, normalised.
        priors: whose input size pixels are of.
        names: of the output columns.
    """
    images, slots = gt.boxes.shape[:2]
    positive = loss.matching.positive[..., None]
    group = torch.arange(images, device=gt.boxes.device)[:, None] * slots + loss.matching.gt_index
    own = torch.where(positive, sums.terms, 0.0)
    parts = own.new_zeros((images * slots, 3)).index_add_(0, group.reshape(-1), own.reshape(-1, 3))
    image_of, index_of = gt.mask.nonzero(as_tuple=True)
    columns = zip(
        image_of.tolist(),
        index_of.tolist(),
        gt.labels[image_of, index_of].tolist(),
        gt.boxes[image_of, index_of].tolist(),
        loss.matching.positives_per_gt()[image_of, index_of].tolist(),
        loss.matching.positives_per_gt(loss.matching.forced)[image_of, index_of].tolist(),
        loss.matching.best_iou[image_of, index_of].tolist(),
        parts[image_of * slots + index_of].tolist(),
        strict=True,
    )
    items = []
    for image, index, label, box, positives, forced, best_iou, (localization, confidence, _) in columns:
        pixels = to_pixels(box, priors.image_size)
        items.append(
            GroundTruthLoss(
                image=image,
                index=index,
                class_id=label,
                label=names[label],
                box=pixels,
                positives=positives,
                forced=forced,
                best_iou=best_iou,
                localization=localization,
                confidence=confidence,
                problem=box_problem(pixels),
            )
        )
    # nan, which compares with nothing, among the largest.
    return tuple(sorted(items, key=lambda item: -math.inf if math.isnan(item.total) else -item.total))


def negative_losses(
    loss: LossTerms, conf: Tensor, gt: GroundTruthBatch | None, grid: Priors, names: Sequence[str]
) -> tuple[MinedNegative, ...]:
    """What each mined negative costs, the costliest first.

    Args:
        loss: of the batch.
        conf: `[B, P, C]` logits.
        gt: the objects; None where they are not known.
        grid: the P priors.
        names: of the output columns.
    """
    images, priors = loss.mining.mined.nonzero(as_tuple=True)
    cost = loss.confidence_terms[images, priors].double() * loss.confidence_scale[images].double()
    order = cost.argsort(descending=True, stable=True)
    images, priors, cost = images[order], priors[order], cost[order]
    probability, predicted = conf[images, priors].softmax(-1).max(-1)
    has_object = torch.zeros_like(images, dtype=torch.bool) if gt is None else gt.counts[images] > 0
    columns = zip(
        images.tolist(),
        priors.tolist(),
        loss.mining.rank[images, priors].tolist(),
        grid.level_index[priors].tolist(),
        cxcywh_to_xyxy(grid.boxes[priors]).tolist(),
        cost.tolist(),
        predicted.tolist(),
        probability.tolist(),
        torch.where(has_object, loss.matching.prior_iou[images, priors], 0.0).tolist(),
        torch.where(has_object, loss.matching.gt_index[images, priors], -1).tolist(),
        strict=True,
    )
    return tuple(
        MinedNegative(
            image=image,
            prior=prior,
            rank=rank + 1,
            level=level,
            box=to_pixels(box, grid.image_size),
            loss=share,
            predicted_class=class_number,
            predicted_label=names[class_number],
            probability=sureness,
            best_iou=None if gt is None else iou,
            ground_truth=nearest if nearest >= 0 and iou > 0 else None,
        )
        for image, prior, rank, level, box, share, class_number, sureness, iou, nearest in columns
    )
