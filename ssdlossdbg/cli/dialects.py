"""`ssdlossdbg dialects`: whose rules are known, what they are, and where two of them differ."""

from __future__ import annotations

import json
from typing import Any

from ssdlossdbg.cli import names
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.groups import Report
from ssdlossdbg.cli.options import Group, argument
from ssdlossdbg.cli.streams import show, show_plain
from ssdlossdbg.report.outputs import TEXT


class Named(Group):
    """The dialects that are asked for."""

    name: str | None = argument(
        "NAME", "Print this one, with its sources.", default=None, autocompletion=names.dialects
    )
    other: str | None = argument(
        "OTHER", "Show only where NAME and OTHER differ.", default=None, autocompletion=names.dialects
    )


@command
def dialects(named: Named, report: Report) -> None:
    """List the dialects; print one, ready to be copied; or show where two differ.

    Example: ssdlossdbg dialects ssd.pytorch torchvision
    """
    from ssdlossdbg.readers.dialects import dialect_names, load_dialect, source_text
    from ssdlossdbg.report.compare_text import dialects_report, differences_report
    from ssdlossdbg.report.visible import shown, visible
    from ssdlossdbg.rules import differences

    name, other = named.name, named.other
    if report.format != TEXT:
        from ssdlossdbg.results.contract import SCHEMA_VERSION

        head = {"schema_version": SCHEMA_VERSION, "command": "dialects"}
        show_plain(json.dumps({**head, **_document(name, other)}, indent=2))
        return
    if name is None:
        known = [load_dialect(each) for each in dialect_names()]
        show(dialects_report([(_with_aliases(d.name, d.aliases), d.codebase, d.prior_config) for d in known]))
    elif other is None:
        lines = source_text(name).replace("\r\n", "\n").split("\n")
        show_plain("\n".join(map(visible, lines)))
    else:
        first, second = load_dialect(name, "NAME"), load_dialect(other, "OTHER")
        rows = shown(differences(first, second))
        show(differences_report(visible(first.name), visible(second.name), rows))


def _document(name: str | None, other: str | None) -> dict[str, Any]:
    """What JSON has: all dialects; the settings of one; or those in which two differ."""
    from ssdlossdbg.readers.dialects import dialect_names, load_dialect
    from ssdlossdbg.rules import differences, settings_of

    if name is None:
        known = [load_dialect(each) for each in dialect_names()]
        keys = ("name", "codebase", "aliases", "prior_config")
        return {"dialects": [{key: getattr(each, key) for key in keys} for each in known]}
    first = load_dialect(name, "NAME")
    if other is None:
        return {"name": first.name, "codebase": first.codebase, "settings": settings_of(first)}
    second = load_dialect(other, "OTHER")
    rows = {key: [one, two] for key, one, two in differences(first, second)}
    return {"names": [first.name, second.name], "differences": rows}


def _with_aliases(name: str, aliases: tuple[str, ...]) -> str:
    return f"{name} ({', '.join(aliases)})" if aliases else name
