"""What the points of objects cost, as of eyes, nose and mouth of faces (Pytorch_Retinaface)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ssdlossdbg.multibox import tiles
from ssdlossdbg.multibox.boxes import constants
from ssdlossdbg.multibox.localization import AtPriors
from ssdlossdbg.multibox.matching import Matching
from ssdlossdbg.rules import CodecSpec


@dataclass(frozen=True)
class Landmarks:
    """K numbers an object, x and y of each of its points in turn, and what was predicted for them.

    Attributes:
        predicted: `[B, P, K]` offsets.
        points: `[B, G, K]` of the objects, in the unit of the priors; what stands where they are not known counts
            nowhere.
        known: `[B, G]` bool, of which objects.
    """

    predicted: Tensor
    points: Tensor
    known: Tensor


@dataclass(frozen=True)
class LandmarkTerms:
    """The term of the landmarks.

    Attributes:
        costs: `[B, P, K]` unnormalised smooth L1, 0 but at positives whose landmarks are known.
        normalizer: scalar, how many those are, at least 1.
        scale: scalar, weight over normaliser.
        aims: `[B, P, K]` offsets to learn, where there are costs.
    """

    costs: AtPriors
    normalizer: Tensor
    scale: Tensor
    aims: AtPriors

    @property
    def loss(self) -> Tensor:
        """Scalar, weighted and normalised."""
        return self.costs.by_image().sum() * self.scale


def landmark_loss(
    landmarks: Landmarks, priors: Tensor, matching: Matching, codec: CodecSpec, weight: float
) -> LandmarkTerms:
    """Smooth L1 of the offsets of points, over the positives that know theirs (multibox_loss.py:80-86).

    Args:
        landmarks: of the batch.
        priors: `[P, 4]` cxcywh.
        matching: which object each prior is assigned to.
        codec: its variances of centres.
        weight: of the term.
    """
    points, priors = landmarks.points.to(landmarks.predicted.dtype), priors.to(landmarks.predicted.dtype)
    learning = matching.positive & landmarks.known.gather(1, matching.gt_index)
    normalizer = learning.sum().clamp(min=1)
    scale = weight / normalizer.to(points.dtype)
    if tiles.on_host(points):
        image, prior = learning.nonzero(as_tuple=True)
        where = image, prior
        aims = _encode(points[image, matching.gt_index[where]], priors[prior], codec)
        costs = F.smooth_l1_loss(landmarks.predicted[where], aims, reduction="none")
        shape = len(points), len(priors)
        return LandmarkTerms(AtPriors(costs, where, shape), normalizer, scale, AtPriors(aims, where, shape))
    index = matching.gt_index[..., None].expand(-1, -1, points.shape[-1])
    aims = _encode(points.gather(1, index), priors, codec)
    costs = F.smooth_l1_loss(landmarks.predicted, aims, reduction="none")
    both = [AtPriors.everywhere(torch.where(learning[..., None], each, 0.0)) for each in (costs, aims)]
    return LandmarkTerms(both[0], normalizer, scale, both[1])


def _encode(points: Tensor, priors: Tensor, codec: CodecSpec) -> Tensor:
    """`[..., K]` from the centres of priors, `[..., 4]`, in their sizes times the variances (box_utils.py:241-267)."""
    each = points.reshape(*points.shape[:-1], points.shape[-1] // 2, 2)
    variances = constants(codec.variances[:2], each)
    offsets = (each - priors[..., None, :2]) / (variances * priors[..., None, 2:])
    return offsets.flatten(-2)
