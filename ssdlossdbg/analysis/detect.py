"""What do the predictions become after decoding, thresholding and suppression, and which objects do they find?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.analysis.common import box_problem, rows, summarise, to_pixels
from ssdlossdbg.analysis.evidence.recovered import Known
from ssdlossdbg.analysis.links import Links, link
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.detect import SCORES, Detections, Stage
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
    ClassDetect,
    Detection,
    DetectResult,
    GroundTruthDetect,
    ImageDetect,
)


@dataclass(frozen=True)
class _Detected:
    """The batch on the device, with what was detected in it."""

    scene: Scene
    gt: GroundTruthBatch
    found: Detections
    boxes: Tensor  # [D, 4] normalised
    positives: Tensor  # [B, G, 5] positives of each object, and how many of them reach each stage after the first
    links: Links


def analyse_detect(scene: Scene) -> DetectResult:
    """Detect as the dialect's post-processing does, and hold the detections against the objects.

    Args:
        scene: predictions under a dialect, and their objects where they are known.
    """
    batch, found = scene.batch, scene.detections
    boxes = found.boxes / scene.unit
    known = scene.known or Known(scene.gt, scene.matching)
    positives = _fate_of_positives(known.matching, known.gt.labels, found)
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


def _fate_of_positives(matching: Matching, of_objects: Tensor, found: Detections) -> Tensor:
    """`[B, G, 5]` how many of each object's positives get at least to each stage of its class."""
    column = (matching.labels - 1).clamp(min=0)
    stage = found.stage.gather(1, column[:, None])[:, 0].masked_fill(~matching.foreground, Stage.PREDICTED)
    reached = torch.stack([matching.positive & (stage >= least) for least in Stage], dim=-1).long()
    counts = reached.new_zeros((*of_objects.shape, len(Stage)))
    return counts.scatter_add_(1, matching.gt_index[..., None].expand_as(reached), reached)


def _ranks(shown: _Detected) -> Tensor:
    """`[D]` place of each detection in its image, from 1."""
    counts = shown.found.image.bincount(minlength=len(shown.gt.counts))
    starts = counts.cumsum(0) - counts
    return torch.arange(1, len(shown.boxes) + 1, device=starts.device) - starts[shown.found.image]


def _roles(shown: _Detected) -> list[str | None]:
    links, found = shown.links, shown.found
    if shown.scene.known is None:
        return [None] * len(shown.boxes)
    own = torch.arange(len(shown.boxes), device=shown.boxes.device)
    finds = links.explains & (links.finder[found.image, links.ground_truth_of_class] == own)
    kinds = torch.where(links.other, 2, 3).masked_fill_(links.explains, 1).masked_fill_(finds, 0)
    return [(FINDS, REPEATS, OTHER_CLASS, NOTHING)[kind] for kind in kinds.tolist()]


def _detections(shown: _Detected) -> list[list[Detection]]:
    batch, found, links = shown.scene.batch, shown.found, shown.links
    images: list[list[Detection]] = [[] for _ in shown.gt.counts]
    boxes = shown.boxes.tolist()
    columns = rows(
        rank=_ranks(shown),
        class_id=found.class_id,
        label=[batch.names[column] for column in found.class_id.tolist()],
        score=found.score,
        box=[to_pixels(box, batch.priors.image_size) for box in boxes],
        normalized=map(tuple, boxes),
        prior=found.prior,
        level=batch.priors.level_index[found.prior],
        best_iou=links.iou,
        ground_truth=_where_any(links.ground_truth, links.iou),
        best_iou_of_class=links.iou_of_class,
        ground_truth_of_class=_where_any(links.ground_truth_of_class, links.iou_of_class),
        role=_roles(shown),
    )
    for image, row in zip(found.image.tolist(), columns, strict=True):
        images[image].append(Detection(**row))
    return images


def _where_any(nearest: Tensor, overlap: Tensor) -> list[int | None]:
    """The nearest object where there is any overlap with it."""
    return [index if share > 0 else None for index, share in zip(nearest.tolist(), overlap.tolist(), strict=True)]


def _objects(shown: _Detected) -> list[list[GroundTruthDetect]]:
    batch, gt, found, links = shown.scene.batch, shown.gt, shown.found, shown.links
    where = gt.mask.nonzero(as_tuple=True)
    finder = links.finder[where]
    is_found = finder < len(shown.boxes)
    by = torch.where(is_found, finder, links.mistaken[where]).tolist()
    explained = list(zip(is_found.tolist(), by, strict=True))
    # One row more, for objects that no detection explains.
    ranks = [*_ranks(shown).tolist(), None]
    scores = [*found.score.tolist(), None]
    taken_for = [*(batch.names[column] for column in found.class_id.tolist()), None]
    overlaps = [*links.iou.tolist(), None]
    overlaps_of_class = [*links.iou_of_class.tolist(), None]
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
        status=[FOUND if known else MISSED if ranks[place] is None else FOUND_AS_OTHER for known, place in explained],
        detection=[ranks[place] for place in by],
        score=[scores[place] for place in by],
        iou=[(overlaps_of_class if known else overlaps)[place] for known, place in explained],
        taken_for=[taken_for[place] for place in by],
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


def _stages(stage: Tensor, dims: tuple[int, int]) -> list[list[int]]:
    """How many pairs get at least to each stage, per index of the dimension that is left."""
    counts: list[list[int]] = torch.stack([(stage >= least).sum(dims) for least in Stage], dim=-1).tolist()
    return counts


def _images(shown: _Detected, objects: list[list[GroundTruthDetect]]) -> tuple[ImageDetect, ...]:
    batch = shown.scene.batch
    broken = ~(batch.loc.isfinite().all(-1) & batch.conf.isfinite().all(-1))
    columns = zip(_detections(shown), objects, broken.sum(1).tolist(), _stages(shown.found.stage, (1, 2)), strict=True)
    return tuple(
        ImageDetect(
            index=index,
            path=batch.photos[index] if index < len(batch.photos) else None,
            detections=tuple(detections),
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
    best_score = SCORES[shown.scene.rules.detect.scores](shown.scene.detected_logits)[..., 1:].amax((0, 1))
    every = [item for image in objects for item in image]
    columns = zip(best_score.tolist(), _stages(shown.found.stage, (0, 2)), strict=True)
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
