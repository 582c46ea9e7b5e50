"""`ssdlossdbg dialects`: whose rules are known, what they are, and where two of them differ."""

from __future__ import annotations

from typing import Annotated

import typer

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.streams import show, show_plain


@command
def dialects(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Print this one, with its sources.")] = None,
    other: Annotated[str | None, typer.Argument(metavar="OTHER", help="Show only where NAME and OTHER differ.")] = None,
) -> None:
    """List the dialects; print one, ready to be copied; or show where two differ.

    Example: ssdlossdbg dialects ssd.pytorch torchvision
    """
    from ssdlossdbg.readers.dialects import dialect_names, load_dialect, source_text
    from ssdlossdbg.report.compare_text import dialects_report, differences_report
    from ssdlossdbg.rules import differences

    if name is None:
        known = [load_dialect(each) for each in dialect_names()]
        show(dialects_report([(_with_aliases(d.name, d.aliases), d.codebase, d.prior_config) for d in known]))
    elif other is None:
        show_plain(source_text(name))
    else:
        first, second = load_dialect(name, "NAME"), load_dialect(other, "OTHER")
        show(differences_report(first.name, second.name, differences(first, second)))


def _with_aliases(name: str, aliases: tuple[str, ...]) -> str:
    return f"{name} ({', '.join(aliases)})" if aliases else name
