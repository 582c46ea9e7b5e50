"""Objects of Pascal VOC and CVAT, in the bytes of their XML, each a character here, whatever the encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any
from xml.parsers import expat

from ssdlossdbg.readers.annotations.cvat import CORNERS as CVAT_CORNERS
from ssdlossdbg.readers.annotations.cvat import SHAPES
from ssdlossdbg.readers.annotations.elements.element import Edit, Element, Span, Written, whole_line
from ssdlossdbg.readers.annotations.voc import CORNERS

TAG = re.compile(r"<[^\s/>]+(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
LEAF = re.compile(r"<([\w:.-]+)(?:\s[^<>]*)?>([^<]*)</\1\s*>")
ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
OF_CVAT = re.compile(r"<attribute\s+name\s*=\s*[\"']([^\"']*)[\"']\s*>([^<]*)<")
BYTES = "latin-1"


class _Xml(Written):
    def without(self, gone: Sequence[Element]) -> Iterator[Edit]:
        """The elements, each with its lines where nothing else is in them."""
        return ((*whole_line(self.text, element.start, element.end), "") for element in gone)


class _VocText(_Xml):
    def said(self, text: str) -> dict[str, str]:
        """The texts of an object's tags, those of one name numbered."""
        found: dict[str, str] = {}
        for tag, value in LEAF.findall(text):
            names = chain([tag], (f"{tag} {number}" for number in count(2)))
            found[next(name for name in names if name not in found)] = value
        return found


class _CvatText(_Xml):
    def said(self, text: str) -> dict[str, str]:
        """The attributes of a shape, those of the label too."""
        tag = TAG.match(text)
        inner = ATTRIBUTE.finditer(tag[0] if tag else "")
        own = {match[1]: match[2] if match[2] is not None else match[3] for match in inner}
        return own | {f"attribute {name}": value for name, value in OF_CVAT.findall(text)}


def voc(text: str) -> Written:
    """The objects of a file about one photo."""
    written = _VocText(text, encoding=BYTES)
    written.at[None] = []
    reading = _Voc(text, written.at[None])
    _parse(text, reading)
    return written


def cvat(text: str) -> Written:
    """The shapes of images, and of tracks in the frames of a video."""
    written = _CvatText(text, encoding=BYTES)
    _parse(text, _Cvat(text, written))
    return written


def _parse(text: str, reading: _Reading) -> None:
    data = text.encode(BYTES)
    if b"\0" in data:
        raise ValueError  # UTF-16, in which digits are other bytes
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reading.start, reading.end
    parser.CharacterDataHandler = reading.characters
    reading.parser = parser
    parser.Parse(data, True)


class _Reading:
    parser: Any

    def __init__(self, text: str) -> None:
        self.written = text

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def end(self, tag: str) -> None:
        raise NotImplementedError

    def characters(self, characters: str) -> None:
        raise NotImplementedError

    def here(self) -> int:
        """Where the tag begins that is being read."""
        return int(self.parser.CurrentByteIndex)

    def after(self, place: int) -> int:
        """Where the tag that begins at a place ends."""
        match = TAG.match(self.written, place)
        return match.end() if match else place

    def closed(self, place: int) -> int:
        """Where the element ends that begins at a place, and is being left: behind its closing tag, if it has one."""
        here = self.here()
        return self.written.index(">", here) + 1 if self.written.startswith("</", here) else self.after(place)


@dataclass
class _Object:
    """An object of VOC while it is read: its extent, place, depth and name, and its box, of which the first counts."""

    start: int
    place: int
    depth: int
    name: str | None = None
    box: int = -1
    corners: dict[str, Span] = field(default_factory=dict)


