"""What is the loss of a saved batch made of, and which negatives were mined?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import targets_in_units, why_raises
from ssdlossdbg.analysis.common import box_problem, class_name, resolve_device, summarise, to_pixels, unit_of
from ssdlossdbg.analysis.evidence.encoded import describe_encoded
from ssdlossdbg.analysis.evidence.objects import describe_objects, state_targets
from ssdlossdbg.analysis.evidence.predicted import describe_predictions
from ssdlossdbg.analysis.evidence.priors import describe_priors
from ssdlossdbg.analysis.nonfinite import find_non_finite
from ssdlossdbg.analysis.splits import GradientNorms, LossSums
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.loss import MultiBoxLoss, encoded_loss, multibox_loss
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.multibox.weight_decay import decayed, weight_decay
from ssdlossdbg.readers.encoded import EncodedTargets
from ssdlossdbg.readers.predictions import Predictions
from ssdlossdbg.readers.priors import NamedPriors
from ssdlossdbg.readers.targets import Targets
from ssdlossdbg.results import (
    ClassLoss,
    Cutoff,
    GroundTruthLoss,
    GroupLoss,
    ImageLoss,
    LevelLoss,
    LossResult,
    MinedNegative,
    SceneLoss,
)
from ssdlossdbg.rules import Dialect


@dataclass(frozen=True)
class _Batch:
    """The inputs on the device, with the loss computed from them.

    Attributes:
        gt: the objects, normalised; none at all where the targets were encoded already.
        encoded: whether they were, so that nothing is known of objects.
    """

    loc: Tensor
    conf: Tensor
    gt: GroundTruthBatch
    encoded: bool
    priors: Priors
    names: tuple[str, ...]
    loss: MultiBoxLoss


def analyse_loss(
    predictions: Predictions,
    targets: Targets | EncodedTargets,
    named: NamedPriors,
    dialect: Dialect,
    classes: tuple[str, ...] = (),
    device: str = "auto",
    paths: tuple[str, str] = ("", ""),
    image_paths: Sequence[str] = (),
    weights: Mapping[str, Tensor] | None = None,
) -> LossResult:
    """Compute a batch's loss as the dialect's training code would, and say where each part of it came from.

    Args:
        predictions: `[B, P, 4]` and `[B, P, C]`.
        targets: the objects of the B images, class ids below C; or what every prior is to learn, already encoded.
            Then nothing is matched: the roles come from the labels, and what depends on objects is None or empty.
        named: the P priors.
        dialect: rules, ratio, weights.
        classes: names of classes 1 to C - 1; numbers stand in for those that are missing.
        device: auto, cpu, cuda, cuda:N or mps.
        paths: of predictions and targets, for the report only.
        image_paths: photos of the first images, for the report only.
        weights: the network's trainable parameters by name, for the dialect's weight decay; None if not known.

    Raises:
        InputError: no such device.
    """
    target = resolve_device(device)
    priors = named.priors.to(target)
    unit = unit_of(dialect, priors)
    loc, conf = predictions.loc.to(target), predictions.conf.to(target)
    encoded = isinstance(targets, EncodedTargets)
    gt, loss = _loss(loc, conf, targets, priors, unit, dialect)
    names = tuple(class_name(index, classes) for index in range(conf.shape[-1]))
    batch = _Batch(loc, conf, gt, encoded, priors, names, loss)

    sums = LossSums(loss)
    gradients = GradientNorms(loc, conf, loss, dialect.loss)
    everything = sums.split(torch.zeros_like(loss.matching.labels), 1)[0]
    return LossResult(
        predictions_path=paths[0],
        targets_path=paths[1],
        predictions_layout=predictions.layout,
        targets_layout=targets.layout,
        dtype=predictions.dtype,
        dialect=dialect.name,
        device=str(target),
        threshold=None if encoded else dialect.match.threshold,
        localization_weight=dialect.loss.localization_weight,
        config=summarise(named),
        classes_count=conf.shape[-1],
        loss=everything,
        loss_sum=sums.unnormalised(),
        normalizer=float(loss.normalizer),
        images=_images(batch, sums, image_paths),
        levels=_levels(batch, sums, gradients),
        classes=_classes(names, loss.matching.labels, sums, gradients),
        coordinates=sums.coordinates(),
        ground_truth=_ground_truth(batch, sums),
        negatives=_negatives(batch),
        gradient_localization=gradients.norm(gradients.loc),
        gradient_confidence=gradients.norm(gradients.conf),
        raises=why_raises(None if encoded else gt, loss, dialect),
        non_finite=find_non_finite(loc, conf, None if encoded else gt, loss, priors),
        scenes=_scenes(batch, dialect),
        encoded=encoded,
        decay=dialect.weight_decay,
        weight_decay=None if weights is None else float(weight_decay(weights, dialect.weight_decay)),
        decayed=None if weights is None else (len(decayed(weights, dialect.weight_decay)), len(weights)),
        evidence=_evidence(batch, predictions, targets, named, dialect, classes, paths),
    )


def _evidence(
    batch: _Batch,
    predictions: Predictions,
    targets: Targets | EncodedTargets,
    named: NamedPriors,
    dialect: Dialect,
    classes: tuple[str, ...],
    paths: tuple[str, str],
) -> tuple[object, ...]:
    """What the checks look at beside the result."""
    loss, unit = batch.loss, unit_of(dialect, batch.priors)
    priors = describe_priors(named, dialect, batch.conf.shape[-1])
    on_device, gt = replace(predictions, loc=batch.loc, conf=batch.conf), None if batch.encoded else batch.gt
    predicted = describe_predictions(on_device, named, dialect, paths[0], classes, loss, gt)
    if isinstance(targets, EncodedTargets):
        return describe_encoded(targets, named, dialect, paths[1]), priors, predicted
    stated = state_targets(targets, batch.names, batch.priors, paths[1])
    in_units = replace(batch.gt, boxes=batch.gt.boxes * unit)
    objects = describe_objects(stated, in_units, loss.matching, loss.targets, batch.priors, unit, dialect)
    return objects, priors, predicted


def _loss(
    loc: Tensor, conf: Tensor, targets: Targets | EncodedTargets, priors: Priors, unit: Tensor, dialect: Dialect
) -> tuple[GroundTruthBatch, MultiBoxLoss]:
    """The objects, normalised, and the loss; the latter is computed in the dialect's units."""
    codec, mining, weights = dialect.codec, dialect.mining, dialect.loss
    in_units = priors.boxes * unit
    if isinstance(targets, EncodedTargets):
        nobody = pad_ground_truth([priors.boxes[:0]] * len(loc), [targets.labels[0, :0]] * len(loc)).to(loc.device)
        labels, offsets = targets.labels.to(loc.device), targets.offsets.to(loc.device)
        return nobody, encoded_loss(loc, conf, in_units, labels, offsets, codec, mining, weights)
    gt = pad_ground_truth(targets_in_units(targets, priors, dialect), targets.labels).to(loc.device)
    loss = multibox_loss(loc, conf, in_units, gt, dialect.match, codec, mining, weights)
    return replace(gt, boxes=gt.boxes / unit), loss


