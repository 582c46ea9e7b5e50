"""How many threads torch works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
