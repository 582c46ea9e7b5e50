"""A criterion of any rules in plain loops, written from the papers' and the codebases' words, with nothing of ours."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ssdlossdbg.rules import Dialect

Row = list[float]


class Reference(nn.Module):
    """Called as ssd.pytorch's: ((loc, conf, priors), targets), priors cxcywh, targets rows (x1, y1, x2, y2, label).

    Args:
        rules: a dialect; its words are looked up one by one below.
        parts: whether both losses are returned, or their sum.
    """

    def __init__(self, rules: Dialect, parts: bool = True) -> None:
        super().__init__()
        self.match, self.codec, self.mining, self.loss = rules.match, rules.codec, rules.mining, rules.loss
        self.label_offset, self.background_last = rules.targets.label_offset, rules.native.background == "last"
        self.parts = parts

    def forward(self, predictions: Any, targets: Any) -> Any:
        """(localisation, confidence), or their sum."""
        loc, conf, priors = predictions
        if self.background_last:
            conf = torch.cat((conf[..., -1:], conf[..., :-1]), -1)
        matched = [self.match_image(rows, priors) for rows in targets]
        labels = torch.tensor([labels for labels, _, _ in matched])
        positive = torch.tensor([flags for _, flags, _ in matched])
        costs = self.costs(conf, labels)
        kept, mined, placed, wanted_ratio = self.mine(loc, conf, priors, costs, labels, positive)
        weight = ((labels > 0) & kept | mined).to(costs.dtype)
        if self.loss.positives_counted_twice:
            weight = weight + placed
        localization = [[0.0] * len(priors) for _ in targets]
        for image, (_, _, owners) in enumerate(matched):
            for prior, box in enumerate(owners):
                on = bool(positive[image, prior] & kept[image, prior])
                if on:
                    wanted = self.encode(box, priors[prior])
                    localization[image][prior] = sum(
                        self.distance(*pair) for pair in zip(loc[image, prior].tolist(), wanted, strict=True)
                    )
                elif self.spoils(bool(weight[image, prior] > 0)) and not bool(loc[image, prior].isfinite().all()):
                    localization[image][prior] = math.nan
        confidence = (costs * weight).where(
            weight > 0, costs * 0 if self.loss.masking == "multiplied" else torch.zeros_like(costs)
        )
        one, other = self.normalised(torch.tensor(localization), confidence, positive, weight, wanted_ratio)
        one = one * self.loss.localization_weight
        return (one, other) if self.parts else one + other

    def spoils(self, selected: bool) -> bool:
        """Whether a prior's localisation is multiplied by 0 rather than left out."""
        kind = self.loss.masking
        return kind in ("multiplied", "localization-multiplied") or (kind == "localization-of-selected" and selected)

    # ---- matching

    def overlaps(self, box: Tensor, priors: Tensor) -> Row:
        """IoU of a box and every prior."""
        if self.match.precision == "float64":
            box, priors = box.double(), priors.double()
        low, high = priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2
        sides = (torch.minimum(box[2:], high) - torch.maximum(box[:2], low)).clamp(min=0)
        shared = sides[:, 0] * sides[:, 1]
        own = (high[:, 0] - low[:, 0]) * (high[:, 1] - low[:, 1])
        union, kind, epsilon = (
            (box[2] - box[0]) * (box[3] - box[1]) + own - shared,
            self.match.iou,
            self.match.iou_epsilon,
        )
        if kind == "epsilon-added":
            union = union + epsilon
        if kind == "union-floor":
            union = union.clamp(min=epsilon)
        found = shared / union
        if kind == "zero-without-union":
            found[union == 0] = 0.0
        if kind == "zero-without-overlap":
            found[shared == 0] = 0.0
        values: Row = found.tolist()
        return values

    def best(self, values: Row) -> int:
        """The place of the highest; nan counts as that."""
        order = range(len(values)) if self.match.ties == "first" else range(len(values) - 1, -1, -1)
        found = -1
        for place in order:
            if (
                found < 0
                or values[place] > values[found]
                or (math.isnan(values[place]) and not math.isnan(values[found]))
            ):
                found = place
        return found

    def match_image(self, rows: Tensor, priors: Tensor) -> tuple[list[int], list[bool], list[Tensor]]:
        """Of every prior: class id, whether it is positive, and the box it learns."""
        number = len(priors)
        if not len(rows):
            return [0] * number, [False] * number, [torch.zeros(4)] * number
        boxes, ids = rows[:, :4], [int(row[4]) + self.label_offset for row in rows]
        table = [self.overlaps(box, priors) for box in boxes]
        nearest = [self.best([row[prior] for row in table]) for prior in range(number)]
        owner = self.forced(table, nearest)
        labels, flags, owners = [], [], []
        for prior in range(number):
            own = owner.get(prior, nearest[prior])
            highest = table[nearest[prior]][prior]
            value, bar = table[own][prior], self.match.threshold
            reached = value > bar if self.match.comparison == ">" else not value < bar
            taken = prior in owner or reached
            label = ids[own] if taken else 0
            positive = taken if self.match.background_objects == "counted" else label > 0
            if not taken and self.match.ignore_from is not None and highest >= self.match.ignore_from:
                label = -1
            labels.append(label)
            flags.append(positive)
            owners.append(boxes[own])
        return labels, flags, owners

    def forced(self, table: list[Row], nearest: list[int]) -> dict[int, int]:
        """Priors that are positive whatever their overlap, and whose they are."""
        rule = self.match.forced
        best = [self.best(row) for row in table]
        owner: dict[int, int] = {}
        if rule == "best-prior":
            for place, prior in enumerate(best):
                rival = owner.get(prior)
                better = rival is not None and table[place][prior] > table[rival][prior]
                if rival is None or self.match.conflict == "last" or (self.match.conflict == "highest-iou" and better):
                    owner[prior] = place
            if self.match.conflict == "highest-iou":
                owner = {prior: place if table[place][prior] > 0 else 0 for prior, place in owner.items()}
            return owner
        left = [list(row) for row in table]
        free_rows, free_priors = set(range(len(table))), set(range(len(table[0])))
        while free_rows and free_priors:
            highest, place, prior = max(
                ((left[place][prior], -place, -prior) for place in free_rows for prior in free_priors),
                key=lambda each: (-math.inf if math.isnan(each[0]) else each[0], each[1], each[2]),
            )
            if not highest > self.match.minimum_iou:
                break
            owner[-prior] = -place
            free_rows.discard(-place)
            free_priors.discard(-prior)
        if rule == "bipartite-keras" and free_rows:
            owner = {prior: place for prior, place in owner.items() if place != 0}
            owner[0] = max([*free_rows, owner.get(0, -1), 0])
        if rule == "bipartite-and-ties":
            for prior, place in enumerate(nearest):
                if prior not in owner and table[place][prior] + 1e-12 >= max(table[place]):
                    owner[prior] = place
        return owner

    # ---- terms

    def encode(self, box: Tensor, prior: Tensor) -> Row:
        """Offsets from a prior to a box."""
        x1, y1, x2, y2 = box.tolist()
        cx, cy, width, height = prior.tolist()
        v, e = self.codec.variances, self.codec.size_epsilon
        width, height = width + e, height + e
        shifts = [_over((x1 + x2) / 2 - cx, width) / v[0], _over((y1 + y2) / 2 - cy, height) / v[1]]
        return [*shifts, _log(_over(x2 - x1 + e, width)) / v[2], _log(_over(y2 - y1 + e, height)) / v[3]]

    def distance(self, predicted: float, wanted: float) -> float:
        """Smooth L1."""
        d, beta = abs(predicted - wanted), self.loss.smooth_l1_beta
        if math.isnan(d):
            return d
        if math.isinf(d):
            return math.nan if self.loss.localization == "smooth-l1-masked" else d
        return 0.5 * d * d / beta if d < beta else d - 0.5 * beta

    def costs(self, conf: Tensor, labels: Tensor) -> Tensor:
        """`[B, P]` what the logits of every prior cost."""
        target, alpha, gamma = labels.clamp(min=0), self.loss.focal_alpha, self.loss.focal_gamma
        if self.loss.confidence in ("sigmoid", "sigmoid-focal"):
            wanted = torch.zeros_like(conf).scatter_(-1, target[..., None], 1.0)
            if self.loss.background_target == "zeros":
                wanted[..., 0] = 0.0
            columns = nn.functional.binary_cross_entropy_with_logits(conf, wanted, reduction="none")
            if self.loss.confidence == "sigmoid-focal":
                wrong = torch.where(wanted > 0, 1 - conf.sigmoid(), conf.sigmoid())
                columns = columns * wrong**gamma * (torch.where(wanted > 0, alpha, 1 - alpha) if alpha >= 0 else 1)
            terms = columns.sum(-1)
        else:
            terms = -conf.log_softmax(-1).gather(-1, target[..., None])[..., 0]
            if self.loss.confidence == "softmax-focal":
                weight = torch.where(labels > 0, alpha, 1 - alpha) if alpha >= 0 else 1
                terms = terms * (1 - torch.exp(-terms)) ** gamma * weight
        floor = self.loss.probability_floor
        return terms.clamp(max=-math.log(floor)) if floor else terms

    # ---- mining

    def scores(self, conf: Tensor, costs: Tensor) -> Tensor:
        """`[B, P]` what negatives are ranked by."""
        if self.mining.score == "confidence-loss":
            return costs.clone()
        if self.mining.score == "background-probability":
            return -conf.softmax(-1)[..., 0]
        peak = conf.max()
        return torch.log(torch.exp(conf - peak).sum(-1)) + peak - conf[..., 0]

    def mine(
        self, loc: Tensor, conf: Tensor, priors: Tensor, costs: Tensor, labels: Tensor, positive: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, float]:
        """(priors that are kept, mined negatives, positives that fill places, the ratio)."""
        rules, scores = self.mining, self.scores(conf, costs)
        every = torch.ones_like(positive)
        if rules.selection == "non-maximum-suppression":
            return *self.survivors(loc, priors, scores, labels), torch.zeros_like(positive), rules.ratio
        mined, placed = torch.zeros_like(positive), torch.zeros_like(positive)
        if rules.selection == "none":
            return every, labels == 0, placed, rules.ratio
        images, number = labels.shape
        groups = [range(images)] if rules.scope == "batch" else [range(image, image + 1) for image in range(images)]
        ids, costs_of = labels.tolist(), scores.tolist()
        for group in groups:
            places = [(image, prior) for image in group for prior in range(number)]
            negatives = [(image, prior) for image, prior in places if ids[image][prior] == 0]
            counted = sum(ids[i][p] > 0 or (rules.count_ignored and ids[i][p] < 0) for i, p in places)
            wanted = rules.ratio * counted
            wanted = math.floor(wanted) if rules.whole else wanted
            caps = {
                "none": math.inf,
                "priors-1": len(places) - 1,
                "priors": len(places),
                "negatives": len(negatives),
                "nonzero-negatives": sum(costs_of[image][prior] != 0 for image, prior in negatives),
            }
            wanted = min(max(wanted, rules.minimum), caps[rules.cap])
            other = 0.0 if rules.positives == "as-zero" else -math.inf
            value = {(i, p): costs_of[i][p] if ids[i][p] == 0 else other for i, p in places}
            order = sorted(places, key=lambda place: -value[place])  # a stable sort: equal ones by their place
            chosen = [place for rank, place in enumerate(order) if rank < wanted]
            for place in chosen:
                mined[place] = labels[place] == 0
                placed[place] = labels[place] > 0
        if rules.selection == "with-ties":
            for image in range(images):
                taken = [float(scores[image, prior]) for prior in range(number) if mined[image, prior]]
                for prior in range(number):
                    if taken and labels[image, prior] == 0 and float(scores[image, prior]) >= min(taken):
                        mined[image, prior] = True
        return every, mined, placed, rules.ratio

    def survivors(self, loc: Tensor, priors: Tensor, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Of suppression over all predicted boxes: those that are kept, and the negatives that are mined."""
        kept, mined = torch.zeros_like(labels, dtype=torch.bool), torch.zeros_like(labels, dtype=torch.bool)
        for image in range(len(labels)):
            boxes = [
                _decoded(row, prior, self.codec.variances)
                for row, prior in zip(loc[image].tolist(), priors.tolist(), strict=True)
            ]
            order = sorted(range(len(boxes)), key=lambda prior: -float(scores[image, prior]))
            chosen: list[int] = []
            for prior in order:
                if len(chosen) < self.mining.nms_limit and all(
                    _iou(boxes[prior], boxes[each]) <= self.mining.nms_iou for each in chosen
                ):
                    chosen.append(prior)
            positives = sum(bool(labels[image, prior] > 0) for prior in chosen)
            wanted = max(math.floor(self.mining.ratio * positives), self.mining.minimum)
            for prior in chosen:
                kept[image, prior] = True
            for prior in [each for each in chosen if labels[image, each] == 0][:wanted]:
                mined[image, prior] = True
        return kept, mined

    # ---- the whole

    def normalised(
        self, localization: Tensor, confidence: Tensor, positive: Tensor, weight: Tensor, ratio: float
    ) -> tuple[Tensor, Tensor]:
        """Both sums, divided."""
        rule, each = self.loss.normalizer, positive.sum(1)
        if rule == "mean-of-images":
            factor = torch.where(each > 0, 1 / each.clamp(min=1), 0.0)
            return (localization.sum(1) * factor).mean(), (confidence.sum(1) * factor).mean()
        number = each.sum().float()
        if rule == "positives-or-one":
            number = number.clamp(min=1)
        if rule == "image-positives-or-one":
            number = each.clamp(min=1).sum().float()
        if rule == "mean-of-selected":
            return localization.sum() / number, confidence.sum() / (weight > 0).sum() * (ratio + 1)
        return localization.sum() / number, confidence.sum() / number


def _over(one: float, other: float) -> float:
    return one / other if other else math.copysign(math.inf, one) if one else math.nan


def _log(value: float) -> float:
    return math.nan if not value >= 0 else math.log(value) if value else -math.inf


def _decoded(offsets: Row, prior: Row, v: Any) -> Row:
    cx, cy = prior[0] + offsets[0] * v[0] * prior[2], prior[1] + offsets[1] * v[1] * prior[3]
    width, height = prior[2] * math.exp(offsets[2] * v[2]), prior[3] * math.exp(offsets[3] * v[3])
    return [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2]


def _iou(a: Row, b: Row) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union else 0.0
