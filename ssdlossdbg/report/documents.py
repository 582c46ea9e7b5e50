"""Results as JSON, and back: the contract that other programs script against, as `results/contract.py` declares it.

Keys are only ever added within a schema version. NaN and infinities are the strings "NaN", "Infinity" and
"-Infinity", and what is not ASCII is escaped, so that the text is valid JSON everywhere and no terminal's encoding
changes a name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np

from ssdlossdbg.errors import InputError
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import (
    AnchorsResult,
    AuditResult,
    CheckResult,
    CompareResult,
    Detections,
    DetectResult,
    DiffResult,
    Explained,
    FitResult,
    HistoryResult,
    IdentifyResult,
    LossesResult,
    LossResult,
    MatchResult,
    Presets,
    RankResult,
)
from ssdlossdbg.results.contract import SCHEMA_VERSION, Key, Member, item_of, members

# What is run, and the result that it reports.
COMMANDS: dict[str, type] = {
    "anchors": AnchorsResult,
    "anchors --fit": FitResult,
    "anchors --list": Presets,
    "audit": AuditResult,
    "audit --rank": RankResult,
    "check": CheckResult,
    "compare": CompareResult,
    "detect": DetectResult,
    "diff": DiffResult,
    "explain": Explained,
    "history": HistoryResult,
    "identify": IdentifyResult,
    "loss": LossResult,
    "loss RUN": LossesResult,
    "match": MatchResult,
}
NAMES = {kind: command for command, kind in COMMANDS.items()}
DOCUMENT = "the document"
AS_THEY_ARE = frozenset((bool, int, str, type(None)))
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class NotFinite(str):
    """A number that JSON cannot have, as the text that stands for it."""

    __slots__ = ()


def render_json(result: Any, view: View = USUAL) -> str:
    """The JSON document of a result."""
    return json.dumps(document_of(result, view), indent=2, allow_nan=False)


def document_of(result: Any, view: View = USUAL) -> dict[str, Any]:
    """The same before it is text."""
    head = {"schema_version": SCHEMA_VERSION, "command": word(NAMES[type(result)])}
    return {**head, **encode(result), "files": list(view.files)}


def word(command: str) -> str:
    """What a document says was run, which is the command without its options."""
    return command.partition(" ")[0]


@cache
def _has_members(kind: Hashable) -> bool:
    return isinstance(kind, type) and is_dataclass(kind)


def encode(value: Any) -> Any:
    """A value as JSON has it."""
    kind: Any = type(value)
    if kind in AS_THEY_ARE:  # as most are
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else NotFinite(_said(value))
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, Detections)):
        return [encode(item) for item in value]
    return _encode_members(value) if _has_members(kind) else value


def _said(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _encode_members(value: object) -> dict[str, Any]:
    kind: Any = type(value)
    document: dict[str, Any] = {}
    parents = set()
    for name, key, paths in _written(kind):
        written = _inside(encode(getattr(value, name)), key)
        if key.spread:
            document.update(written)
        elif len(paths) == 1:
            parents.add(_put(document, paths[0], written))
        else:
            parts = [None] * len(paths) if written is None else written
            parents.update(_put(document, *pair) for pair in zip(paths, parts, strict=True))
    # What stands apart under one key is null as a whole where nothing of it is known: the targets of detect.
    for parent in parents:
        if parent and all(part is None for part in document[parent].values()):
            document[parent] = None
    return document


@cache
def _written(kind: Any) -> tuple[tuple[str, Key, tuple[str, ...]], ...]:
    """The members that a document has, how, and where they stand in it."""
    return tuple((member.name, member.key, member.paths) for member in members(kind) if member.key is not None)


def _inside(written: Any, key: Key) -> Any:
    """A list of objects with their numbers, and their keys by the names that they have here."""
    if key.renamed:
        written = [
            {name: item[old] for old in item if (name := key.renamed.get(old, old)) is not None} for item in written
        ]
    return written if key.numbered is None else [{key.numbered: i, **item} for i, item in enumerate(written)]


def _put(document: dict[str, Any], path: str, value: Any) -> str:
    """Write a value where it belongs, into what stands there if both are objects; returns the parent's key, if any."""
    *parents, last = path.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    if isinstance(document.get(last), dict):
        document[last].update(value)
    else:
        document[last] = value
    return parents[0] if parents else ""


