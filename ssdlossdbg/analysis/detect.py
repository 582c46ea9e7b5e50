"""What do the predictions become after decoding, thresholding and suppression, and which objects do they find?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import targets_in_units
from ssdlossdbg.analysis.common import box_problem, class_name, resolve_device, summarise, to_pixels, unit_of
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.detect import SCORES, Detections, Stage, detect
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.matching import match
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.readers.saved.predictions import Predictions
from ssdlossdbg.readers.saved.targets import Targets
from ssdlossdbg.results import (
    FINDS,
    FOUND,
    FOUND_AS_OTHER,
    MISSED,
    NOTHING,
    OTHER_CLASS,
    REPEATS,
    Box,
    ClassDetect,
    Detection,
    DetectResult,
    GroundTruthDetect,
    ImageDetect,
)
from ssdlossdbg.rules import Dialect, IouRule

# From this IoU on a detection of its class explains an object (Pascal VOC's criterion).
EXPLAINS = 0.5


@dataclass(frozen=True)
class _Batch:
    """The batch on the device, with what was detected in it."""

    found: Detections
    boxes: Tensor  # [D, 4] normalised
    gt: GroundTruthBatch
    positives: Tensor  # [B, G, 5] positives of each object, and how many of them reach each stage after the first
    links: _Links
    priors: Priors
    names: tuple[str, ...]
    judged: bool


@dataclass(frozen=True)
class _Links:
    """Which detections overlap which objects. D detections, B images with up to G objects; D stands for none.

    Attributes:
        iou, ground_truth: `[D]` the nearest object of any class.
        iou_of_class, ground_truth_of_class: `[D]` the nearest object of the detection's class.
        explains, other: `[D]` bool, near enough to an object of its class; else, to one of another class.
        finder, mistaken: `[B, G]` the highest detection that explains the object, or takes it for another class.
        explained_by: `[B, G]` detections that explain it.
        best_iou: `[B, G]` with any detection of its class.
    """

    iou: Tensor
    ground_truth: Tensor
    iou_of_class: Tensor
    ground_truth_of_class: Tensor
    explains: Tensor
    other: Tensor
    finder: Tensor
    mistaken: Tensor
    explained_by: Tensor
    best_iou: Tensor


def analyse_detect(
    predictions: Predictions,
    targets: Targets | None,
    named: NamedPriors,
    dialect: Dialect,
    classes: tuple[str, ...] = (),
    device: str = "auto",
    paths: tuple[str, str | None] = ("", None),
    image_paths: Sequence[str] = (),
) -> DetectResult:
    """Detect as the dialect's post-processing does, and hold the detections against the objects.

    Args:
        predictions: `[B, P, 4]` and `[B, P, C]`.
        targets: the objects of the B images, class ids below C; None where they are not known.
        named: the P priors.
        dialect: post-processing, and matching for the fate of the training positives.
        classes: names of classes 1 to C - 1; numbers stand in for those that are missing.
        device: auto, cpu, cuda, cuda:N or mps.
        paths: of predictions and targets, for the report only.
        image_paths: photos of the first images, for the report only.

    Raises:
        InputError: no such device.
    """
    target = resolve_device(device)
    priors = named.priors.to(target)
    unit = unit_of(dialect, priors)
    loc, conf = predictions.loc.to(target), predictions.conf.to(target)
    width, height = unit[:2].tolist()
    levels = [level.count for level in priors.levels]
    found = detect(loc, conf, priors.boxes * unit, (width, height), dialect.codec, dialect.detect, levels)
    in_units = _ground_truth(targets, len(loc), priors, dialect).to(target)
    gt = replace(in_units, boxes=in_units.boxes / unit)
    boxes = found.boxes / unit
    batch = _Batch(
        found=found,
        boxes=boxes,
        gt=gt,
        positives=_fate_of_positives(in_units, priors.boxes * unit, found, dialect),
        links=_link(found, boxes, gt),
        priors=priors,
        names=tuple(class_name(index, classes) for index in range(conf.shape[-1])),
        judged=targets is not None,
    )
    objects = _objects(batch)
    return DetectResult(
        predictions_path=paths[0],
        predictions_layout=predictions.layout,
        dtype=predictions.dtype,
        targets_path=paths[1] if targets else None,
        targets_layout=targets.layout if targets else None,
        dialect=dialect.name,
        device=str(target),
        config=summarise(named),
        rules=dialect.detect,
        images=_images(batch, loc, conf, objects, image_paths),
        classes=_classes(batch, SCORES[dialect.detect.scores](conf)[..., 1:].amax((0, 1)), objects),
    )


def _ground_truth(targets: Targets | None, images: int, priors: Priors, dialect: Dialect) -> GroundTruthBatch:
    if targets is None:
        return pad_ground_truth([torch.zeros((0, 4))] * images, [torch.zeros(0, dtype=torch.int64)] * images)
    return pad_ground_truth(targets_in_units(targets, priors, dialect), targets.labels)


def _fate_of_positives(gt: GroundTruthBatch, priors: Tensor, found: Detections, dialect: Dialect) -> Tensor:
    """`[B, G, 5]` how many of each object's positives get at least to each stage of its class."""
    matching = match(gt, priors, dialect.match)
    column = (matching.labels - 1).clamp(min=0)
    stage = found.stage.gather(1, column[:, None])[:, 0].masked_fill(~matching.foreground, Stage.PREDICTED)
    reached = torch.stack([matching.positive & (stage >= least) for least in Stage], dim=-1).long()
    counts = reached.new_zeros((*gt.labels.shape, len(Stage)))
    return counts.scatter_add_(1, matching.gt_index[..., None].expand_as(reached), reached)


