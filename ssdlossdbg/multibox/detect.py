"""From predictions to detections: decode, threshold, rank, suppress, keep (paper, section 3, inference)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.nms import suppress
from ssdlossdbg.multibox.threads import bookkeeping
from ssdlossdbg.rules import BoxClip, CandidateScope, CodecSpec, DetectSpec, Scores, SmallBoxes

# To find the highest scores of a class, those of so many times as many groups of priors are compared, of so many each.
GROUPS, LEAST_OF_GROUP = 2, 4


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
        stage: `[B, C - 1, P]` int8, the `Stage` of every class but background at every prior; or `[B, 1, P]`, where one
            class alone was watched of each.
        reached: `[B, C - 1, 5]` int64, at how many priors a class gets to each `Stage` at least.
        highest: `[C - 1]` the highest score of every class but background, detected or not; NaN where one is.
    """

    image: Tensor
    class_id: Tensor
    prior: Tensor
    score: Tensor
    boxes: Tensor
    stage: Tensor
    reached: Tensor
    highest: Tensor


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
    watched: Tensor | None = None,
) -> Detections:
    """What is left of decoded boxes.

    Args:
        boxes: `[B, P, 4]` xyxy, as `decode_clamped` returns them.
        conf: as for `detect`.
        image_size: as for `detect`.
        spec: as for `detect`.
        levels: as for `detect`.
        watched: `[B, P]` int64, from 1: the class whose stage is to be known of each prior, which takes a fraction of
            the memory; all are where it is None.
    """
    at_once = tiles.images_at_once(conf[:1].numel(), conf.device)
    parts = zip(torch.split(boxes, at_once), torch.split(conf, at_once), strict=True)
    own = [None] * math.ceil(len(conf) / at_once) if watched is None else torch.split(watched, at_once)
    classes = conf.shape[2] - 1 if watched is None else 1
    stage = torch.empty((len(conf), classes, conf.shape[1]), dtype=torch.int8, device=conf.device)
    found = []
    for (some, logits), these, into in zip(parts, own, torch.split(stage, at_once), strict=True):
        part = _detect_in(some, logits, image_size, spec, levels)
        into.copy_(part.stage if these is None else part.stage.gather(1, these[:, None] - 1))
        found.append(replace(part, stage=into))
    images = torch.cat([part.image + place * at_once for place, part in enumerate(found)])
    best = torch.stack([part.highest for part in found]).amax(0)
    columns = {each.name: [getattr(part, each.name) for part in found] for each in JOINED}
    del found, part, parts  # else there would be all of it twice for a moment
    joined = {each.name: torch.cat(columns.pop(each.name)) for each in JOINED}
    return Detections(**joined, image=images, stage=stage, highest=best)


# What is known of a few images at a time, one after the other.
JOINED = [each for each in fields(Detections) if each.name not in ("image", "stage", "highest")]


def _detect_in(
    boxes: Tensor, conf: Tensor, image_size: tuple[float, float], spec: DetectSpec, levels: Sequence[int]
) -> Detections:
    """The same for a few images: there are as many scores as logits, and several masks of as many."""
    if spec.clip is BoxClip.BEFORE_NMS:
        boxes = clip_to(boxes, image_size)
    scores = _by_class(SCORES[spec.scores](conf))
    above = scores > spec.score_threshold
    proper = (boxes[..., 2:] - boxes[..., :2] > spec.minimum_size).all(-1)[:, None]
    eligible = above & proper if spec.small_boxes is SmallBoxes.BEFORE_RANKING else above
    candidates, limit = _candidates(scores, eligible, levels or (scores.shape[-1],), spec)
    highest_of_class, above_threshold = scores.amax((0, 2)), above.sum(-1)
    with bookkeeping(boxes):
        prior, score, valid = _rows(scores, candidates, limit)
        if spec.small_boxes is SmallBoxes.AFTER_RANKING:
            valid &= proper.expand_as(scores).gather(-1, prior)
        batch = torch.arange(len(boxes), device=boxes.device)[:, None, None]
        row_boxes = boxes[batch, prior].flatten(0, 1)
        survivors = suppress(
            row_boxes, spec.nms_iou, spec.iou, spec.iou_epsilon, valid.flatten(0, 1), spec.suppression
        ).view_as(valid)
        kept = survivors & (survivors.cumsum(-1) <= spec.keep_per_class) if spec.keep_per_class else survivors
        kept = highest(score.flatten(1), kept.flatten(1), spec.keep_per_image).view_as(valid)

        stage = above.to(torch.int8).scatter_add_(-1, prior, valid.to(torch.int8) + survivors + kept)
        fewer = [above_threshold, *(each.sum(-1) for each in (valid, survivors, kept))]
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
            reached=torch.stack([torch.full_like(above_threshold, scores.shape[-1]), *fewer], dim=-1),
            highest=highest_of_class,
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
    last, beyond = _at_cut(ranked, limit)
    if bool(((last > beyond) | (last == -torch.inf)).all()):
        return eligible & (ranked >= last)
    # Any of several equal scores at the edge may be on either side of it.
    higher = ranked > last
    level = eligible & (ranked == last)
    return higher | (level & (level.cumsum(-1) <= limit - higher.sum(-1, keepdim=True)))


