"""The findings at the top of every terminal report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.text import Text

from ssdlossdbg.report.text import count, hanging
from ssdlossdbg.report.theme import SEVERITY_STYLES
from ssdlossdbg.report.view import UNLIMITED
from ssdlossdbg.results import SEVERITIES, Case, Finding, Severity

# At most a screenful: so many findings, and of each but a note so many cases.
MOST_FINDINGS, MOST_CASES = 7, 3


def findings_block(
    findings: Sequence[Finding],
    name_files: bool = False,
    files: Mapping[str, int] | None = None,
    most: int = MOST_CASES,
) -> RenderableType:
    """What is wrong, as `in_order` has it, each with what to do about it; nothing at all where nothing is.

    Args:
        findings: in their order.
        name_files: whether a report is about many files, so that each case names its own.
        files: by code, in how many files of batches it is so, where that is to be said.
        most: cases of each that are shown, but of a note one.
    """
    if not findings:
        return Group()
    listed = _Listed(tuple(findings[:MOST_FINDINGS]), name_files, files or {}, most)
    return Group(listed, Text(_summary(findings), style="faint"), Text())


@dataclass(frozen=True)
class _Listed:
    """Findings beside their codes; each sentence in a line of its own behind its code, for a program that reads lines.

    Attributes:
        findings: in their order.
        name_files: whether each case names its file.
        files: in how many files each code is found, where that is to be said.
        most: cases of each that are shown.
    """

    findings: tuple[Finding, ...]
    name_files: bool
    files: Mapping[str, int]
    most: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """A table of two columns."""
        rows: list[tuple[Text, Text]] = []
        for finding in self.findings:
            text = _finding(finding, self.name_files, self.files.get(finding.code, 0), self.most)
            words = text.split("\n") if options.max_width >= UNLIMITED else [text]
            apart = " " if options.max_width >= UNLIMITED else "\n"
            code = Text(f"{finding.code}{apart}{finding.severity}", style=SEVERITY_STYLES[finding.severity])
            rows += ((code, line) for line in words)
        yield hanging(rows)


def _finding(finding: Finding, name_files: bool, files: int, most: int) -> Text:
    note = finding.severity is Severity.NOTE
    shown = finding.cases[: 1 if note else most]
    left = finding.count - len(shown)
    lines = [_sentence(case, name_files, files > 0) for case in shown]
    if left:
        lines[-1] += f" And {left} more like it{f', in {files} files' if files > 1 else ''}."
    if finding.follows_from:
        lines[-1] += f" It follows from {_listed(finding.follows_from)}."
    text = Text("\n".join(lines))
    if not note:
        for fix in dict.fromkeys(case.fix for case in shown):
            text.append(f"\n{fix}", style="faint")
    return text


def _listed(codes: Sequence[str]) -> str:
    *others, last = codes
    return f"{', '.join(others)} and {last}" if others else last


def _sentence(case: Case, name_files: bool, of_batches: bool) -> str:
    place = case.where.place
    if name_files and not isinstance(case.where.image, int):  # begins with a file's name, which keeps its case
        parts = (PurePath(case.where.file).name if case.where.image is None else "", place)
        return f"{', '.join(part for part in parts if part)}: {case.message}."
    if of_batches and not case.where.name:  # a number says nothing without its file
        return f"{PurePath(case.where.file).name}, {place}: {case.message}."
    words = f"{place}: {case.message}" if place else case.message
    if case.where.name:
        return f"{words}."
    return f"{words[:1].upper()}{words[1:]}."


def _summary(findings: Sequence[Finding]) -> str:
    numbers: Counter[Severity] = Counter()
    for finding in findings:
        numbers[finding.severity] += finding.count
    said = ", ".join(count(numbers[severity], severity) for severity in SEVERITIES if numbers[severity])
    hidden = [finding.code for finding in findings[MOST_FINDINGS:]]
    more = f"Not shown, but in --format json: {', '.join(hidden)}. " if hidden else ""
    return f"{more}{said[:1].upper()}{said[1:]}; ssdlossdbg explain {findings[0].code} tells what one means."