def _link(found: Detections, boxes: Tensor, gt: GroundTruthBatch) -> _Links:
    images, slots = gt.labels.shape
    total = len(boxes)
    # A box that is no number overlaps nothing.
    overlap = iou(boxes[:, None], gt.boxes[found.image], IouRule.ZERO_WITHOUT_OVERLAP).nan_to_num(0.0)
    overlap = overlap.masked_fill_(~gt.mask[found.image], 0.0)
    of_class = overlap.masked_fill(gt.labels[found.image] != found.class_id[:, None], 0.0)
    best, nearest = overlap.max(1)
    best_of_class, nearest_of_class = of_class.max(1)
    explains = best_of_class >= EXPLAINS
    other = ~explains & (best >= EXPLAINS)

    def first(which: Tensor, among: Tensor) -> Tensor:
        """The first of those detections at each object: the one of the highest score."""
        place = (found.image * slots + which)[among]
        order = torch.arange(total, device=boxes.device)[among]
        empty = torch.full((images * slots,), total, device=boxes.device)
        return empty.scatter_reduce_(0, place, order, "amin").view(images, slots)

    per_object = overlap.new_zeros((images, slots))
    rows = found.image[:, None].expand_as(of_class)
    explained = (found.image * slots + nearest_of_class)[explains]
    return _Links(
        iou=best,
        ground_truth=nearest,
        iou_of_class=best_of_class,
        ground_truth_of_class=nearest_of_class,
        explains=explains,
        other=other,
        finder=first(nearest_of_class, explains),
        mistaken=first(nearest, other),
        explained_by=explained.bincount(minlength=images * slots).view(images, slots),
        best_iou=per_object.scatter_reduce(0, rows, of_class, "amax"),
    )


def _ranks(batch: _Batch) -> Tensor:
    """`[D]` place of each detection in its image, from 1."""
    counts = batch.found.image.bincount(minlength=len(batch.gt.counts))
    starts = counts.cumsum(0) - counts
    return torch.arange(1, len(batch.boxes) + 1, device=starts.device) - starts[batch.found.image]


def _roles(batch: _Batch) -> list[str | None]:
    links, found = batch.links, batch.found
    if not batch.judged:
        return [None] * len(batch.boxes)
    own = torch.arange(len(batch.boxes), device=batch.boxes.device)
    finds = links.explains & (links.finder[found.image, links.ground_truth_of_class] == own)
    kinds = torch.where(links.other, 2, 3).masked_fill_(links.explains, 1).masked_fill_(finds, 0)
    return [(FINDS, REPEATS, OTHER_CLASS, NOTHING)[kind] for kind in kinds.tolist()]


def _detections(batch: _Batch) -> list[list[Detection]]:
    found, links = batch.found, batch.links
    images: list[list[Detection]] = [[] for _ in batch.gt.counts]
    columns = zip(
        found.image.tolist(),
        _ranks(batch).tolist(),
        found.class_id.tolist(),
        found.score.tolist(),
        batch.boxes.tolist(),
        found.prior.tolist(),
        batch.priors.level_index[found.prior].tolist(),
        links.iou.tolist(),
        links.ground_truth.tolist(),
        links.iou_of_class.tolist(),
        links.ground_truth_of_class.tolist(),
        _roles(batch),
        strict=True,
    )
    for (
        image,
        rank,
        class_id,
        score,
        box,
        prior,
        level,
        near,
        nearest,
        near_of_class,
        nearest_of_class,
        role,
    ) in columns:
        images[image].append(
            Detection(
                rank=rank,
                class_id=class_id,
                label=batch.names[class_id],
                score=score,
                box=to_pixels(box, batch.priors.image_size),
                normalized=_box(box),
                prior=prior,
                level=level,
                best_iou=near,
                ground_truth=nearest if near > 0 else None,
                best_iou_of_class=near_of_class,
                ground_truth_of_class=nearest_of_class if near_of_class > 0 else None,
                role=role,
            )
        )
    return images


