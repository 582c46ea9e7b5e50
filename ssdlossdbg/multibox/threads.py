"""How many threads torch works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from queue import Empty, SimpleQueue
from typing import TypeVar

import torch
from torch import Tensor

Made = TypeVar("Made")
# Numbers from which on sharing an operation gains more than waiting for the slowest thread costs.
WORTH_SHARING = 2**20
# Threads that take tasks of some work at the most: more only start, and wait for the same memory.
MOST_ABREAST = 16


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
    return one_thread() if alone and not torch.compiler.is_compiling() else nullcontext()


def abreast(tasks: Sequence[Callable[[], Made]]) -> list[Made]:
    """What each task makes, by as many threads as torch has, each of which takes the next task that is left.

    Torch's own threads share every single operation, and at the end of each all wait for the slowest: some milliseconds
    each time, where another program took its core. Here nobody waits until no task is left. A task is done in the
    caller's modes, of gradients and of inference.
    """
    threads = min(torch.get_num_threads(), len(tasks), MOST_ABREAST)
    if threads < 2:
        return [task() for task in tasks]
    left: SimpleQueue[tuple[int, Callable[[], Made]]] = SimpleQueue()
    for each in enumerate(tasks):
        left.put(each)
    learns, infers = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    def take() -> list[tuple[int, Made]]:
        made = list[tuple[int, Made]]()
        with torch.inference_mode(infers), torch.set_grad_enabled(learns):
            while True:
                try:
                    place, task = left.get_nowait()
                except Empty:
                    return made
                made.append((place, task()))

    with one_thread(), ThreadPoolExecutor(threads - 1) as others:
        taking = [others.submit(take) for _ in range(threads - 1)]
        made = dict(take())
        for taken in taking:
            made.update(taken.result())
    return [made[place] for place in range(len(tasks))]
