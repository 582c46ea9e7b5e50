"""What the checks look at in annotation files, and what they found, told file by file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from ssdlossdbg.analysis.audit.assigned import Matcher
from ssdlossdbg.analysis.audit.part import evidence_of, match_parts
from ssdlossdbg.analysis.common import matching_device
from ssdlossdbg.readers.annotations import Dataset
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results import SEVERITIES, Case, Evidence, Finding, in_order
from ssdlossdbg.rules import Dialect


def analyse_datasets(
    datasets: Sequence[Dataset], named: NamedPriors, dialect: Dialect, device: str = "auto"
) -> tuple[Evidence, ...]:
    """Match the objects of annotation files, as an audit of them does.

    Args:
        datasets: what was annotated, one for each format, whether or not the photos are found.
        named: the priors.
        dialect: the rules.
        device: auto, cpu, cuda, cuda:N or mps.

    Returns:
        The objects, their photos and classes, and what of the files takes no part.

    Raises:
        InputError: no such device.
    """
    matcher = Matcher(named, matching_device(device, named, dialect), dialect)
    parts = match_parts(datasets, matcher)
    if not parts[-1].done:
        raise KeyboardInterrupt  # which ends an audit early; but half of the files checked is no check
    return evidence_of(parts, matcher)


def by_file(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, one for each file and code, those of a file as `in_order` has them.

    Files of errors come first, then those of warnings, of notes; a file that holds the cause of what is found in others
    is as grave as that, and stands before them. Of each kind they go by their names. So a warning about a whole folder
    does not stand before the errors in its files.
    """
    cases: dict[tuple[str, str], dict[Case, None]] = {}
    known: dict[str, Finding] = {}
    for finding in findings:
        known.setdefault(finding.code, finding)
        for case in finding.cases:  # a dict, since several batches may share priors, whose cases come up again
            cases.setdefault((case.where.file, finding.code), {})[case] = None
    told: dict[str, list[Finding]] = {}
    for (file, code), own in cases.items():
        told.setdefault(file, []).append(replace(known[code], cases=tuple(own), more=0))
    causes = {cause for own in told.values() for cause in _elsewhere(own)}
    later = {file: not causes & {finding.code for finding in own} for file, own in told.items()}
    caused: dict[str, int] = {}  # how grave the gravest is that follows from a code
    for finding in known.values():
        for cause in finding.follows_from:
            caused[cause] = min(caused.get(cause, len(SEVERITIES)), SEVERITIES.index(finding.severity))
    gravest = {
        file: min(min(SEVERITIES.index(each.severity), caused.get(each.code, len(SEVERITIES))) for each in own)
        for file, own in told.items()
    }
    files = sorted(told, key=lambda file: (gravest[file], later[file], file))
    return tuple(chain.from_iterable(in_order(told[file]) for file in files))


def _elsewhere(findings: Iterable[Finding]) -> set[str]:
    """The codes of what the findings of a file follow from and that is not in it."""
    findings = list(findings)
    causes = {cause for finding in findings for cause in finding.follows_from}
    return causes - {finding.code for finding in findings}
