"""What the offsets of a prior cost: each of the four, or the box that they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.box_losses import BOXES
from ssdlossdbg.multibox.boxes import at_places, constants
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.rules import CodecSpec, LocalizationLoss, LossSpec, Masking

Where = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class AtPriors:
    """Some numbers for some priors of a batch, 0 for all others: K of each, four offsets or the cost of one box.

    Few priors are positive, and to fill `[B, P, K]` takes a CPU longer than to compute what they need: that waits until
    somebody asks. A GPU works on all priors, since picking some out would make it wait for the host.

    Attributes:
        values: `[M, K]`; or `[B, P, K]`, for all priors.
        where: `[M]` images and `[M]` priors that the values are for; None for all.
        shape: (B, P).
    """

    values: Tensor
    where: tuple[Tensor, Tensor] | None
    shape: tuple[int, int]

    @staticmethod
    def everywhere(values: Tensor) -> AtPriors:
        """`[B, P, K]` values of all priors."""
        return AtPriors(values, None, (values.shape[0], values.shape[1]))

    @cached_property
    def dense(self) -> Tensor:
        """`[B, P, K]`."""
        if self.where is None:
            return self.values
        return self.values.new_zeros((*self.shape, self.values.shape[-1])).index_put_(self.where, self.values)

    def at(self, image: Tensor, prior: Tensor) -> Tensor:
        """`[N, K]` what is there for N images and N priors."""
        if self.where is None:
            return at_places(self.values, image, prior)
        rows = torch.full(self.shape, len(self.values), device=image.device).index_put_(
            self.where, torch.arange(len(self.values), device=image.device)
        )
        padded = torch.cat((self.values, self.values.new_zeros((1, self.values.shape[-1]))))
        return padded.index_select(0, rows[image, prior])

    def among(self, chosen: Tensor) -> AtPriors:
        """Those that are for the priors chosen, `[B, P]` bool; all, where they are for all."""
        if self.where is None:
            return self
        image, prior = self.where
        rows = chosen[image, prior]
        return AtPriors(self.values[rows], (image[rows], prior[rows]), self.shape)

    def by_image(self) -> Tensor:
        """`[B]` the sums."""
        if self.where is None:
            return self.values.sum((1, 2))
        return self.values.new_zeros(self.shape[0]).index_add_(0, self.where[0], self.values.sum(1))


def _smooth_l1(loc: Tensor, targets: Tensor, spec: LossSpec) -> Tensor:
    return F.smooth_l1_loss(loc, targets, reduction="none", beta=spec.smooth_l1_beta)


def _pieces(loc: Tensor, targets: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
    """Where the difference is below beta, and both pieces of smooth L1."""
    distance = (loc - targets).abs()
    return distance < beta, distance * distance * (0.5 / beta), distance - 0.5 * beta


def _smooth_l1_where(loc: Tensor, targets: Tensor, spec: LossSpec) -> Tensor:
    return torch.where(*_pieces(loc, targets, spec.smooth_l1_beta))


def _smooth_l1_masked(loc: Tensor, targets: Tensor, spec: LossSpec) -> Tensor:
    near, quadratic, linear = _pieces(loc, targets, spec.smooth_l1_beta)
    return quadratic * near + linear * ~near


def _l1(loc: Tensor, targets: Tensor, spec: LossSpec) -> Tensor:
    return (loc - targets).abs()


# The exponential of more is inf in float64.
LARGEST_EXPONENT = 700.0


def _balanced_l1(loc: Tensor, targets: Tensor, spec: LossSpec) -> Tensor:
    alpha, gamma, beta = spec.balanced_alpha, spec.balanced_gamma, spec.smooth_l1_beta
    b, distance = math.expm1(min(gamma / alpha, LARGEST_EXPONENT)), (loc - targets).abs()
    near = alpha / b * (b * distance + 1) * torch.log(b * distance / beta + 1) - alpha * distance
    return torch.where(distance < beta, near, gamma * distance + gamma / b - alpha * beta)


# What each of four offsets costs.
OFFSETS: dict[LocalizationLoss, Callable[[Tensor, Tensor, LossSpec], Tensor]] = {
    LocalizationLoss.SMOOTH_L1: _smooth_l1,
    LocalizationLoss.SMOOTH_L1_WHERE: _smooth_l1_where,
    LocalizationLoss.SMOOTH_L1_MASKED: _smooth_l1_masked,
    LocalizationLoss.L1: _l1,
    LocalizationLoss.BALANCED_L1: _balanced_l1,
}


@dataclass(frozen=True)
class Frame:
    """How offsets become boxes, and which boxes they are to become, for losses of boxes.

    Attributes:
        priors: `[P, 4]` cxcywh, or `[B, P, 4]`, in the unit that the codebase computes in.
        codec: how offsets are written.
        matching: which object each prior is assigned to.
        gt: the objects, in that unit; None where only the offsets to them are known.
    """

    priors: Tensor
    codec: CodecSpec
    matching: Matching
    gt: GroundTruthBatch | None

    def costs(self, loc: Tensor, targets: Tensor, where: Where | None, spec: LossSpec) -> Tensor:
        """`[..., 1]` what boxes cost.

        Args:
            loc: `[M, 4]` offsets predicted at some priors, or `[B, P, 4]` at all.
            targets: the same, encoded.
            where: `[M]` images and `[M]` priors of them; None for all.
            spec: the loss.
        """
        priors = (self.priors if where is None else at_places(self.priors, *where)).to(loc.dtype)
        if spec.largest_scale < math.inf:
            loc = torch.cat((loc[..., :2], _clamped(loc[..., 2:], spec.largest_scale, self.codec)), dim=-1)
        aims = decode(targets, priors, self.codec) if self.gt is None else self._objects(where, self.gt).to(loc.dtype)
        return BOXES[spec.localization](decode(loc, priors, self.codec), aims, spec.box_epsilon)[..., None]

    def _objects(self, where: Where | None, gt: GroundTruthBatch) -> Tensor:
        """The boxes of the objects that priors are assigned to; what a prior without one gets counts nowhere."""
        if where is None:
            return gt.boxes.gather(1, self.matching.gt_index[..., None].expand(-1, -1, 4))
        return gt.boxes[where[0], self.matching.gt_index[where]]


def _clamped(scale: Tensor, most: float, codec: CodecSpec) -> Tensor:
    """Encoded sizes whose logarithm, without the variance, is at most that."""
    return torch.minimum(scale, constants([most / codec.variances[2], most / codec.variances[3]], scale))


def learnt(loc: Tensor, targets: Tensor, spec: LossSpec) -> Tensor:
    """Offsets to learn: the targets, or, where those are nan and the codebase ignores that, what is predicted."""
    return torch.where(targets.isnan(), loc.detach(), targets) if spec.ignore_nan_targets else targets


def costs_of_offsets(loc: Tensor, targets: Tensor, where: Where | None, frame: Frame | None, spec: LossSpec) -> Tensor:
    """`[..., K]` what offsets `[..., 4]` cost: each of the four, or the box that they stand for.

    Args:
        loc: predicted, `[M, 4]` at some priors or `[B, P, 4]` at all.
        targets: to learn, of that shape and dtype.
        where: `[M]` images and `[M]` priors; None for all.
        frame: whence boxes come; only losses of boxes ask for it.
        spec: the loss.

    Raises:
        ValueError: a loss of boxes has no frame.
    """
    if not spec.compares_boxes:
        return OFFSETS[spec.localization](loc, learnt(loc, targets, spec), spec)
    if frame is None:
        raise ValueError(f"localisation by {spec.localization} needs the priors and objects")
    return frame.costs(loc, targets, where, spec)


def masked_places(kept: Tensor, selected: Tensor, spec: LossSpec) -> Tensor | None:
    """`[B, P]` bool: where localisation is multiplied by 0; None where it is left out instead.

    Args:
        kept: `[B, P]` bool, the priors whose localisation counts.
        selected: `[B, P]` bool, the priors whose confidence counts.
        spec: how priors that do not count are masked.
    """
    if spec.masking is Masking.INDEXED:
        return None
    return ~kept & selected if spec.masking is Masking.LOCALIZATION_OF_SELECTED else ~kept


def localize(
    loc: Tensor, encoded: AtPriors, kept: Tensor, masked: Tensor | None, spec: LossSpec, frame: Frame | None
) -> AtPriors:
    """What offsets cost where `kept` `[B, P]`; NaN where they or their targets are no numbers and `masked` `[B, P]`.

    Where the targets `encoded` are those of some priors, these are the ones that are kept.
    """
    values = encoded.values.to(loc.dtype)
    if not tiles.on_host(loc):
        terms = costs_of_offsets(loc, values, None, frame, spec)
        elsewhere = (
            0.0 if masked is None else torch.where(masked[..., None], _all(loc.detach() * 0 + values * 0, terms), 0.0)
        )
        return AtPriors.everywhere(torch.where(kept[..., None], terms, elsewhere))
    if encoded.where is None:
        image, prior = kept.nonzero(as_tuple=True)
        values = values[image, prior]
    else:
        image, prior = encoded.where
    terms = costs_of_offsets(at_places(loc, image, prior), values, (image, prior), frame, spec)
    # A sum is finite only if all are. Targets off the positives are 0, or are themselves known everywhere.
    if masked is not None and not (loc.detach().sum().isfinite() and encoded.values.sum().isfinite()):
        by_zero = loc.detach() * 0
        if encoded.where is None:
            by_zero = by_zero + encoded.values.to(loc.dtype) * 0
        spoilt = masked & ~by_zero.isfinite().all(-1)
        if spoilt.any():
            terms = torch.cat((terms, _all(by_zero[spoilt], terms)))
            image, prior = (torch.cat(both) for both in zip((image, prior), spoilt.nonzero(as_tuple=True), strict=True))
    return AtPriors(terms, (image, prior), encoded.shape)


def _all(offsets: Tensor, like: Tensor) -> Tensor:
    """`[..., 4]` of offsets as they are, or added up for costs that are one for all four."""
    return offsets if like.shape[-1] == offsets.shape[-1] else offsets.sum(-1, keepdim=True)
