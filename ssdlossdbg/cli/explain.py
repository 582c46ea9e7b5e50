"""`ssdlossdbg explain`: what does a finding mean, why does it matter, and how do I fix it?"""

from __future__ import annotations

import re

from ssdlossdbg.cli import completions
from ssdlossdbg.cli.command import command
from ssdlossdbg.cli.deliver import deliver
from ssdlossdbg.cli.groups import Report
from ssdlossdbg.cli.options import Group, argument
from ssdlossdbg.errors import InputError

# One word that may be meant for a code, whether there is such a one or not.
CODE = re.compile(r"\s*([A-Za-z]{2,4}[0-9]+|[A-Z]+)\s*|[^a-z ]*")


class Codes(Group):
    """The findings that are asked for."""

    codes: list[str] | None = argument(
        "[CODE]...",
        "Codes of findings, or their beginnings: BOX001, BOX; or a symptom in words: loss is nan.",
        default=None,
        autocompletion=completions.codes,
    )


@command
def explain(asked: Codes, report: Report) -> None:
    """List what is checked, or say all about a finding.

    A page says what the finding means, why it matters, how it is told, how to fix it, and where people met it.

    Example: ssdlossdbg explain BOX001, or ssdlossdbg explain "loss is nan"
    """
    from ssdlossdbg.checks.catalogue import CHECKS, is_code, known_prefix
    from ssdlossdbg.checks.symptoms import by_symptom
    from ssdlossdbg.report.explain_text import explained

    words = asked.codes or []
    if any(not CODE.fullmatch(word) for word in words) and not any(map(is_code, words)):
        found = by_symptom(" ".join(words))
        if not found:
            what = f"no page speaks of {' '.join(words)!r}"
            raise InputError("CODE", what, "Say it in other words, or list all: ssdlossdbg explain.")
        deliver(explained(found, whole=False), report.format)
        return
    prefixes = tuple(known_prefix(code, "CODE") for code in words)
    checks = [check for check in CHECKS.values() if not prefixes or check.code.startswith(prefixes)]
    deliver(explained(checks, whole=bool(prefixes)), report.format)
