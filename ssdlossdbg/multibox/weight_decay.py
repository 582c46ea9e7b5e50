"""The L2 term that some codebases add to the loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ssdlossdbg.multibox.widest import widest
from ssdlossdbg.rules import WeightDecaySpec


def decayed(names: Iterable[str], spec: WeightDecaySpec) -> list[str]:
    """The parameters that the term is over, in the order given.

    Args:
        names: of all trainable parameters.
        spec: which of them take part.
    """
    return [name for name in names if (not spec.only or _listed(name, spec.only)) and not _listed(name, spec.skip)]


def weight_decay(weights: Mapping[str, Tensor], spec: WeightDecaySpec) -> Tensor:
    """The term, as the codebase adds it to its loss; inf and nan are carried.

    Args:
        weights: every trainable parameter by name, floats of any shape.
        spec: the codebase's rule.

    Returns:
        A float64 scalar: rate times the (half) sum of squares, summed in float64 so that it depends on no order.
    """
    names = decayed(weights, spec)
    device = weights[names[0]].device if names else None
    total = widest(torch.zeros((), device=device))
    for name in names:
        share = widest(weights[name].detach()).square().sum()
        total = total + (share * spec.scale if _listed(name, spec.scaled) else share)
    return total * (spec.rate * (0.5 if spec.halved else 1.0))


def _listed(name: str, texts: tuple[str, ...]) -> bool:
    return any(text in name for text in texts)
