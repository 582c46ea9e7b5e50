"""What is left out in some files: `--per-file-ignores 'PATTERN:CODES'`, as linters have it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from ssdlossdbg.checks.ignores import Ignore

OPTION = "--per-file-ignores"
FIX = "Write it as 'vendor/**:BOX008,BOX010', the pattern of files first."
ANY_FOLDERS = "**"


def per_file(stated: Sequence[str], never: Sequence[str] = ()) -> list[Ignore]:
    """What is left out in which files.

    Args:
        stated: a pattern and codes each.
        never: codes that nobody can ignore.

    Raises:
        InputError: there is no pattern, or a code that cannot be ignored.
        UnknownNameError: no code begins so.
    """
    from ssdlossdbg.checks.catalogue import known_prefix
    from ssdlossdbg.checks.ignores import Ignore

    found = []
    for each in stated:
        pattern, _, names = each.rpartition(":")
        if not pattern.strip() or not names.strip():
            raise InputError(OPTION, f"is {each!r}", FIX)
        codes = tuple(known_prefix(code, OPTION) for code in names.split(","))
        if hopeless := next((code for code in codes if code in never), None):
            fix = "Leave the files out of what is checked, or accept them with --write-baseline."
            what = f"names {hopeless}, which cannot be ignored: what cannot be read is not checked"
            raise InputError(OPTION, what, fix)
        found.append(Ignore(each, covering(pattern.strip()), codes))
    return found


def covering(pattern: str) -> Callable[[str], bool]:
    """Which files a pattern covers.

    One without a slash is that of a name, of a file or of a folder that it lies in; another is a path from here. `*` is
    anything in a name, `**` any folders. A folder covers all that is in it.
    """
    pattern = pattern.replace(os.sep, "/")
    bare = pattern.rstrip("/")
    if "/" not in bare:
        last = -1 if pattern.endswith("/") else None
        return lambda file: any(fnmatchcase(name, bare) for name in PurePath(file).parts[:last])
    patterns = _parts(bare)
    return lambda file: _covers(patterns, _parts(file))


def _parts(path: str) -> tuple[str, ...]:
    return Path(os.path.abspath(path)).parts  # noqa: PTH100 -- links stay


def _covers(patterns: Sequence[str], names: Sequence[str]) -> bool:
    """Whether the parts of a pattern are those of a path, or of a folder above it."""
    ends = _with_none(patterns, {0})
    for name in names:
        stepped = {
            place if place == len(patterns) or patterns[place] == ANY_FOLDERS else place + 1
            for place in ends
            if place == len(patterns) or patterns[place] == ANY_FOLDERS or fnmatchcase(name, patterns[place])
        }
        ends = _with_none(patterns, stepped)
    return len(patterns) in ends


def _with_none(patterns: Sequence[str], ends: set[int]) -> set[int]:
    """The places in a pattern that are reached, `**` being no folder at all, too."""
    for place, part in enumerate(patterns):
        if place in ends and part == ANY_FOLDERS:
            ends.add(place + 1)
    return ends
