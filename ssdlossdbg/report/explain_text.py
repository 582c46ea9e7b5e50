"""The checks themselves: a list of all, and a page for each; for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from operator import attrgetter

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ssdlossdbg.checks.registry import Check
from ssdlossdbg.report.text import section
from ssdlossdbg.report.theme import SEVERITY_STYLES
from ssdlossdbg.report.view import USUAL, View
from ssdlossdbg.results import CheckPage, Explained, Severity

# Between pages; no wider than a usual terminal, as a file has no width.
RULE = Constrain(Rule(style="faint"), 80)
LONGEST_SEVERITY = max(map(len, Severity))


def explained(checks: Iterable[Check], whole: bool) -> Explained:
    """Checks as a result; `whole` tells all about each rather than lists them."""
    return Explained(tuple(map(_page_of, checks)), whole)


def _page_of(check: Check) -> CheckPage:
    sections = {
        title.lower().replace(" ", "_"): "\n\n".join(paragraphs(body)) for title, body in check.sections.items()
    }
    return CheckPage(check.code, check.name, check.severity, check.family, check.summary, sections)


def explain_report(result: Explained, view: View = USUAL) -> RenderableType:
    """The checks in a list, or all that is known of each."""
    return (_pages if result.whole else _list)(result.checks)


def _list(checks: Sequence[CheckPage]) -> RenderableType:
    families = [section(name.capitalize(), _lines(tuple(own))) for name, own in groupby(checks, attrgetter("family"))]
    return Group(*families, Text("ssdlossdbg explain CODE tells all about one.", style="faint"))


def _lines(checks: Sequence[CheckPage]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, width=LONGEST_SEVERITY)
    grid.add_column(overflow="fold")
    for check in checks:
        grid.add_row(check.code, _severity(check), Text(check.name))
    return grid


def _pages(checks: Sequence[CheckPage]) -> RenderableType:
    pages = [_page(check) for check in checks]
    return Group(pages[0], *(Group(Text(), RULE, page) for page in pages[1:]))


def _page(check: CheckPage) -> RenderableType:
    head = Text.assemble((check.code, "title"), "  ", (check.name, "title"), "  ", _severity(check))
    parts = [
        Group(Text(), Text(key.replace("_", " ").capitalize(), style="title"), *_indented(body))
        for key, body in check.sections.items()
    ]
    return Group(head, Text(), Text(check.summary), *parts)


def _severity(check: CheckPage) -> Text:
    return Text(check.severity, style=SEVERITY_STYLES[check.severity])


def _indented(body: str) -> list[RenderableType]:
    made: list[RenderableType] = []
    for paragraph in body.split("\n\n"):
        if made:
            made.append(Text())
        made.append(Padding(Text(paragraph), (0, 0, 0, 2), expand=False))
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
