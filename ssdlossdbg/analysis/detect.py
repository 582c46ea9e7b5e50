"""What do the predictions become after decoding, thresholding and suppression, and which objects do they find?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ssdlossdbg.analysis.batch import Batch
from ssdlossdbg.analysis.common import box_problem, rows, summarise, to_pixels
from ssdlossdbg.analysis.evidence.recovered import Known
from ssdlossdbg.analysis.links import Links, link
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.memory import give_back
from ssdlossdbg.multibox import detect, tiles
from ssdlossdbg.multibox.detect import Stage
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.results import (
    FINDS,
    FOUND,
    FOUND_AS_OTHER,
    MISSED,
    NOTHING,
    OTHER_CLASS,
    REPEATS,
    ROLES,
    ClassDetect,
    Detections,
    DetectResult,
    GroundTruthDetect,
    ImageDetect,
)


@dataclass(frozen=True)
class _Detected:
    """The batch on the device, with what was detected in it."""

    scene: Scene
    gt: GroundTruthBatch
    found: detect.Detections
    boxes: Tensor  # [D, 4] normalised
    positives: Tensor  # [B, G, 5] positives of each object, and how many of them reach each stage after the first
    links: Links


def analyse_detect(scene: Scene) -> DetectResult:
    """Detect as the dialect's post-processing does, and hold the detections against the objects.

    The scene then lets go of its detections, which take much memory.

    Args:
        scene: predictions under a dialect, and their objects where they are known.
    """
    batch = scene.batch
    known = scene.known or Known(scene.gt, scene.matching)
    give_back()
    # How far each class got at each prior takes a quarter of what the logits take; asked for is that of one class.
    whole = batch.has("detections", scene.rules)
    found = scene.detections if whole else scene.detect(known.matching.labels.clamp(min=1))
    positives = _fate_of_positives(known.matching, known.gt.labels, found)
    batch.forget("detections")
    found = replace(found, stage=found.stage[:0], boxes=found.boxes / scene.unit)
    boxes = found.boxes
    shown = _Detected(scene, known.gt, found, boxes, positives, link(found, boxes, known.gt))
    objects = _objects(shown)
    return DetectResult(
        predictions_path=batch.paths[0],
        predictions_layout=batch.predictions.layout,
        dtype=batch.predictions.dtype,
        targets_path=None if scene.known is None else batch.paths[1],
        targets_layout=None if scene.known is None else batch.targets_layout,
        dialect=scene.rules.name,
        device=batch.where,
        config=summarise(batch.named),
        rules=scene.rules.detect,
        images=_images(shown, objects),
        classes=_classes(shown, objects),
        recovered=None if scene.known is None else scene.recovered,
    )


def _fate_of_positives(matching: Matching, of_objects: Tensor, found: detect.Detections) -> Tensor:
    """`[B, G, 5]` how many of each object's positives get at least to each stage of its class."""
    stage = found.stage
    if stage.shape[1] > 1:
        stage = stage.gather(1, (matching.labels - 1).clamp(min=0)[:, None])
    stage = stage[:, 0].masked_fill(~matching.foreground, Stage.PREDICTED)
    counts = [
        torch.zeros_like(of_objects).scatter_add_(1, matching.gt_index, (matching.positive & (stage >= least)).long())
        for least in Stage
    ]
    return torch.stack(counts, dim=-1)


def _starts(shown: _Detected) -> Tensor:
    """`[B + 1]` where the detections of each image begin, and where those of the last one end."""
    counts = shown.found.image.bincount(minlength=len(shown.gt.counts))
    return torch.cat((counts.new_zeros(1), counts.cumsum(0)))


def _roles(shown: _Detected) -> Tensor:
    """`[D]` places in `ROLES`."""
    links, found = shown.links, shown.found
    own = torch.arange(len(shown.boxes), device=shown.boxes.device)
    finds = links.explains & (links.finder[found.image, links.ground_truth_of_class] == own)
    kinds = torch.where(links.other, ROLES.index(OTHER_CLASS), ROLES.index(NOTHING))
    kinds = kinds.masked_fill_(links.explains, ROLES.index(REPEATS)).masked_fill_(finds, ROLES.index(FINDS))
    return kinds.to(torch.int8)


