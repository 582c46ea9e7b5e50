"""An object as its file writes it, and the file as text that can be put together again byte for byte."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

Span = tuple[int, int]
Facts = Mapping[str, str]
# What replaces a span of the text.
Edit = tuple[int, int, str]
# Between columns.
APART = re.compile(r"[\s,]+")
BREAK = re.compile(r"\r\n|\r|\n")
# What says nothing, as a value of an attribute.
EMPTY = frozenset({"", "unspecified", "unknown", "null", "none", "[]", "{}"})


@dataclass(frozen=True, slots=True)
class Element:
    """An object as it is written.

    Attributes:
        start, end: of all of it, in the text.
        label: of its class; empty where the file has none, but a number.
        numbers: the spans of the numbers of its box, in the order of the file's layout; none where the box is not
            written as such, or `Written.spans` looks for them.
        fixed: why it cannot be changed, in words that follow a name; empty where it can.
        bound: the same of why it cannot be taken out by itself.
    """

    start: int
    end: int
    label: str = ""
    numbers: tuple[Span, ...] = ()
    fixed: str = ""
    bound: str = ""


Objects = dict[str | None, list[Element]]


@dataclass
class Written:
    """A file with its objects; by default in rows of their own, whose columns say all.

    Attributes:
        text: all of it.
        layout: of the numbers: xyxy, xywh or cxcywh; or points, x and y in turn.
        encoding: that makes its bytes of the text again.
        titles: of the columns of rows.
        at: by image, None in a file about one: its objects, in the order in which the reader counts them.
        twice: images that come up twice under one name, so that their objects cannot be told apart.
    """

    text: str
    layout: str = "xyxy"
    encoding: str = "utf-8"
    titles: Sequence[str] = ()
    at: Objects = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)

    def said(self, text: str) -> Facts:
        """What an element's text says, by names."""
        return self.titled(APART.split(text.strip()))

    def titled(self, cells: Iterable[str]) -> Facts:
        """The cells of a row by what their columns are called."""
        titles = chain(self.titles, (f"column {number}" for number in count(len(self.titles) + 1)))
        return dict(zip(titles, cells, strict=False))

    def without(self, gone: Sequence[Element]) -> Iterable[Edit]:
        """What to edit so that some elements are gone."""
        return [(element.start, element.end, "") for element in gone]

    def spans(self, element: Element) -> tuple[Span, ...]:
        """The spans of the numbers of an object's box; none where the box is not written as such."""
        return element.numbers

    def find(self, image: str | None, index: int) -> Element | None:
        """An object by its place; None where it is not certain which it is."""
        if image in self.twice:
            return None
        own = self.at.get(image, ())
        return own[index] if index < len(own) else None

    def add_image(self, name: str | None) -> list[Element]:
        """The list to fill for an image that begins here."""
        if name in self.at:
            self.twice.add(str(name))
        return self.at.setdefault(name, [])

    def facts(self, element: Element) -> dict[str, str]:
        """What is said of an object beside its box, in a form to be compared; what says nothing is left out."""
        text = self.text[element.start : element.end]
        for start, end in reversed(self.spans(element)):  # boxes that are spelt in two ways are the same all the same
            text = f"{text[: start - element.start]}0{text[end - element.start :]}"
        said = self.said(text)
        return {name: plain for name, value in said.items() if (plain := _plain(value)).casefold() not in EMPTY}

    def lines(self, elements: Iterable[Element]) -> list[int]:
        """The lines that some elements begin in, from 1."""
        breaks = [match.start() for match in BREAK.finditer(self.text)]
        return [bisect_left(breaks, element.start) + 1 for element in elements]

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """The file with some spans replaced, none of which overlap."""
        parts, done = [], 0
        for start, end, new in sorted(edits):
            assert start >= done
            parts += [self.text[done:start], new]
            done = end
        return "".join([*parts, self.text[done:]]).encode(self.encoding)


def _plain(value: str) -> str:
    """A value without what is mere spelling: 1.0 is 1."""
    try:
        return f"{float(value):.12g}"
    except ValueError:
        return " ".join(value.split())


def whole_line(text: str, start: int, end: int) -> Span:
    """The extent of something with the line that holds nothing else, or just as it is."""
    before = text.rfind("\n", 0, start) + 1
    before = max(before, text.rfind("\r", before, start) + 1)
    after = BREAK.search(text, end)
    stop = after.end() if after else len(text)
    alone = not text[before:start].strip() and not text[end:stop].strip()
    return (before, stop) if alone and before else (start, end)
