"""Dialects that differ in the rules that a test is about; of those that do not, one says it for all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
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


def each_value_of(*sections: str, among: Collection[str] = ()) -> list[str]:
    """The names of shipped dialects, few that have between them every value that any has of every setting.

    Args:
        sections: of a file, "match".
        among: those to choose from; all if empty.
    """
    names, chosen = list(among or dialect_names()), list[str]()
    values = {
        name: {
            (section, field.name, repr(getattr(getattr(load_dialect(name), section), field.name)))
            for section in sections
            for field in fields(getattr(load_dialect(name), section))
        }
        for name in names
    }
    missing = set[tuple[str, str, str]]().union(*values.values())
    while missing:
        chosen.append(max(names, key=lambda name: len(values[name] & missing)))
        missing -= values[chosen[-1]]
    return sorted(chosen)
