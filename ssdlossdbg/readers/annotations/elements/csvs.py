"""Objects of Open Images and of TensorFlow's tutorials, in the rows of their CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from ssdlossdbg.readers.annotations.elements.element import Element, Facts, Span, Written
from ssdlossdbg.readers.annotations.open_images import columns
from ssdlossdbg.readers.annotations.tf_csv import TITLES, titles_of

Record = tuple[int, int, list[str]]


@dataclass
class _Csv(Written):
    """Rows of a CSV.

    Attributes:
        corners: the places of the columns that hold the box.
    """

    corners: Sequence[int] = ()

    def said(self, text: str) -> Facts:
        """The cells of a row."""
        return self.titled(next(csv.reader(StringIO(text, newline="")), []))

    def spans(self, element: Element) -> tuple[Span, ...]:
        """Those of the cells of the box."""
        cells = _cells(self.text[element.start : element.end], element.start)
        return tuple(cells[corner] for corner in self.corners) if max(self.corners) < len(cells) else ()


def open_images(text: str) -> Written:
    """Rows by the photos that they name."""
    records = _records(text)
    _, _, head = next(records)
    wanted, _ = columns(head, "")
    written = _Csv(text, titles=head, corners=wanted[2:])
    for start, end, row in records:
        image = row[wanted[0]] if wanted[0] < len(row) else ""
        if image:
            written.at.setdefault(f"{image}.jpg", []).append(Element(start, end))
    return written


def tf_csv(text: str) -> Written:
    """Rows by the photos that they name."""
    records = _records(text)
    _, _, head = next(records)
    titles = titles_of(head)
    written = _Csv(text, titles=titles, corners=[titles.index(title) for title in TITLES[2:]])
    for start, end, row in records:
        cells = dict(zip(titles, row, strict=False))
        if name := cells.get("filename", "").strip():
            written.at.setdefault(name, []).append(Element(start, end, cells.get("class", "").strip()))
    return written


def _records(text: str) -> Iterator[Record]:
    """The extent of each row that is not empty, with its end, and its cells; a row may go over several lines."""
    begin = int(text.startswith("\ufeff"))
    lines = list(StringIO(text[begin:], newline=""))
    reader = csv.reader(lines)
    place, line = begin, 0
    for row in reader:
        length = sum(map(len, lines[line : reader.line_num]))
        if row:
            yield place, place + length, row
        place, line = place + length, reader.line_num


def _cells(record: str, place: int) -> list[Span]:
    """The extents of a row's cells, without quotes and blanks."""
    found, start, quoted = [], 0, False
    body = record.rstrip("\r\n")
    for at, sign in enumerate([*body, ","]):
        quoted ^= sign == '"'
        if sign == "," and not quoted:
            cell = body[start:at]
            inner = cell.strip(' \t"')
            first = place + start + cell.index(inner)
            found.append((first, first + len(inner)))
            start = at + 1
    return found
