"""A page of the manual: Markdown for the terminal, with the list of findings as the checks have it."""

from __future__ import annotations

import re

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import CodeBlock, Markdown, TableElement
from rich.syntax import Syntax
from rich.table import Table

from ssdlossdbg.checks.catalogue import CHECKS

FINDINGS_MARK = "<!-- findings -->\n"
# Lines of Markdown that go on no paragraph, and those that none goes on.
OWN_LINE = re.compile(r"\s*([-*] |[|#>]|\d+\. |<!--| {4})")
ENDED = re.compile(r"\s*([|#]|```|<!--)| {4}(?![-* ])")
PAGE_LINK = re.compile(r"\[([^]]+)\]\(\w+\.md\)")


class _Fence(CodeBlock):
    """A fenced block from the left edge on: rich pads it, which would break reports of 80 columns."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(str(self.text).rstrip(), self.lexer_name, theme=self.theme, word_wrap=True)


class _Table(TableElement):
    """A table that a narrow terminal folds: rich cuts off long words."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for part in super().__rich_console__(console, options):
            assert isinstance(part, Table)
            for column in part.columns:
                column.overflow = "fold"
            yield part


class _Page(Markdown):
    elements = Markdown.elements | {"fence": _Fence, "table_open": _Table}


def manual_report(text: str) -> RenderableType:
    """A page for the terminal, where a link to another page is that page's name."""
    return _Page(PAGE_LINK.sub(r"**\1**", text), code_theme="ansi_dark", hyperlinks=False)


def unwrapped(text: str) -> str:
    """The page with each paragraph and each item of a list in one line, as `grep` wants them; code stays as it is."""
    made: list[str] = []
    fenced = False
    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        joins = bool(line.strip()) and not (fenced or fence or OWN_LINE.match(line))
        if joins and made and made[-1].strip() and not ENDED.match(made[-1]):
            made[-1] += f" {line.strip()}"
        else:
            made.append(line.rstrip())
        fenced ^= fence
    return "\n".join(made)


def with_findings(text: str) -> str:
    """The page with a table of all findings where it asks for one."""
    rows = [f"| `{check.code}` | {check.severity} | {check.summary} |" for check in CHECKS.values()]
    return text.replace(FINDINGS_MARK, "\n".join(["| code | severity | |", "|---|---|---|", *rows, ""]))
