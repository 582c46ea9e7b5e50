"""Every check there is, and running them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import get_args

import numpy as np

from ssdlossdbg.checks.boxes import BOXES
from ssdlossdbg.checks.cases import EVERYTHING
from ssdlossdbg.checks.class_lists import LABELS
from ssdlossdbg.checks.datasets import DATASETS
from ssdlossdbg.checks.encoding import ENCODING
from ssdlossdbg.checks.history_objects import HISTORY
from ssdlossdbg.checks.loader import LOADER
from ssdlossdbg.checks.matching import MATCHING
from ssdlossdbg.checks.mining import MINING
from ssdlossdbg.checks.numerics import NUMERICS
from ssdlossdbg.checks.photo_files import FILES
from ssdlossdbg.checks.places import Numbering, meeting
from ssdlossdbg.checks.predictions import PREDICTIONS
from ssdlossdbg.checks.priors import PRIORS
from ssdlossdbg.checks.recorded import RECORDED
from ssdlossdbg.checks.registry import Check
from ssdlossdbg.checks.shares import Part, share_of
from ssdlossdbg.errors import UnknownNameError
from ssdlossdbg.results import (
    AnchorsResult,
    ClassUse,
    Finding,
    IntArray,
    Objects,
    PhotoFiles,
    PhotoSet,
    PriorTable,
    Refusal,
    Subject,
    in_order,
)

# First what puts all else in doubt.
FAMILIES = (
    RECORDED,
    FILES,
    LOADER,
    DATASETS,
    BOXES,
    LABELS,
    PRIORS,
    ENCODING,
    MATCHING,
    MINING,
    NUMERICS,
    PREDICTIONS,
    HISTORY,
)
CHECKS: dict[str, Check] = {
    check.code: check for family in FAMILIES for check in sorted(family, key=lambda check: check.code)
}
# Priors that are odd explain what else is found only if they are so large a share of all.
ENOUGH_PRIORS = 0.1
# Of objects that encoded targets decode to, what is true whatever is left out, in whichever order they come: the
# checks of encoded targets look at the rest.
OF_RECOVERED = frozenset({"BOX008", "MAT004", "MAT005", "MAT006", "MAT012"})
# By what they look at; whatever a result may hold as evidence, some check looks at it.
CHECKS_OF: dict[type, tuple[Check, ...]] = {
    sees: tuple(check for check in CHECKS.values() if check.sees is sees) for sees in get_args(Subject)
}


def find(
    evidence: Iterable[Subject], together: bool = False, most: int | None = None, whole: tuple[str, ...] = ()
) -> tuple[Finding, ...]:
    """Run every check on what it looks at.

    Args:
        evidence: the tables and results that a command's analysis handed on.
        together: whether all of it is about one photo or batch, so that what is wrong with one file (the priors, say)
            can explain what is seen in another (the predictions).
        most: how many cases a finding lists, the worst, out of those that it counts; all if None.
        whole: beginnings of codes of which all cases are listed.

    Returns:
        The findings in the order of `in_order`, without those that another one explains.
    """
    found: dict[str, list[Part]] = {code: [] for code in CHECKS}
    files = 0
    for subject in evidence:
        files += len(subject.files) if isinstance(subject, Objects) else 0
        for check in _checks_of(subject):
            found[check.code].append(Part(subject, check.run(subject)))
    told, causes = _told(found, Numbering(whatever_file=together))
    findings = []
    for code, check in CHECKS.items():
        wanted = None if whole and code.startswith(whole) else most
        listed = tuple(islice(chain.from_iterable(part.cases for part in told[code]), wanted))
        if listed:
            more = sum(len(part.cases) for part in told[code]) - len(listed)
            share = share_of(told[code], beside=files if check.sees is Refusal else 0)
            findings.append(Finding(code, check.name, check.severity, listed, more, share, causes[code]))
    return in_order(findings)


def _checks_of(subject: Subject) -> Iterable[Check]:
    recovered = isinstance(subject, Objects) and subject.recovered
    return (check for check in CHECKS_OF[type(subject)] if not recovered or check.code in OF_RECOVERED)


Found = Mapping[str, Sequence[Part]]
# What is about every object, in whatever file it is: the priors, the classes, the photos.
OF_ALL = (PriorTable, AnchorsResult, ClassUse, PhotoFiles, PhotoSet)


def _told(found: Found, numbering: Numbering) -> tuple[Found, Mapping[str, tuple[str, ...]]]:
    """What each check found, less what lies where one of its causes was found, and which of them it stands beneath."""
    at = {code: [_places(part, numbering) for part in parts] for code, parts in found.items()}
    told = {code: list(parts) for code, parts in found.items()}
    some = {code: check for code, check in CHECKS.items() if any(map(len, at[code]))}
    for code, check in some.items():
        causes = [places for cause in check.follows_from for places in at[cause] if len(places)]
        told[code] = [
            Part(part.subject, part.cases.without(meeting(places, np.concatenate(causes))))
            if causes and len(places)
            else part
            for part, places in zip(found[code], at[code], strict=True)
        ]
    above = {
        code: tuple(
            cause
            for cause in check.beneath
            if cause in some
            and any(len(part.cases) for part in told[cause])
            and _of_same_files(at[code], at[cause])
            and (
                CHECKS[cause].sees is not PriorTable
                or check.sees is PriorTable
                or share_of(told[cause]) >= ENOUGH_PRIORS
            )
        )
        for code, check in some.items()
    }
    return told, above


# Most checks find nothing, and say so of each file.
NOWHERE = np.empty((0, 3), dtype=np.int64)


def _places(part: Part, numbering: Numbering) -> IntArray:
    if not len(part.cases):
        return NOWHERE
    places = numbering.places(part.cases)
    if isinstance(part.subject, OF_ALL):
        places[:] = EVERYTHING
    return places


def _of_same_files(places: Sequence[IntArray], causes: Sequence[IntArray]) -> bool:
    """Whether at least half of the places, `[K, 3]`, are in a file where a cause was found."""
    own, others = ([each[:, 0] for each in parts if len(each)] for parts in (places, causes))
    if not own or not others:
        return False
    files, met = np.concatenate(own), np.concatenate(others)
    found = np.zeros(2 + max(files.max(), met.max()), dtype=bool)
    found[met] = True  # that of EVERYTHING is the last
    same = found[files] | (files == EVERYTHING) | found[EVERYTHING]
    return bool(2 * same.sum() >= len(files))


def choose(findings: Iterable[Finding], select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Finding, ...]:
    """The findings that the user wants to hear of.

    Args:
        findings: what was found.
        select: codes or the beginnings of codes; all if empty.
        ignore: the same, for those to leave out; they win.
    """
    return tuple(
        finding
        for finding in findings
        if (not select or finding.code.startswith(tuple(select))) and not finding.code.startswith(tuple(ignore))
    )


def is_code(text: str) -> bool:
    """Whether it is a code or the beginning of one."""
    prefix = text.strip().upper()
    return bool(prefix) and any(code.startswith(prefix) for code in CHECKS)


def known_prefix(text: str, where: str) -> str:
    """A code or the beginning of one, in capitals.

    Raises:
        UnknownNameError: no code begins so.
    """
    if not is_code(text):
        raise UnknownNameError(where, "code", text, CHECKS, "`ssdlossdbg explain` lists them all.")
    return text.strip().upper()
