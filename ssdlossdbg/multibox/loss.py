"""MultiBoxLoss, with every term kept (paper, equations 1 to 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import PriorBoxes, at_places, centres_of, of_chosen
from ssdlossdbg.multibox.codec import decode, encode
from ssdlossdbg.multibox.confidence import (
    at_some,
    confidence_loss,
    cost_of_background,
    cross_entropy_below,
)
from ssdlossdbg.multibox.grid import Grid
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.landmarks import LandmarkTerms
from ssdlossdbg.multibox.localization import AtPriors, Frame, localize, masked_places
from ssdlossdbg.multibox.matching import Matching, sound_objects
from ssdlossdbg.multibox.matching_on_grid import match_on_grid
from ssdlossdbg.multibox.mining import Mining, mine
from ssdlossdbg.multibox.mining_scores import Logits
from ssdlossdbg.multibox.near_costs import near_costs, tell_apart
from ssdlossdbg.multibox.near_scores import near_costs_will_do
from ssdlossdbg.multibox.normalizers import NORMALIZERS, Counted
from ssdlossdbg.multibox.threads import bookkeeping
from ssdlossdbg.rules import (
    CodecSpec,
    LossSpec,
    Masking,
    MatchSpec,
    MiningSelection,
    MiningSpec,
    Unmatched,
)


@dataclass(frozen=True)
class LossTerms:
    """The loss of a batch, term by term.

    Attributes:
        matching: the roles of the priors.
        encoded: what `targets` has at the positives.
        mining: the negatives chosen.
        smooth_l1: what `localization_terms` has at the positives, and where a masked prediction spoils the sum.
        confidence_terms: `[B, P]` unnormalised cross-entropy; 0 off the positives and mined negatives, but NaN where
            the codebase multiplies what is not finite by 0.
        selected: `[B, P]` bool: the priors whose confidence counts.
        counted_twice: `[B, P]` bool: those whose confidence counts once more; None where none does.
        costs: computes `cross_entropy`, which the loss may not have needed in full.
        normalizer: scalar that the terms are divided by.
        localization_scale: `[B]` what an image's localisation terms are multiplied by (weight over normaliser).
        confidence_scale: `[B]` what an image's confidence terms are multiplied by.
        frame: by what offsets become boxes; None where the loss compares offsets.
        landmarks: their term, which is part of the total; None where there is none.
    """

    matching: Matching
    encoded: AtPriors
    mining: Mining
    smooth_l1: AtPriors
    confidence_terms: Tensor
    selected: Tensor
    counted_twice: Tensor | None
    costs: Callable[[], Tensor]
    normalizer: Tensor
    localization_scale: Tensor
    confidence_scale: Tensor
    frame: Frame | None = None
    landmarks: LandmarkTerms | None = None

    @cached_property
    def cross_entropy(self) -> Tensor:
        """`[B, P]` confidence loss of every prior, chosen or not, counted once."""
        return self.costs()

    @property
    def targets(self) -> Tensor:
        """`[B, P, 4]` encoded offsets of the ground truth each positive is assigned to; 0 off the positives."""
        return self.encoded.dense

    @property
    def localization_terms(self) -> Tensor:
        """`[B, P, 4]` unnormalised localisation loss per coordinate (cx, cy, w, h); 0, or NaN, off the positives.

        `[B, P, 1]` where the loss compares boxes, of which no part is a coordinate's.
        """
        return self.smooth_l1.dense

    @property
    def localization(self) -> Tensor:
        """Scalar localisation loss as the codebase reports it: weighted and normalised."""
        return (self.smooth_l1.by_image() * self.localization_scale).sum()

    @property
    def confidence(self) -> Tensor:
        """Scalar confidence loss as the codebase reports it: normalised."""
        with bookkeeping(self.confidence_terms):
            return (self.confidence_terms.sum(1) * self.confidence_scale).sum()

    @property
    def total(self) -> Tensor:
        """Scalar that training would back-propagate."""
        both = self.localization + self.confidence
        return both if self.landmarks is None else both + self.landmarks.loss

    @property
    def localized(self) -> Tensor:
        """`[B, P]` bool: the priors whose localisation counts."""
        return _without(self.mining.dropped, self.matching.positive)

    @property
    def confidence_weights(self) -> Tensor:
        """`[B, P]` how often each prior's confidence counts: 0, 1, or 2."""
        return _weights(self.selected, self.counted_twice, self.confidence_terms)


