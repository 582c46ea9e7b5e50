"""Whole numbers in the order of others, which sort in half the time, or beside more that is to be sorted by."""

from __future__ import annotations

import torch
from torch import Tensor


def ascending(numbers: Tensor) -> Tensor:
    """int32 in the order of some numbers, of any shape, which float32 holds; where one is nan, any."""
    bits = (numbers.float() + 0.0).view(torch.int32)  # without a minus before 0
    # Numbers below 0 have a sign and a magnitude, where whole numbers have a complement.
    return bits ^ ((bits >> 31) & (2**31 - 1))
