"""The checks themselves: a list of all, and a page for each; for the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import attrgetter

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ssdlossdbg.checks.registry import Check
from ssdlossdbg.report.as_json import SCHEMA_VERSION
from ssdlossdbg.report.text import section
from ssdlossdbg.report.theme import SEVERITY_STYLES
from ssdlossdbg.results import Severity

LONGEST_SEVERITY = max(map(len, Severity))


def checks_report(checks: Sequence[Check]) -> RenderableType:
    """Every check in a line, family by family."""
    families = [section(name.capitalize(), _lines(tuple(own))) for name, own in groupby(checks, attrgetter("family"))]
    return Group(*families, Text("ssdlossdbg explain CODE tells all about one.", style="faint"))


def _lines(checks: Sequence[Check]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, width=LONGEST_SEVERITY)
    grid.add_column(overflow="fold")
    for check in checks:
        grid.add_row(check.code, _severity(check), Text(check.name))
    return grid


def pages_report(checks: Sequence[Check]) -> RenderableType:
    """All that is known of each check, one below the other."""
    pages = [_page(check) for check in checks]
    return Group(pages[0], *(Group(Text(), Rule(style="faint"), page) for page in pages[1:]))


def _page(check: Check) -> RenderableType:
    head = Text.assemble((check.code, "title"), "  ", (check.name, "title"), "  ", _severity(check))
    parts = [Group(Text(), Text(title, style="title"), *_indented(body)) for title, body in check.sections.items()]
    return Group(head, Text(), Text(check.summary), *parts)


def _severity(check: Check) -> Text:
    return Text(check.severity, style=SEVERITY_STYLES[check.severity])


def _indented(body: str) -> list[RenderableType]:
    made: list[RenderableType] = []
    for paragraph in paragraphs(body):
        if made:
            made.append(Text())
        made.append(Padding(Text(paragraph), (0, 0, 0, 2)))
    return made


def paragraphs(body: str) -> list[str]:
    """A section's paragraphs, each in one line, so that they wrap where the reader's terminal ends.

    Args:
        body: a section of a docstring, wrapped as the source is. Lines that are indented or begin with `- ` stay
            lines of their own.
    """
    return [_unwrapped(paragraph.splitlines()) for paragraph in body.split("\n\n")]


def _unwrapped(lines: Sequence[str]) -> str:
    made = lines[0]
    for before, line in pairwise(lines):
        apart = before.startswith(" ") or line.startswith((" ", "- "))
        made += ("\n" if apart else " ") + line
    return made


def checks_json(checks: Sequence[Check]) -> str:
    """The same for other programs; in a section, an empty line ends a paragraph."""
    report = {
        "schema_version": SCHEMA_VERSION,
        "command": "explain",
        "checks": [
            {
                "code": check.code,
                "name": check.name,
                "severity": check.severity,
                "family": check.family,
                "summary": check.summary,
                "sections": {_key(title): "\n\n".join(paragraphs(body)) for title, body in check.sections.items()},
            }
            for check in checks
        ],
    }
    return json.dumps(report, indent=2)


def _key(title: str) -> str:
    return title.lower().replace(" ", "_")
