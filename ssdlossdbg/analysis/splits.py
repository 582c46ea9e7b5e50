"""The loss and its gradient, split over any grouping of the priors; every split adds up to the whole."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.gradients import confidence_gradient, localization_gradient
from ssdlossdbg.multibox.localization import AtPriors
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.results import Means, Parts
from ssdlossdbg.rules import LossSpec


def _of_priors(costs: AtPriors) -> Tensor:
    """`[B, P]` float64, what the numbers of each prior add up to."""
    return replace(costs, values=widest(costs.values).sum(-1, keepdim=True)).dense[..., 0]


def _of_images(costs: AtPriors) -> Tensor:
    """`[B, K]` float64, what each number of all of an image's priors adds up to."""
    values = widest(costs.values)
    if costs.where is None:
        return values.sum(1)
    return values.new_zeros((costs.shape[0], values.shape[-1])).index_add_(0, costs.where[0], values)


class LossSums:
    """Float64 sums of the loss terms over any grouping of the priors.

    Few priors cost anything, and to hold the terms of all would take a quarter of what the logits take.

    Attributes:
        terms: normalised and weighted, of each prior: localisation, confidence of objects and of background, and of
            landmarks where the loss has them.
    """

    def __init__(self, loss: LossTerms) -> None:
        foreground, positive, mined = loss.matching.foreground, loss.matching.positive, loss.mining.mined
        localization = _of_priors(loss.smooth_l1)
        landmarks = None if loss.landmarks is None else _of_priors(loss.landmarks.costs)
        scales = [loss.localization_scale, loss.confidence_scale, loss.confidence_scale]
        if loss.landmarks is not None:
            scales.append(loss.landmarks.scale.expand_as(loss.localization_scale))
        scale = widest(torch.stack(scales, dim=-1))
        # What 0 / 0 is added to counts, too.
        matters = positive | mined | (localization != 0) | (loss.confidence_terms != 0)
        matters |= ~scale.isfinite().all(-1, keepdim=True)
        if landmarks is not None:
            matters |= landmarks != 0
        image, prior = matters.nonzero(as_tuple=True)
        self._places = places = image, prior
        confidence, of_object = widest(loss.confidence_terms[places]), foreground[places]
        columns = [
            localization[places],
            torch.where(of_object, confidence, 0.0),
            torch.where(of_object, 0.0, confidence),
            *([] if landmarks is None else [landmarks[places]]),
        ]
        self._raw, own = torch.stack(columns, dim=-1), scale[image]
        self._counted = torch.stack((positive[places], mined[places]), dim=-1)
        # A prior without a part in a term contributes 0 to it, also where the scale is infinite (no positive) ...
        terms = (self._raw * own).masked_fill_(self._raw == 0, 0.0)
        # ... but 0 / 0 is what the batch as a whole then comes to.
        terms += torch.where(own.isfinite(), 0.0, torch.nan)
        self.terms = AtPriors(terms, places, loss.smooth_l1.shape)
        self._coordinates = (_of_images(loss.smooth_l1) * scale[:, :1]).sum(0)

    def _summed(self, values: Tensor, group: Tensor, groups: int) -> Tensor:
        """`[groups, K]` what rows of those that matter, `[M, K]`, come to in each group of priors `[B, P]`."""
        return values.new_zeros((groups, values.shape[-1])).index_add_(0, group[self._places], values)

    def split(self, group: Tensor, groups: int) -> list[Parts]:
        """Normalised parts of each of the groups that `[B, P]` group indices name."""
        return [Parts(*row) for row in self._summed(self.terms.values, group, groups).tolist()]

    def means(self, group: Tensor, groups: int) -> list[Means]:
        """What a prior of each group costs on average, before weight and normaliser."""
        # How many there are of what each of the three terms is a sum of.
        each = widest(self._counted[:, [0, 0, 1]])
        rows = self._summed(torch.cat((self._raw[:, :3], each), dim=-1), group, groups).tolist()
        return [Means(*(row[i] / row[i + 3] if row[i + 3] else None for i in range(3))) for row in rows]

    def total(self) -> Parts:
        """All of it, normalised."""
        everything = torch.zeros((), dtype=torch.long, device=self._raw.device).expand(self.terms.shape)
        return self.split(everything, 1)[0]

    def counts(self, group: Tensor, groups: int) -> list[tuple[int, int]]:
        """Positives and mined negatives of each group."""
        sums = self._summed(self._counted.long(), group, groups)
        return [(positives, negatives) for positives, negatives in sums.tolist()]

    def unnormalised(self) -> Parts:
        """The sums before weight and normaliser."""
        return Parts(*self._raw.sum(0).tolist())

    def coordinates(self) -> tuple[float, float, float, float] | None:
        """The localisation loss over cx, cy, w, h; None where it compares boxes, which have no such parts."""
        if len(self._coordinates) == 1:
            return None
        cx, cy, w, h = self._coordinates.tolist()
        return cx, cy, w, h


class GradientNorms:
    """Squared L2 norms of the gradient, prior by prior: `loc` and `conf` are `[B, P]` float64."""

    def __init__(self, loc: Tensor, conf: Tensor, loss: LossTerms, spec: LossSpec) -> None:
        gradient = localization_gradient(loc, loss, spec)
        self.loc = _of_priors(replace(gradient, values=widest(gradient.values).square()))
        chosen = loss.selected.nonzero(as_tuple=True)
        # Where every negative counts these are nearly all priors: some rows of logits at a time.
        at_once = tiles.images_at_once(conf.shape[-1], conf.device)
        parts = zip(*(torch.split(each, at_once) for each in chosen), strict=True)
        rows = [widest(confidence_gradient(conf, loss, spec, *part)).square().sum(-1) for part in parts]
        self.conf = torch.zeros_like(self.loc).index_put_(chosen, torch.cat(rows))

    def split(self, group: Tensor, groups: int) -> list[tuple[float, float]]:
        """L2 norms of loc and conf of each group."""
        both = torch.stack((self.loc, self.conf), dim=-1).reshape(-1, 2)
        sums = both.new_zeros((groups, 2)).index_add_(0, group.reshape(-1), both)
        return [(loc, conf) for loc, conf in sums.sqrt().tolist()]
