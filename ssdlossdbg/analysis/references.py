"""What a loss is to be held against: what a network that knows nothing would have, and the batch without bad boxes."""

from __future__ import annotations

import math
from collections.abc import Hashable
from copy import copy
from dataclasses import dataclass

import torch

from ssdlossdbg.analysis.batch import Batch, Loaded, Source
from ssdlossdbg.analysis.scene import Scene
from ssdlossdbg.multibox.confidence import confidence_loss
from ssdlossdbg.multibox.ground_truth import pad_ground_truth
from ssdlossdbg.multibox.loss import combine, needs_boxes
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.results import UntrainedLoss, WithoutBoxes
from ssdlossdbg.rules import Dialect


def untrained_loss(scene: Scene) -> UntrainedLoss | None:
    """What zeros in the place of all offsets and logits would cost, at the priors that count here; None if infinite.

    With softmax that is ln C a prior: a network whose last layers are freshly drawn is close to it. Which negatives are
    mined makes no difference to what they cost then, so those mined here stand for them; where the predicted boxes
    decide how many are mined, None.
    """
    loss, rules, conf = scene.loss, scene.rules, scene.batch.conf
    if needs_boxes(rules.mining):
        return None
    labels = torch.tensor([[0, 1]], device=conf.device)
    of_background, of_object = confidence_loss(conf.new_zeros((1, 2, conf.shape[-1])), labels, rules.loss)[0]
    costs = torch.where(loss.matching.labels > 0, of_object, of_background)
    known = loss.matching, loss.encoded, costs, loss.mining, rules.mining, rules.loss, loss.frame
    terms = combine(torch.zeros_like(scene.batch.loc), *known)
    localization, confidence, background = torch.stack((terms.localization, terms.confidence, of_background)).tolist()
    if not (math.isfinite(localization) and math.isfinite(confidence)):
        return None
    return UntrainedLoss(localization, confidence, background, conf.shape[-1])


def without_bad_boxes(scene: Scene) -> tuple[Scene, WithoutBoxes] | None:
    """The batch without the objects whose targets are not finite, matched and mined anew, and its loss.

    None where there is none such, where it is not finite all the same, and where it is not known which objects there
    are.
    """
    batch, faults = scene.batch, scene.costs.non_finite
    bad = {(each.image, each.ground_truth) for each in faults if each.term == "target"}
    objects = {(image, index) for image, index in bad if image is not None and index is not None}
    if not objects or batch.source is None or scene.loss.landmarks is not None:
        return None
    # Of two boxes without area one may have taken the other's prior, which is inf as soon as it has it back.
    waiting = {(each.image, each.index) for each in scene.costs.ground_truth if each.problem}
    for left_out in (objects, objects | waiting):
        rest = Scene(_with(batch, _Without(batch.source, frozenset(left_out))), scene.rules, one_of_many=True)
        parts = rest.sums.total()
        if math.isfinite(parts.total):
            return rest, WithoutBoxes(tuple(sorted(left_out)), parts)
    return None


def _with(batch: Batch, source: Source) -> Batch:
    """The same batch with other objects; what was computed of it is not."""
    made = copy(batch)
    made.source, made._known = source, {}
    return made


@dataclass(frozen=True)
class _Without:
    """Objects without some, given by image and index."""

    source: Source
    left_out: frozenset[tuple[int, int]]

    def settings(self, rules: Dialect) -> Hashable:
        """As those of all objects: a batch has one source."""
        return self.source.settings(rules)

    def load(self, rules: Dialect, priors: Priors) -> Loaded:
        """Those that are left, in their order."""
        gt = self.source.load(rules, priors).gt
        kept = [
            [index for index in range(count) if (image, index) not in self.left_out]
            for image, count in enumerate(gt.counts.tolist())
        ]
        boxes = [part[rows] for part, rows in zip(gt.boxes, kept, strict=True)]
        labels = [part[rows] for part, rows in zip(gt.labels, kept, strict=True)]
        return Loaded(pad_ground_truth(boxes, labels))
