"""The findings of many batches as those of one data set: each once, with all its places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ssdlossdbg.results import Case, Finding, in_order

# So many cases of a finding are kept; of the others it is known how many there are.
MOST_CASES = 100


@dataclass
class _Told:
    """A finding so far.

    Attributes:
        first: as it was met first.
        cases: those that are kept.
        known: messages about a whole file, which come again with each file.
        files: in which it was found.
    """

    first: Finding
    cases: list[Case] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    count: int = 0
    share: float = 0.0
    follows_from: dict[str, None] = field(default_factory=dict)


class Merged:
    """Takes the findings of one batch after the other."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Take those of a batch."""
        for finding in findings:
            told = self._told.setdefault(finding.code, _Told(finding))
            told.count += finding.count
            told.share += finding.share
            told.files |= {case.where.file for case in finding.cases}
            told.follows_from |= dict.fromkeys(finding.follows_from)
            for case in finding.cases:
                again = case.where.image is None and case.message in told.known
                if len(told.cases) < MOST_CASES and not again:
                    told.cases.append(case)
                    told.known.add(case.message)

    @property
    def files(self) -> dict[str, int]:
        """In how many files each of them was found, by its code."""
        return {code: len(told.files) for code, told in self._told.items()}

    def findings(self, batches: int) -> tuple[Finding, ...]:
        """All of them, causes first, then the gravest.

        Args:
            batches: how many there were, those without a finding, too.
        """
        return in_order(
            replace(
                told.first,
                cases=tuple(told.cases),
                more=told.count - len(told.cases),
                share=told.share / max(1, batches),
                follows_from=tuple(told.follows_from),
            )
            for told in self._told.values()
        )
