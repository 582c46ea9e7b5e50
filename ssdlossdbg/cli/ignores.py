"""What is left out in some files: `--per-file-ignores 'PATTERN:CODES'`, as linters have it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ssdlossdbg.cli.groups import Findings
from ssdlossdbg.cli.options import option
from ssdlossdbg.cli.streams import say_warning
from ssdlossdbg.errors import InputError

if TYPE_CHECKING:
    from ssdlossdbg.checks.ignores import Ignore
    from ssdlossdbg.results import AuditResult

OPTION, EVERYWHERE = "--per-file-ignores", "--ignore"
FIX = "Write it as 'vendor/**:BOX008,BOX010', the pattern of files first."
ANY_FOLDERS = "**"


class FileFindings(Findings):
    """Which findings are shown of which files, and which make the command fail."""

    title = Findings.title
    per_file_ignores: list[str] | None = option(
        "--per-file-ignores 'PATTERN:CODES'",
        "Leave findings out in some files, as in 'vendor/**:BOX008,BOX010'; without a slash it is a name's pattern.",
    )

    def check(self) -> None:
        """Refuse what is no code, or no pattern."""
        super().check()
        _ = self.ignores

    @cached_property
    def ignores(self) -> list[Ignore]:
        """What is left out in which files, --ignore first.

        Raises:
            InputError: something is no pattern with codes.
        """
        if not self.ignore and not self.per_file_ignores:
            return []
        from ssdlossdbg.checks.files import UNREADABLE
        from ssdlossdbg.checks.ignores import Ignore

        everywhere = [Ignore(EVERYWHERE, lambda _: True, self.codes[1])] if self.ignore else []
        return everywhere + per_file(self.per_file_ignores or (), (UNREADABLE,))

    def by_file(self, result: AuditResult, most: int) -> AuditResult:
        """The result of an audit without what is ignored in its files.

        Args:
            result: with the findings that are chosen.
            most: how many cases of a finding are listed.
        """
        ignores = [each for each in self.ignores if each.stated != EVERYWHERE]
        if not ignores:
            return result
        from ssdlossdbg.checks.catalogue import find
        from ssdlossdbg.checks.ignores import without_ignored

        whole = tuple(code for each in ignores for code in each.codes)
        found = self.choose(replace(result, findings=find(result.evidence, most=most, whole=whole))).findings
        kept, suppressed = without_ignored(found, ignores)
        warn_of_idle(ignores)
        told = (
            replace(each, cases=each.cases[:most], more=each.more + max(0, len(each.cases) - most)) for each in kept
        )
        return replace(result, findings=tuple(told), ignored=sum(each.finding.count for each in suppressed))


def warn_of_idle(ignores: Sequence[Ignore]) -> None:
    """Tell which ignores of files have left nothing out."""
    for each in ignores:
        if not each.met and each.stated != EVERYWHERE:
            say_warning(f"{OPTION} {each.stated} leaves nothing out: no such finding is in these files.")


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