def _at_cut(ranked: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """`[..., 1]` of `[..., N]` the lowest of so many highest numbers, and the highest of the others."""
    if tiles.on_host(ranked):  # NumPy finds them in a fraction of the time that torch takes
        cut = ranked.shape[-1] - limit
        found = torch.from_numpy(np.partition(ranked.numpy(), (cut - 1, cut), axis=-1))
        return found[..., cut : cut + 1], found[..., cut - 1 : cut]
    found = ranked.topk(limit + 1, dim=-1).values
    return found[..., limit - 1 : limit], found[..., limit:]


def _by_class(scores: Tensor) -> Tensor:
    """`[B, C - 1, P]` of scores `[B, P, C]`, that of the background left out."""
    if len(scores) == 1:  # which torch turns a block at a time, in half the time
        return scores[0].T.contiguous()[None, 1:]
    return scores[..., 1:].transpose(1, 2).contiguous()


def _of_class(scores: Tensor, eligible: Tensor, levels: Sequence[int], limit: int) -> Tensor:
    """Those and a few more, which are cut off where they are ranked: to tell them beforehand takes longer."""
    if not limit or limit >= scores.shape[-1] // LEAST_OF_GROUP:
        return eligible
    size = max(LEAST_OF_GROUP, scores.shape[-1] // (GROUPS * limit))
    # No score is below 0. To multiply takes a fraction of the time that filling where a mask says takes.
    groups = (scores * eligible)[..., : scores.shape[-1] // size * size]
    best = groups.reshape(*scores.shape[:2], -1, size).amax(-1).nan_to_num(0.0)
    # So many groups have a score of that or more, and so at least as many scores are that or more.
    bound, _ = _at_cut(best, limit)
    return eligible & (scores >= bound)


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


def _candidates(scores: Tensor, eligible: Tensor, levels: Sequence[int], spec: DetectSpec) -> tuple[Tensor, int]:
    """`[B, C - 1, P]` bool: the pairs that enter suppression; and to how many of each class to cut them, 0 for all."""
    limit = spec.candidates if spec.candidates_of is CandidateScope.CLASS else 0
    return CANDIDATES[spec.candidates_of](scores, eligible, levels, spec.candidates), limit


def _rows(scores: Tensor, candidates: Tensor, limit: int) -> tuple[Tensor, Tensor, Tensor]:
    """The candidates of each class of each image in falling order of scores, equal ones by prior, padded to one length.

    Args:
        scores: `[B, C - 1, P]`.
        candidates: `[B, C - 1, P]` bool.
        limit: how many of each class at most, the highest; 0 for all.

    Returns:
        Prior, score (-inf where padded) and whether there is one, each `[B, C - 1, N]`.
    """
    image, row, prior = candidates.nonzero(as_tuple=True)
    place = image * candidates.shape[1] + row
    counts = place.bincount(minlength=candidates.shape[0] * candidates.shape[1])
    slot = torch.arange(len(place), device=place.device) - (counts.cumsum(0) - counts)[place]
    counts = counts.view(candidates.shape[:2])
    shape = (*counts.shape, int(counts.max()))
    padded = scores.new_full(shape, -torch.inf).index_put_((image, row, slot), scores[image, row, prior])
    priors = prior.new_zeros(shape).index_put_((image, row, slot), prior)
    order = padded.argsort(dim=-1, descending=True, stable=True)[..., : limit or None]
    valid = torch.arange(order.shape[-1], device=scores.device) < counts[..., None]
    return priors.gather(-1, order), padded.gather(-1, order), valid


def _in_order(score: Tensor, kept: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Image, class and slot of what is kept, by image, then falling score."""
    image, row, slot = kept.nonzero(as_tuple=True)
    by_score = score[image, row, slot].argsort(descending=True, stable=True)
    order = by_score[image[by_score].argsort(stable=True)]
    return image[order], row[order], slot[order]
