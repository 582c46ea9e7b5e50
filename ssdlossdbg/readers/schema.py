"""Strict tables: from a parsed TOML or JSON table to a frozen dataclass, with errors that name the key."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from ssdlossdbg.errors import InputError, UnknownNameError
from ssdlossdbg.readers.files import is_file, read_table, read_text
from ssdlossdbg.rules import known_values

T = TypeVar("T")
# What names a file or counts what it makes belongs to that file, not to those that build on it.
OWN = ("name", "aliases", "priors")


def build(cls: type[T], table: dict[str, Any], where: object) -> T:
    """Turn a table into `cls`, a dataclass of scalars, tuples, enums and other such dataclasses.

    Args:
        cls: the dataclass.
        table: what the file held.
        where: the file, for error messages.

    Raises:
        InputError: a value has the wrong type or is missing.
        UnknownNameError: a key that the dataclass does not have.
    """
    _refuse_unknown_keys(cls, table, where, "")
    try:
        return msgspec.convert(table, cls)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        key = place.strip("`").removeprefix("$").removeprefix(".")
        what = message[:1].lower() + message[1:]
        raise InputError(where, f"key {key}: {what}" if key else what, _fix(cls, key, what)) from None


@cache
def _fields(cls: type) -> dict[str, type | None]:
    """The dataclass's keys, each with the dataclass or enum that it holds (or its list does), if any."""
    hints = get_type_hints(cls)
    nested = {}
    for field in dataclasses.fields(cls):
        inside = (hints[field.name], *get_args(hints[field.name]))
        nested[field.name] = next((kind for kind in inside if dataclasses.is_dataclass(kind) or _is_enum(kind)), None)
    return nested


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _fix(cls: Any, key: str, what: str) -> str:
    """What to do about the value at a key: of words, which there are."""
    prefix = "invalid enum value "
    if not what.startswith(prefix):
        return "Correct the value."
    for name in re.sub(r"\[[^]]*\]", "", key).split("."):
        cls = _fields(cls)[name]
    return f"Correct the value. Known: {known_values(cls, what.removeprefix(prefix)[1:-1])}."


def _refuse_unknown_keys(cls: type, table: dict[str, Any], where: object, prefix: str) -> None:
    fields = _fields(cls)
    for key, value in table.items():
        if key not in fields:
            raise UnknownNameError(where, "key", f"{prefix}{key}", [prefix + name for name in fields])
        inner = fields[key]
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if dataclasses.is_dataclass(inner) and isinstance(child, dict):
                place = f"{key}[{index}]" if isinstance(value, list) else key
                _refuse_unknown_keys(inner, child, where, f"{prefix}{place}.")


def load_named(name: str, folder: Path, kind: str, where: str) -> tuple[dict[str, Any], Path]:
    """A table by the name of a shipped file, by an alias it gives itself, or by the path of the user's own.

    Args:
        name: what the user typed.
        folder: where the shipped TOML files lie.
        kind: what such a file is called in errors.
        where: the option the name came from.

    Returns:
        The table, with its bases resolved, and the file it came from.
    """
    path = _find(name, folder, kind, where, Path())
    return _inherited(path, folder, kind), path


def chain(name: str, folder: Path, kind: str, where: str) -> list[Path]:
    """The file of that name, and those it builds on, its base first; arguments and errors as of `load_named`."""
    path = _find(name, folder, kind, where, Path())
    _inherited(path, folder, kind)  # whose errors about bases are then out of the way
    files = [path]
    while base := read_table(files[-1]).get("base"):
        files.append(_find(base, folder, kind, str(files[-1]), files[-1].parent))
    return files


def names_in(folder: Path) -> list[str]:
    """The names of the shipped files in a folder, sorted."""
    return list(_shipped_in(folder))


@cache
def _shipped_in(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in folder.glob("*.toml")))


@cache
def stated(file: Path, key: str) -> Any:
    """What a shipped file states of a key in a line of its own, or None; parsing the whole takes ten times as long."""
    line = re.search(rf"^{key} = .+$", read_text(file), re.MULTILINE)
    return tomllib.loads(line[0])[key] if line else None


@cache  # it does not change while a command runs, and a training that names its dialect's fork asks in every iteration
def _shipped_table(path: Path) -> dict[str, Any]:
    return read_table(path)


def _inherited(path: Path, folder: Path, kind: str, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The table of a file, laid over that of its `base` section by section."""
    if path in seen:
        circle = " -> ".join(str(file) for file in (*seen, path))
        raise InputError(seen[0], f"is its own base: {circle}", "Break the circle.")
    table = dict(_shipped_table(path)) if path.parent == folder else read_table(path)
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise InputError(path, f"key base: expected a name or a file, found {base!r}", "Correct the value.")
    below = _inherited(_find(base, folder, kind, str(path), path.parent), folder, kind, (*seen, path))
    merged = {key: value for key, value in below.items() if key not in OWN}
    for key, value in table.items():
        both_tables = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = {**below[key], **value} if both_tables else value
    return merged


def _find(name: str, folder: Path, kind: str, where: str, beside: Path) -> Path:
    shipped = folder / f"{name}.toml"
    if "/" not in name and is_file(shipped):
        return shipped
    own = Path(name)
    if own.suffix.lower() in {".toml", ".json"}:
        return Path(os.path.normpath(beside / own))
    aliases = {file: stated(file, "aliases") or [] for file in sorted(folder.glob("*.toml"))}
    for file, names in aliases.items():
        if name in names:
            return file
    known = [alias for file, names in aliases.items() for alias in (file.stem, *names)]
    raise UnknownNameError(where, kind, name, known, "A file of your own must end in .toml or .json.")
