"""How a result declares its JSON document: the contract that other programs script against, stated where the field is.

A field is a key of the document by its own name, with no word said, and so is whatever is in it. Otherwise its type
says where it stands, as `Annotated[int, Key("image.width")]`, or that it is no part of it, as `Hidden[FloatArray]`. A
property is a key where its return type is `Written` or has a `Key`. `report/documents.py` writes and reads documents by
this, and `report/json_schema.py` describes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Annotated, Any, TypeVar, get_origin, get_type_hints

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
    """

    paths: tuple[str, ...] = ()
    spread: bool = False
    numbered: str | None = None
    renamed: Mapping[str, str | None] = field(default_factory=dict)


def at(*paths: str) -> Key:
    """A value that stands elsewhere than its name says, or a tuple whose items stand apart."""
    return Key(paths)


HIDDEN = object()
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
    """The members of a dataclass in the order of its document: fields as declared, then properties."""
    hints = get_type_hints(kind, include_extras=True)
    stated = [_member(each.name, hints[each.name]) for each in fields(kind)]
    computed = [_computed(name, value) for name, value in vars(kind).items() if isinstance(value, property)]
    return (*stated, *(member for member in computed if member is not None))


def _member(name: str, hint: Any) -> Member:
    if get_origin(hint) is not Annotated:
        return Member(name, hint, Key())
    (said,) = hint.__metadata__
    return Member(name, hint.__origin__, None if said is HIDDEN else said)


def _computed(name: str, value: property) -> Member | None:
    hint = get_type_hints(value.fget, include_extras=True)["return"]
    if get_origin(hint) is not Annotated:
        return None
    return Member(name, hint.__origin__, hint.__metadata__[0], computed=True)