def multibox_loss(
    loc: Tensor,
    conf: Tensor,
    priors: PriorBoxes,
    gt: GroundTruthBatch,
    match_spec: MatchSpec,
    codec_spec: CodecSpec,
    mining_spec: MiningSpec,
    loss_spec: LossSpec,
    grid: Grid | None = None,
) -> LossTerms:
    """Match, mine and sum, keeping each term.

    Args:
        loc: `[B, P, 4]` predicted offsets (dx, dy, dw, dh).
        conf: `[B, P, C]` logits, background in column 0.
        priors: `[P, 4]` cxcywh, or corners, in the unit of the ground truths.
        gt: the B images' objects, labels below C.
        match_spec: how priors are assigned.
        codec_spec: how boxes are encoded.
        mining_spec: how negatives are chosen.
        loss_spec: how the terms are weighed and normalised.
        grid: that the priors stand on, if that is known (`Priors.grid`): then the same loss takes half the time, but
            its matching says nothing of priors that are no positives; see `match_on_grid`.

    Returns:
        The terms on the device of the inputs. Non-finite values are carried, not masked; priors that play no
        part contribute an exact 0, whatever was predicted for them, unless the codebase's own masks let NaN through
        (`LossSpec.masking`). They are differentiable in loc and conf; roles,
        targets and what was mined are constants, as in every codebase.
    """
    centres = centres_of(priors).detach()
    with torch.no_grad():
        matching = match_on_grid(gt, priors, match_spec, grid)
        encoded = encode_matched(gt, priors, matching, codec_spec)

    def decoded(chosen: Tensor) -> Tensor:
        return decode(of_chosen(loc.detach(), chosen), of_chosen(centres, chosen), codec_spec)

    known = _known_costs(conf, matching, mining_spec, loss_spec)
    mining = mine(known.logits, known.costs, matching, decoded, mining_spec, cross_entropy_below(loss_spec))
    costs = _costs_of_chosen(conf, matching, mining, loss_spec) if known.every else known.costs
    frame = Frame(centres, codec_spec, matching, gt) if loss_spec.compares_boxes else None
    loss = combine(loc, matching, encoded, costs, mining, mining_spec, loss_spec, frame)
    return replace(loss, costs=known.every) if known.every else loss


@dataclass(frozen=True)
class _KnownCosts:
    """Confidence losses that negatives are chosen by.

    Attributes:
        logits: of the batch.
        costs: `[B, P]` what every prior costs, as closely as the logits say.
        every: computes all to the last bit, and with the gradient; None where `costs` are that already.
    """

    logits: Logits
    costs: Tensor
    every: Callable[[], Tensor] | None = None


def _known_costs(conf: Tensor, matching: Matching, mining_spec: MiningSpec, loss_spec: LossSpec) -> _KnownCosts:
    """What priors cost, as closely as choosing asks for: what has no part in the loss has no gradient, which is 0."""

    def every() -> Tensor:
        return confidence_loss(conf, matching.labels, loss_spec)

    learns, logits = conf.requires_grad and torch.is_grad_enabled(), conf.detach()
    some_count = mining_spec.selection is not MiningSelection.NONE and loss_spec.masking is not Masking.MULTIPLIED
    if not tiles.on_host(conf) or (learns and not some_count):
        return _KnownCosts(Logits(conf), every())
    if cross_entropy_below(loss_spec) and near_costs_will_do(mining_spec, matching) and tell_apart(logits):
        near = near_costs(logits)
        if near:
            return _KnownCosts(Logits(conf, every, (near.lowest, near.highest)), near.costs, every)
    # Nearly all are to be background: only the few others are looked at again.
    background, others = cost_of_background(logits, loss_spec), matching.learnt[:2]
    costs = confidence_loss(logits, matching.labels, loss_spec, background, others)
    return _KnownCosts(Logits(conf), costs, every if learns else None)


def _costs_of_chosen(conf: Tensor, matching: Matching, mining: Mining, spec: LossSpec) -> Tensor:
    """`[B, P]` what those priors cost that count, and 0 for all others."""
    with bookkeeping(matching.labels):
        chosen = (matching.foreground | mining.mined).nonzero(as_tuple=True)
        costs = confidence_loss(*at_some(conf, matching.labels, chosen), spec)
        return costs.new_zeros(matching.labels.shape).index_put_(chosen, costs[0])


