"""Findings that the user has ignored, by code or by file, or that a baseline knows: taken out, and counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ssdlossdbg.results import Case, CheckResult, Finding, Known, Suppressed

IGNORED, KNOWN = "ignored", "known to the baseline"


@dataclass
class Ignore:
    """What to leave out in some files.

    Attributes:
        stated: as the user wrote it.
        covers: whether a file is one of them.
        codes: the beginnings of codes.
        met: how many cases it has left out.
    """

    stated: str
    covers: Callable[[str], bool]
    codes: tuple[str, ...]
    met: int = field(default=0)

    def leaves_out(self, code: str, file: str) -> bool:
        """Whether findings of a code are left out in a file."""
        return code.startswith(self.codes) and self.covers(file)


def without_ignored(
    findings: Iterable[Finding], ignores: Sequence[Ignore], never: Sequence[str] = ()
) -> tuple[tuple[Finding, ...], tuple[Suppressed, ...]]:
    """The findings without what is ignored in their files, and what that is; each ignore counts what it has met.

    Args:
        findings: that are to be told.
        ignores: of the user.
        never: codes that nobody can ignore.
    """

    def ignored(finding: Finding, case: Case) -> bool:
        met = [each for each in ignores if each.leaves_out(finding.code, case.where.file)]
        for each in met:
            each.met += 1
        return bool(met) and finding.code not in never

    return _parted(findings, ignored, IGNORED)


def _parted(
    findings: Iterable[Finding], taken: Callable[[Finding, Case], bool], why: str
) -> tuple[tuple[Finding, ...], tuple[Suppressed, ...]]:
    """The findings without the cases that are taken out, and those."""
    kept, out = [], []
    for finding in findings:
        marks = [taken(finding, case) for case in finding.cases]
        left = tuple(case for case, mark in zip(finding.cases, marks, strict=True) if not mark)
        gone = tuple(case for case, mark in zip(finding.cases, marks, strict=True) if mark)
        if left or finding.more:
            kept.append(replace(finding, cases=left or finding.cases) if gone else finding)
        if gone:
            out.append(Suppressed(replace(finding, cases=gone, more=0), why))
    return tuple(kept), tuple(out)


Name = Callable[[str], str]


def as_known(findings: Iterable[Finding], name: Name) -> tuple[Known, ...]:
    """What a baseline would know of findings, in the order of files.

    An object is known by its class and box, not by its line or place in the file, which move as others come and go;
    what is about no object, by how many of its kind the file has.

    Args:
        findings: that are to be known.
        name: what the baseline calls a file.
    """
    counts = Counter(_key(finding, case, name) for finding in findings for case in finding.cases)
    return tuple(sorted((replace(key, count=number) for key, number in counts.items()), key=_order))


def without_known(result: CheckResult, known: Iterable[Known], name: Name) -> CheckResult:
    """A result without what a baseline knows.

    Args:
        result: of `check`.
        known: of the baseline.
        name: what the baseline calls a file.
    """
    left = Counter[Known]()
    for each in known:
        left[replace(each, count=1)] += each.count

    def is_known(finding: Finding, case: Case) -> bool:
        key = _key(finding, case, name)
        met = left[key] > 0
        left[key] -= met
        return met

    findings, out = _parted(result.findings, is_known, KNOWN)
    gone = sorted((replace(key, count=number) for key, number in left.items() if number > 0), key=_order)
    number = sum(each.finding.count for each in out)
    suppressed = (*result.suppressed, *out)
    return replace(result, findings=findings, known=result.known + number, gone=tuple(gone), suppressed=suppressed)


def _key(finding: Finding, case: Case, name: Name) -> Known:
    where = case.where
    if where.object is None:
        return Known(name(where.file), finding.code, where.image)
    box = where.box
    if box is None or not all(map(math.isfinite, box)):
        return Known(name(where.file), finding.code, where.image, where.label)
    x1, y1, x2, y2 = (float(f"{side:.7g}") for side in box)
    return Known(name(where.file), finding.code, where.image, where.label, (x1, y1, x2, y2))


def _order(known: Known) -> tuple[str, str, str, str, str]:
    return known.file, known.code, str(known.image), known.label or "", str(known.box)