def _detections(shown: _Detected) -> list[Detections]:
    batch, found, links = shown.scene.batch, shown.found, shown.links
    columns = {
        "class_id": found.class_id.int(),
        "score": found.score,
        "normalized": shown.boxes,
        "prior": found.prior.int(),
        "level": batch.priors.level_index[found.prior].int(),
        "best_iou": links.iou,
        "ground_truth": links.ground_truth.int(),
        "best_iou_of_class": links.iou_of_class,
        "ground_truth_of_class": links.ground_truth_of_class.int(),
    }
    if shown.scene.known is not None:
        columns["roles"] = _roles(shown)
    arrays: dict[str, Any] = {name: column.cpu().numpy() for name, column in columns.items()}
    rows = (slice(*edges) for edges in pairwise(_starts(shown).tolist()))
    return [
        Detections(
            names=batch.names,
            image_size=batch.priors.image_size,
            **{"roles": None, **{name: array[own] for name, array in arrays.items()}},
        )
        for own in rows
    ]


def _objects(shown: _Detected) -> list[list[GroundTruthDetect]]:
    batch, gt, found, links = shown.scene.batch, shown.gt, shown.found, shown.links
    where = gt.mask.nonzero(as_tuple=True)
    finder = links.finder[where]
    finds = finder < len(shown.boxes)
    by = torch.where(finds, finder, links.mistaken[where])
    explained = by < len(shown.boxes)

    def of_detection(values: Tensor) -> list[Any]:
        """What there is of the detection that explains each object; None where none does."""
        padded = torch.cat((values, values.new_zeros(1)))[by].tolist()
        return [value if known else None for value, known in zip(padded, explained.tolist(), strict=True)]

    ranks = torch.arange(1, len(shown.boxes) + 1, device=by.device) - _starts(shown)[found.image]
    overlaps = zip(of_detection(links.iou_of_class), of_detection(links.iou), finds.tolist(), strict=True)
    taken_for = of_detection(found.class_id)
    status = torch.where(finds, 0, torch.where(explained, 1, 2)).tolist()
    boxes = gt.boxes[where].tolist()
    pixels = [to_pixels(box, batch.priors.image_size) for box in boxes]
    reached = shown.positives[where]
    columns = rows(
        image=where[0],
        index=where[1],
        class_id=gt.labels[where],
        label=[batch.names[column] for column in gt.labels[where].tolist()],
        box=pixels,
        normalized=map(tuple, boxes),
        status=[(FOUND, FOUND_AS_OTHER, MISSED)[kind] for kind in status],
        detection=of_detection(ranks),
        score=of_detection(found.score),
        iou=[own if found else other for own, other, found in overlaps],
        taken_for=[None if column is None else batch.names[column] for column in taken_for],
        explained_by=links.explained_by[where],
        best_iou=links.best_iou[where],
        positives=reached[:, Stage.PREDICTED],
        above_threshold=reached[:, Stage.ABOVE_THRESHOLD],
        candidates=reached[:, Stage.CANDIDATE],
        survivors=reached[:, Stage.SURVIVOR],
        detections=reached[:, Stage.DETECTION],
        problem=map(box_problem, pixels),
    )
    images: list[list[GroundTruthDetect]] = [[] for _ in gt.counts]
    for row in columns:
        images[row["image"]].append(GroundTruthDetect(**row))
    return images


def _broken(batch: Batch) -> list[int]:
    """At how many priors of each image something is predicted that is not finite."""
    extremes = [torch.stack(torch.aminmax(each)) for each in (batch.loc, batch.conf)]
    if bool(torch.stack(extremes).isfinite().all()):  # as nearly always: nan and inf show in them
        return [0] * len(batch.conf)
    numbers = tiles.of_logits(lambda conf: conf.isfinite().all(-1), batch.conf)
    counts: list[int] = (~(numbers & batch.loc.isfinite().all(-1))).sum(1).tolist()
    return counts


def _images(shown: _Detected, objects: list[list[GroundTruthDetect]]) -> tuple[ImageDetect, ...]:
    batch = shown.scene.batch
    columns = zip(_detections(shown), objects, _broken(batch), shown.found.reached.sum(1).tolist(), strict=True)
    return tuple(
        ImageDetect(
            index=index,
            path=batch.photos[index] if index < len(batch.photos) else None,
            detections=detections,
            ground_truth=tuple(own),
            non_finite=non_finite,
            above_threshold=reached[Stage.ABOVE_THRESHOLD],
            candidates=reached[Stage.CANDIDATE],
            survivors=reached[Stage.SURVIVOR],
            name=batch.image_name(index),
        )
        for index, (detections, own, non_finite, reached) in enumerate(columns)
    )


def _classes(shown: _Detected, objects: list[list[GroundTruthDetect]]) -> tuple[ClassDetect, ...]:
    batch = shown.scene.batch
    every = [item for image in objects for item in image]
    columns = zip(shown.found.highest.tolist(), shown.found.reached.sum(0).tolist(), strict=True)
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
