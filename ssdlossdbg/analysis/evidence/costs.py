"""What images, objects and mined negatives cost."""

from __future__ import annotations

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
    edges = _cutoffs(loss)
    columns = zip(
        [None] * number if gt is None else gt.counts.tolist(),
        sums.counts(group, number),
        loss.matching.forced.sum(1).tolist(),
        loss.mining.wanted.expand(number).tolist(),
        sums.split(group, number),
        edges,
        [_any_choice(loss, image, *edge) for image, edge in enumerate(edges)],
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
            any_choice=choice,
        )
        for index, (objects, (positives, negatives), forced, wanted, parts, (last, first), choice) in enumerate(columns)
    )


def _cutoffs(loss: LossTerms) -> list[tuple[Cutoff | None, Cutoff | None]]:
    rank, mined = loss.mining.rank, loss.mining.mined
    skipped = loss.matching.negative & ~mined
    last = torch.where(mined, rank, -1).argmax(1)
    first = torch.where(skipped, rank, rank.shape[1]).argmin(1)
    rows = torch.arange(len(rank), device=rank.device)
    columns = zip(
        mined.any(1).tolist(),
        last.tolist(),
        loss.mining.score[rows, last].tolist(),
        skipped.any(1).tolist(),
        first.tolist(),
        loss.mining.score[rows, first].tolist(),
        strict=True,
    )
    return [
        (Cutoff(last_prior, last_score) if any_mined else None, Cutoff(first_prior, first_score) if any_left else None)
        for any_mined, last_prior, last_score, any_left, first_prior, first_score in columns
    ]


def _any_choice(loss: LossTerms, image: int, last: Cutoff | None, first: Cutoff | None) -> tuple[float, float] | None:
    """The least and the greatest that an image's mined negatives cost, whichever of equal scores a sort puts first.

    Equal scores mean equal costs, unless the score lost what tells them apart, as where it underflowed to -inf.
    """
    alone = len(loss.mining.wanted) == len(loss.matching.labels)  # else images compete for the places of a batch
    if last is None or first is None or last.score != first.score or not alone:
        return None
    mined, tied = loss.mining.mined[image], loss.mining.score[image] == last.score
    places = int((tied & (mined | loss.mining.places_of_positives[image])).sum())
    # A positive that takes a place costs nothing there.
    costs = torch.where(loss.matching.negative[image], loss.cross_entropy[image], 0.0)[tied].double().sort().values
    surely = loss.confidence_terms[image, mined & ~tied].double().sum()
    scale = loss.confidence_scale[image].double()
    least, greatest = ((surely + part.sum()) * scale for part in (costs[:places], costs[len(costs) - places :]))
    return float(least), float(greatest)


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
    return tuple(sorted(items, key=lambda item: -_cost(item.total)))


def _cost(value: float) -> float:
    """A key that puts nan, which compares with nothing, among the largest."""
    return float("inf") if value != value else value


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
