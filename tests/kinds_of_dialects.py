"""Dialects that differ in the rules that a test is about; of those that do not, one says it for all."""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter

from ssdlossdbg.readers.dialects import dialect_names, load_dialect


def one_of_each(*settings: str, among: Collection[str] = ()) -> list[str]:
    """The names of shipped dialects, the first of each combination of values that these settings have in any.

    Args:
        settings: as in a file, "loader.class_names", or a whole section of it, "loader".
        among: those to choose from; all if empty.
    """
    values, found = attrgetter(*settings), dict[str, str]()
    for name in among or dialect_names():
        found.setdefault(repr(values(load_dialect(name))), name)
    return list(found.values())
