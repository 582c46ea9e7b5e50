"""Every check there is, and running them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import get_args

import numpy as np

from ssdlossdbg.checks.boxes import BOXES
from ssdlossdbg.checks.cases import Cases
from ssdlossdbg.checks.datasets import DATASETS
from ssdlossdbg.checks.encoding import ENCODING
from ssdlossdbg.checks.files import FILES
from ssdlossdbg.checks.labels import LABELS
from ssdlossdbg.checks.matching import MATCHING
from ssdlossdbg.checks.mining import MINING
from ssdlossdbg.checks.numerics import NUMERICS
from ssdlossdbg.checks.places import Numbering, meeting
from ssdlossdbg.checks.predictions import PREDICTIONS
from ssdlossdbg.checks.priors import PRIORS
from ssdlossdbg.checks.registry import Check
from ssdlossdbg.errors import UnknownNameError
from ssdlossdbg.results import SEVERITIES, Finding, Subject

FAMILIES = (FILES, DATASETS, BOXES, LABELS, PRIORS, ENCODING, MATCHING, MINING, PREDICTIONS, NUMERICS)
CHECKS: dict[str, Check] = {
    check.code: check for family in FAMILIES for check in sorted(family, key=lambda check: check.code)
}
# By what they look at; whatever a result may hold as evidence, some check looks at it.
CHECKS_OF: dict[type, tuple[Check, ...]] = {
    sees: tuple(check for check in CHECKS.values() if check.sees is sees) for sees in get_args(Subject)
}


def find(evidence: Iterable[Subject], together: bool = False, most: int | None = None) -> tuple[Finding, ...]:
    """Run every check on what it looks at.

    Args:
        evidence: the tables and results that a command's analysis handed on.
        together: whether all of it is about one photo or batch, so that what is wrong with one file (the priors, say)
            can explain what is seen in another (the predictions).
        most: how many cases a finding lists, the worst, out of those that it counts; all if None.

    Returns:
        The findings, the gravest first, in each severity in the order of the families; without those that another
        one explains.
    """
    found: dict[str, list[Cases]] = {code: [] for code in CHECKS}
    for subject in evidence:
        for check in CHECKS_OF[type(subject)]:
            found[check.code].append(check.run(subject))
    findings = []
    for check, own in _unexplained(found, Numbering(whatever_file=together)):
        listed = tuple(islice(chain.from_iterable(own), most))
        if listed:
            more = sum(map(len, own)) - len(listed)
            findings.append(Finding(check.code, check.name, check.severity, listed, more))
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def _unexplained(found: Mapping[str, Sequence[Cases]], numbering: Numbering) -> Iterator[tuple[Check, list[Cases]]]:
    """What each check found, less what lies where one of its causes was found."""
    places = {code: [numbering.places(cases) for cases in parts] for code, parts in found.items()}
    for code, check in CHECKS.items():
        causes = [part for cause in check.follows_from for part in places[cause] if len(part)]
        own = [
            cases.only(~meeting(at, np.concatenate(causes))) if causes and len(cases) else cases
            for cases, at in zip(found[code], places[code], strict=True)
        ]
        yield check, own


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


def known_prefix(text: str, where: str) -> str:
    """A code or the beginning of one, in capitals.

    Raises:
        UnknownNameError: no code begins so.
    """
    prefix = text.strip().upper()
    if not prefix or not any(code.startswith(prefix) for code in CHECKS):
        raise UnknownNameError(where, "code", text, CHECKS, "`ssdlossdbg explain` lists them all.")
    return prefix
