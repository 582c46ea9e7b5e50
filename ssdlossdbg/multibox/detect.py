"""From predictions to detections: decode, threshold, rank, suppress, keep (paper, section 3, inference)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.nms import suppress
from ssdlossdbg.rules import BoxClip, CandidateScope, CodecSpec, DetectSpec, Scores, SmallBoxes


class Stage(IntEnum):
    """How far a (class, prior) pair gets on its way to a detection. Each stage includes those before it."""

    PREDICTED = 0
    ABOVE_THRESHOLD = 1
    CANDIDATE = 2
    """Entered non-maximum suppression."""
    SURVIVOR = 3
    """Left it."""
    DETECTION = 4
    """Within what is kept of a class and of an image."""


@dataclass(frozen=True)
class Detections:
    """The D detections of B images: image by image, each in falling order of scores, ties by class, then prior.

    Attributes:
        image: `[D]` int64.
        class_id: `[D]` int64, from 1; 0 is background, which is never detected.
        prior: `[D]` int64.
        score: `[D]`.
        boxes: `[D, 4]` xyxy, in the unit of the priors.
        stage: `[B, C - 1, P]` int8, the `Stage` of every class but background at every prior.
    """

    image: Tensor
    class_id: Tensor
    prior: Tensor
    score: Tensor
    boxes: Tensor
    stage: Tensor


SCORES: dict[Scores, Callable[[Tensor], Tensor]] = {
    Scores.SOFTMAX: lambda conf: conf.softmax(-1),
    Scores.SIGMOID: torch.sigmoid,
}


def decode_clamped(loc: Tensor, priors: Tensor, codec: CodecSpec, spec: DetectSpec) -> Tensor:
    """`decode` with the logarithms of the size ratios clamped to the spec's bounds; NaN is carried.

    Args:
        loc: `[B, P, 4]` predicted offsets.
        priors: `[P, 4]` cxcywh.
        codec: variances.
        spec: the bounds.

    Returns:
        `[B, P, 4]` xyxy, in the unit of the priors.
    """
    v = loc.new_tensor(codec.variances[2:])
    sizes = loc[..., 2:].clamp(spec.smallest_scale / v, spec.largest_scale / v)
    return decode(torch.cat((loc[..., :2], sizes), dim=-1), priors, codec)


def clamps(spec: DetectSpec) -> bool:
    """Whether predicted sizes are bounded before they are decoded."""
    return spec.smallest_scale > -math.inf or spec.largest_scale < math.inf


def detect(
    loc: Tensor,
    conf: Tensor,
    priors: Tensor,
    image_size: tuple[float, float],
    codec: CodecSpec,
    spec: DetectSpec,
    levels: Sequence[int] = (),
) -> Detections:
    """What a codebase's post-processing makes of a batch of predictions.

    Args:
        loc: `[B, P, 4]` predicted offsets (dx, dy, dw, dh).
        conf: `[B, P, C]` logits, background in column 0.
        priors: `[P, 4]` cxcywh, in any unit.
        image_size: (width, height) of the image in that unit, to clip to.
        codec: variances.
        spec: thresholds and rules.
        levels: how many priors each level has, in order; one level if empty.

    Returns:
        The detections on the device of the inputs. A score of NaN is above no threshold.
    """
    return detect_boxes(decode_clamped(loc, priors, codec, spec), conf, image_size, spec, levels)


def detect_boxes(
    boxes: Tensor,
    conf: Tensor,
    image_size: tuple[float, float],
    spec: DetectSpec,
    levels: Sequence[int] = (),
) -> Detections:
    """What is left of decoded boxes.

    Args:
        boxes: `[B, P, 4]` xyxy, as `decode_clamped` returns them.
        conf: as for `detect`.
        image_size: as for `detect`.
        spec: as for `detect`.
        levels: as for `detect`.
    """
    if spec.clip is BoxClip.BEFORE_NMS:
        boxes = clip_to(boxes, image_size)
    scores = SCORES[spec.scores](conf)[..., 1:].transpose(1, 2).contiguous()
    above = scores > spec.score_threshold
    proper = (boxes[..., 2:] - boxes[..., :2] > spec.minimum_size).all(-1)[:, None]
    eligible = above & proper if spec.small_boxes is SmallBoxes.BEFORE_RANKING else above
    candidates = _candidates(scores, eligible, levels or (scores.shape[-1],), spec)
    if spec.small_boxes is SmallBoxes.AFTER_RANKING:
        candidates &= proper

    prior, score, valid = _rows(scores, candidates)
    batch = torch.arange(len(boxes), device=boxes.device)[:, None, None]
    row_boxes = boxes[batch, prior].flatten(0, 1)
    survivors = suppress(
        row_boxes, spec.nms_iou, spec.iou, spec.iou_epsilon, valid.flatten(0, 1), spec.suppression
    ).view_as(valid)
    kept = survivors & (survivors.cumsum(-1) <= spec.keep_per_class) if spec.keep_per_class else survivors
    kept = highest(score.flatten(1), kept.flatten(1), spec.keep_per_image).view_as(valid)

    stage = above.to(torch.int8) + candidates
    passed = survivors.to(torch.int8) + kept
    stage.scatter_add_(-1, prior, passed)
    images, classes, slots = _in_order(score, kept)
    chosen = prior[images, classes, slots]
    detected = boxes[images, chosen]
    return Detections(
        image=images,
        class_id=classes + 1,
        prior=chosen,
        score=score[images, classes, slots],
        boxes=clip_to(detected, image_size) if spec.clip is BoxClip.OUTPUT else detected,
        stage=stage,
    )


def clip_to(boxes: Tensor, size: tuple[float, float]) -> Tensor:
    """Boxes `[..., 4]` xyxy pulled inside an image of that (width, height); NaN is carried."""
    return boxes.clamp(boxes.new_zeros(4), boxes.new_tensor([*size, *size]))


def highest(scores: Tensor, eligible: Tensor, limit: int) -> Tensor:
    """Which of the eligible have the highest scores.

    Args:
        scores: `[..., N]`.
        eligible: `[..., N]` bool.
        limit: how many at most of each row, equal scores by the lowest index; 0 for all.

    Returns:
        `[..., N]` bool.
    """
    if not limit or limit >= scores.shape[-1]:
        return eligible
    ranked = scores.masked_fill(~eligible, -torch.inf)
    last = ranked.topk(limit, dim=-1).values[..., -1:]
    higher = ranked > last
    # topk may take any of several equal scores at the edge.
    level = eligible & (ranked == last)
    return higher | (level & (level.cumsum(-1) <= limit - higher.sum(-1, keepdim=True)))


def _of_class(scores: Tensor, eligible: Tensor, levels: Sequence[int], limit: int) -> Tensor:
    return highest(scores, eligible, limit)


def _of_image(scores: Tensor, eligible: Tensor, levels: Sequence[int], limit: int) -> Tensor:
    return highest(scores.flatten(1), eligible.flatten(1), limit).view_as(eligible)


def _of_level(scores: Tensor, eligible: Tensor, levels: Sequence[int], limit: int) -> Tensor:
    parts = zip(torch.split(scores, list(levels), -1), torch.split(eligible, list(levels), -1), strict=True)
    return torch.cat([_of_image(score, able, levels, limit) for score, able in parts], -1)


CANDIDATES: dict[CandidateScope, Callable[[Tensor, Tensor, Sequence[int], int], Tensor]] = {
    CandidateScope.CLASS: _of_class,
    CandidateScope.IMAGE: _of_image,
    CandidateScope.LEVEL: _of_level,
}


def _candidates(scores: Tensor, eligible: Tensor, levels: Sequence[int], spec: DetectSpec) -> Tensor:
    """`[B, C - 1, P]` bool: the pairs that enter suppression."""
    return CANDIDATES[spec.candidates_of](scores, eligible, levels, spec.candidates).clone()


def _rows(scores: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The candidates of each class of each image in falling order of scores, equal ones by prior, padded to one length.

    Returns:
        Prior, score (-inf where padded) and whether there is one, each `[B, C - 1, N]`.
    """
    counts = candidates.sum(-1)
    image, row, prior = candidates.nonzero(as_tuple=True)
    slot = candidates.cumsum(-1)[image, row, prior] - 1
    shape = (*counts.shape, int(counts.max()))
    padded = scores.new_full(shape, -torch.inf).index_put_((image, row, slot), scores[image, row, prior])
    priors = prior.new_zeros(shape).index_put_((image, row, slot), prior)
    order = padded.argsort(dim=-1, descending=True, stable=True)
    valid = torch.arange(shape[-1], device=scores.device) < counts[..., None]
    return priors.gather(-1, order), padded.gather(-1, order), valid


def _in_order(score: Tensor, kept: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Image, class and slot of what is kept, by image, then falling score."""
    image, row, slot = kept.nonzero(as_tuple=True)
    by_score = score[image, row, slot].argsort(descending=True, stable=True)
    order = by_score[image[by_score].argsort(stable=True)]
    return image[order], row[order], slot[order]
