"""How many threads torch works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

# Numbers from which on sharing an operation gains more than waiting for the slowest thread costs.
WORTH_SHARING = 2**20


@contextmanager
def one_thread() -> Iterator[None]:
    """Leave the other cores alone: for thousands of operations of a fraction of a millisecond each.

    Sharing those among threads gains next to nothing, and takes ten times as long as soon as another program wants one
    of the cores, since all wait for the last.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def bookkeeping(per_prior: Tensor) -> AbstractContextManager[None]:
    """One thread where a batch is small, for all that is done to a number or two of each prior.

    Passes over the logits are worth sharing, and stand outside. On a device the host has nothing to share.

    Args:
        per_prior: a tensor of as many numbers as each operation works on.
    """
    alone = per_prior.device.type == "cpu" and per_prior.numel() < WORTH_SHARING
    return one_thread() if alone else nullcontext()
