"""What does each positive and each negative of a batch cost, and which would other ratios of mining take?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.splits import LossSums
from ssdlossdbg.multibox.confidence import probabilities, with_background
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.results import AtRatio, LossDetail, PositiveCosts, RankedNegatives

RATIOS = tuple(step / 2 for step in range(21))
# Of a batch, over its images: beyond them a page would be slow.
MOST_NEGATIVES = 40_000
# Of those that no ratio mines, so many of each image are of interest.
PAST_THE_LAST = 50


def describe_loss(scene: Scene) -> LossDetail:
    """A batch's loss, prior by prior.

    Args:
        scene: predictions and targets under a dialect.
    """
    ratios, mined_at = _at_ratios(scene)
    negatives = _negatives(scene, mined_at)
    return LossDetail(
        boxes=_numpy(scene.batch.priors.boxes),
        level=_numpy(scene.batch.priors.level_index),
        positives=_positives(scene),
        negatives=negatives,
        negatives_left_out=int(scene.loss.mining.mined.sum()) - int(negatives.mined.sum()),
        ratio=scene.rules.mining.ratio if ratios else None,
        ratios=ratios,
    )


def _at_ratios(scene: Scene) -> tuple[tuple[AtRatio, ...], Tensor]:
    """The loss at each ratio, and `[B, P]` a bit for each: whether the prior is mined at it."""
    rules = scene.rules
    # More of one ratio may be fewer of another: some dialects take a fixed number where the ratio grants none.
    mined_at = torch.zeros_like(scene.loss.matching.labels)
    if rules.mining.takes_all:
        return (), mined_at
    found, ratios = [], sorted({*RATIOS, rules.mining.ratio})
    for place, ratio in enumerate(ratios):
        # All but mining and what follows from it is shared with the batch's other scenes.
        other = Scene(scene.batch, replace(rules, mining=replace(rules.mining, ratio=ratio)))
        loss = scene.loss if ratio == rules.mining.ratio else other.loss
        mined = loss.mining.mined
        mined_at |= mined.long() << place
        found.append(AtRatio(ratio, LossSums(loss).total(), tuple(mined.sum(1).tolist())))
    return tuple(found), mined_at


def _positives(scene: Scene) -> PositiveCosts:
    loss, terms, known = scene.loss, scene.sums.terms, scene.known
    matching = (loss if known is None else known).matching
    image, prior = loss.matching.positive.nonzero(as_tuple=True)
    label = loss.matching.labels[image, prior].clamp(min=0)
    told = probabilities(with_background(scene.batch.conf[image, prior], scene.rules.loss), scene.rules.loss)
    owner = matching.gt_index[image, prior] if known is not None else torch.full_like(prior, -1)
    cost = terms.at(image, prior)
    return PositiveCosts(
        image=_numpy(image),
        prior=_numpy(prior),
        ground_truth=_numpy(owner),
        class_id=_numpy(label),
        forced=_numpy(matching.forced[image, prior]),
        decoded=_numpy(scene.decoded[image, prior]),
        localization=_numpy(cost[:, 0]),
        confidence=_numpy(cost[:, 1] + cost[:, 2]),  # an object that is labelled background costs as a negative
        landmarks=_numpy(cost[:, 3]) if cost.shape[1] > 3 else None,
        probability=_numpy(told.gather(1, label[:, None])[:, 0]),
    )


def _negatives(scene: Scene, mined_at: Tensor) -> RankedNegatives:
    loss, known, conf, rules = scene.loss, scene.known, scene.batch.conf, scene.rules
    image, prior = _ranked(scene, mined_at)
    mined = loss.mining.mined[image, prior]
    own = torch.where(mined, loss.confidence_terms[image, prior], loss.cross_entropy[image, prior])
    probability, predicted = probabilities(with_background(conf[image, prior], rules.loss), rules.loss).max(-1)
    overlap = torch.full_like(probability, torch.nan)
    nearest = torch.full_like(prior, -1)
    if known is not None:
        iou = torch.where(known.gt.counts[image] > 0, known.matching.prior_iou[image, prior], 0.0)
        overlap, nearest = iou, torch.where(iou > 0, known.matching.gt_index[image, prior], -1)
    return RankedNegatives(
        image=_numpy(image),
        prior=_numpy(prior),
        rank=_numpy(loss.mining.rank[image, prior] + 1),
        score=_numpy(loss.mining.score[image, prior]),
        loss=_numpy(widest(own) * widest(loss.confidence_scale[image])),
        mined=_numpy(mined),
        class_id=_numpy(predicted),
        probability=_numpy(probability),
        iou=_numpy(overlap),
        ground_truth=_numpy(nearest),
        mined_at=_numpy(mined_at[image, prior]),
    )


def _ranked(scene: Scene, mined_at: Tensor) -> tuple[Tensor, Tensor]:
    """`[M]` images and priors of the negatives to tell of, image after image, the first of the ranking first."""
    loss = scene.loss
    rank = torch.where(loss.matching.negative, loss.mining.rank, torch.iinfo(torch.long).max)
    order = rank.argsort(dim=1, stable=True)
    place = torch.arange(order.shape[1], device=order.device)
    taken = (loss.mining.mined | (mined_at > 0)).gather(1, order)
    last = torch.where(taken, place + 1, 0).amax(1)
    most = (last + PAST_THE_LAST).clamp(max=max(1, MOST_NEGATIVES // len(rank)))
    most = torch.minimum(most, loss.matching.negative.sum(1))
    image, at = (place < most[:, None]).nonzero(as_tuple=True)
    return image, order[image, at]


def _numpy(tensor: Tensor) -> Any:
    return tensor.detach().cpu().numpy()
