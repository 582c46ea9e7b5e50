"""A criterion of any rules in plain loops, written from the papers' and the codebases' words, with nothing of ours."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ssdlossdbg.rules import Dialect
from tests.probing.plain_matching import ImageRoles, PlainMatcher, as_tensor
from tests.probing.plain_mining import PlainMiner
from tests.probing.plain_terms import box_cost, decoded, divided, encode, logit_costs, offset_costs


class Reference(nn.Module):
    """Called as ssd.pytorch's: ((loc, conf, priors), targets), priors cxcywh, targets rows (x1, y1, x2, y2, label).

    Rows of five know no landmarks, so there is no term of these.

    Args:
        rules: a dialect; its words are looked up one by one.
        parts: whether both losses are returned, or their sum.
    """

    def __init__(self, rules: Dialect, parts: bool = True) -> None:
        super().__init__()
        self.codec, self.loss, self.ratio = rules.codec, rules.loss, rules.mining.ratio
        self.matcher = PlainMatcher(rules.match, rules.targets.label_offset)
        self.miner = PlainMiner(rules.mining, rules.codec.variances, rules.codec.y_by_width)
        self.background_last, self.parts = rules.native.background == "last", parts

    def forward(self, predictions: Any, targets: Any) -> Any:
        """(localisation, confidence), or their sum."""
        loc, conf, priors = predictions
        if self.background_last:
            conf = torch.cat((conf[..., -1:], conf[..., :-1]), -1)
        roles = [self.matcher.match_image(rows, priors) for rows in targets]
        labels, positive = as_tensor(roles)
        costs = logit_costs(conf, labels, self.loss)
        mined = self.miner.mine(loc, conf, priors, costs, labels)
        counted = ((labels > 0) & mined.kept | mined.negatives).to(costs.dtype)
        if self.loss.positives_counted_twice:
            counted = counted + mined.placed
        some = bool(positive.any())
        localization = [
            [
                self.localized(loc[image], priors, each, prior, kept=kept, selected=selected, some=some)
                for prior, (kept, selected) in enumerate(zip(*of_image, strict=True))
            ]
            for image, (each, *of_image) in enumerate(
                zip(roles, mined.kept.tolist(), (counted > 0).tolist(), strict=True)
            )
        ]
        elsewhere = costs * 0 if self.loss.masking == "multiplied" else torch.zeros_like(costs)
        confidence = (costs * counted).where(counted > 0, elsewhere)
        one, other = divided(torch.tensor(localization), confidence, positive.sum(1), counted, self.loss, self.ratio)
        one = one * self.loss.localization_weight
        return (one, other) if self.parts else one + other

    def localized(
        self, loc: Tensor, priors: Tensor, roles: ImageRoles, place: int, *, kept: bool, selected: bool, some: bool
    ) -> list[float]:
        """What a prior's four offsets cost; a loss of boxes is one number.

        Args:
            loc: predicted for the image.
            priors: cxcywh.
            roles: of all priors of the image.
            place: of this prior.
            kept: whether mining leaves it in the loss.
            selected: whether its confidence counts.
            some: whether the batch has any positive.
        """
        if roles.positive[place] and kept:
            return self.cost(loc[place], priors[place], roles.boxes[place])
        kind = self.loss.masking
        multiplied = kind in ("multiplied", "localization-multiplied")
        if not multiplied and not (kind == "localization-of-selected" and selected):
            return [0.0] * 4
        if self.codec.unmatched == "last-object" and roles.last is not None and some and not roles.positive[place]:
            spoilt = self.cost(loc[place], priors[place], roles.last)
        else:
            spoilt = loc[place].tolist()
        return [0.0 if math.isfinite(each) else math.nan for each in spoilt]

    def cost(self, offsets: Tensor, prior: Tensor, box: Tensor) -> list[float]:
        """What offsets cost that are to lead to a box."""
        if self.loss.localization not in ("giou", "diou", "ciou"):
            return offset_costs(offsets.tolist(), encode(box, prior, self.codec), self.loss)
        most = [math.inf, math.inf, *(self.loss.largest_scale / v for v in self.codec.variances[2:])]
        limited = [min(pair) for pair in zip(offsets.tolist(), most, strict=True)]
        found = decoded(limited, prior.tolist(), self.codec.variances, self.codec.y_by_width)
        return [box_cost(found, box.tolist(), self.loss), 0.0, 0.0, 0.0]