def encode_matched(gt: GroundTruthBatch, priors: PriorBoxes, matching: Matching, spec: CodecSpec) -> AtPriors:
    """The offsets from the positives to their ground truths, in the precision of the overlaps."""
    dtype, boxes_of_priors = matching.dtype, centres_of(priors)
    if spec.unmatched is Unmatched.LAST_OBJECT and not (tiles.on_host(gt.boxes) and _all_sound(gt, boxes_of_priors)):
        return _encoded_everywhere(gt, boxes_of_priors.to(dtype), matching, spec)
    if not tiles.on_host(gt.boxes):
        boxes = gt.boxes.gather(1, matching.gt_index[..., None].expand(-1, -1, 4)).to(dtype)
        offsets = encode(boxes, boxes_of_priors.to(dtype), spec)
        return AtPriors.everywhere(torch.where(matching.positive[..., None], offsets, 0.0))
    with bookkeeping(matching.labels):
        image, prior, slot = matching.learnt
        boxes = at_places(gt.boxes, image, slot).to(dtype)
        offsets = encode(boxes, at_places(boxes_of_priors, image, prior).to(dtype), spec)
        return AtPriors(offsets, (image, prior), (len(gt.boxes), len(priors)))


def _all_sound(gt: GroundTruthBatch, priors: Tensor) -> bool:
    """Whether all objects and priors have sizes, so that no offset is anything but a number; on a CPU."""
    return sound_objects(gt) and bool(priors.isfinite().all() and (priors[..., 2:] > 0).all())


def _encoded_everywhere(gt: GroundTruthBatch, priors: Tensor, matching: Matching, spec: CodecSpec) -> AtPriors:
    """The offsets from the positives, and those from the others to the last object that are no numbers.

    Being multiplied by 0, numbers do not matter there; 0 stands for them.
    """
    last = (gt.counts - 1).clamp(min=0)[:, None]
    boxes = gt.boxes.gather(1, torch.where(matching.positive, matching.gt_index, last)[..., None].expand(-1, -1, 4))
    some = (gt.counts > 0)[:, None, None] & matching.positive.any()
    offsets = encode(boxes.to(priors.dtype), priors, spec)
    matters = matching.positive[..., None] | ~offsets.isfinite()
    return AtPriors.everywhere(torch.where(some & matters, offsets, 0.0))


def needs_boxes(spec: MiningSpec) -> bool:
    """Whether mining asks for the decoded boxes."""
    return spec.selection is MiningSelection.NON_MAXIMUM_SUPPRESSION


def combine(
    loc: Tensor,
    matching: Matching,
    encoded: AtPriors,
    confidence: Tensor,
    mining: Mining,
    mining_spec: MiningSpec,
    loss_spec: LossSpec,
    frame: Frame | None = None,
) -> LossTerms:
    """The loss, from what the stages before came to.

    Args:
        loc: `[B, P, 4]` predicted offsets.
        matching: the roles of the priors.
        encoded: offsets to learn; they count only at positives.
        confidence: `[B, P]` confidence loss of every prior; what is finite matters only where it counts.
        mining: the negatives chosen.
        mining_spec: what they were chosen by.
        loss_spec: how the terms are weighed and normalised.
        frame: by what offsets become boxes; only losses of boxes ask for it.
    """
    with bookkeeping(confidence):
        kept, foreground = (_without(mining.dropped, roles) for roles in (matching.positive, matching.foreground))
        selected = foreground | mining.mined
        twice = mining.places_of_positives if loss_spec.positives_counted_twice else None
        aims = encoded if mining.dropped is None else encoded.among(kept)
        smooth_l1 = localize(loc, aims, kept, masked_places(kept, selected, loss_spec), loss_spec, frame)
        scales = NORMALIZERS[loss_spec.normalizer](
            Counted(matching, selected, twice, smooth_l1.values.detach(), mining_spec.ratio)
        )
        multiplied = loss_spec.masking is Masking.MULTIPLIED
        plain = twice is None and not multiplied
        weighed = confidence if plain else confidence * _weights(selected, twice, confidence)
        return LossTerms(
            matching=matching,
            encoded=encoded,
            mining=mining,
            smooth_l1=smooth_l1,
            confidence_terms=weighed if multiplied else torch.where(selected, weighed, 0.0),
            selected=selected,
            counted_twice=twice,
            costs=lambda: confidence,
            normalizer=scales.normalizer,
            localization_scale=loss_spec.localization_weight * scales.localization.to(loc.dtype),
            confidence_scale=scales.confidence.to(loc.dtype),
            frame=frame,
        )


def _without(dropped: Tensor | None, roles: Tensor) -> Tensor:
    return roles if dropped is None else roles & ~dropped


def _weights(selected: Tensor, twice: Tensor | None, like: Tensor) -> Tensor:
    """`[B, P]` how often each prior counts, as a number of that type."""
    once = selected.to(like.dtype)
    return once if twice is None else once + twice
