"""What the network surely sees, whether or not it is annotated."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ssdlossdbg.analysis.evidence.hypotheses.aims import Given
from ssdlossdbg.multibox.boxes import iou
from ssdlossdbg.multibox.confidence import object_probability
from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.results.hypotheses import Strangers

# More likely than not.
SURE_ENOUGH = 0.5
# Of each image the surest are looked at.
MOST_AN_IMAGE = 200
# A box meets an object, or another box, from this overlap on.
MEETS = 0.5
# Objects of so many other images tell how often a box meets one by chance.
MOST_OTHERS = 8


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
    nearest = _nearest(given, sure.boxes, sure.image)
    same = sure.image[:, None] == sure.image
    others = torch.where(same, iou(sure.boxes[:, None], sure.boxes).nan_to_num(0.0), 0.0)
    nearly = (others > MEETS).sum(1).clamp(min=1)
    parts = (widest(nearest > MEETS), widest(nearly > 1), widest(nearest), _by_chance(given, sure), 1 / nearly)
    on_objects, agree, best, by_chance, distinct = torch.stack([widest(part).mean() for part in parts]).tolist()
    images = len(torch.unique(sure.image))
    return Strangers(len(sure.image), on_objects, agree, best, images, by_chance, distinct * len(sure.image))


def _nearest(given: Given, boxes: Tensor, image: Tensor) -> Tensor:
    """`[N]` overlap of `[N, 4]` boxes with the nearest object of an image, `[N]`."""
    assert given.known is not None
    objects, mask = given.known.gt.boxes[image], given.known.gt.mask[image]
    return torch.where(mask, iou(boxes[:, None], objects).nan_to_num(0.0), 0.0).amax(1)


def _by_chance(given: Given, sure: Sure) -> Tensor:
    """`[N]` in what share of some other images of the batch a box meets an object; 0 where there are none."""
    assert given.known is not None
    annotated = given.known.gt.counts.nonzero().flatten()
    others = [annotated.roll(-step) for step in range(1, min(len(annotated), 1 + MOST_OTHERS))]
    place = torch.searchsorted(annotated, sure.image).clamp(max=max(len(annotated) - 1, 0))
    met = [widest(_nearest(given, sure.boxes, other[place]) > MEETS) for other in others]
    return torch.stack(met).mean(0) if met else widest(sure.boxes.new_zeros(len(sure.boxes)))
