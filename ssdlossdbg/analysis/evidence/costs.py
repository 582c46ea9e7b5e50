"""What images, objects and mined negatives cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.common import box_problem, rows, to_pixels
from ssdlossdbg.analysis.evidence.recovered import Known
from ssdlossdbg.analysis.splits import LossSums
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.confidence import probabilities, with_background
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.results import Cutoff, GroundTruthLoss, ImageLoss, MinedNegative
from ssdlossdbg.rules import Dialect

# Of the negatives that all count, which are nearly all priors, so many are listed.
MOST_NEGATIVES = 1000


def image_losses(
    loss: LossTerms, sums: LossSums, known: Known | None, batch: Batch, all_count: bool = False
) -> tuple[ImageLoss, ...]:
    """Each image's share of the loss.

    Args:
        loss: of the batch.
        sums: the same, ready to be split.
        known: the objects and their matching; None where they are not known.
        batch: what the images are called, and the photos of the first ones.
        all_count: whether every negative counts, so that there is no cut-off.
    """
    labels = loss.matching.labels
    number = len(labels)
    group = torch.arange(number, device=labels.device)[:, None].expand_as(labels)
    mined, skipped = loss.mining.mined, loss.matching.negative & ~loss.mining.mined
    last_mined = torch.where(mined, loss.mining.rank, -1).argmax(1)
    first_skipped = torch.where(skipped, loss.mining.rank, mined.shape[1]).argmin(1)
    last, first = _cutoffs(loss, mined & (not all_count), last_mined), _cutoffs(loss, skipped, first_skipped)
    columns = rows(
        ground_truth=[None] * number if known is None else known.gt.counts,
        forced=(loss if known is None else known).matching.forced.sum(1),
        wanted=loss.mining.wanted.expand(number),
        parts=sums.split(group, number),
        last_mined=last,
        first_not_mined=first,
        any_choice=[_any_choice(loss, image, *edges) for image, edges in enumerate(zip(last, first, strict=True))],
    )
    return tuple(
        ImageLoss(
            index=index,
            path=batch.photos[index] if index < len(batch.photos) else None,
            name=batch.image_name(index),
            positives=positives,
            negatives=negatives,
            **row,
        )
        for index, ((positives, negatives), row) in enumerate(zip(sums.counts(group, number), columns, strict=True))
    )


def _cutoffs(loss: LossTerms, chosen: Tensor, prior: Tensor) -> list[Cutoff | None]:
    """The prior that is last or first, `[B]`, of those chosen, `[B, P]`; None in images without any."""
    score = loss.mining.score.gather(1, prior[:, None])[:, 0]
    columns = zip(chosen.any(1).tolist(), prior.tolist(), score.tolist(), strict=True)
    return [Cutoff(*edge) if exists else None for exists, *edge in columns]


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
    costs = widest(torch.where(loss.matching.negative[image], loss.cross_entropy[image], 0.0)[tied]).sort().values
    surely = widest(loss.confidence_terms[image, mined & ~tied]).sum()
    scale = widest(loss.confidence_scale[image])
    least, greatest = ((surely + part.sum()) * scale for part in (costs[:places], costs[len(costs) - places :]))
    return float(least), float(greatest)


def ground_truth_losses(
    loss: LossTerms, sums: LossSums, known: Known, batch: Batch, rules: Dialect
) -> tuple[GroundTruthLoss, ...]:
    """What each object costs, the costliest first.

    Args:
        loss: of the batch.
        sums: the same, ready to be split.
        known: the objects and their matching.
        batch: its logits, the priors, whose input size pixels are of, and the names of the output columns.
        rules: the dialect.
    """
    names = batch.names
    gt, matching = known.gt, known.matching
    images, slots = gt.boxes.shape[:2]
    of_image, prior = matching.positive.nonzero(as_tuple=True)
    chosen = of_image, prior
    group = torch.arange(images, device=gt.boxes.device)[:, None] * slots + matching.gt_index
    terms = sums.terms.at(*chosen)
    parts = terms.new_zeros((images * slots, terms.shape[-1])).index_add_(0, group[chosen], terms)
    image_of, index_of = gt.mask.nonzero(as_tuple=True)
    class_id, boxes = gt.labels[image_of, index_of], gt.boxes[image_of, index_of]
    place = image_of * slots + index_of
    part = parts[place]
    predicted, probability, own = _taken_for(loss, group, images * slots, chosen, batch.conf, rules)
    columns = rows(
        image=image_of,
        index=index_of,
        class_id=class_id,
        label=[names[column] for column in class_id.tolist()],
        box=[to_pixels(box, batch.priors.image_size) for box in boxes.tolist()],
        positives=matching.positives_per_gt()[image_of, index_of],
        forced=matching.positives_per_gt(matching.forced)[image_of, index_of],
        best_iou=matching.best_iou[image_of, index_of],
        localization=part[:, 0],
        confidence=part[:, 1],
        landmarks=part[:, 3] if part.shape[1] > 3 else [None] * len(part),
        predicted_label=[None if column < 0 else names[column] for column in predicted[place].tolist()],
        probability=[None if share < 0 else share for share in probability[place].tolist()],
        own_probability=[None if share < 0 else share for share in own[place].tolist()],
    )
    items = [GroundTruthLoss(**row, problem=box_problem(row["box"])) for row in columns]
    # nan, which compares with nothing, among the largest.
    return tuple(sorted(items, key=lambda item: -math.inf if math.isnan(item.total) else -item.total))


def _taken_for(
    loss: LossTerms, group: Tensor, places: int, chosen: tuple[Tensor, Tensor], conf: Tensor, rules: Dialect
) -> tuple[Tensor, Tensor, Tensor]:
    """The class of highest probability, that, and that of the object's own, where its positive's confidence costs most.

    Args:
        loss: of the batch.
        group: `[B, P]` place of each prior's object among those of all images, padded.
        places: how many of those there are.
        chosen: `[M]` images and `[M]` priors of the positives.
        conf: `[B, P, C]` logits.
        rules: the dialect.

    Returns:
        By place; -1 where an object has no positive.
    """
    of, costs = group[chosen], widest(loss.cross_entropy[chosen])
    # Stable sorts, the last of which decides: by object, in each by cost, the costliest of each last.
    order = costs.argsort(stable=True)
    order = order[of[order].argsort(stable=True)]
    last = torch.cat((of[order].diff() != 0, torch.ones_like(of[:1], dtype=torch.bool)))
    dearest = order[last]
    logits = with_background(conf[chosen[0][dearest], chosen[1][dearest]], rules.loss)
    told = probabilities(logits, rules.loss)
    best, column = told.max(-1)
    labels = loss.matching.labels[chosen[0][dearest], chosen[1][dearest]].clamp(0, told.shape[-1] - 1)
    predicted = torch.full((places,), -1, device=group.device).index_put_((of[dearest],), column)
    nothing = torch.full((places,), -1.0, dtype=best.dtype, device=group.device)
    own = nothing.index_put((of[dearest],), told.gather(-1, labels[:, None])[:, 0])
    return predicted, nothing.index_put_((of[dearest],), best), own


def negative_losses(
    loss: LossTerms,
    conf: Tensor,
    known: Known | None,
    grid: Priors,
    names: Sequence[str],
    rules: Dialect,
    most: int | None = None,
) -> tuple[MinedNegative, ...]:
    """What each mined negative costs, the costliest first; where all count, the `MOST_NEGATIVES` costliest.

    Args:
        loss: of the batch.
        conf: `[B, P, C]` logits.
        known: the objects and their matching; None where they are not known.
        grid: the P priors.
        names: of the output columns.
        rules: the dialect.
        most: how many of them, the costliest; all if None.
    """
    images, priors = loss.mining.mined.nonzero(as_tuple=True)
    cost = widest(loss.confidence_terms[images, priors]) * widest(loss.confidence_scale[images])
    if most is None and rules.mining.takes_all:
        most = MOST_NEGATIVES
    order = cost.argsort(descending=True, stable=True)[:most]
    images, priors, cost = images[order], priors[order], cost[order]
    told = with_background(conf[images, priors], rules.loss)
    probability, predicted = probabilities(told, rules.loss).max(-1)
    matching = (loss if known is None else known).matching
    has_object = torch.zeros_like(images, dtype=torch.bool) if known is None else known.gt.counts[images] > 0
    overlap = torch.where(has_object, matching.prior_iou[images, priors], 0.0)
    nearest = torch.where(overlap > 0, matching.gt_index[images, priors], -1)
    columns = rows(
        image=images,
        prior=priors,
        rank=loss.mining.rank[images, priors] + 1,
        level=grid.level_index[priors],
        box=[to_pixels(box, grid.image_size) for box in cxcywh_to_xyxy(grid.boxes[priors]).tolist()],
        loss=cost,
        predicted_class=predicted,
        predicted_label=[names[column] for column in predicted.tolist()],
        probability=probability,
        best_iou=[None] * len(images) if known is None else overlap,
        ground_truth=[index if index >= 0 else None for index in nearest.tolist()],
    )
    return tuple(MinedNegative(**row) for row in columns)