def from_json(text: str) -> Any:
    """The result that a document tells of; what is no part of the document is empty.

    Args:
        text: what `--format json` printed, or a result's `to_json` returned.

    Returns:
        An `AnchorsResult`, `MatchResult`, ..., as its `command` says.

    Raises:
        InputError: it is no such document, or one of another schema version.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(DOCUMENT, f"is no JSON ({error})", "Give what --format json printed.") from None
    command = document.get("command") if isinstance(document, dict) else None
    kinds = [kind for name, kind in COMMANDS.items() if word(name) == command]
    if not kinds:
        raise InputError(DOCUMENT, "is none of this program", "Give what --format json printed.")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        what = f"has schema_version {version!r}, and this program reads {SCHEMA_VERSION}"
        raise InputError(DOCUMENT, what, "Run the command again.")
    return decode(max(kinds, key=lambda kind: _in_common(kind, document)), document)


def _in_common(kind: type, document: dict[str, Any]) -> int:
    """How many keys of a result a document has; those of one command's results differ."""
    return len({path.partition(".")[0] for member in members(kind) for path in member.paths} & document.keys())


def decode(hint: Any, value: Any, place: str = "") -> Any:
    """A value of a type, from what `encode` made of it.

    Args:
        hint: the type.
        value: as JSON has it.
        place: its path in the document, for errors.

    Raises:
        InputError: it is none of that type.
    """
    origin, options = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return decode(next((option for option in options if _fits(option, value)), options[0]), value, place)
    if not _fits(hint, value):
        where = f"{DOCUMENT}, {place}" if place else DOCUMENT
        what = f"holds {json.dumps(value)[:40]}, and {getattr(hint, '__name__', hint)} belongs there"
        raise InputError(where, what, "Give it as it was printed.")
    if hint is float and isinstance(value, str):
        return NOT_FINITE[value]
    if origin in (tuple, Sequence):
        hints = [item_of(hint)] * len(value) if item_of(hint) else options
        return tuple(
            decode(each, item, f"{place}[{i}]") for i, (each, item) in enumerate(zip(hints, value, strict=True))
        )
    if origin is dict:
        return {key: decode(options[1], item, f"{place}.{key}") for key, item in value.items()}
    if _has_members(hint):
        return hint(**{each.name: _decode_field(each, member, value, place) for each, member in _stated(hint)})
    return hint(value) if isinstance(hint, type) and issubclass(hint, Enum) else value


def _fits(hint: Any, value: Any) -> bool:
    """Whether JSON has values of a type as it has this one."""
    origin, options = get_origin(hint) or hint, get_args(hint)
    if _has_members(hint) or origin is dict:
        return isinstance(value, dict)
    if origin in (tuple, Sequence):
        return isinstance(value, list) and (item_of(hint) is not None or len(options) == len(value))
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if hint is float:
        return value in NOT_FINITE if isinstance(value, str) else isinstance(value, (int, float))
    if issubclass(hint, Enum):
        return value in list(hint)
    return isinstance(value, hint)


def _stated(kind: Any) -> list[tuple[Field[Any], Member]]:
    by_name = {member.name: member for member in members(kind)}
    return [(stated, by_name[stated.name]) for stated in fields(kind)]


def _decode_field(stated: Field[Any], member: Member, document: dict[str, Any], place: str) -> Any:
    key = member.key
    if key is None:
        return empty(stated, member.hint)
    if key.spread:
        return decode(member.hint, document, place)
    parts = [_get(document, path) for path in member.paths]
    value: Any = parts[0] if len(parts) == 1 else None if parts[0] is None else parts
    if key.renamed:
        names = {new: old for old, new in key.renamed.items()}
        value = [
            {names.get(name, name): part for name, part in item.items()} if isinstance(item, dict) else item
            for item in value or ()
        ]
    return decode(member.hint, value, f"{place}.{member.paths[0]}".lstrip("."))


def _get(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def empty(stated: Field[Any], hint: Any) -> Any:
    """What a field is that no document tells of: its default, or nothing of its type."""
    if stated.default is not MISSING:
        return stated.default
    if stated.default_factory is not MISSING:
        return stated.default_factory()
    origin = get_origin(hint) or hint
    if origin is np.ndarray:
        return np.zeros(0)
    if _has_members(origin):
        return origin(**{each.name: empty(each, member.hint) for each, member in _stated(origin)})
    return None if origin in (Union, UnionType) else origin()
