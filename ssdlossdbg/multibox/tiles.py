"""How to work on a batch: how much of it at a time, and whether to look at values in between."""

from __future__ import annotations

import torch
from torch import Tensor

# Numbers held at a time: on a CPU what its cache takes, elsewhere what is worth a kernel launch.
TILE_ON_CPU = 2**20
TILE_ELSEWHERE = 2**27
# So many tiles at a time where threads share them: each has a cache, and all wait at the end of a part for the slowest.
TILES_OF_THREADS = 4


def on_host(tensor: Tensor) -> bool:
    """Whether looking at its values is free, so that it pays to pick out those that matter.

    Elsewhere it would make the host wait for the device, and the device then for the host: there all priors are worked
    on, whether they matter or not.
    """
    return tensor.device.type == "cpu"


def images_at_once(numbers: int, device: torch.device) -> int:
    """How many images to work on together, at least one.

    What fits a CPU's cache takes half the time of what does not, and memory stays bounded however many there are.

    Args:
        numbers: that each image adds to what is held.
        device: where they are held.
    """
    return max(1, (TILE_ON_CPU if device.type == "cpu" else TILE_ELSEWHERE) // max(1, numbers))


def parts(tensor: Tensor, dim: int) -> tuple[Tensor, ...]:
    """A tensor split along a dimension, so that what is made of each part is no copy of the whole."""
    return torch.split(tensor, images_at_once(tensor.numel() // max(tensor.shape[dim], 1), tensor.device), dim)


def of_logits(conf: Tensor) -> tuple[Tensor, ...]:
    """Logits `[B, ...]` split by images, for a pass over them all that threads share."""
    share = TILES_OF_THREADS if conf.device.type == "cpu" and torch.get_num_threads() > 1 else 1
    return torch.split(conf, images_at_once(max(1, conf.numel() // max(len(conf), 1) // share), conf.device))
