"""What several checks ask of one table, worked out once."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from ssdlossdbg.results import Objects

T = TypeVar("T")


def once_a_table(function: Callable[[Objects], T]) -> Callable[[Objects], T]:
    """A function that remembers what it returned for a table, for as long as the table is there.

    Args:
        function: whose result holds no reference to the table.
    """
    known: dict[int, T] = {}

    @wraps(function)
    def remembered(objects: Objects) -> T:
        key = id(objects)
        if key not in known:
            known[key] = function(objects)
            weakref.finalize(objects, known.pop, key, None)
        return known[key]

    return remembered
