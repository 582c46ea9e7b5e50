"""What is the loss of a saved batch made of, and which negatives were mined?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ssdlossdbg.analysis.common import summarise
from ssdlossdbg.analysis.evidence.recovered import Known
from ssdlossdbg.analysis.references import untrained_loss, without_bad_boxes
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.analysis.splits import GradientNorms, LossSums
from ssdlossdbg.analysis.two_steps import SecondScene
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.confidence import probabilities, with_background
from ssdlossdbg.multibox.weight_decay import decayed, weight_decay
from ssdlossdbg.results import ClassLoss, FirstStep, GroupLoss, LevelLoss, LossResult, SceneLoss

# Of the negatives of an image that all count, so many are drawn.
MOST_DRAWN = 200


def analyse_loss(scene: Scene, weights: Mapping[str, Tensor] | None = None) -> LossResult:
    """Say where each part of a batch's loss came from, as the dialect's training code computes it.

    Where the targets came encoded nothing is matched: the roles come from the labels, and the objects are those that
    the positives decode to; where they decode to none, what depends on objects is None or empty.

    Args:
        scene: predictions and targets under a dialect.
        weights: the network's trainable parameters by name, for the dialect's weight decay; None if not known.
    """
    batch, rules, loss, costs = scene.batch, scene.rules, scene.loss, scene.costs
    gradients = GradientNorms(batch.loc, batch.conf, loss, rules.loss)
    two = isinstance(scene, SecondScene)
    sound = None if two else without_bad_boxes(scene)
    return LossResult(
        predictions_path=batch.paths[0],
        targets_path=batch.paths[1],
        predictions_layout=batch.predictions.layout,
        targets_layout=batch.targets_layout,
        dtype=costs.dtype,
        dialect=rules.name,
        device=batch.where,
        threshold=costs.threshold,
        localization_weight=rules.loss.localization_weight,
        config=summarise(batch.named),
        classes_count=batch.conf.shape[-1],
        loss=costs.loss,
        loss_sum=costs.loss_sum,
        normalizer=costs.normalizer,
        images=costs.images,
        levels=_levels(scene, scene.sums, gradients),
        classes=_classes(batch.names, loss.matching.labels, scene.sums, gradients),
        coordinates=scene.sums.coordinates(),
        ground_truth=costs.ground_truth,
        negatives=costs.negatives,
        gradient_localization=float(gradients.loc.sum().sqrt()),
        gradient_confidence=float(gradients.conf.sum().sqrt()),
        raises=costs.raises,
        non_finite=costs.non_finite,
        scenes=_scenes(scene),
        encoded=batch.encoded is not None,
        recovered=scene.recovered,
        decay=rules.weight_decay,
        weight_decay=None if weights is None else float(weight_decay(weights, rules.weight_decay)),
        decayed=None if weights is None else (len(decayed(weights, rules.weight_decay)), len(weights)),
        recorded=None if costs.said is None else costs.said.recorded,
        recorded_error=costs.recorded_error,
        whose=costs.whose,
        step=None if batch.captured is None else batch.captured.step,
        captured=batch.captured,
        all_negatives=costs.all_negatives,
        landmark_normalizer=None if loss.landmarks is None else float(loss.landmarks.normalizer),
        landmarks_left_out=costs.landmarks_left_out,
        untrained=None if two else untrained_loss(sound[0] if sound else scene),
        without=sound[1] if sound else None,
        first_step=_first_step(scene.first) if isinstance(scene, SecondScene) else None,
        taken_out=costs.taken_out,
        evidence=scene.evidence,
    )


def _first_step(scene: Scene) -> FirstStep:
    loss, costs = scene.loss, scene.costs
    gradients = GradientNorms(scene.batch.loc, scene.batch.conf, loss, scene.rules.loss)
    return FirstStep(
        loss=costs.loss,
        loss_sum=costs.loss_sum,
        normalizer=costs.normalizer,
        images=costs.images,
        levels=_levels(scene, scene.sums, gradients),
        coordinates=scene.sums.coordinates(),
        ground_truth=costs.ground_truth,
        negatives=costs.negatives,
        gradient_localization=float(gradients.loc.sum().sqrt()),
        gradient_confidence=float(gradients.conf.sum().sqrt()),
        non_finite=costs.non_finite,
    )


def _groups(number: int, group: Tensor, sums: LossSums, gradients: GradientNorms) -> list[GroupLoss]:
    columns = zip(
        sums.counts(group, number),
        sums.split(group, number),
        gradients.split(group, number),
        sums.means(group, number),
        strict=True,
    )
    return [GroupLoss(*counts, parts, *norms, means) for counts, parts, norms, means in columns]


def _classes(names: Sequence[str], labels: Tensor, sums: LossSums, gradients: GradientNorms) -> tuple[ClassLoss, ...]:
    groups = _groups(len(names), labels.clamp(min=0), sums, gradients)
    return tuple(ClassLoss(**vars(group), label=name) for group, name in zip(groups, names, strict=True))


def _levels(scene: Scene, sums: LossSums, gradients: GradientNorms) -> tuple[LevelLoss, ...]:
    maps = [level.feature_map for level in scene.batch.priors.levels] or [(0, 0)]
    group = scene.batch.priors.level_index.expand_as(scene.loss.matching.labels)
    groups = _groups(len(maps), group, sums, gradients)
    return tuple(LevelLoss(**vars(group), feature_map=grid) for group, grid in zip(groups, maps, strict=True))


def _scenes(scene: Scene) -> tuple[SceneLoss, ...]:
    loss, decoded = scene.loss, scene.decoded
    known = scene.known or Known(scene.gt, scene.matching)
    gt, matching = known.gt, known.matching
    shared = cxcywh_to_xyxy(scene.batch.priors.boxes)
    corners = scene.moved if isinstance(scene, SecondScene) else shared.expand(len(decoded), -1, -1)
    confidence = loss.confidence_terms * loss.confidence_scale[:, None]
    scenes = []
    for image, count in enumerate(gt.counts.tolist()):
        positive, mined = matching.positive[image], loss.mining.mined[image].nonzero().flatten()
        if scene.rules.mining.takes_all:  # nearly all priors: the costliest, in the order of priors
            mined = mined[confidence[image, mined].argsort(descending=True, stable=True)[:MOST_DRAWN]].sort().values
        scenes.append(
            SceneLoss(
                objects=_numpy(gt.boxes[image, :count]),
                decoded=_numpy(decoded[image, positive]),
                owner=_numpy(matching.gt_index[image, positive]),
                mined=_numpy(corners[image, mined]),
                mined_loss=_numpy(confidence[image, mined]),
                probability=_numpy(_probability(scene, image, positive)),
            )
        )
    return tuple(scenes)


def _probability(scene: Scene, image: int, positive: Tensor) -> Tensor:
    """`[N]` the probability that the network gives the class of each positive of an image."""
    rules = scene.rules.loss
    told = probabilities(with_background(scene.batch.conf[image, positive], rules), rules)
    return told.gather(1, scene.loss.matching.labels[image, positive].clamp(min=0)[:, None])[:, 0]


def _numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.cpu().numpy()