def _groups(number: int, group: Tensor, sums: LossSums, gradients: GradientNorms) -> list[GroupLoss]:
    columns = zip(sums.counts(group, number), sums.split(group, number), gradients.split(group, number), strict=True)
    return [GroupLoss(*counts, parts, *norms) for counts, parts, norms in columns]


def _classes(names: Sequence[str], labels: Tensor, sums: LossSums, gradients: GradientNorms) -> tuple[ClassLoss, ...]:
    groups = _groups(len(names), labels.clamp(min=0), sums, gradients)
    return tuple(ClassLoss(**vars(group), label=name) for group, name in zip(groups, names, strict=True))


def _levels(batch: _Batch, sums: LossSums, gradients: GradientNorms) -> tuple[LevelLoss, ...]:
    maps = [level.feature_map for level in batch.priors.levels] or [(0, 0)]
    group = batch.priors.level_index.expand_as(batch.loss.matching.labels)
    groups = _groups(len(maps), group, sums, gradients)
    return tuple(LevelLoss(**vars(group), feature_map=grid) for group, grid in zip(groups, maps, strict=True))


def _images(batch: _Batch, sums: LossSums, paths: Sequence[str]) -> tuple[ImageLoss, ...]:
    loss, number = batch.loss, len(batch.loc)
    group = torch.arange(number, device=batch.loc.device)[:, None].expand_as(loss.matching.labels)
    edges = _cutoffs(loss)
    columns = zip(
        batch.gt.counts.tolist(),
        sums.counts(group, number),
        loss.matching.forced.sum(1).tolist(),
        loss.mining.wanted.expand(number).tolist(),
        sums.split(group, number),
        edges,
        strict=True,
    )
    return tuple(
        ImageLoss(
            index=index,
            path=paths[index] if index < len(paths) else None,
            ground_truth=None if batch.encoded else objects,
            positives=positives,
            forced=forced,
            negatives=negatives,
            wanted=wanted,
            parts=parts,
            last_mined=last,
            first_not_mined=first,
        )
        for index, (objects, (positives, negatives), forced, wanted, parts, (last, first)) in enumerate(columns)
    )


