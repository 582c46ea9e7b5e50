"""What the positives are to meet: predictions are held against it, as they are given and under hypotheses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.analysis.evidence.recovered import Known
from ssdlossdbg.multibox.boxes import cxcywh_to_xyxy, iou
from ssdlossdbg.multibox.codec import decode
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch
from ssdlossdbg.multibox.loss import LossTerms
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.rules import Dialect


@dataclass(frozen=True, eq=False)
class Given:
    """Predictions beside their targets.

    Attributes:
        loc: `[B, P, 4]` offsets, on the device, as is all else.
        conf: `[B, P, C]` logits that say of background, too, how likely it is; see `with_background`.
        priors: the P priors.
        loss: what they come to.
        known: the objects, normalised, and which prior stands for which; None where they came encoded by a formula or
            from priors that are not known.
        rules: the dialect.
    """

    loc: Tensor
    conf: Tensor
    priors: Priors
    loss: LossTerms
    known: Known | None
    rules: Dialect

    @cached_property
    def unit(self) -> Tensor:
        """`[4]` what normalised boxes are multiplied by to get the unit that the dialect computes in."""
        return unit_of(self.rules, self.priors)

    def boxes(self, offsets: Tensor, priors: Tensor) -> Tensor:
        """`[..., N, 4]` xyxy, normalised, of offsets of that shape from `[N, 4]` priors, cxcywh, normalised."""
        return decode(offsets, priors * self.unit, self.rules.codec) / self.unit


@dataclass(frozen=True, eq=False)
class Aims:
    """The N positives and the boxes that they are to find.

    Attributes:
        image, prior, owner: `[N]` indices of image, prior, and object in its image (0 where that is not known).
        boxes: `[N, 4]` xyxy, normalised.
        given: what the predictions are.
    """

    image: Tensor
    prior: Tensor
    owner: Tensor
    boxes: Tensor
    given: Given

    @staticmethod
    def of(given: Given) -> Aims:
        """Those of the targets as they are."""
        if given.known is not None:
            return Aims.matched(given, given.known.gt, given.known.matching)
        image, prior = given.loss.matching.positive.nonzero(as_tuple=True)
        boxes = given.boxes(given.loss.targets[image, prior].to(given.loc.dtype), given.priors.boxes[prior])
        sound = boxes.isfinite().all(1)
        return Aims(image[sound], prior[sound], torch.zeros_like(prior)[sound], boxes[sound], given)

    @staticmethod
    def matched(given: Given, gt: GroundTruthBatch, matching: Matching) -> Aims:
        """Those of objects, normalised, and their matching; only the objects whose box is one."""
        image, prior = matching.positive.nonzero(as_tuple=True)
        owner = matching.gt_index[image, prior]
        boxes = gt.boxes[image, owner]
        sound = boxes.isfinite().all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1)
        return Aims(image[sound], prior[sound], owner[sound], boxes[sound], given)

    @cached_property
    def own(self) -> Tensor:
        """`[N, 4]` the priors themselves, cxcywh, normalised."""
        return self.given.priors.boxes[self.prior]

    @cached_property
    def rows(self) -> Tensor:
        """`[N, 4]` what is predicted there."""
        return self.given.loc[self.image, self.prior]

    @cached_property
    def as_given(self) -> Tensor:
        """`[N]` overlap of what is predicted with its object."""
        return self.of_rows(self.rows)

    @cached_property
    def of_priors(self) -> Tensor:
        """`[N]` overlap of the prior itself with its object."""
        return overlap(cxcywh_to_xyxy(self.own), self.boxes)

    def of_rows(self, rows: Tensor) -> Tensor:
        """`[..., N]` overlap of other offsets, `[..., N, 4]`, decoded from these priors, with these objects."""
        return overlap(self.given.boxes(rows, self.own), self.boxes)

    def by_image(self, values: Tensor) -> Tensor:
        """`[..., B]` mean of `[..., N]` values over the positives of each image; nan for an image without any."""
        sums = values.new_zeros((*values.shape[:-1], len(self.given.loc))).index_add_(-1, self.image, values)
        return sums / torch.bincount(self.image, minlength=len(self.given.loc))


def overlap(predicted: Tensor, boxes: Tensor) -> Tensor:
    """IoU of `[..., N, 4]` predictions with `[N, 4]` objects; 0 for what is no box."""
    return iou(predicted, boxes).nan_to_num(0.0)
