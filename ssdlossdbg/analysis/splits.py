"""The loss and its gradient, split over any grouping of the priors; every split adds up to the whole."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.gradients import confidence_gradient, localization_gradient
from ssdlossdbg.multibox.localization import AtPriors
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.results import Means, Parts
from ssdlossdbg.rules import LossSpec


def _of_priors_and_images(costs: AtPriors) -> tuple[Tensor, Tensor]:
    """`[B, P]` what each prior's numbers add up to, and `[B, K]` what each image's do, in float64.

    Few priors have any, and those of all in float64 would take a fifth of what the logits take.
    """
    values = widest(costs.values)
    if costs.where is None:
        return values.sum(-1), values.sum(1)
    of_priors = values.new_zeros(costs.shape).index_put_(costs.where, values.sum(-1))
    of_images = values.new_zeros((costs.shape[0], values.shape[-1])).index_add_(0, costs.where[0], values)
    return of_priors, of_images


class LossSums:
    """Float64 sums of the loss terms over any grouping of the priors."""

    def __init__(self, loss: LossTerms) -> None:
        foreground = loss.matching.foreground
        self._positive, self._mined = loss.matching.positive, loss.mining.mined
        localization, by_image = _of_priors_and_images(loss.smooth_l1)
        confidence = widest(loss.confidence_terms)
        terms = [
            localization,
            torch.where(foreground, confidence, 0.0),
            torch.where(foreground, 0.0, confidence),
        ]
        scales = [loss.localization_scale, loss.confidence_scale, loss.confidence_scale]
        if loss.landmarks is not None:
            terms.append(widest(loss.landmarks.costs.dense).sum(-1))
            scales.append(loss.landmarks.scale.expand_as(loss.localization_scale))
        self._raw = torch.stack(terms, dim=-1)
        scale = widest(torch.stack(scales, dim=-1))[:, None, :]
        # A prior without a part in a term contributes 0 to it, also where the scale is infinite (no positive) ...
        self.terms = (self._raw * scale).masked_fill_(self._raw == 0, 0.0)
        # ... but 0 / 0 is what the batch as a whole then comes to.
        self.terms += torch.where(scale.isfinite(), 0.0, torch.nan)
        self._coordinates = (by_image * scale[:, 0, :1]).sum(0)

    def split(self, group: Tensor, groups: int) -> list[Parts]:
        """Normalised parts of each of the groups that `[B, P]` group indices name."""
        sums = self.terms.new_zeros((groups, self.terms.shape[-1]))
        sums.index_add_(0, group.reshape(-1), self.terms.flatten(0, 1))
        return [Parts(*row) for row in sums.tolist()]

    def means(self, group: Tensor, groups: int) -> list[Means]:
        """What a prior of each group costs on average, before weight and normaliser."""
        # How many there are of what each of the three terms is a sum of.
        each = widest(torch.stack((self._positive, self._positive, self._mined), dim=-1)).reshape(-1, 3)
        both = torch.cat((self._raw[..., :3].reshape(-1, 3), each), dim=-1)
        rows = both.new_zeros((groups, 6)).index_add_(0, group.reshape(-1), both).tolist()
        return [Means(*(row[i] / row[i + 3] if row[i + 3] else None for i in range(3))) for row in rows]

    def total(self) -> Parts:
        """All of it, normalised."""
        everything = torch.zeros(self.terms.shape[:2], dtype=torch.long, device=self.terms.device)
        return self.split(everything, 1)[0]

    def counts(self, group: Tensor, groups: int) -> list[tuple[int, int]]:
        """Positives and mined negatives of each group."""
        both = torch.stack((self._positive, self._mined), dim=-1).long().reshape(-1, 2)
        sums = both.new_zeros((groups, 2)).index_add_(0, group.reshape(-1), both)
        return [(positives, negatives) for positives, negatives in sums.tolist()]

    def unnormalised(self) -> Parts:
        """The sums before weight and normaliser."""
        return Parts(*self._raw.sum((0, 1)).tolist())

    def coordinates(self) -> tuple[float, float, float, float] | None:
        """The localisation loss over cx, cy, w, h; None where it compares boxes, which have no such parts."""
        if len(self._coordinates) == 1:
            return None
        cx, cy, w, h = self._coordinates.tolist()
        return cx, cy, w, h


class GradientNorms:
    """Squared L2 norms of the gradient, prior by prior: `loc` and `conf` are `[B, P]` float64."""

    def __init__(self, loc: Tensor, conf: Tensor, loss: LossTerms, spec: LossSpec) -> None:
        self.loc = widest(localization_gradient(loc, loss, spec)).square().sum(-1)
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
