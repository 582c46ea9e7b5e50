"""How a result declares its JSON document: the contract that other programs script against, stated where the field is.

A field is a key of the document by its own name, with no word said, and so is whatever is in it. Otherwise its type
says where it stands, as `Annotated[int, Key("image.width")]`, or that it is no part of it, as `Hidden[FloatArray]`. A
property is a key where its return type is `Written` or has a `Key`. `report/documents.py` writes and reads documents by
this, and `report/json_schema.py` describes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

# Raised where a key is taken away or means something else; new keys do not raise it.
SCHEMA_VERSION = 2

T = TypeVar("T")


@dataclass(frozen=True)
class Key:
    """Where a value stands in the document of the dataclass that it is part of.

    Attributes:
        paths: a path of keys with dots between them, the value's own name if there is none; of a tuple, as many paths
            as it has items.
        spread: its keys stand among those around it.
        numbered: the key under which each of several objects says its place among them, from 0.
        renamed: what keys of the objects in it are called here instead; None where they are left out here.
        hidden: it is no part of the document.
    """

    paths: tuple[str, ...] = ()
    spread: bool = False
    numbered: str | None = None
    renamed: Mapping[str, str | None] = field(default_factory=dict)
    hidden: bool = False


def at(*paths: str) -> Key:
    """A value that stands elsewhere than its name says, or a tuple whose items stand apart."""
    return Key(paths)


HIDDEN = Key(hidden=True)
SPREAD = Key(spread=True)
Hidden = Annotated[T, HIDDEN]
Written = Annotated[T, Key()]


@dataclass(frozen=True)
class Member:
    """A field or property of a result, as its document sees it.

    Attributes:
        name: in Python.
        hint: its type, without annotations.
        key: where it stands; None where it is no part of the document.
        computed: whether it follows from others, so that reading has no use for it.
    """

    name: str
    hint: Any
    key: Key | None
    computed: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """Where it stands; empty where it stands nowhere."""
        return () if self.key is None else self.key.paths or (self.name,)


@cache
def members(kind: type) -> tuple[Member, ...]:
    """The members of a dataclass in the order of its document: fields as declared, then properties, then lists."""
    hints, said = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    stated = [Member(each.name, hints[each.name], _key(said[each.name], Key())) for each in fields(kind)]
    computed = [_computed(name, value.fget) for name, value in vars(kind).items() if isinstance(value, property)]
    written = (member for member in computed if member.key is not None)
    return tuple(sorted((*stated, *written), key=lambda member: _is_long(member.hint)))


def keys(kind: type) -> list[str]:
    """Those of a record in documents, in their order."""
    return [each.paths[0] for each in members(kind) if each.paths]


def _is_long(hint: Any) -> bool:
    """Whether a value may fill pages, so that whoever reads the document wants to see the others before."""
    item = item_of(hint)
    return item is not None and is_dataclass(item)


def item_of(hint: Any) -> Any:
    """The type of the items of a list of any length: a tuple, or a sequence that may make them when asked; or None."""
    item, *more = get_args(hint) or (None,)
    return item if more == [...] or get_origin(hint) is Sequence else None


def _computed(name: str, getter: Any) -> Member:
    hint = get_type_hints(getter, include_extras=True)["return"]
    return Member(name, get_type_hints(getter)["return"], _key(hint, None), computed=True)


def _key(hint: Any, otherwise: Key | None) -> Key | None:
    """What an annotated type says of the document; types of specs say other things as well, and that is passed over."""
    said = hint.__metadata__ if get_origin(hint) is Annotated else ()
    key = next((each for each in said if isinstance(each, Key)), otherwise)
    return None if key is None or key.hidden else key
