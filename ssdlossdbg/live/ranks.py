"""Which of the processes of a distributed training this one is."""

from __future__ import annotations

import os


def rank_and_world() -> tuple[int, int]:
    """(rank, number of processes); (0, 1) where the training is not distributed."""
    import torch

    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    try:
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    except (KeyError, ValueError):
        return 0, 1
