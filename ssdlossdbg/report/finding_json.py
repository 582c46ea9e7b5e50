"""Findings as JSON, the same in every command's report."""

from __future__ import annotations

import math
from typing import Any

from ssdlossdbg.results import Case, Finding

MOST_IN_MESSAGE = 3


def finding_dict(finding: Finding) -> dict[str, Any]:
    """A finding: its worst case at the top level, and all that were listed under `cases`."""
    report = {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "message": finding_message(finding),
        **{key: value for key, value in _case(finding.worst).items() if key != "message"},
        "count": finding.count,
        "cases": [_case(case) for case in finding.cases],
    }
    converted: dict[str, Any] = valid_json(report)
    return converted


def finding_message(finding: Finding) -> str:
    """The worst cases with their places, in a sentence without its full stop; a file is named once in a row."""
    parts, file = [], None
    for case in finding.cases[:MOST_IN_MESSAGE]:
        named = [case.where.file if case.where.file != file else "", case.where.place]
        place = ", ".join(part for part in named if part)
        parts.append(f"{place}: {case.message}" if place else case.message)
        file = case.where.file
    left = finding.count - len(parts)
    return "; ".join([*parts, *([f"and {left} more"] if left else [])])


def _case(case: Case) -> dict[str, Any]:
    where = case.where
    return {
        "message": case.message,
        "where": {
            "file": where.file,
            "image": where.image,
            "object": where.object,
            "label": where.label,
            "prior": where.prior,
            "level": where.level,
            "box": where.box,
        },
        "value": case.value,
        "bound": case.bound,
        "fix": case.fix,
    }


def valid_json(value: Any) -> Any:
    """The value with every float that JSON has no word for turned into a string."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: valid_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [valid_json(item) for item in value]
    return value
