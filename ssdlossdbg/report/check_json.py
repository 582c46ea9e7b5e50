"""The JSON report of `check`."""

from __future__ import annotations

import json

from ssdlossdbg.report.as_json import SCHEMA_VERSION
from ssdlossdbg.report.check_text import codes, severities
from ssdlossdbg.report.finding_json import finding_dict
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import SEVERITIES, CheckResult


def check_json(result: CheckResult, view: View = USUAL) -> str:
    """What was checked, and a finding for each file and code; notes too."""
    numbers = severities(result)
    report = {
        "schema_version": SCHEMA_VERSION,
        "command": "check",
        "dialect": result.dialect,
        "device": result.device,
        "files": {
            "annotations": result.files.annotations,
            "tensors": result.files.tensors,
            "unreadable": result.files.unreadable,
        },
        "totals": {
            "files": result.files.total,
            "images": result.images,
            "objects": result.objects,
            **{f"{severity}s": numbers[severity] for severity in SEVERITIES},
        },
        "codes": codes(result),
        "findings": [finding_dict(finding) for finding in result.findings],
    }
    return json.dumps(report, indent=2, allow_nan=False)
