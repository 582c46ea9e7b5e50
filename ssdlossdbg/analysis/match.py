"""Which priors does each object of one photo get, and which objects get none?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.analysis.annotated import match_loaded
from ssdlossdbg.analysis.common import box_problem, outside_share, resolve_device, summarise, to_pixels, unit_of
from ssdlossdbg.analysis.evidence.objects import describe_objects, state_annotations
from ssdlossdbg.analysis.evidence.priors import describe_priors
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy
from ssdlossdbg.multibox.codec import decode, encode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching, overlaps, reaches
from ssdlossdbg.multibox.mining import negatives_available
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.readers.annotated import Annotation
from ssdlossdbg.readers.classes import class_id, guess_classes
from ssdlossdbg.readers.loader import LoadedObjects, load_like
from ssdlossdbg.readers.priors import NamedPriors
from ssdlossdbg.results import (
    FORCED_ONLY,
    INVALID,
    MATCHED,
    UNMATCHED,
    FloatArray,
    GroundTruthMatch,
    LeftOut,
    LevelMatch,
    MatchResult,
    MatchTotals,
    PositivePriors,
    RoundTrip,
    ThresholdCount,
)
from ssdlossdbg.rules import Dialect

THRESHOLDS = tuple(round(0.3 + 0.05 * step, 2) for step in range(9))
NEAR_MISS = 0.1


def analyse_match(
    image_path: str,
    image_size: tuple[int, int],
    annotation: Annotation,
    named: NamedPriors,
    dialect: Dialect,
    classes: tuple[str, ...] = (),
    device: str = "auto",
) -> MatchResult:
    """Match one photo's objects as the dialect's training code would, without augmentation.

    Args:
        image_path: for the report only.
        image_size: (width, height) of the photo in pixels.
        annotation: its objects.
        named: the priors.
        dialect: rules and threshold.
        classes: class names in the order of their ids; guessed from the annotation where empty.
        device: auto, cpu, cuda, cuda:N or mps.

    Raises:
        InputError: a label that is not among `classes`, or no such device.
    """
    target = resolve_device(device)
    loaded = load_like(dialect.targets, annotation, image_size)
    classes = classes or guess_classes(annotation.class_names, (item.label for item in annotation.objects))
    where = str(annotation.path)
    ids = [class_id(item.label, classes, f"{where}, object {item.index}") for item in loaded.kept]

    priors = named.priors.to(target)
    matched = match_loaded([loaded], [ids], priors, dialect)
    in_units, unit, matching = matched.in_units, matched.unit, matched.matching
    gt = matched.normalized
    stated = state_annotations([annotation], [loaded], [image_size])
    described = describe_objects(stated, in_units, matching, matched.targets, priors, unit, dialect)
    objects = _ground_truth(gt, matching, priors, loaded, ids, described.target.tolist())
    overlap = overlaps(in_units, priors.boxes * unit, dialect.match)[0]
    at_best = (overlap == matching.best_iou[0, :, None]).sum(1)
    tied = int(((at_best > 1) & (matching.best_iou[0] > 0)).sum())
    return MatchResult(
        image_path=image_path,
        image_size=image_size,
        annotation_path=where,
        annotation_format=annotation.format,
        annotation_size=annotation.size,
        config=summarise(named),
        dialect=dialect.name,
        device=str(target),
        threshold=dialect.match.threshold,
        ground_truth=objects,
        left_out=tuple(LeftOut(item.index, item.label) for item in loaded.left_out),
        levels=_levels(matching, priors),
        totals=_totals(objects, matching, dialect, tied),
        thresholds=_thresholds(gt, matching, dialect),
        round_trip=_round_trip(gt, matching, priors, dialect, torch.float32, objects),
        round_trip_half=_round_trip(gt, matching, priors, dialect, torch.float16, objects),
        positives=_positives(matching, priors),
        raises=_raises(objects, dialect),
        evidence=(described, describe_priors(named, dialect)),
    )


def _ground_truth(
    gt: GroundTruthBatch,
    matching: Matching,
    priors: Priors,
    loaded: LoadedObjects,
    ids: list[int],
    targets: list[float],
) -> tuple[GroundTruthMatch, ...]:
    best = matching.best_prior[0]
    columns = zip(
        loaded.kept,
        ids,
        gt.boxes[0].tolist(),
        best.tolist(),
        matching.best_iou[0].tolist(),
        priors.level_index[best].tolist(),
        (priors.boxes[best, 2:] * priors.boxes.new_tensor(priors.image_size)).tolist(),
        matching.positives_per_gt()[0].tolist(),
        matching.positives_per_gt(matching.forced)[0].tolist(),
        matching.lost_to[0].tolist(),
        targets,
        strict=False,  # an image without objects is padded to one row
    )
    objects: list[GroundTruthMatch] = []
    for item, class_number, box, prior, iou, level, shape, positives, forced, lost_to, target in columns:
        input_box = to_pixels(box, priors.image_size)
        problem = box_problem(input_box)
        objects.append(
            GroundTruthMatch(
                index=item.index,
                label=item.label,
                class_id=class_number,
                box=item.box,
                input_box=input_box,
                difficult=item.difficult,
                best_prior=prior,
                best_iou=iou,
                level=level,
                shape=(shape[0], shape[1]),
                positives=positives,
                forced=forced,
                lost_to=loaded.kept[lost_to].index if lost_to >= 0 else None,
                status=_status(problem, positives, forced),
                problem=problem,
                non_finite_target=target or None,
                outside=outside_share(input_box, priors.image_size),
            )
        )
    return tuple(objects)


def _status(problem: str | None, positives: int, forced: int) -> str:
    if problem:
        return INVALID
    if not positives:
        return UNMATCHED
    return FORCED_ONLY if positives == forced else MATCHED


def _raises(objects: tuple[GroundTruthMatch, ...], dialect: Dialect) -> str | None:
    if not objects:
        return dialect.raises.image_without_objects or None
    broken = [str(item.index) for item in objects if item.status == INVALID]
    return (
        f"{dialect.raises.degenerate_box} (object {', '.join(broken)})"
        if broken and dialect.raises.degenerate_box
        else None
    )


def _levels(matching: Matching, priors: Priors) -> tuple[LevelMatch, ...]:
    count = max(len(priors.levels), 1)
    level = priors.level_index
    totals = torch.bincount(level, minlength=count).tolist()
    positives = torch.bincount(level[matching.positive[0]], minlength=count).tolist()
    forced = torch.bincount(level[matching.forced[0]], minlength=count).tolist()
    served = torch.zeros((count, matching.best_prior.shape[1]), dtype=torch.bool, device=level.device)
    served[level[matching.positive[0]], matching.gt_index[0][matching.positive[0]]] = True
    grids = [(spec.feature_map, spec.stride) for spec in priors.levels] or [((0, 0), (0.0, 0.0))]
    columns = zip(grids, totals, positives, forced, served.sum(1).tolist(), strict=True)
    return tuple(LevelMatch(grid[0], grid[1], *counts) for grid, *counts in columns)


def _totals(objects: tuple[GroundTruthMatch, ...], matching: Matching, dialect: Dialect, tied: int) -> MatchTotals:
    statuses = [item.status for item in objects]
    prior_iou = matching.prior_iou
    near = (prior_iou >= dialect.match.threshold - NEAR_MISS) & ~matching.positive
    return MatchTotals(
        ground_truth=len(objects),
        matched=statuses.count(MATCHED),
        forced_only=statuses.count(FORCED_ONLY),
        unmatched=sum(item.positives == 0 for item in objects),
        without_positive=statuses.count(UNMATCHED),
        invalid=statuses.count(INVALID),
        positives=int(matching.positive.sum()),
        forced=int(matching.forced.sum()),
        negatives=int(negatives_available(matching, dialect.mining)[0]),
        near_misses=int(near.sum()),
        tied=tied,
    )


def _thresholds(gt: GroundTruthBatch, matching: Matching, dialect: Dialect) -> tuple[ThresholdCount, ...]:
    rule, counts = dialect.match, []
    has_objects = bool(gt.counts[0] > 0)
    owned = matching.owner >= 0
    for threshold in THRESHOLDS:
        positive = (reaches(matching.prior_iou, threshold, rule) & has_objects) | owned
        reached = reaches(matching.best_iou, threshold, rule) & gt.mask
        counts.append(ThresholdCount(threshold, int(positive.sum()), int(reached.sum())))
    return tuple(counts)


def _positives(matching: Matching, priors: Priors) -> PositivePriors:
    index = matching.positive[0].nonzero().flatten()
    return PositivePriors(
        prior=index.cpu().numpy(),
        ground_truth=matching.gt_index[0, index].cpu().numpy(),
        level=priors.level_index[index].cpu().numpy(),
        forced=matching.forced[0, index].cpu().numpy(),
        boxes=cxcywh_to_xyxy(priors.boxes[index]).cpu().numpy(),
    )


def _round_trip(
    gt: GroundTruthBatch,
    matching: Matching,
    priors: Priors,
    dialect: Dialect,
    dtype: torch.dtype,
    objects: tuple[GroundTruthMatch, ...],
) -> RoundTrip:
    index = matching.positive[0].nonzero().flatten()
    if not len(index):
        return RoundTrip(0.0, 0.0, None)
    owner = matching.gt_index[0, index]
    unit, boxes = unit_of(dialect, priors), gt.boxes[0, owner]
    own_priors = (priors.boxes[index] * unit).to(dtype)
    back = decode(encode((boxes * unit).to(dtype), own_priors, dialect.codec), own_priors, dialect.codec)
    error = _pixel_error(back / unit, boxes, priors.image_size)
    # argmax takes a NaN for the largest, so a box that cannot come back is the worst one.
    worst = int(owner[int(np.argmax(error.max(axis=1)))])
    return RoundTrip(float(error.max()), float(error.mean()), objects[worst].index)


def _pixel_error(back: Tensor, boxes: Tensor, size: tuple[int, int]) -> FloatArray:
    scale = torch.tensor([*size, *size], dtype=torch.float64)
    return ((back.cpu().double() - boxes.cpu().double()).abs() * scale).numpy()
