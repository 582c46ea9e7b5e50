"""What the network surely sees, whether or not it is annotated."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.hypotheses.aims import Given
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.confidence import object_probability
from ssdlossdbg.results.hypotheses import Strangers

# More likely than not.
SURE_ENOUGH = 0.5
# Of each image the surest are looked at.
MOST_AN_IMAGE = 200
# A box meets an object, or another box, from this overlap on.
MEETS = 0.5


@dataclass(frozen=True)
class Sure:
    """The N priors that are surely taken for an object, of each image the surest.

    Attributes:
        image: `[N]` index of the image.
        boxes: `[N, 4]` xyxy, normalised, that are predicted there.
    """

    image: Tensor
    boxes: Tensor


def sure_priors(given: Given) -> Sure:
    """Those that are taken for an object more likely than not."""
    probability = object_probability(given.conf, given.rules.loss)
    highest, prior = probability.topk(min(MOST_AN_IMAGE, probability.shape[1]), dim=1)
    image, place = (highest > SURE_ENOUGH).nonzero(as_tuple=True)
    chosen = prior[image, place]
    boxes = given.boxes(given.loc[image, chosen], given.priors.boxes[chosen])
    sound = (boxes[:, 2:] > boxes[:, :2]).all(1) & boxes.isfinite().all(1)
    return Sure(image[sound], boxes[sound])


def meet(given: Given, sure: Sure) -> Strangers:
    """How the boxes of what the network surely sees lie to the objects of their images and to each other."""
    assert given.known is not None
    objects, mask = given.known.gt.boxes[sure.image], given.known.gt.mask[sure.image]
    nearest = torch.where(mask, iou(sure.boxes[:, None], objects).nan_to_num(0.0), 0.0).amax(1)
    same = sure.image[:, None] == sure.image
    others = torch.where(same, iou(sure.boxes[:, None], sure.boxes).nan_to_num(0.0), 0.0)
    agreeing = (others > MEETS).sum(1) > 1
    parts = ((nearest > MEETS).double(), agreeing.double(), nearest.double())
    on_objects, agree, best = torch.stack([part.mean() for part in parts]).tolist()
    return Strangers(len(sure.image), on_objects, agree, best, len(torch.unique(sure.image)))
