"""The findings of `check` as GitHub's workflow commands, which annotate the files of a pull request."""

from __future__ import annotations

from ssdlossdbg.report.check_text import in_words, listed
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import Case, CheckResult, Finding, Repair, Severity, Where

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def check_github(result: CheckResult, view: View = USUAL) -> str:
    """A command for each case.

    Args:
        result: what `check` returned.
        view: says whether notes are told, too.
    """
    found = (_command(finding, case) for finding in listed(result, view.notes) for case in finding.cases)
    return "\n".join([*map(_repaired, result.repairs), *found, *_beside(result)])


def _beside(result: CheckResult) -> list[str]:
    """A command that says how much is not told; none where all is."""
    if not result.known and not result.ignored:
        return []
    said = f"{result.known} findings are known to the baseline, {result.ignored} are ignored."
    return [f"::notice title=ssdlossdbg check::{said}"]


def _repaired(repair: Repair) -> str:
    message = f"{repair.where.place}: {in_words(repair)}"
    return f"::notice {_properties(repair.where, f'{repair.code} repaired')}::{_data(message)}"


def _command(finding: Finding, case: Case) -> str:
    place = case.where.place
    message = f"{place}: {case.message}".lstrip() if place else case.message  # the name of a photo may be blanks
    properties = _properties(case.where, f"{finding.code} {finding.name}")
    return f"::{COMMANDS[finding.severity]} {properties}::{_data(f'{message}. {case.fix}')}"


def _properties(where: Where, title: str) -> str:
    line = f",line={where.line}" if where.line is not None else ""
    return f"file={_property(where.file.replace(chr(92), '/'))}{line},title={_property(title)}"


def _data(text: str) -> str:
    """What follows the command, escaped as GitHub's toolkit does (packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The value of a property, in which these would end it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
