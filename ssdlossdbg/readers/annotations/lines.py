"""On which line of an annotation file an object stands, for editors and reviews that open it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ssdlossdbg.readers.annotations.elements.element import Element
from ssdlossdbg.readers.annotations.elements.locate import locate
from ssdlossdbg.results import Case, Finding

# Bytes; a line of a larger file is of no use, and finding it takes as long as reading the file again.
LARGEST = 64_000_000


def with_lines(findings: Iterable[Finding], formats: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings with the lines of their objects, where they can be found; only what the labels agree with.

    Args:
        findings: of any files.
        formats: of annotation files, as options call them; objects of others have no line.
    """
    lines = _Lines(formats)
    return tuple(replace(finding, cases=tuple(lines.with_line(case) for case in finding.cases)) for finding in findings)


@dataclass
class _Lines:
    """The lines that the objects of files begin in, each file being looked at once.

    Attributes:
        formats: of the files.
    """

    formats: Mapping[str, str]
    _of: dict[str, dict[str | None, list[tuple[int, Element]]]] = field(default_factory=dict)

    def with_line(self, case: Case) -> Case:
        """A case with the line of its object."""
        where = case.where
        if where.object is None or isinstance(where.image, int) or where.file not in self.formats:
            return case
        if where.file not in self._of:
            self._of[where.file] = self._look(where.file)
        stands = self._of[where.file].get(where.image, [])
        if where.object >= len(stands):
            return case
        line, element = stands[where.object]
        agrees = not element.label or not where.label or element.label == where.label
        return replace(case, where=replace(where, line=line)) if agrees else case

    def _look(self, file: str) -> dict[str | None, list[tuple[int, Element]]]:
        written = locate(Path(file), self.formats[file], LARGEST)
        if written is None:
            return {}
        known = {image: own for image, own in written.at.items() if image not in written.twice}
        elements = [element for own in known.values() for element in own]
        lines = iter(written.lines(elements))
        return {image: [(next(lines), element) for element in own] for image, own in known.items()}
