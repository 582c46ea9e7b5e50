"""What this process may take of the memory, and what files would become in it: asked before anything is allocated."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path

from ssdlossdbg.errors import InputError

GIB = 2**30
CONTAINER = Path("/sys/fs/cgroup/memory.max")
# Of the memory, what a file or the tensors in it may take: they are worked on beside what they were read from.
SHARE, SHARE_OF_ALL = 0.5, 0.8
# No more on any machine; and what one is taken to have that does not say.
MOST, USUAL = 64 * GIB, 16 * GIB
# Of tensors in files that are far smaller: packed zeros, or one number repeated. Below, nobody need care.
LARGEST_UNPACKED = GIB // 2
PACKED = 20


def most_bytes() -> int:
    """How many bytes a file, or what is in it, may have here."""
    return int(min(MOST, SHARE * _memory()))


@cache
def _memory() -> float:
    """Bytes that this process may take, as far as the system says: of the machine, its container, its own limits."""
    limits = list[float]()
    with contextlib.suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # no Linux, or "max"
        limits.append(int(CONTAINER.read_text(encoding="ascii")))
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        of_process = resource.getrlimit(resource.RLIMIT_AS)[0]
        limits += [of_process] if of_process != resource.RLIM_INFINITY else []
    return min((limit for limit in limits if limit > 0), default=USUAL)


def in_words(size: float) -> str:
    """A number of bytes as people say it."""
    unit, of = next((pair for pair in ((GIB, "GiB"), (2**20, "MiB"), (2**10, "KiB")) if size >= pair[0]), (1, "bytes"))
    return f"{size / unit:,.1f} {of}" if unit > 1 else f"{size:,.0f} {of}"


def check_room(needed: int, where: object, what: str) -> None:
    """Refuse work that would take more memory than there is.

    Args:
        needed: bytes.
        where: the input, for the message.
        what: that takes so many, as in "has 5,000 objects".

    Raises:
        InputError: they are more.
    """
    room = SHARE_OF_ALL * _memory()
    if needed > room:
        what = f"{what}, which would take about {in_words(needed)} of memory, and there are {in_words(room)}"
        raise InputError(where, what, "Give fewer at once.")


def check_unpacked(needed: int, held: int, where: object) -> None:
    """Refuse tensors that would take more memory than there is, or that are far smaller in the file than they say.

    Args:
        needed: bytes of all tensors, once each has its own.
        held: bytes that are there of them, in a file or in memory.
        where: the file, for the message.

    Raises:
        InputError: they would take too much.
    """
    inflated = needed > LARGEST_UNPACKED and needed > PACKED * held
    if needed > most_bytes() or inflated:
        what = f"holds tensors that would take {in_words(needed)}"
        what += f", of which {in_words(held)} are there: packed, or repeated (`expand`)" if inflated else ""
        raise InputError(where, what, "Save fewer images at once, and only what is to be looked at.")
