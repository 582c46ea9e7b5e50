"""`ssdlossdbg manual`: the manual, a page at a time."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ssdlossdbg.cli import widths
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.options import Group, argument
from ssdlossdbg.cli.streams import show, show_plain
from ssdlossdbg.errors import UnknownNameError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ENDING = ".md"


def _pages() -> dict[str, Traversable]:
    from importlib.resources import files

    found = {file.name: file for file in (files("ssdlossdbg") / "manual").iterdir()}
    return {name.removesuffix(ENDING): found[name] for name in sorted(found) if name.endswith(ENDING)}


def _names() -> list[str]:
    return list(_pages())


class Page(Group):
    """The page that is asked for."""

    page: str = argument("[PAGE]", "Which page, or how its name begins.", default="index", autocompletion=_names)


@command
def manual(asked: Page) -> None:
    """Read a page of the manual; by default, the one that lists them all.

    A terminal gets it through a pager, anything else as Markdown, a paragraph a line, to search.

    Example: ssdlossdbg manual saving
    """
    from ssdlossdbg.report.manual_text import manual_report, unwrapped, with_findings

    pages = _pages()
    text = with_findings(pages[_known(asked.page, list(pages))].read_text(encoding="utf-8"))
    if widths.asked():
        show(manual_report(text))
    elif sys.stdout.isatty():
        _page_through(manual_report(text))
    else:
        show_plain(unwrapped(text).rstrip("\n"))


def _known(name: str, pages: list[str]) -> str:
    """The page of that name, or the only one whose name begins so.

    Raises:
        UnknownNameError: there is none, or more than one.
    """
    wanted = name.strip().lower()
    if wanted in pages:
        return wanted
    begun = [page for page in pages if wanted and page.startswith(wanted)]
    if len(begun) != 1:
        raise UnknownNameError("PAGE", "page", name, begun or pages, "`ssdlossdbg manual` lists them all.")
    return begun[0]


def _page_through(report: object) -> None:
    from rich.console import Console

    # As git does: less shows colours rather than their codes, and a page that fits as it is.
    os.environ.setdefault("LESS", "FRX")
    console = Console(highlight=False)
    with console.pager(styles=True):
        console.print(report)
