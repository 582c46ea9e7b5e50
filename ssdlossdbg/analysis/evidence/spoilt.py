"""Which predictions are inf or nan: the pattern, which tells causes apart."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdlossdbg.results.predicted import Spoilt


def spoilt(loc: Tensor, conf: Tensor) -> Spoilt:
    """The pattern of what is not finite, for a batch where something is.

    Args:
        loc: `[B, P, 4]` predicted offsets.
        conf: `[B, P, C]` logits.
    """
    offsets, logits = ~loc.isfinite(), ~conf.isfinite()
    priors = offsets.any(-1) | logits.any(-1)
    infinite = loc.isinf().sum() + conf.isinf().sum()
    parts = [offsets.sum((0, 1)), torch.stack((logits.sum(), infinite, priors.any(1).sum(), priors.sum()))]
    *coordinates, of_logits, of_infinite, images, places = torch.cat(parts).tolist()
    return Spoilt(
        coordinates=tuple(coordinates),
        logits=of_logits,
        infinite=of_infinite,
        images=images,
        priors=places,
        offsets_in_all=loc[..., 0].numel(),
        logits_in_all=conf.numel(),
    )