class _Voc(_Reading):
    def __init__(self, text: str, found: list[Element]) -> None:
        super().__init__(text)
        self._found = found
        self._open: list[_Object] = []
        self._path: list[tuple[str, int]] = []
        self._name = ""

    def start(self, tag: str, _: dict[str, str]) -> None:
        self._path.append((tag, self.here()))
        if tag == "object":
            self._open.append(_Object(self.here(), len(self._found), len(self._path)))
            self._found.append(Element(self.here(), self.here()))
        own = self._open[-1] if self._open else None
        if own and tag == "bndbox" and len(self._path) == own.depth + 1:
            own.box += 1
        self._name = ""

    def characters(self, characters: str) -> None:
        self._name += characters

    def end(self, tag: str) -> None:
        _, start = self._path[-1]
        own = self._open[-1] if self._open else None
        if own is not None:
            within = len(self._path) - own.depth
            if tag == "name" and within == 1 and own.name is None:
                own.name = self._name.strip()
            parent = self._path[-2][0] if within == 2 else ""
            if parent == "bndbox" and own.box == 0 and tag in CORNERS:
                own.corners.setdefault(tag, self._within(start))
            if tag == "object":
                self._open.pop()
                numbers = tuple(own.corners[corner] for corner in CORNERS if corner in own.corners)
                fixed = "holds another object" if own.place + 1 < len(self._found) else ""
                box = numbers if len(numbers) == len(CORNERS) else ()
                self._found[own.place] = Element(own.start, self.closed(own.start), own.name or "", box, fixed)
        self._path.pop()
        self._name = ""

    def _within(self, start: int) -> Span:
        """The text between two tags, without the blanks around it."""
        first, last = self.after(start), self.here()
        inner = self.written[first:last]
        return first + len(inner) - len(inner.lstrip()), last - (len(inner) - len(inner.rstrip()))


class _Cvat(_Reading):
    """What `readers.annotations.cvat` adds and passes over, in the same order."""

    def __init__(self, text: str, written: Written) -> None:
        super().__init__(text)
        self._written = written
        self._stack: list[str] = []
        self._own: list[Element] | None = None
        self._track: str | None = None
        self._shape: tuple[str, int, dict[str, str]] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._stack.append(tag)
        if tag == "image":
            self._own = self._written.add_image(attributes.get("name", "").replace("\\", "/"))
        elif tag == "track":
            self._track = attributes.get("label", "")
        elif tag in SHAPES and self._shape is None and (self._own is not None or self._track is not None):
            self._shape = tag, self.here(), attributes

    def characters(self, characters: str) -> None:
        pass

    def end(self, tag: str) -> None:
        if tag == "image":
            self._own = None
        elif tag == "track":
            self._track = None
        elif self._shape and tag == self._shape[0] and self._stack[-2] in ("image", "track"):
            self._add(*self._shape)
            self._shape = None
        self._stack.pop()

    def _add(self, tag: str, start: int, attributes: dict[str, str]) -> None:
        own, label, bound = self._own, attributes.get("label", ""), ""
        fixed = f"is the outline of a {tag}, and no box was drawn" if tag != "box" else ""
        if attributes.get("rotation", "0").strip("0."):
            fixed = "is a turned box"
        if own is None:
            frame = attributes.get("frame", "")
            if attributes.get("outside") == "1" or not frame.isdecimal() or len(frame) > 9:
                return
            bound = "is a frame of a track, which its tool fills from the frames beside it"
            own, label = self._written.at.setdefault(f"frame_{int(frame):06d}.png", []), self._track or ""
        first, end = self.after(start), self.closed(start)
        numbers = tuple(_value(self.written, start, first, corner) for corner in CVAT_CORNERS) if not fixed else ()
        own.append(Element(start, end, label, numbers if None not in numbers else (), fixed, bound))  # type: ignore[arg-type]


def _value(text: str, start: int, end: int, name: str) -> Span | None:
    """The extent of the value of an attribute in a tag."""
    for match in ATTRIBUTE.finditer(text, start, end):
        if match[1] == name:
            return match.span(2 if match[2] is not None else 3)
    return None
