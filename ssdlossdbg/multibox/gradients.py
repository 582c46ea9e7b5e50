"""Where the learning signal goes: the loss's gradient with respect to the predictions, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdlossdbg.multibox.loss import MultiBoxLoss
from ssdlossdbg.multibox.specs import LossSpec


def localization_gradient(loc: Tensor, result: MultiBoxLoss, spec: LossSpec) -> Tensor:
    """Gradient of the total loss with respect to loc: clamp((loc - t) / beta, -1, 1) times the image's scale.

    Args:
        loc: `[B, P, 4]` predicted offsets.
        result: the loss of the same batch.
        spec: the beta it was computed with.

    Returns:
        `[B, P, 4]`; 0 off the positives. The normaliser is a constant, as in every codebase.
    """
    difference = loc - result.targets
    slope = difference.sign() if spec.smooth_l1_beta == 0 else (difference / spec.smooth_l1_beta).clamp(-1, 1)
    scaled = slope * result.localization_scale[:, None, None]
    return torch.where(result.matching.positive[..., None], scaled, 0.0)


def confidence_gradient(conf: Tensor, result: MultiBoxLoss, images: Tensor, priors: Tensor) -> Tensor:
    """Gradient of the total loss with respect to the logits of chosen priors: (softmax - one hot) times the scale.

    Args:
        conf: `[B, P, C]` logits.
        result: the loss of the same batch.
        images: `[S]` int64 image of each prior whose confidence counts.
        priors: `[S]` int64 its index.

    Returns:
        `[S, C]`.
    """
    gradient = conf[images, priors].softmax(-1)
    target = result.matching.labels[images, priors][:, None]
    gradient.scatter_add_(1, target, gradient.new_full((), -1.0).expand(target.shape))
    return gradient * result.confidence_scale[images, None]
