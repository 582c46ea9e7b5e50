"""What `check` returns."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.findings import Finding


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
class CheckResult:
    """What is wrong with a number of files.

    Attributes:
        files: how many there were.
        images: how many they are about, those without objects too.
        objects: that training would see in them.
        dialect: whose rules were followed.
        device: where it was computed.
        findings: one for each code and file, in the order of the files' names, the gravest of a file first.
    """

    files: CheckedFiles
    images: int
    objects: int
    dialect: str
    device: str
    findings: tuple[Finding, ...]
