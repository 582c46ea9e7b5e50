"""Objects that have a row each, in text files of an image and of many."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO

from ssdlossdbg.readers.annotations.elements.element import Edit, Element, Span, Written
from ssdlossdbg.readers.annotations.photo_files import ENDINGS
from ssdlossdbg.readers.annotations.visdrone import CATEGORIES
from ssdlossdbg.readers.annotations.yolo_rows import COLUMNS as YOLO_COLUMNS

WORD = re.compile(r"[^\s\ufeff]+")
CELL = re.compile(r"[^,]*")
Line = tuple[int, int, str]


class _Inline(Written):
    """Objects in one line with their photo."""

    def without(self, gone: Sequence[Element]) -> Iterator[Edit]:
        """The objects, with the blanks before them."""
        for element in gone:
            before = element.start
            while before and self.text[before - 1] in " \t":
                before -= 1
            yield before, element.end, ""


@dataclass
class _Counted(Written):
    """Rows below their number.

    Attributes:
        counts: by where an element begins: where the number above it stands, and which it is.
    """

    counts: dict[int, tuple[Span, int]] = field(default_factory=dict)

    def without(self, gone: Sequence[Element]) -> Iterator[Edit]:
        """Rows, and numbers that go down; a photo without any keeps a row of zeros, as the format has it."""
        left: dict[Span, int] = {}
        for element in gone:
            above, said = self.counts[element.start]
            left[above] = left.get(above, said) - 1
            row = self.text[element.start : element.end]
            yield element.start, element.end, re.sub(r"\S+", "0", row) if left[above] == 0 else ""
        for (start, end), number in left.items():
            yield start, end, str(number)


def yolo(text: str) -> Written:
    """Rows of `class cx cy w h`; others count, and have no box."""
    written = _written(text, "cxcywh")
    for start, end, row in _lines(text.splitlines(keepends=True)):
        words = _words(row, start)
        written.at[None].append(Element(start, end, "", tuple(words[1:]) if len(words) == YOLO_COLUMNS else ()))
    return written


def kitti(text: str) -> Written:
    """Rows whose columns 5 to 8 are the box."""
    written = _written(text, "xyxy", ("type", "truncated", "occluded", "alpha"))
    for start, end, row in _lines(text.splitlines(keepends=True)):
        words = _words(row, start)
        written.at[None].append(Element(start, end, text[slice(*words[0])], tuple(words[4:8])))
    return written


def visdrone(text: str) -> Written:
    """Rows of columns with commas, the box first."""
    written = _written(text, "xywh", (*"xywh", "score", "category", "truncation", "occlusion"))
    for start, end, row in _lines(text.splitlines(keepends=True)):
        cells = row.strip("\ufeff").strip().split(",")
        number = cells[5].strip() if len(cells) > 5 else ""
        label = CATEGORIES[int(number)] if number.isdecimal() and int(number) < len(CATEGORIES) else ""
        written.at[None].append(Element(start, end, label, tuple(_cells(row, start)[:4])))
    return written


def wider_face(text: str) -> Written:
    """Photos with the number of their faces above the rows; the number goes down as faces go."""
    written = _Counted(text, "xywh", titles=(*"xywh", "blur", "expression", "illumination", "invalid"))
    own: list[Element] | None = None
    said, above = None, (0, 0)
    for start, end, row in _lines(StringIO(text, newline="")):
        bare = row.strip("\ufeff").strip()
        if bare.lower().endswith(ENDINGS):
            own, said, above = written.add_image(bare), None, (start, start)
        elif own is not None and said is None and bare.isdecimal() and len(bare) < 10:
            [above], said = _words(row, start), int(bare)
        elif own is not None and (said != 0 or set(bare.split()) != {"0"}):
            own.append(Element(start, end, "face", tuple(_words(row, start)[:4])))
            written.counts[start] = above, -1 if said is None else said
    found = Counter(above for above, _ in written.counts.values())
    for faces in written.at.values():
        faces[:] = [
            face if found[above] == said else replace(face, bound="is not counted by the number above its rows")
            for face in faces
            for above, said in [written.counts[face.start]]
        ]
    return written


def retinaface(text: str) -> Written:
    """Rows below the name of their photo."""
    written = Written(text, "xywh")
    own: list[Element] | None = None
    for start, end, row in _lines(StringIO(text, newline="")):
        bare = row.strip("\ufeff").strip()
        if bare.startswith("#"):
            own = written.add_image(bare.lstrip("#").strip())
        elif own is not None:
            own.append(Element(start, end, "face", tuple(_words(row, start)[:4])))
    return written


def photo_list(text: str) -> Written:
    """Photos, each with its objects behind it in one line."""
    from ssdlossdbg.readers.annotations.photo_lists import split

    written = _Inline(text)
    for start, _, row in _lines(StringIO(text, newline="")):
        bare = row.strip("\ufeff").strip()
        photo, boxes = split(bare)
        own = written.at.setdefault(photo, [])
        words = _words(row, start)
        for first, last in words[len(words) - len(boxes) :]:
            own.append(Element(first, last, "", tuple(_cells(text[first:last], first)[:4])))
    return written


def _written(text: str, layout: str, titles: Sequence[str] = ()) -> Written:
    written = Written(text, layout, titles=titles)
    written.at[None] = []
    return written


def _lines(lines: Iterable[str]) -> Iterator[Line]:
    """The extent of each line that holds something, with its end, and the line."""
    place = 0
    for line in lines:
        if line.strip("\ufeff").strip():
            yield place + (line[0] == "\ufeff"), place + len(line), line.removeprefix("\ufeff")
        place += len(line)


def _words(row: str, place: int) -> list[Span]:
    return [(place + match.start(), place + match.end()) for match in WORD.finditer(row)]


def _cells(row: str, place: int) -> list[Span]:
    """The extents between commas, without blanks."""
    found = []
    for match in CELL.finditer(row.rstrip()):
        inner = match[0]
        if inner.strip():
            start = place + match.start() + len(inner) - len(inner.lstrip())
            found.append((start, start + len(inner.strip())))
    return found
