"""What `check` returns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from ssdlossdbg.results.common import Box
from ssdlossdbg.results.contract import Hidden, Written, at
from ssdlossdbg.results.findings import Finding, Severity
from ssdlossdbg.results.repairs import Copies, NotRepaired, Repair
from ssdlossdbg.results.report import Reported


@dataclass(frozen=True)
class CheckedFiles:
    """How many files were looked at.

    Attributes:
        annotations: files of annotated objects.
        tensors: files of saved predictions or targets.
        unreadable: those of both that could not be read.
    """

    annotations: int
    tensors: int
    unreadable: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.annotations + self.tensors


@dataclass(frozen=True)
class Known:
    """What a baseline knows.

    Attributes:
        file: from the folder of the baseline, with slashes.
        code: of the finding.
        image: of a file that holds several: its index in a batch, or its file name.
        label: of the object; None where it is about none.
        box: of the object, as it was found.
        count: how many such cases there are.
    """

    file: str
    code: str
    image: int | str | None = None
    label: str | None = None
    box: Box | None = None
    count: int = 1


@dataclass(frozen=True)
class Suppressed:
    """A finding that is not told.

    Attributes:
        finding: with the cases that are not.
        why: ignored, or known to the baseline.
    """

    finding: Finding
    why: str


@dataclass(frozen=True, repr=False)
class CheckResult(Reported):
    """What is wrong with a number of files.

    Attributes:
        files: how many there were.
        images: how many they are about, those without objects too.
        objects: that training would see in them.
        dialect: whose rules were followed.
        device: where it was computed.
        priors: what annotations were held against, by name; empty without any.
        choice: why those, where nobody named any and the number of classes decides; else empty.
        findings: one for each code and file, files with errors first, then by the files' names, the gravest of a file
            first; without those that are ignored, known or repaired.
        ignored: how many cases the user has ignored, by code or by file.
        known: how many cases a baseline knows.
        gone: what a baseline knows, and is there no more.
        repairs: what was changed in copies of the files.
        not_repaired: what of the findings was to be repaired, and why it is not.
        copies: which copies were written; None where none were asked for.
        suppressed: what is ignored, and what is known.
    """

    files: Annotated[CheckedFiles, at("checked")]
    images: Annotated[int, at("totals.images")]
    objects: Annotated[int, at("totals.objects")]
    dialect: str
    device: str
    findings: tuple[Finding, ...]
    priors: str = ""
    choice: str = ""
    ignored: Annotated[int, at("totals.ignored")] = 0
    known: Annotated[int, at("totals.known")] = 0
    gone: tuple[Known, ...] = ()
    repairs: tuple[Repair, ...] = ()
    not_repaired: tuple[NotRepaired, ...] = ()
    copies: Copies | None = None
    suppressed: Hidden[tuple[Suppressed, ...]] = ()

    def count(self, severity: Severity) -> int:
        """How many cases of a severity there are."""
        return sum(finding.count for finding in self.findings if finding.severity is severity)

    @property
    def total(self) -> Annotated[int, at("totals.files")]:
        """How many files there were."""
        return self.files.total

    @property
    def errors(self) -> Annotated[int, at("totals.errors")]:
        """How many cases of errors there are."""
        return self.count(Severity.ERROR)

    @property
    def warnings(self) -> Annotated[int, at("totals.warnings")]:
        """How many cases of warnings there are."""
        return self.count(Severity.WARNING)

    @property
    def notes(self) -> Annotated[int, at("totals.notes")]:
        """How many cases of notes there are."""
        return self.count(Severity.NOTE)

    @property
    def codes(self) -> Written[dict[str, int]]:
        """How many cases there are of each code, in the order of the codes."""
        findings = sorted(self.findings, key=lambda finding: finding.code)
        numbers: Counter[str] = sum((Counter({finding.code: finding.count}) for finding in findings), Counter())
        return dict(numbers)

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        found = f"{self.errors} errors, {self.warnings} warnings, {self.notes} notes"
        beside = f", {self.known} known, {self.ignored} ignored" if self.known or self.ignored else ""
        repaired = f", {len(self.repairs)} repaired in copies" if self.copies else ""
        return f"{self.total} files, {self.objects} objects: {found}{beside}{repaired}"
