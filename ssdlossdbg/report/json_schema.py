"""The JSON Schema of each command's document, from the types of its result."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from ssdlossdbg.errors import UnknownNameError
from ssdlossdbg.report.documents import COMMANDS, NOT_FINITE, word
from ssdlossdbg.results.contract import SCHEMA_VERSION, Key, Member, item_of, members

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
PLAIN: dict[object, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"anyOf": [{"type": "number"}, {"enum": list(NOT_FINITE)}]},
    str: {"type": "string"},
    NoneType: {"type": "null"},
    Any: {},
}


def json_schema(command: str) -> dict[str, Any]:
    """The schema that every JSON document of a command fulfils, and those of later versions with more keys, too.

    Args:
        command: a command, or "anchors --fit" or "anchors --list".

    Raises:
        UnknownNameError: there is no such command, or it prints no JSON.
    """
    if command not in COMMANDS:
        raise UnknownNameError("command", "JSON document", command, COMMANDS)
    named: Schema = {}
    schema = {
        "schema_version": {"const": SCHEMA_VERSION},
        "command": {"const": word(command)},
        **_properties(COMMANDS[command], named),
        "files": _of(tuple[str, ...], named),
    }
    return {"$schema": DRAFT, "title": f"ssdlossdbg {command}", **_object(schema), "$defs": named}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _of(hint: Any, named: Schema) -> Schema:
    """The schema of a type; those of dataclasses go by their names into `named`."""
    origin, options = get_origin(hint) or hint, get_args(hint)
    if origin in PLAIN:
        return PLAIN[origin]
    if origin in (Union, UnionType):
        return {"anyOf": [_of(option, named) for option in options]}
    if item_of(hint) is not None:
        return {"type": "array", "items": _of(item_of(hint), named)}
    if origin is tuple:
        parts = [_of(option, named) for option in options]
        return {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(options[1], named)}
    if issubclass(hint, Enum):
        return {"enum": [item.value for item in hint]}
    if hint.__name__ not in named:
        named[hint.__name__] = _object(_properties(hint, named))
    return {"$ref": f"#/$defs/{hint.__name__}"}


def _properties(kind: type, named: Schema) -> Schema:
    """The keys of a dataclass's document, each with its schema; see `documents.encode`, which this follows."""
    properties: Schema = {}
    apart: dict[str, Schema] = {}
    for member in members(kind):
        if member.key is None:
            continue
        if member.key.spread:
            properties.update(_properties(member.hint, named))
        elif "." in member.paths[0]:
            for path, part in _placed(member, member.key, named):
                parent, _, last = path.partition(".")
                apart.setdefault(parent, {})[last] = part
                properties.setdefault(parent, {})
        else:
            properties.update(_placed(member, member.key, named))
    for parent, parts in apart.items():
        whole = named[properties[parent]["$ref"].rpartition("/")[2]]["properties"] if properties[parent] else {}
        made = _object({**whole, **parts})
        nullable = not whole and all(PLAIN[NoneType] in part.get("anyOf", ()) for part in parts.values())
        properties[parent] = {"anyOf": [made, PLAIN[NoneType]]} if nullable else made
    return properties


def _placed(member: Member, key: Key, named: Schema) -> Iterator[tuple[str, Schema]]:
    """The paths of a member, each with the schema of what stands there."""
    if len(member.paths) > 1:
        yield from ((path, _of(hint, named)) for path, hint in zip(member.paths, _items(member.hint), strict=True))
    elif key.numbered is None and not key.renamed:
        yield member.paths[0], _of(member.hint, named)
    else:
        item = _properties(get_args(member.hint)[0], named)
        renamed = {key.renamed.get(name, name): part for name, part in item.items()}
        numbers = {} if key.numbered is None else {key.numbered: PLAIN[int]}
        kept = {name: part for name, part in renamed.items() if name is not None}
        yield member.paths[0], {"type": "array", "items": _object(numbers | kept)}


def _items(hint: Any) -> tuple[Any, ...]:
    """The types of a tuple's items; each of them may be null where the tuple may."""
    if get_origin(hint) is tuple:
        return get_args(hint)
    (whole,) = (option for option in get_args(hint) if option is not NoneType)
    return tuple(item | None for item in get_args(whole))
