"""Several processes that work on one dataset together, started by torchrun."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed
from torch.distributed.rendezvous import rendezvous

from ssdlossdbg.errors import LostRankError

T = TypeVar("T")
# Ranks start within seconds of each other, but one may read and match for longer than another. A rank that dies closes
# its connections, which ends the waiting of the others at once.
PATIENCE_AT_START = timedelta(minutes=2)
PATIENCE = timedelta(hours=2)
UNSET = "torchrun sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT; to work alone, unset WORLD_SIZE."


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this is.

    Attributes:
        rank: its number, from 0; 0 reports.
        count: how many there are.
        device: where sums are made: with NCCL on the process's own GPU.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009  # immutable

    def mine(self, items: Sequence[T]) -> Sequence[T]:
        """This process's share of what is to be done."""
        return items[self.rank :: self.count]

    def sum(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """The sums of all processes' tensors, in each of them; exact for whole numbers, and where all but one are 0.

        Args:
            tensors: of the same shapes in each process; whole numbers up to 2^53.

        Raises:
            LostRankError: another process ended.
        """
        if self.count == 1:
            return tensors
        joined = torch.cat([tensor.flatten().double() for tensor in tensors]).to(self.device)
        with _explained(self.rank):
            distributed.all_reduce(joined)
        parts = torch.split(joined.cpu(), [tensor.numel() for tensor in tensors])
        return [part.to(tensor.dtype).view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def gather(self, item: T) -> list[T]:
        """What all processes hold, in the order of their ranks, in each of them.

        Raises:
            LostRankError: another process ended.
        """
        if self.count == 1:
            return [item]
        items: list[Any] = [None] * self.count
        with _explained(self.rank):
            distributed.all_gather_object(items, item)
        return items


ALONE = Ranks()


@contextlib.contextmanager
def together() -> Iterator[Ranks]:
    """The processes that torchrun started; this one alone where it did not.

    Raises:
        LostRankError: the others do not answer.
    """
    count, rank, local = (_stated(name) for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"))
    if not count or count == 1 or rank is None or "MASTER_ADDR" not in os.environ:
        yield ALONE
        return
    if not distributed.is_available():
        fix = "Start one process, or install a torch that has it."
        raise LostRankError(f"rank {rank}", "cannot reach the others: this torch has no torch.distributed", fix)
    on_gpu = torch.cuda.is_available() and torch.cuda.device_count() > (local or 0)
    device = torch.device("cuda", local or 0) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)  # which NCCL exchanges objects on, and `--device auto` computes on
    if rank >= count:
        raise LostRankError("RANK", f"{rank} is none of the {count} processes that WORLD_SIZE says", UNSET)
    with _explained(rank, "cannot meet the other processes of this audit", UNSET):
        store, _, _ = next(rendezvous("env://", timeout=PATIENCE_AT_START))
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=count, timeout=PATIENCE
        )
    try:
        yield Ranks(rank, count, device)
    finally:
        distributed.destroy_process_group()


def _stated(name: str) -> int | None:
    """The number in a variable that torchrun sets; None where it is not set, or by somebody else to something else."""
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else None


@contextlib.contextmanager
def _explained(
    rank: int,
    what: str = "lost another process of this audit",
    fix: str = "Its own message says why it ended; start torchrun again.",
) -> Iterator[None]:
    """Say in a sentence that another process is gone, rather than how the connection to it broke."""
    try:
        yield
    except (RuntimeError, ValueError) as error:  # what gloo and NCCL raise, DistError included; and a bad MASTER_PORT
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise LostRankError(f"rank {rank}", f"{what} ({reason})", fix) from None
