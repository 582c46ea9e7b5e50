"""How to work on a batch: how much of it at a time, and whether to look at values in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ssdlossdbg.multibox.threads import abreast, bookkeeping

# Numbers held at a time: on a CPU what its cache takes, elsewhere what is worth a kernel launch.
TILE_ON_CPU = 2**20
TILE_ELSEWHERE = 2**27
# Of logits, so that each of some threads has a few to take. Of twice as many the C library would keep tens of MiB, from
# one tile to the next, in each thread's own heap.
TILE_OF_LOGITS = 2**18


def on_host(tensor: Tensor) -> bool:
    """Whether looking at its values is free, so that it pays to pick out those that matter.

    Elsewhere it would make the host wait for the device, and the device then for the host: there all priors are worked
    on, whether they matter or not. So they are where torch.compile makes one graph of it, which cannot look, nor share
    work among threads.
    """
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


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


def of_logits(work: Callable[..., Tensor], conf: Tensor, *beside: Tensor) -> Tensor:
    """`[B, P]` what work makes of logits, some priors at a time, which threads take turns at.

    Args:
        work: of logits `[b, p, C]`, and of these parts of the tensors beside them, makes `[b, p]`, prior by prior.
        conf: `[B, P, C]`.
        beside: `[B, P]`.
    """
    rows = conf.flatten(0, 1)[:, None] if conf.is_contiguous() else conf
    tile = TILE_OF_LOGITS if on_host(conf) else TILE_ELSEWHERE
    at_once = max(1, tile // max(1, rows[:1].numel()))
    if at_once >= len(rows):
        return work(conf, *beside)
    split = [torch.split(each, at_once) for each in (rows, *(each.reshape(rows.shape[:2]) for each in beside))]
    tasks = [partial(work, *part) for part in zip(*split, strict=True)]
    # A GPU does one after the other, and what another thread asks of it may come before its inputs are there.
    made = abreast(tasks) if on_host(conf) else [task() for task in tasks]
    with bookkeeping(made[0]):
        return torch.cat(made).view(conf.shape[:2])


def nonzero(mask: Tensor) -> Tensor:
    """`[K]` int64 places in a flattened mask that are true, in order, on a CPU: NumPy takes half torch's time."""
    return torch.from_numpy(np.flatnonzero(mask.numpy()))


def counts(mask: Tensor) -> Tensor:
    """`[R]` int64, how many of each row of a mask `[R, N]` are true: six times as fast as its sum on a CPU."""
    return mask.view(torch.uint8).sum(1, dtype=torch.int32).long()
