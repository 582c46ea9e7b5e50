"""What a terminal shows of each result, word by word, as data/text/ has it: each value of the result in its own place.

After a wanted change, `OVERWRITE_GOLDEN=1 pytest tests/report` writes the texts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from ssdlossdbg.report.documents import COMMANDS
from ssdlossdbg.report.outputs import render as report_on
from ssdlossdbg.report.view import View
from ssdlossdbg.results import CheckResult, Severity, Where

GOLDEN = Path(__file__).parent / "data/text"
Render = Callable[..., str]


def hold(name: str, text: str) -> None:
    """Hold a text against what is stored, or store it."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("OVERWRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("kind", ["telling", "sparing"])
@pytest.mark.parametrize("command", COMMANDS)
def test_reports_are_the_stored_ones(command: str, kind: str, make_up: ModuleType, render: Render) -> None:
    """Of a result that holds all it can, in a wide terminal; and of one that holds little."""
    maker = {"telling": make_up.Telling, "sparing": make_up.Sparing}[kind]()
    text = render(report_on(maker.make(COMMANDS[command]), view=View(top=3 if kind == "telling" else None)), 160)
    hold(f"{command.replace(' --', '-')}-{kind}", text)


@pytest.mark.parametrize("format", ["github", "sarif"])
@pytest.mark.parametrize("notes", [True, False])
def test_formats_of_findings(format: str, notes: bool, make_up: ModuleType) -> None:
    """Of the codes that there are, for a rule's page goes with its code; one case has no place but its file."""
    result = make_up.Telling().make(CheckResult)
    first, second = result.findings
    bare = replace(first.cases[0], where=Where("a b\\c,%é.xml"), message="50%\nof it")
    result = replace(
        result,
        findings=(
            replace(first, code="BOX010", severity=Severity.NOTE),
            replace(second, code="BOX001", severity=Severity.ERROR, cases=(bare, *second.cases)),
        ),
    )
    written = report_on(result, format, View(notes=notes, version="1.2"))
    assert isinstance(written, str)
    if format == "sarif":  # of a page only how it begins
        document = json.loads(written)
        for rule in document["runs"][0]["tool"]["driver"]["rules"]:
            rule["help"] = {key: text[:40] for key, text in rule["help"].items()}
            rule["fullDescription"]["text"] = rule["fullDescription"]["text"][:40]
        written = json.dumps(document, indent=2)
    hold(f"check-{format}{'-notes' if notes else ''}", written + "\n")
