"""Which negatives are mined, in plain loops, one scope and prior at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.rules import MiningSpec
from tests.probing.plain_terms import decoded, iou_of

Place = tuple[int, int]


@dataclass(frozen=True)
class Mined:
    """`[B, P]` each: priors that stay in the loss at all, mined negatives, and positives that fill places."""

    kept: Tensor
    negatives: Tensor
    placed: Tensor


class PlainMiner:
    """Mines as a codebase's words say.

    Args:
        rules: they, looked up one by one.
        variances: of the predicted boxes, for suppression.
        y_by_width: whether these are moved along y by the prior's width.
    """

    def __init__(self, rules: MiningSpec, variances: tuple[float, ...], y_by_width: bool) -> None:
        self.rules, self.variances, self.y_by_width = rules, variances, y_by_width

    def mine(self, loc: Tensor, conf: Tensor, priors: Tensor, costs: Tensor, labels: Tensor) -> Mined:
        """What takes part, of predictions, priors, what each prior costs, and its class id, -1 if ignored."""
        nowhere = torch.zeros_like(labels, dtype=torch.bool)
        if self.rules.selection == "none":
            return Mined(~nowhere, labels == 0, nowhere)
        scores = self.scores(conf, costs)
        if self.rules.selection == "non-maximum-suppression":
            return Mined(*self.survivors(loc, priors, scores, labels), nowhere)
        mined, placed = nowhere.clone(), nowhere.clone()
        ids, worth = labels.tolist(), scores.tolist()
        scopes = self.scopes(*labels.shape)
        for places, wanted in zip(scopes, self.wanted(scopes, ids, worth), strict=True):
            other = 0.0 if self.rules.positives == "as-zero" else -math.inf
            value = {(i, p): worth[i][p] if ids[i][p] == 0 else other for i, p in places}
            value = {place: math.inf if math.isnan(each) else each for place, each in value.items()}
            # A stable sort: equal ones by their place.
            chosen = [place for rank, place in enumerate(sorted(places, key=lambda at: -value[at])) if rank < wanted]
            for place in chosen:
                placed[place] = labels[place] > 0
            taken = {(image, prior) for image, prior in chosen if ids[image][prior] == 0}
            least = min((value[each] for each in taken), default=math.nan)
            for image, prior in places:
                if taken and ids[image][prior] == 0:
                    mined[image, prior] = {
                        "ranked": (image, prior) in taken,
                        "with-ties": value[image, prior] >= least,
                        "above-last": value[image, prior] > least,
                    }[self.rules.selection]
        return Mined(~nowhere, mined, placed)

    def scores(self, conf: Tensor, costs: Tensor) -> Tensor:
        """`[B, P]` what negatives are ranked by."""
        rule, chances = self.rules.score, conf.softmax(-1)
        if rule == "confidence-loss":
            return costs
        if rule == "background-probability":
            return -chances[..., 0]
        if rule == "foreground-probability":
            return chances[..., 1:].sum(-1)
        if rule == "highest-probability":
            return chances[..., 1:].amax(-1)
        peak = conf.max()
        return torch.log(torch.exp(conf - peak).sum(-1)) + peak - conf[..., 0]

    def scopes(self, images: int, number: int) -> list[list[Place]]:
        """The places that compete with each other."""
        each = [[(image, prior) for prior in range(number)] for image in range(images)]
        return [[place for places in each for place in places]] if self.rules.scope == "batch" else each

    def wanted(self, scopes: list[list[Place]], ids: list[list[int]], worth: list[list[float]]) -> list[float]:
        """Places that each scope gives."""
        rules = self.rules
        if rules.quota == "scope":
            found = [self.asked(places, ids, worth) for places in scopes]
        else:
            images = [[(image, prior) for prior in range(len(row))] for image, row in enumerate(ids)]
            asked = [self.asked(places, ids, worth) for places in images]
            if rules.quota == "least-of-images":
                asked = [min((each for each in asked if each > 0), default=0)] * len(asked)
            found = asked if rules.scope == "image" else [sum(asked)]
        if rules.fallback or rules.fallback_share:
            found = [
                each if each > 0 else rules.fallback + int(rules.fallback_share * len(places))
                for each, places in zip(found, scopes, strict=True)
            ]
        return found

    def asked(self, places: list[Place], ids: list[list[int]], worth: list[list[float]]) -> float:
        """What some priors' positives ask for, and the cap lets them have."""
        rules = self.rules
        negatives = [(image, prior) for image, prior in places if ids[image][prior] == 0]
        positives = sum(ids[image][prior] > 0 for image, prior in places)
        ignored = len(places) - positives - len(negatives)
        wanted = rules.ratio * (positives + (ignored if rules.count_ignored else 0))
        wanted = math.floor(wanted) if rules.whole else wanted
        wanted += rules.per_image * len({image for image, _ in places})
        caps = {
            "none": math.inf,
            "priors-1": len(places) - 1,
            "priors": len(places),
            "negatives": len(negatives),
            "nonzero-negatives": sum(worth[image][prior] != 0 for image, prior in negatives),
            "not-positive": len(places) - positives,
        }
        return min(max(wanted, rules.minimum), caps[rules.cap])

    def survivors(self, loc: Tensor, priors: Tensor, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Of suppression over all predicted boxes: those that are kept, and the negatives that are mined."""
        kept, mined = torch.zeros_like(labels, dtype=torch.bool), torch.zeros_like(labels, dtype=torch.bool)
        for image in range(len(labels)):
            boxes = [
                decoded(row, prior, self.variances, self.y_by_width)
                for row, prior in zip(loc[image].tolist(), priors.tolist(), strict=True)
            ]
            order = sorted(range(len(boxes)), key=lambda prior: -float(scores[image, prior]))
            chosen: list[int] = []
            for prior in order:
                if len(chosen) < self.rules.nms_limit and all(
                    iou_of(boxes[prior], boxes[each]) <= self.rules.nms_iou for each in chosen
                ):
                    chosen.append(prior)
            positives = sum(bool(labels[image, prior] > 0) for prior in chosen)
            wanted = max(math.floor(self.rules.ratio * positives), self.rules.minimum)
            for prior in chosen:
                kept[image, prior] = True
            for prior in [each for each in chosen if labels[image, each] == 0][:wanted]:
                mined[image, prior] = True
        return kept, mined
