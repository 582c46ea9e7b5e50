"""Objects of COCO and labelme, in the text of their JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ssdlossdbg.readers.annotations.elements.element import Edit, Element, Facts, Span, Written
from ssdlossdbg.readers.annotations.labelme import RECTANGLE

SPACE = re.compile(r"\s*")
APART = re.compile(r"[\s,]*")
DECODER = json.JSONDecoder()
# Numbers of an entry, which say which it is and not what.
OWN_NUMBERS = ("id", "annotation_id")


@dataclass
class _Listed(Written):
    """A file whose objects are the items of a list.

    Attributes:
        key: of the list.
    """

    key: str = ""

    def said(self, text: str) -> Facts:
        """What an entry holds, by its keys."""
        entry = json.loads(text)
        return {
            key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            for key, value in entry.items()
            if key not in OWN_NUMBERS
        }

    def without(self, gone: Sequence[Element]) -> Iterator[Edit]:
        """What to cut, with the commas: up to the item that follows, or from the last that stays."""
        listed = [span for span, _ in _entries(self.text, _top(self.text)[self.key])]
        out = {element.start for element in gone}
        stay = [place for place, (start, _) in enumerate(listed) if start not in out]
        if not stay:
            yield listed[0][0], listed[-1][1], ""
            return
        last = stay[-1]
        for place, (start, _) in enumerate(listed[:last]):
            if start in out:
                yield start, listed[place + 1][0], ""
        if listed[last + 1 :]:
            yield listed[last][1], listed[-1][1], ""


class _Coco(_Listed):
    def spans(self, element: Element) -> tuple[Span, ...]:
        """The extents of the four numbers of an entry's box; none where that is not what it holds."""
        span = _members(self.text, element.start).get("bbox")
        if span is None or self.text[span[0]] != "[":
            return ()
        numbers = tuple(each for each, value in _entries(self.text, span) if isinstance(value, int | float))
        return numbers if len(numbers) == 4 else ()


class _Labelme(_Listed):
    def spans(self, element: Element) -> tuple[Span, ...]:
        """The extents of x and y of each point of a rectangle in turn."""
        if element.fixed:
            return ()
        span = _members(self.text, element.start)["points"]
        return tuple(number for point, _ in _entries(self.text, span) for number, _ in _entries(self.text, point))


def coco(text: str) -> Written:
    """The entries of `annotations`, by the file names of their images."""
    top = _top(text)
    images = _decoded(text, top["images"])
    names = {each["id"]: each["name"] for each in _decoded(text, top["categories"])}
    written = _Coco(text, "xywh", key="annotations")
    files: dict[Any, str] = {}
    for each in images:
        if each["id"] not in files:
            files[each["id"]] = each["file_name"]
            written.add_image(each["file_name"])
        else:
            written.twice.add(files[each["id"]])
    for (start, end), entry in _entries(text, top["annotations"]):
        name = files.get(_number(entry.get("image_id")))
        if name is None:
            continue
        label = str(names.get(_number(entry.get("category_id")), ""))
        written.at[name].append(Element(start, end, label))
    return written


def labelme(text: str) -> Written:
    """The shapes; a rectangle has its corners, and of others only where they stand."""
    top = _top(text)
    written = _Labelme(text, "points", key="shapes")
    own = written.add_image(None)
    for (start, end), shape in _entries(text, top["shapes"]):
        kind = shape.get("shape_type", "polygon") if isinstance(shape, dict) else ""
        label = str(shape.get("label", "")) if isinstance(shape, dict) else ""
        if kind == RECTANGLE:
            own.append(Element(start, end, label))
        else:
            own.append(Element(start, end, label, fixed=f"is the outline of a {kind}, and no box was drawn"))
    return written


def _number(written: Any) -> Any:
    return int(written) if isinstance(written, float) and math.isfinite(written) and written.is_integer() else written


def _top(text: str) -> dict[str, Span]:
    return _members(text, _skip(text, text.startswith("\ufeff")))


def _skip(text: str, place: int) -> int:
    match = SPACE.match(text, place)
    return match.end() if match else place


def _members(text: str, place: int) -> dict[str, Span]:
    """The extent of each value of the object that begins at a place; of two with one key the last, as parsers do."""
    found: dict[str, Span] = {}
    if text[place] != "{":
        raise ValueError
    place = _skip(text, place + 1)
    while text[place] != "}":
        key, place = DECODER.raw_decode(text, place)
        place = _skip(text, _skip(text, place) + 1)
        _, end = DECODER.raw_decode(text, place)
        found[key] = place, end
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return found


def _entries(text: str, span: Span) -> Iterator[tuple[Span, Any]]:
    """The extent and the value of each item of the list with an extent."""
    place = _skip(text, span[0] + 1)
    while place < span[1] - 1:
        value, end = DECODER.raw_decode(text, place)
        yield (place, end), value
        match = APART.match(text, end)
        place = match.end() if match else end


def _decoded(text: str, span: Span) -> Any:
    return DECODER.raw_decode(text, span[0])[0]
