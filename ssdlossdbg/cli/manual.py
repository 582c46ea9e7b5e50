"""`ssdlossdbg manual`: the manual, a page at a time."""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from typing import Annotated

import typer

from ssdlossdbg.cli.options import TracebackOption
from ssdlossdbg.cli.session import command, show_plain
from ssdlossdbg.errors import UnknownNameError

PAGES = files("ssdlossdbg") / "manual"
ENDING = ".md"


def _page_names() -> list[str]:
    return sorted(file.name.removesuffix(ENDING) for file in PAGES.iterdir() if file.name.endswith(ENDING))


@command
def manual(
    page: Annotated[
        str,
        typer.Argument(metavar="PAGE", help="Which page, or how its name begins.", autocompletion=_page_names),
    ] = "index",
    traceback: TracebackOption = False,
) -> None:
    """Read a page of the manual; by default, the one that lists them all.

    A terminal gets it through a pager, anything else as Markdown, to search.

    Example: ssdlossdbg manual saving
    """
    from ssdlossdbg.report.manual_text import manual_report, with_findings

    text = with_findings((PAGES / f"{_known_page(page)}{ENDING}").read_text(encoding="utf-8"))
    if sys.stdout.isatty():
        _page_through(manual_report(text))
    else:
        show_plain(text.rstrip("\n"))


def _known_page(name: str) -> str:
    """The page of that name, or the only one whose name begins so.

    Raises:
        UnknownNameError: there is none, or more than one.
    """
    known = _page_names()
    wanted = name.strip().lower()
    if wanted in known:
        return wanted
    begun = [page for page in known if wanted and page.startswith(wanted)]
    if len(begun) != 1:
        raise UnknownNameError("PAGE", "page", name, begun or known, "`ssdlossdbg manual` lists them all.")
    return begun[0]


def _page_through(report: object) -> None:
    from rich.console import Console

    os.environ.setdefault("LESS", "-R")  # else less, which most systems have, shows the colours' codes
    console = Console(highlight=False)
    with console.pager(styles=True):
        console.print(report)
