"""The findings of `check` as SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ssdlossdbg.checks.catalogue import CHECKS
from ssdlossdbg.checks.registry import Check
from ssdlossdbg.report.check_text import listed
from ssdlossdbg.report.explain_text import paragraphs
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import Case, CheckResult, Finding, Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def check_sarif(result: CheckResult, view: View = USUAL) -> str:
    """One run, with a result for each case and a rule for each code among them.

    Args:
        result: what `check` returned.
        view: says this program's version, and whether notes are told, too.
    """
    findings = listed(result, view.notes)
    quiet = [each for each in result.suppressed if view.notes or each.finding.severity is not Severity.NOTE]
    rules = sorted({finding.code for finding in (*findings, *(each.finding for each in quiet))})
    driver = {"name": "ssdlossdbg", "version": view.version, "rules": [_rule(CHECKS[code]) for code in rules]}
    results = [_result(finding, case, rules) for finding in findings for case in finding.cases]
    results += [
        _result(each.finding, case, rules) | {"suppressions": [{"kind": "external", "justification": each.why}]}
        for each in quiet
        for case in each.finding.cases
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, allow_nan=False)


def _rule(check: Check) -> dict[str, Any]:
    sections = {heading: "\n\n".join(paragraphs(text)) for heading, text in check.sections.items()}
    help_text = "\n\n".join(f"{heading}:\n{text}" for heading, text in sections.items())
    markdown = "\n\n".join(f"**{heading}**\n\n{text}" for heading, text in sections.items())
    return {
        "id": check.code,
        "name": check.name,
        "shortDescription": {"text": check.summary},
        "fullDescription": {"text": sections["What it means"]},
        "help": {"text": help_text, "markdown": markdown},
        "defaultConfiguration": {"level": str(check.severity)},
    }


def _result(finding: Finding, case: Case, rules: Sequence[str]) -> dict[str, Any]:
    place = case.where.place
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(case.where.file)}}}
    if case.where.line is not None:
        location["physicalLocation"]["region"] = {"startLine": case.where.line}
    if place:
        location["logicalLocations"] = [{"fullyQualifiedName": place}]
    message = f"{place}: {case.message}. {case.fix}" if place else f"{case.message}. {case.fix}"
    return {
        "ruleId": finding.code,
        "ruleIndex": rules.index(finding.code),
        "level": str(finding.severity),
        "message": {"text": message},
        "locations": [location],
    }


def _uri(file: str) -> str:
    """A path as a reference that is relative where the path is."""
    # Names that are not UTF-8 arrive with their bytes escaped; a colon in the first part would be taken for a scheme.
    return quote(file.replace("\\", "/").encode("utf-8", "surrogateescape"))
