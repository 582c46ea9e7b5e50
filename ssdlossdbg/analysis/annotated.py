"""Objects matched as the dialect's training code would, without augmentation and without predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ssdlossdbg.analysis.common import unit_of
from ssdlossdbg.multibox.ground_truth import GroundTruthBatch, pad_ground_truth
from ssdlossdbg.multibox.loss import encode_matched
from ssdlossdbg.multibox.matching import Matching, match
from ssdlossdbg.multibox.priors import Priors
from ssdlossdbg.rules import Dialect


@dataclass(frozen=True)
class MatchedObjects:
    """The objects of B images, and what matching makes of them.

    Attributes:
        in_units: the objects in what the dialect computes in.
        unit: `[4]` what normalised boxes are multiplied by to get there.
        matching: the roles of all priors.
        targets: `[B, P, 4]` encoded offsets.
    """

    in_units: GroundTruthBatch
    unit: Tensor
    matching: Matching
    targets: Tensor

    @property
    def normalized(self) -> GroundTruthBatch:
        """The objects as fractions of the image."""
        return replace(self.in_units, boxes=self.in_units.boxes / self.unit)


def match_boxes(boxes: Sequence[Tensor], labels: Sequence[Tensor], priors: Priors, dialect: Dialect) -> MatchedObjects:
    """Match the objects of B images on the device of the priors.

    Args:
        boxes: of each image, `[n, 4]` xyxy in what the dialect computes in.
        labels: of each image, `[n]` class ids.
        priors: the P priors.
        dialect: the rules.
    """
    unit = unit_of(dialect, priors)
    gt = pad_ground_truth(boxes, labels).to(priors.boxes.device)
    matching = match(gt, priors.boxes * unit, dialect.match)
    return MatchedObjects(gt, unit, matching, encode_matched(gt, priors.boxes * unit, matching, dialect.codec).dense)
