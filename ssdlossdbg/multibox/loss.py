"""MultiBoxLoss, with every term kept (paper, equations 1 to 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.multibox.codec import encode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.matching import Matching, match
from ssdlossdbg.multibox.mining import Mining, mine
from ssdlossdbg.multibox.specs import CodecSpec, LossSpec, MatchSpec, MiningSpec, Normalizer


@dataclass(frozen=True)
class MultiBoxLoss:
    """The loss of a batch, term by term.

    Attributes:
        matching: the roles of the priors.
        targets: `[B, P, 4]` encoded offsets of the ground truth each prior is assigned to.
        mining: the negatives chosen.
        localization_terms: `[B, P, 4]` unnormalised smooth L1 per coordinate (cx, cy, w, h); 0 off the positives.
        confidence_terms: `[B, P]` unnormalised cross-entropy; 0 off the positives and mined negatives.
        cross_entropy: `[B, P]` the same for every prior, chosen or not.
        normalizer: scalar that the terms are divided by.
        localization_scale: `[B]` what an image's localisation terms are multiplied by (weight over normaliser).
        confidence_scale: `[B]` what an image's confidence terms are multiplied by.
    """

    matching: Matching
    targets: Tensor
    mining: Mining
    localization_terms: Tensor
    confidence_terms: Tensor
    cross_entropy: Tensor
    normalizer: Tensor
    localization_scale: Tensor
    confidence_scale: Tensor

    @property
    def localization(self) -> Tensor:
        """Scalar localisation loss as the codebase reports it: weighted and normalised."""
        return (self.localization_terms.sum((1, 2)) * self.localization_scale).sum()

    @property
    def confidence(self) -> Tensor:
        """Scalar confidence loss as the codebase reports it: normalised."""
        return (self.confidence_terms.sum(1) * self.confidence_scale).sum()

    @property
    def total(self) -> Tensor:
        """Scalar that training would back-propagate."""
        return self.localization + self.confidence

    @property
    def selected(self) -> Tensor:
        """`[B, P]` bool: the priors whose confidence counts."""
        return self.matching.positive | self.mining.mined


def _positives_of_batch(positive: Tensor) -> Tensor:
    return positive.sum()


NORMALIZERS: dict[Normalizer, Callable[[Tensor], Tensor]] = {Normalizer.POSITIVES: _positives_of_batch}


def multibox_loss(
    loc: Tensor,
    conf: Tensor,
    priors: Tensor,
    gt: GroundTruthBatch,
    match_spec: MatchSpec,
    codec_spec: CodecSpec,
    mining_spec: MiningSpec,
    loss_spec: LossSpec,
) -> MultiBoxLoss:
    """Match, mine and sum, keeping each term.

    Args:
        loc: `[B, P, 4]` predicted offsets (dx, dy, dw, dh).
        conf: `[B, P, C]` logits, background in column 0.
        priors: `[P, 4]` cxcywh, normalised.
        gt: the B images' objects, normalised, labels below C.
        match_spec: how priors are assigned.
        codec_spec: how boxes are encoded.
        mining_spec: how negatives are chosen.
        loss_spec: how the terms are weighed and normalised.

    Returns:
        The terms on the device of the inputs. Non-finite values are carried, not masked; priors that play no
        part contribute an exact 0, whatever was predicted for them.
    """
    matching = match(gt, priors, match_spec)
    boxes = gt.boxes.gather(1, matching.gt_index[..., None].expand(-1, -1, 4))
    targets = encode(boxes, priors, codec_spec)
    mining = mine(conf, matching.positive, mining_spec)

    smooth_l1 = F.smooth_l1_loss(loc, targets, reduction="none", beta=loss_spec.smooth_l1_beta)
    cross_entropy = F.cross_entropy(
        conf.reshape(-1, conf.shape[-1]), matching.labels.reshape(-1), reduction="none"
    ).view_as(matching.labels)
    normalizer = NORMALIZERS[loss_spec.normalizer](matching.positive)
    scale = (1.0 / normalizer.to(loc.dtype)).expand(loc.shape[0])
    return MultiBoxLoss(
        matching=matching,
        targets=targets,
        mining=mining,
        localization_terms=torch.where(matching.positive[..., None], smooth_l1, 0.0),
        confidence_terms=torch.where(matching.positive | mining.mined, cross_entropy, 0.0),
        cross_entropy=cross_entropy,
        normalizer=normalizer,
        localization_scale=loss_spec.localization_weight * scale,
        confidence_scale=scale,
    )
