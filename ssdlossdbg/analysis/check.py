"""What the checks look at in annotation files, and what they found, told file by file."""

from __future__ import annotations

from collections.abc import Iterable

from ssdlossdbg.analysis.audit import ALONE, unheard
from ssdlossdbg.analysis.audit.assigned import Matcher
from ssdlossdbg.analysis.audit.evidence import audited_objects, refusals
from ssdlossdbg.analysis.audit.matched import flat, match_flat
from ssdlossdbg.analysis.common import resolve_device
from ssdlossdbg.readers.annotations import Dataset, photo_set, photo_sizes, scale_like
from ssdlossdbg.readers.named_priors import NamedPriors
from ssdlossdbg.results import SEVERITIES, Case, Finding, Objects, PhotoSet, Refusal
from ssdlossdbg.rules import Dialect


def analyse_dataset(
    dataset: Dataset, named: NamedPriors, dialect: Dialect, device: str = "auto"
) -> tuple[Objects | PhotoSet | Refusal, ...]:
    """Match the objects of annotation files of one format, as an audit of them does.

    Args:
        dataset: what was annotated, whether or not the photos are found.
        named: the priors.
        dialect: the rules.
        device: auto, cpu, cuda, cuda:N or mps.

    Returns:
        The objects, their photos, and what of the files takes no part.

    Raises:
        InputError: no such device.
    """
    matcher = Matcher(named, resolve_device(device), dialect)
    scaled = scale_like(dataset, dialect.targets, photo_sizes(dataset))
    matched = match_flat(flat(dataset, scaled), len(dataset.names), matcher, ALONE, unheard)
    if not matched.done.all():
        raise KeyboardInterrupt  # which ends an audit early; but half of the files checked is no check
    return (audited_objects(dataset, scaled, matched, matcher), photo_set(dataset), *refusals(dataset, scaled))


def by_file(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, one for each file and code, in the order of the files' names; the gravest of a file stays first."""
    cases: dict[tuple[str, str], dict[Case, None]] = {}
    known: dict[str, Finding] = {}
    for finding in findings:
        known[finding.code] = finding
        for case in finding.cases:  # a dict, since several batches may share priors, whose cases come up again
            cases.setdefault((case.where.file, finding.code), {})[case] = None
    told = (
        (file, Finding(code, known[code].name, known[code].severity, tuple(own))) for (file, code), own in cases.items()
    )
    return tuple(finding for _, finding in sorted(told, key=lambda pair: (pair[0], SEVERITIES.index(pair[1].severity))))