def _cutoffs(loss: MultiBoxLoss) -> list[tuple[Cutoff | None, Cutoff | None]]:
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


def _ground_truth(batch: _Batch, sums: LossSums) -> tuple[GroundTruthLoss, ...]:
    loss, gt = batch.loss, batch.gt
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
        pixels = to_pixels(box, batch.priors.image_size)
        items.append(
            GroundTruthLoss(
                image=image,
                index=index,
                class_id=label,
                label=batch.names[label],
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


def _negatives(batch: _Batch) -> tuple[MinedNegative, ...]:
    loss, size = batch.loss, batch.priors.image_size
    images, priors = loss.mining.mined.nonzero(as_tuple=True)
    cost = loss.confidence_terms[images, priors].double() * loss.confidence_scale[images].double()
    order = cost.argsort(descending=True, stable=True)
    images, priors, cost = images[order], priors[order], cost[order]
    probability, predicted = batch.conf[images, priors].softmax(-1).max(-1)
    has_object = batch.gt.counts[images] > 0
    columns = zip(
        images.tolist(),
        priors.tolist(),
        loss.mining.rank[images, priors].tolist(),
        batch.priors.level_index[priors].tolist(),
        cxcywh_to_xyxy(batch.priors.boxes[priors]).tolist(),
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
            box=to_pixels(box, size),
            loss=share,
            predicted_class=class_number,
            predicted_label=batch.names[class_number],
            probability=sureness,
            best_iou=None if batch.encoded else iou,
            ground_truth=nearest if nearest >= 0 and iou > 0 else None,
        )
        for image, prior, rank, level, box, share, class_number, sureness, iou, nearest in columns
    )


def _scenes(batch: _Batch, dialect: Dialect) -> tuple[SceneLoss, ...]:
    loss = batch.loss
    unit = unit_of(dialect, batch.priors)
    decoded = decode(batch.loc, batch.priors.boxes * unit, dialect.codec) / unit
    corners = cxcywh_to_xyxy(batch.priors.boxes)
    confidence = loss.confidence_terms * loss.confidence_scale[:, None]
    scenes = []
    for image, count in enumerate(batch.gt.counts.tolist()):
        positive, mined = loss.matching.positive[image], loss.mining.mined[image]
        scenes.append(
            SceneLoss(
                objects=_numpy(batch.gt.boxes[image, :count]),
                decoded=_numpy(decoded[image, positive]),
                owner=_numpy(loss.matching.gt_index[image, positive]),
                mined=_numpy(corners[mined]),
                mined_loss=_numpy(confidence[image, mined]),
            )
        )
    return tuple(scenes)


def _numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.cpu().numpy()
