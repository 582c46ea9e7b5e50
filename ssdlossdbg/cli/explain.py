"""`ssdlossdbg explain`: what does a finding mean, why does it matter, and how do I fix it?"""

from __future__ import annotations

from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Report
from ssdlossdbg.cli.options import Group, argument


def _codes() -> list[str]:
    from ssdlossdbg.checks.catalogue import CHECKS

    return list(CHECKS)


class Codes(Group):
    """The findings that are asked for."""

    codes: list[str] | None = argument(
        "[CODE]...", "Codes of findings, or their beginnings: BOX001, BOX.", default=None, autocompletion=_codes
    )


@command
def explain(asked: Codes, report: Report) -> None:
    """List what is checked, or say all about a finding.

    A page says what the finding means, why it matters, how it is told, how to fix it, and where people met it.

    Example: ssdlossdbg explain BOX001
    """
    from ssdlossdbg.checks.catalogue import CHECKS, known_prefix
    from ssdlossdbg.report.explain_text import explained

    prefixes = tuple(known_prefix(code, "CODE") for code in asked.codes or ())
    checks = [check for check in CHECKS.values() if not prefixes or check.code.startswith(prefixes)]
    deliver(explained(checks, whole=bool(prefixes)), report.format)