def _box(corners: list[float]) -> Box:
    x1, y1, x2, y2 = corners
    return x1, y1, x2, y2


def _objects(batch: _Batch) -> list[list[GroundTruthDetect]]:
    gt, links, found = batch.gt, batch.links, batch.found
    by = torch.minimum(links.finder, links.mistaken)
    by = torch.where(links.finder < len(batch.boxes), links.finder, by)
    # One row more, for objects that no detection explains.
    ranks = [*_ranks(batch).tolist(), None]
    scores = [*found.score.tolist(), None]
    taken_for = [*(batch.names[index] for index in found.class_id.tolist()), None]
    overlaps = [*links.iou.tolist(), None]
    overlaps_of_class = [*links.iou_of_class.tolist(), None]
    images: list[list[GroundTruthDetect]] = [[] for _ in gt.counts]
    where, slot = gt.mask.nonzero(as_tuple=True)
    columns = zip(
        where.tolist(),
        slot.tolist(),
        gt.labels[where, slot].tolist(),
        gt.boxes[where, slot].tolist(),
        (links.finder[where, slot] < len(batch.boxes)).tolist(),
        by[where, slot].tolist(),
        links.explained_by[where, slot].tolist(),
        links.best_iou[where, slot].tolist(),
        batch.positives[where, slot].tolist(),
        strict=True,
    )
    for image, index, label, box, is_found, detection, explained_by, best_iou, reached in columns:
        pixels = to_pixels(box, batch.priors.image_size)
        rank = ranks[detection]
        images[image].append(
            GroundTruthDetect(
                image=image,
                index=index,
                class_id=label,
                label=batch.names[label],
                box=pixels,
                normalized=_box(box),
                status=FOUND if is_found else MISSED if rank is None else FOUND_AS_OTHER,
                detection=rank,
                score=scores[detection],
                iou=(overlaps_of_class if is_found else overlaps)[detection],
                taken_for=taken_for[detection],
                explained_by=explained_by,
                best_iou=best_iou,
                positives=reached[Stage.PREDICTED],
                above_threshold=reached[Stage.ABOVE_THRESHOLD],
                candidates=reached[Stage.CANDIDATE],
                survivors=reached[Stage.SURVIVOR],
                detections=reached[Stage.DETECTION],
                problem=box_problem(pixels),
            )
        )
    return images


def _stages(stage: Tensor, dims: tuple[int, int]) -> list[list[int]]:
    """How many pairs get at least to each stage, per index of the dimension that is left."""
    counts: list[list[int]] = torch.stack([(stage >= least).sum(dims) for least in Stage], dim=-1).tolist()
    return counts


def _images(
    batch: _Batch, loc: Tensor, conf: Tensor, objects: list[list[GroundTruthDetect]], paths: Sequence[str]
) -> tuple[ImageDetect, ...]:
    broken = ~(loc.isfinite().all(-1) & conf.isfinite().all(-1))
    columns = zip(_detections(batch), objects, broken.sum(1).tolist(), _stages(batch.found.stage, (1, 2)), strict=True)
    return tuple(
        ImageDetect(
            index=index,
            path=paths[index] if index < len(paths) else None,
            detections=tuple(detections),
            ground_truth=tuple(own),
            non_finite=non_finite,
            above_threshold=reached[Stage.ABOVE_THRESHOLD],
            candidates=reached[Stage.CANDIDATE],
            survivors=reached[Stage.SURVIVOR],
        )
        for index, (detections, own, non_finite, reached) in enumerate(columns)
    )


def _classes(batch: _Batch, best_score: Tensor, objects: list[list[GroundTruthDetect]]) -> tuple[ClassDetect, ...]:
    every = [item for image in objects for item in image]
    columns = zip(best_score.tolist(), _stages(batch.found.stage, (0, 2)), strict=True)
    classes = []
    for class_id, (best, reached) in enumerate(columns, start=1):
        status = [item.status for item in every if item.class_id == class_id]
        classes.append(
            ClassDetect(
                class_id=class_id,
                label=batch.names[class_id],
                above_threshold=reached[Stage.ABOVE_THRESHOLD],
                candidates=reached[Stage.CANDIDATE],
                survivors=reached[Stage.SURVIVOR],
                detections=reached[Stage.DETECTION],
                best_score=best,
                ground_truth=len(status),
                found=status.count(FOUND),
                as_other=status.count(FOUND_AS_OTHER),
                missed=status.count(MISSED),
            )
        )
    return tuple(classes)
