"""A baseline: the findings that a project knows and lives with, in a JSON file, a line each so that changes show."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from ssdlossdbg.errors import InputError
from ssdlossdbg.readers.files import read_text
from ssdlossdbg.results import Known

VERSION = 1
KEY = "ssdlossdbg_baseline"
# How the file begins, by which it is told.
BEGINNING = f'{{\n  "{KEY}":'
# What an entry does not say of itself.
DEFAULTS = {"count": 1}
FIX = "Write it anew with check --write-baseline."


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    file: str
    code: str
    image: int | str | None = None
    label: str | None = None
    box: tuple[float, float, float, float] | None = None
    count: int = 1


class _Baseline(msgspec.Struct, forbid_unknown_fields=True):
    ssdlossdbg_baseline: int
    known: list[_Entry]


def read_baseline(path: Path) -> tuple[Known, ...]:
    """What a baseline knows.

    Raises:
        InputError: the file cannot be read, or is no baseline of this version.
    """
    text = read_text(path)
    try:
        found: Any = json.loads(text)
        if not isinstance(found, dict) or KEY not in found:
            raise InputError(path, "is no baseline of ssdlossdbg's", FIX)
        if found[KEY] != VERSION:
            raise InputError(path, f"is a baseline of version {found[KEY]!r}, and this reads {VERSION}", FIX)
        baseline = msgspec.convert(found, _Baseline)
    except msgspec.ValidationError as error:
        raise InputError(path, f"is a damaged baseline ({error})", FIX) from None
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"is no JSON ({error})", FIX) from None
    return tuple(
        Known(each.file, each.code, each.image, each.label, each.box, max(0, each.count)) for each in baseline.known
    )


def baseline_of(known: Iterable[Known]) -> bytes:
    """The file that says it."""
    rows = [
        json.dumps({key: value for key, value in asdict(each).items() if value not in (None, DEFAULTS.get(key))})
        for each in known
    ]
    entries = ",\n".join(f"    {row}" for row in rows)
    listed = f"[\n{entries}\n  ]" if rows else "[]"
    return f'{BEGINNING} {VERSION},\n  "known": {listed}\n}}\n'.encode()


def names_beside(path: Path) -> Callable[[str], str]:
    """What a baseline at a path calls files: as they lie from its folder, with slashes, wherever it is used."""
    home = os.path.abspath(path.parent)  # noqa: PTH100 -- links stay

    def name(file: str) -> str:
        try:
            return Path(os.path.relpath(file, home)).as_posix()
        except ValueError:  # on another drive
            return Path(file).as_posix()

    return name
