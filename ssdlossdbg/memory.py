"""What is done about the memory of a process."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Hand memory that was freed back to the system, between two steps that each need much.

    The C library of Linux keeps tens of MiB of it, in pieces that the next step may have no use for. Others are left
    alone.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library, or none that goes by no name
        return
