"""`ssdlossdbg explain`: what does a finding mean, why does it matter, and how do I fix it?"""

from __future__ import annotations

from typing import Annotated

import typer

from ssdlossdbg.cli.options import Format, FormatOption, TracebackOption
from ssdlossdbg.cli.session import command, show_output


def _codes() -> list[str]:
    from ssdlossdbg.checks.catalogue import CHECKS

    return list(CHECKS)


@command
def explain(
    codes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CODE]...", help="Codes of findings, or their beginnings: BOX001, BOX.", autocompletion=_codes
        ),
    ] = None,
    format: FormatOption = Format.TEXT,
    traceback: TracebackOption = False,
) -> None:
    """List what is checked, or say all about a finding.

    A page says what the finding means, why it matters, how it is told, how to fix it, and where people met it.

    Example: ssdlossdbg explain BOX001
    """
    from ssdlossdbg.checks.catalogue import CHECKS, known_prefix
    from ssdlossdbg.report.explain_text import explained

    prefixes = tuple(known_prefix(code, "CODE") for code in codes or ())
    asked = [check for check in CHECKS.values() if not prefixes or check.code.startswith(prefixes)]
    show_output(explained(asked, whole=bool(prefixes)), format)
