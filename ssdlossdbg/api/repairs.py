"""Repaired copies of annotation files: what `ssdlossdbg check --fix` writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ssdlossdbg.api.files import Checked
from ssdlossdbg.checks.repairs import propose
from ssdlossdbg.readers.annotations.elements.edit import mend
from ssdlossdbg.readers.annotations.elements.locate import locate
from ssdlossdbg.readers.annotations.lines import with_lines
from ssdlossdbg.results import (
    Action,
    Case,
    CheckResult,
    Finding,
    NotCopied,
    NotRepaired,
    Proposals,
    Repair,
    Severity,
    Wanted,
    Where,
)

# Formats of which nobody edits the bytes in place.
BINARIES = ("tfrecord", "parquet")
BINARY = "is binary and holds the photos, too: repair the annotations that it was made of, and make it anew"
UNFOUND = "its objects were not found in its text (UTF-16, say): save it as UTF-8"
Key = tuple[str, str, int | str | None, int | None]


@dataclass
class Repaired:
    """What came of repairing.

    Attributes:
        result: with the findings that are left, what was done, and why the rest was not.
        changed: by file, the bytes of its copy.
        copied: files whose copies are as they are.
        beside: files that name the classes, to be copied where they lie among the others.
        not_copied: files that there is no copy of.
    """

    result: CheckResult
    changed: dict[str, bytes] = field(default_factory=dict)
    copied: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    not_copied: list[NotCopied] = field(default_factory=list)


def repair(checked: Checked, result: CheckResult, wanted: Wanted) -> Repaired:
    """Repair what can be, and write nothing yet.

    Args:
        checked: what was looked at.
        result: what `checked` says, with the findings that are to be repaired if they can be.
        wanted: whether findings of a code are to be repaired in a file.
    """
    made = Repaired(result)
    done, left = list[Repair](), list[NotRepaired]()
    met: set[Key] = set()
    for dataset, objects in zip(checked.datasets, checked.objects, strict=True):
        proposals = propose(objects, result.findings, dataset.format.fractions, wanted)
        by_file = _by_file(proposals)
        left += proposals.left
        for file in dict.fromkeys(dataset.files):
            if dataset.format.name in BINARIES:
                made.not_copied.append(NotCopied(file, BINARY))
                left += _all_left(by_file.get(file), "its file is binary, and there is no copy of it")
            elif file not in by_file:
                made.copied.append(file)
            elif (written := locate(Path(file), dataset.format.name)) is None:
                made.copied.append(file)
                left += _all_left(by_file[file], UNFOUND)
            else:
                mended = mend(written, by_file[file])
                done += mended.done
                left += mended.left
                met |= _answered(by_file[file], mended.done)
                if mended.data is None:
                    made.copied.append(file)
                else:
                    made.changed[file] = mended.data
        if dataset.class_file:
            made.beside.append(str(dataset.class_file))
        made.copied += (each.file for each in dataset.refused)
    made.copied += checked.refused
    known = {*made.changed, *(each.file for each in made.not_copied)}
    made.copied = [file for file in dict.fromkeys(made.copied) if file not in known and Path(file).is_file()]
    formats = {file: each.format.name for each in checked.datasets for file in each.files}
    made.result = replace(
        result,
        findings=tuple(_without(result.findings, met)),
        repairs=_ordered(_numbered(_at_findings(done, result.findings), formats)),
        not_repaired=tuple(_said_once(left, result.findings)),
    )
    return made


def _by_file(proposals: Proposals) -> dict[str, Proposals]:
    found: dict[str, Proposals] = {}
    for mends in proposals.mends:
        found.setdefault(mends.where.file, Proposals()).mends.append(mends)
    for twins in proposals.twins:
        found.setdefault(twins.places[0][0].file, Proposals()).twins.append(twins)
    return found


def _all_left(proposals: Proposals | None, why: str) -> Iterator[NotRepaired]:
    for mends in proposals.mends if proposals else ():
        yield from (NotRepaired(code, mends.where, why) for code in mends.why.values())
    for twins in proposals.twins if proposals else ():
        yield NotRepaired(twins.code, twins.places[-1][0], why)


def _answered(proposals: Proposals, done: Sequence[Repair]) -> set[Key]:
    """The findings that repairs answer: of objects that are the same, those of all of them, once one is left."""
    met = {_key(each.code, each.where) for each in done}
    gone = {_key("", each.where) for each in done if each.action is Action.DEDUPE}
    for twins in proposals.twins:
        places = [where for where, _ in twins.places]
        if sum(_key("", where) in gone for where in places) == len(places) - 1:
            met |= {_key(twins.code, where) for where in places}
    return met


def _said_once(left: Sequence[NotRepaired], findings: Sequence[Finding]) -> Iterator[NotRepaired]:
    """Why each finding stays, the first reason, at the place that the finding names."""
    places = {_key(each.code, case.where): case.where for each in findings for case in each.cases}
    first = {_key(each.code, each.where): each for each in reversed(left)}
    for key, each in reversed(first.items()):
        yield replace(each, where=places.get(key, each.where))


def _key(code: str, where: Where) -> Key:
    return code, where.file, where.image, where.object


def _without(findings: Sequence[Finding], met: set[Key]) -> Iterator[Finding]:
    for finding in findings:
        cases = tuple(case for case in finding.cases if _key(finding.code, case.where) not in met)
        if cases:
            yield replace(finding, cases=cases)


def _at_findings(repairs: Sequence[Repair], findings: Sequence[Finding]) -> list[Repair]:
    """Repairs with the lines that findings of the same objects have."""
    lines = {_key("", case.where): case.where.line for each in findings for case in each.cases}
    return [replace(each, where=replace(each.where, line=lines.get(_key("", each.where)))) for each in repairs]


def _numbered(repairs: Sequence[Repair], formats: dict[str, str]) -> list[Repair]:
    """Repairs with the lines of their objects in the inputs."""
    bare = [each for each in repairs if each.where.line is None]
    cases = tuple(Case(each.where, "", None, None, "") for each in bare)
    (found,) = with_lines([Finding("", "", Severity.NOTE, cases)], formats)
    own = iter(case.where for case in found.cases)
    return [each if each.where.line is not None else replace(each, where=next(own)) for each in repairs]


def _ordered(repairs: Sequence[Repair]) -> tuple[Repair, ...]:
    """By file and place."""
    return tuple(
        sorted(repairs, key=lambda each: (each.where.file, str(each.where.image or ""), each.where.object or 0))
    )
