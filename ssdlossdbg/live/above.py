"""What a training uses of rooms above this one, which knows them by name alone, as entry points are."""

from __future__ import annotations

import gc
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def from_above(name: str) -> Any:
    """Import something.

    Args:
        name: module, colon, attribute.
    """
    with uncollected():
        return pkgutil.resolve_name(name)


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no garbage be collected inside, where thousands of objects are made that stay, which brings it on.

    To go through all objects of a training takes as long as the half of what is done here.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
