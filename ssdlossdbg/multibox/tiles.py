"""How much of a batch to work on at a time."""

from __future__ import annotations

import torch

# Numbers held at a time: on a CPU what its cache takes, elsewhere what is worth a kernel launch.
TILE_ON_CPU = 2**20
TILE_ELSEWHERE = 2**27


def images_at_once(numbers: int, device: torch.device) -> int:
    """How many images to work on together, at least one.

    What fits a CPU's cache takes half the time of what does not, and memory stays bounded however many there are.

    Args:
        numbers: that each image adds to what is held.
        device: where they are held.
    """
    return max(1, (TILE_ON_CPU if device.type == "cpu" else TILE_ELSEWHERE) // max(1, numbers))
