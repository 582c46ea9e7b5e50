"""What a prior's offsets and logits cost, in plain floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ssdlossdbg.rules import CodecSpec, LossSpec

Row = Sequence[float]


def encode(box: Tensor, prior: Tensor, rules: CodecSpec) -> list[float]:
    """Offsets from a prior, cxcywh, to a box, xyxy."""
    x1, y1, x2, y2 = box.tolist()
    cx, cy, width, height = prior.tolist()
    v, e, more = rules.variances, rules.size_epsilon, rules.log_epsilon
    width, height = width + e, height + e
    return [
        _over((x1 + x2) / 2 - cx, width) / v[0],
        _over((y1 + y2) / 2 - cy, height) / v[1],
        _log(_over(x2 - x1 + e, width) + more) / v[2],
        _log(_over(y2 - y1 + e, height) + more) / v[3],
    ]


def decoded(offsets: Row, prior: Row, v: Row, y_by_width: bool = False) -> list[float]:
    """The box, xyxy, that offsets from a prior stand for."""
    cx = prior[0] + offsets[0] * v[0] * prior[2]
    cy = prior[1] + offsets[1] * v[1] * prior[2 if y_by_width else 3]
    width, height = prior[2] * math.exp(offsets[2] * v[2]), prior[3] * math.exp(offsets[3] * v[3])
    return [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2]


def offset_costs(predicted: Row, wanted: Row, rules: LossSpec) -> list[float]:
    """What each of four offsets costs."""
    costs = [_distance(abs(one - other), rules) for one, other in zip(predicted, wanted, strict=True)]
    if rules.ignore_nan_targets:
        costs = [0.0 if math.isnan(target) else cost for cost, target in zip(costs, wanted, strict=True)]
    return costs


def _distance(d: float, rules: LossSpec) -> float:
    beta = rules.smooth_l1_beta
    if math.isnan(d):
        return d
    if rules.localization == "l1":
        return d
    if math.isinf(d):
        return math.nan if rules.localization == "smooth-l1-masked" else d
    if rules.localization == "balanced-l1":
        alpha, gamma = rules.balanced_alpha, rules.balanced_gamma
        b = math.exp(gamma / alpha) - 1
        if d < beta:
            return alpha / b * (b * d + 1) * math.log(b * d / beta + 1) - alpha * d
        return gamma * d + gamma / b - alpha * beta
    return 0.5 * d * d / beta if d < beta else d - 0.5 * beta


def box_cost(predicted: Row, wanted: Row, rules: LossSpec) -> float:
    """What a predicted box costs that is to be another: 1 - GIoU, DIoU or CIoU."""
    epsilon = rules.box_epsilon
    shared, union = _shared(predicted, wanted)
    overlap = shared / (union + epsilon)
    width = max(predicted[2], wanted[2]) - min(predicted[0], wanted[0])
    height = max(predicted[3], wanted[3]) - min(predicted[1], wanted[1])
    if rules.localization == "giou":
        return 1 - overlap + (width * height - union) / (width * height + epsilon)
    centres = (
        [(box[0] + box[2]) / 2 for box in (predicted, wanted)],
        [(box[1] + box[3]) / 2 for box in (predicted, wanted)],
    )
    apart = sum((one - other) ** 2 for one, other in centres) / (width**2 + height**2 + epsilon)
    if rules.localization == "diou":
        return 1 - overlap + apart
    angles = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (wanted, predicted)]
    v = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    return 1 - overlap + apart + v * v / (1 - overlap + v + epsilon)


def iou_of(a: Row, b: Row) -> float:
    """Intersection over union of two boxes; 0 where there is no union."""
    shared, union = _shared(a, b)
    return shared / union if union else 0.0


def _shared(a: Row, b: Row) -> tuple[float, float]:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return width * height, (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height


def logit_costs(conf: Tensor, labels: Tensor, rules: LossSpec) -> Tensor:
    """`[B, P]` what the logits `[B, P, C]` of every prior cost, background being column 0."""
    target, alpha, gamma = labels.clamp(min=0), rules.focal_alpha, rules.focal_gamma
    if rules.confidence in ("sigmoid", "sigmoid-focal"):
        wanted = torch.zeros_like(conf).scatter_(-1, target[..., None], 1.0)
        if rules.background_target == "zeros":
            wanted[..., 0] = 0.0
        columns = binary_cross_entropy_with_logits(conf, wanted, reduction="none")
        if rules.confidence == "sigmoid-focal":
            wrong = torch.where(wanted > 0, 1 - conf.sigmoid(), conf.sigmoid())
            columns = columns * wrong**gamma * (torch.where(wanted > 0, alpha, 1 - alpha) if alpha >= 0 else 1)
        terms = columns.sum(-1)
    else:
        terms = -conf.log_softmax(-1).gather(-1, target[..., None])[..., 0]
        if rules.confidence == "softmax-focal":
            weight = torch.where(labels > 0, alpha, 1 - alpha) if alpha >= 0 else 1
            terms = terms * (1 - torch.exp(-terms)) ** gamma * weight
    floor = rules.probability_floor
    return terms.clamp(max=-math.log(floor)) if floor else terms


Divided = tuple[Tensor, Tensor]


def divided(
    localization: Tensor, confidence: Tensor, positives: Tensor, counted: Tensor, rules: LossSpec, ratio: float
) -> Divided:
    """Both terms, summed and divided.

    Args:
        localization: `[B, P, 4]` of every offset; of losses of boxes the last three are 0.
        confidence: `[B, P]` of every prior.
        positives: `[B]` of each image.
        counted: `[B, P]` how often each prior's confidence counts.
        rules: the normaliser's word.
        ratio: negatives wanted per positive.
    """
    images, priors = confidence.shape
    loc, conf = localization.sum((1, 2)), confidence.sum(1)
    number, selected = positives.sum().float(), (counted > 0).sum().float()
    by_number: dict[str, Callable[[], Tensor]] = {
        "positives": lambda: number,
        "positives-or-one": lambda: number.clamp(min=1),
        "image-positives-or-one": lambda: positives.clamp(min=1).sum().float(),
        "images": lambda: torch.tensor(float(images)),
        "priors": lambda: torch.tensor(float(images * priors)),
    }
    if rules.normalizer in by_number:
        found = by_number[rules.normalizer]()
        return loc.sum() / found, conf.sum() / found
    if rules.normalizer == "mean-of-images":
        factor = torch.where(positives > 0, 1 / positives.clamp(min=1), 0.0)
        return (loc * factor).mean(), (conf * factor).mean()
    if rules.normalizer == "mean-of-selected":
        return loc.sum() / number, conf.sum() / selected * (ratio + 1)
    if rules.normalizer == "selected-and-nonzero":
        return loc.sum() / (localization != 0).sum().clamp(min=1), conf.sum() / selected.clamp(min=1)
    assert rules.normalizer == "mean-of-selected-images"  # of positives and mined, a positive that is both being two
    return (loc / positives.clamp(min=1)).mean(), (conf / counted.sum(1).clamp(min=1)).mean()


def _over(one: float, other: float) -> float:
    return one / other if other else math.copysign(math.inf, one) if one else math.nan


def _log(value: float) -> float:
    return math.nan if not value >= 0 else math.log(value) if value else -math.inf
