"""What `check` returns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from ssdlossdbg.results.contract import Written, at
from ssdlossdbg.results.findings import Finding, Severity
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
            first.
    """

    files: Annotated[CheckedFiles, at("checked")]
    images: Annotated[int, at("totals.images")]
    objects: Annotated[int, at("totals.objects")]
    dialect: str
    device: str
    findings: tuple[Finding, ...]
    priors: str = ""
    choice: str = ""

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
        return f"{self.total} files, {self.objects} objects: {found}"
