"""The findings of `check` as GitHub's workflow commands, which annotate the files of a pull request."""

from __future__ import annotations

from ssdlossdbg.report.check_text import listed
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import Case, CheckResult, Finding, Severity

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def check_github(result: CheckResult, view: View = USUAL) -> str:
    """A command for each case.

    Args:
        result: what `check` returned.
        view: says whether notes are told, too.
    """
    return "\n".join(_command(finding, case) for finding in listed(result, view.notes) for case in finding.cases)


def _command(finding: Finding, case: Case) -> str:
    place = case.where.place
    message = f"{place}: {case.message}" if place else case.message
    file, title = _property(case.where.file.replace("\\", "/")), _property(f"{finding.code} {finding.name}")
    line = f",line={case.where.line}" if case.where.line is not None else ""
    return f"::{COMMANDS[finding.severity]} file={file}{line},title={title}::{_data(f'{message}. {case.fix}')}"


def _data(text: str) -> str:
    """What follows the command, escaped as GitHub's toolkit does (packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The value of a property, in which these would end it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
