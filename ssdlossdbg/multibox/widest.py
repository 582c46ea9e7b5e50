"""The widest floats that a device has: float64, but on Apple's mps, which stops at float32."""

from __future__ import annotations

import torch
from torch import Tensor

NARROW = "mps"


def has_float64(device: torch.device) -> bool:
    """Whether tensors of float64 can lie there."""
    return device.type != NARROW


def widest(tensor: Tensor) -> Tensor:
    """The same numbers, where they are, in the widest floats that there are there: what sums are taken in."""
    return tensor.double() if has_float64(tensor.device) else tensor.float()
