"""ssd.pytorch's match and MultiBoxLoss in plain loops over Python floats, one image, prior and class at a time.

Written from what that codebase does, not from ours, so that nothing here can share a mistake with the tensor code.
The fixture `reference` hands it to the tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Box = list[float]


@dataclass(frozen=True)
class Batch:
    """Inputs of the loss: per image boxes `[n, 4]` xyxy and labels `[n]`, 0 being background."""

    loc: Tensor
    conf: Tensor
    priors: Tensor
    boxes: list[Tensor]
    labels: list[Tensor]


@dataclass(frozen=True)
class ImageMatch:
    """What `match` of ssd.pytorch decides about one image, and the overlaps it decides from."""

    labels: list[int]
    gt_index: list[int]
    prior_iou: list[float]
    best_prior: list[int]
    best_iou: list[float]

    @property
    def positive(self) -> list[bool]:
        """Whether each prior has an object to learn."""
        return [label > 0 for label in self.labels]


@dataclass(frozen=True)
class BatchLoss:
    """The loss of a batch: roles, terms before division, and the two reported numbers."""

    matches: list[ImageMatch]
    mined: list[list[bool]]
    localization_terms: list[list[list[float]]]
    confidence_terms: list[list[float]]
    positives: int
    localization: float
    confidence: float


def random_batch(seed: int, dtype: torch.dtype = torch.float64, *, on_grid: bool = False) -> Batch:
    """Any batch of 1 to 4 images with 0 to 6 objects each, at least one in all, 20 to 300 priors, 2 to 7 classes.

    Args:
        seed: which one.
        dtype: of all its floats.
        on_grid: put boxes on sixteenths, where many overlaps are equal and many are exactly one half.
    """
    generator = torch.Generator().manual_seed(seed)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    def centred(count: int) -> Tensor:
        centre = 0.1 + 0.8 * torch.rand((count, 2), generator=generator, dtype=torch.float64)
        size = 0.08 + 0.42 * torch.rand((count, 2), generator=generator, dtype=torch.float64)
        if on_grid:
            return torch.cat(((centre * 16).round() / 16, (size * 8).round().clamp(min=1) / 8), dim=1)
        return torch.cat((centre, size), dim=1)

    images, number, classes = pick(1, 4), pick(20, 300), pick(2, 7)
    counts = [pick(0, 6) for _ in range(images)]
    counts[pick(0, images - 1)] = pick(1, 6)
    boxes = []
    for count in counts:
        shape = centred(count)
        boxes.append(torch.cat((shape[:, :2] - shape[:, 2:] / 2, shape[:, :2] + shape[:, 2:] / 2), dim=1).to(dtype))
    return Batch(
        loc=(torch.randn((images, number, 4), generator=generator, dtype=torch.float64) * 2).to(dtype),
        conf=(torch.randn((images, number, classes), generator=generator, dtype=torch.float64) * 2).to(dtype),
        priors=centred(number).to(dtype),
        boxes=boxes,
        labels=[torch.randint(1, classes, (count,), generator=generator) for count in counts],
    )


def corners(prior: Box) -> Box:
    """(cx, cy, w, h) as (x1, y1, x2, y2)."""
    cx, cy, w, h = prior
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]


def iou(a: Box, b: Box) -> float:
    """Plain intersection over union; 0 / 0 is nan."""
    intersection = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection
    return intersection / union if union else math.nan


def argmax(values: list[float]) -> int:
    """The first of the largest; a nan counts as the largest, as in torch."""
    best = 0
    for index, value in enumerate(values):
        if math.isnan(values[best]):
            return best
        if math.isnan(value) or value > values[best]:
            best = index
    return best


def encode(box: Box, prior: Box, variances: tuple[float, float, float, float]) -> Box:
    """The offsets from a prior to a box of positive size."""
    cx, cy, w, h = prior
    return [
        ((box[0] + box[2]) / 2 - cx) / w / variances[0],
        ((box[1] + box[3]) / 2 - cy) / h / variances[1],
        math.log((box[2] - box[0]) / w) / variances[2],
        math.log((box[3] - box[1]) / h) / variances[3],
    ]


def match_image(boxes: list[Box], labels: list[int], priors: list[Box], threshold: float) -> ImageMatch:
    """Each prior takes its best object; then each object takes its best prior, later objects overwriting earlier ones.

    An image without objects, on which the real code raises, is all background.
    """
    number = len(priors)
    if not boxes:
        return ImageMatch([0] * number, [0] * number, [-1.0] * number, [], [])
    overlaps = [[iou(box, corners(prior)) for prior in priors] for box in boxes]
    gt_index = [argmax([row[prior] for row in overlaps]) for prior in range(number)]
    prior_iou = [overlaps[owner][prior] for prior, owner in enumerate(gt_index)]
    best_prior = [argmax(row) for row in overlaps]
    decided = list(prior_iou)
    for prior in best_prior:
        decided[prior] = 2.0
    for index, prior in enumerate(best_prior):
        gt_index[prior] = index
    result = [0 if decided[prior] < threshold else labels[gt_index[prior]] for prior in range(number)]
    return ImageMatch(result, gt_index, prior_iou, best_prior, [row[argmax(row)] for row in overlaps])


def mine_image(scores: list[float], positive: list[bool], ratio: float) -> list[bool]:
    """The negatives among the ratio * positives (at most P - 1) highest scores, where positives score 0."""
    ranked = [0.0 if is_positive else score for score, is_positive in zip(scores, positive, strict=True)]
    wanted = min(ratio * sum(positive), len(ranked) - 1)
    order = sorted(range(len(ranked)), key=lambda prior: -ranked[prior])
    places = {prior: place for place, prior in enumerate(order)}
    return [places[prior] < wanted and not positive[prior] for prior in range(len(ranked))]


def smooth_l1(difference: float, beta: float) -> float:
    """Quadratic below beta, linear from there on."""
    size = abs(difference)
    return 0.5 * size * size / beta if size < beta else size - 0.5 * beta


def cross_entropy(logits: list[float], target: int, peak: float | None = None) -> float:
    """Log-sum-exp minus the target's logit, with any number subtracted before exp (by default the row's largest)."""
    peak = max(logits) if peak is None else peak
    total = sum(math.exp(logit - peak) for logit in logits)
    return (math.log(total) if total else -math.inf) + peak - logits[target]


def loss(
    batch: Batch,
    *,
    threshold: float = 0.5,
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2),
    ratio: float = 3.0,
    beta: float = 1.0,
    alpha: float = 1.0,
) -> BatchLoss:
    """The whole of MultiBoxLoss; both terms are divided by the positives of the batch, of which there must be one."""
    priors, loc, conf = batch.priors.tolist(), batch.loc.tolist(), batch.conf.tolist()
    peak = max(logit for image in conf for row in image for logit in row)
    matches, mined, localization, confidence = [], [], [], []
    for image, (boxes, labels) in enumerate(zip(batch.boxes, batch.labels, strict=True)):
        found = match_image(boxes.tolist(), labels.tolist(), priors, threshold)
        scores = [cross_entropy(row, 0, peak) for row in conf[image]]
        chosen = mine_image(scores, found.positive, ratio)
        terms, entropies = [], []
        for prior, label in enumerate(found.labels):
            offsets = [0.0] * 4
            if label:
                target = encode(boxes[found.gt_index[prior]].tolist(), priors[prior], variances)
                offsets = [smooth_l1(p - t, beta) for p, t in zip(loc[image][prior], target, strict=True)]
            terms.append(offsets)
            entropies.append(cross_entropy(conf[image][prior], label) if label or chosen[prior] else 0.0)
        matches.append(found)
        mined.append(chosen)
        localization.append(terms)
        confidence.append(entropies)
    positives = sum(sum(found.positive) for found in matches)
    return BatchLoss(
        matches=matches,
        mined=mined,
        localization_terms=localization,
        confidence_terms=confidence,
        positives=positives,
        localization=alpha * math.fsum(v for image in localization for row in image for v in row) / positives,
        confidence=math.fsum(v for image in confidence for v in image) / positives,
    )


def differentiable_loss(batch: Batch, loc: Tensor, conf: Tensor, *, beta: float, alpha: float) -> Tensor:
    """The total loss as ssd.pytorch writes it, on selected rows, for autograd; roles come from the loops above."""
    found = loss(batch)
    positive = torch.tensor([match.positive for match in found.matches])
    labels = torch.tensor([match.labels for match in found.matches])
    targets = torch.tensor(
        [
            encode(
                batch.boxes[image][match.gt_index[prior]].tolist(), batch.priors[prior].tolist(), (0.1, 0.1, 0.2, 0.2)
            )
            for image, match in enumerate(found.matches)
            for prior in range(len(match.labels))
            if match.positive[prior]
        ],
        dtype=loc.dtype,
    )
    selected = positive | torch.tensor(found.mined)
    localization = F.smooth_l1_loss(loc[positive], targets, reduction="sum", beta=beta)
    confidence = F.cross_entropy(conf[selected], labels[selected], reduction="sum")
    return (alpha * localization + confidence) / found.positives
