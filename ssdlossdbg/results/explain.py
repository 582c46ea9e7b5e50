"""What `explain` tells."""

from __future__ import annotations

from dataclasses import dataclass

from ssdlossdbg.results.contract import Hidden
from ssdlossdbg.results.findings import Severity
from ssdlossdbg.results.report import Reported


@dataclass(frozen=True)
class CheckPage:
    """All that is known of a check.

    Attributes:
        code: of what it finds.
        name: in a few words.
        severity: of what it finds.
        family: what it looks at, in a word or two.
        summary: in a line.
        sections: the rest, by headings in lower case with `_` for spaces; an empty line ends a paragraph.
    """

    code: str
    name: str
    severity: Severity
    family: str
    summary: str
    sections: dict[str, str]


@dataclass(frozen=True, repr=False)
class Explained(Reported):
    """Some of the checks, or all.

    Attributes:
        whole: whether to tell all about each, rather than to list them; JSON always tells all.
    """

    checks: tuple[CheckPage, ...]
    whole: Hidden[bool] = True

    @property
    def headline(self) -> str:
        """What they look for, in a line."""
        return f"{len(self.checks)} checks"
