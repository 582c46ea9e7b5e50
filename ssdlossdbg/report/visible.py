"""Text of strangers' files, made safe to show: what would move a cursor, turn a line or begin a new one is shown.

Names of classes, files, dialects and keys come from files that anybody may have made. A terminal obeys control
characters, a reader believes a line that a name forged, and a spreadsheet computes a cell that begins with `=`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from itertools import chain
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
# C0 controls and DEL have pictures of their own; C1 controls, and what changes the direction or the line, have none.
SHOWN: dict[int, str | int] = {
    **{code: 0x2400 + code for code in range(0x20)},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys((*range(0x80, 0xA0), 0x61C, 0x200E, 0x200F), UNKNOWN),
    **dict.fromkeys((*range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF), UNKNOWN),
}
# What a spreadsheet takes for a formula, with the blanks that it overlooks.
FORMULAS = ("=", "+", "-", "@", "\N{SYMBOL FOR HORIZONTAL TABULATION}", "\N{SYMBOL FOR CARRIAGE RETURN}")
# Fields of results that hold what the checks look at; no report shows their texts, and they may hold millions. Of
# LISTED that holds but where a report lists them: those are a tuple of records.
UNSHOWN = frozenset({"evidence"})
LISTED = "objects"
# What most of a result is, and what no text is in.
PLAIN = frozenset({int, float, bool, type(None)})
# What may hold some of them, and no more.
CONTAINERS = frozenset({tuple, list, UnionType, Union})


def visible(text: str) -> str:
    """The text with a visible sign in the place of each control character, of line breaks too."""
    return text if text.isprintable() else text.translate(SHOWN)


def cell(text: str) -> str:
    """The text as a cell of a CSV file that a spreadsheet may open: never a formula, never a row of its own."""
    text = visible(text)
    return f"'{text}" if text.startswith(FORMULAS) else text


def shown(value: T) -> T:
    """A result with all its texts made visible; itself where they all are."""
    made: T = value if _are_visible([value]) else _shown(value)
    return made


def _are_visible(values: Iterable[Any]) -> bool:
    """Whether all texts in some values are: field by field of all of a kind, which is to ask seldom and of many."""
    values = list(values)
    kinds = set(map(type, values))
    if len(kinds) > 1:
        return all(_are_visible_of(kind, [each for each in values if type(each) is kind]) for kind in kinds - PLAIN)
    return all(_are_visible_of(kind, values) for kind in kinds - PLAIN)


def _are_visible_of(kind: type[Any], values: list[Any]) -> bool:
    """The same, of values of one type."""
    if issubclass(kind, str):
        return "".join(values).isprintable()
    if issubclass(kind, (tuple, list)):
        return _are_visible(chain.from_iterable(values))
    if issubclass(kind, dict):
        return all(_are_visible(chain.from_iterable(each)) for each in (values, map(dict.values, values)))
    if not is_dataclass(kind):
        return True
    columns = {name: map(attrgetter(name), values) for name in _fields(kind)}
    listed = [own for own in columns.pop(LISTED, ()) if isinstance(own, tuple)]
    return all(map(_are_visible, (listed, *columns.values())))


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isprintable() else type(value)(value.translate(SHOWN))
    if isinstance(value, (tuple, list)):
        items = [item if type(item) in PLAIN else _shown(item) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else type(value)(items)
    if isinstance(value, dict):
        return {_shown(key): item if type(item) in PLAIN else _shown(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        found = ((name, getattr(value, name)) for name in _fields(type(value)))
        changed = {
            name: made
            for name, old in found
            if type(old) not in PLAIN
            and (name != LISTED or isinstance(old, tuple))
            and (made := _shown(old)) is not old
        }
        return replace(value, **changed) if changed else value
    return value


@cache
def _fields(kind: type[Any]) -> tuple[str, ...]:
    """The names of a dataclass's fields that are shown, but those which by their types hold no text."""
    try:
        types = get_type_hints(kind)
    except NameError:  # of what only type checkers import
        types = {}
    return tuple(
        field.name for field in fields(kind) if field.name not in UNSHOWN and not _plain(types.get(field.name))
    )


def _plain(hint: Any) -> bool:
    """Whether values of a type are numbers alone, one or some of them, or None."""
    if isinstance(hint, type) and not get_args(hint):
        return hint in PLAIN
    inner = [each for each in get_args(hint) if each is not Ellipsis]
    return get_origin(hint) in CONTAINERS and all(map(_plain, inner))
